# The demo is the product's face: it runs, twice, says what it promises, and touches no folder that it did not make.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1
mkdir mine
echo precious >mine/file
check_exit "a folder of the user's is refused" 1 "$PERILUNE" demo mine
check "and left as it was" precious "$(cat mine/file)"
check_exit "the demo runs" 0 "$PERILUNE" demo
out=$(cat "$WORK/out")
check_has "everything is synced" "$out" "contact          9700     0        0          300       0        done"
check_has "rejects tell why" "$out" "no way to reach this contact"
check_has "only what changed is fetched" "$out" "contact  0        200 "
check_has "a mapping is run again" "$out" "remap hubspot/contact"
check "the remap asked nothing" 0 "$(sqlite3 demo/perilune.db "select sum(requests) from runs where kind='remap'")"
check_has "it ends with what to try next" "$out" "What to try next"
check_exit "the demo runs again" 0 "$PERILUNE" demo demo
finish
