# One call fails, or the process is killed at it: an allocation, a write, a flush, … the Nth of its kind. After each: no crash, a message that says what
# failed, and the next sync makes everything right without hands. FAILING_POINTS: how many of each kind (`make torture` tries many more).
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/torture/shelf.sh"
POINTS=${FAILING_POINTS:-2} KILL_POINTS=${FAILING_KILLS:-5}
shelf_project
p sync books --quiet >"$WORK/out" 2>&1 || bad "the first sync" "$(cat "$WORK/out")"
check "undisturbed" "$(shelf_truth)" "$(shelf_stored)"

# with KIND AT [NAME=VALUE…]: a sync in which that happens; sets $code, $said
with() {
  kind=$1 at=$2
  shift 2
  rm -f "$WORK/count"
  timeout -s ABRT 60 env LD_PRELOAD="$TOOLS/failing.so" FAILING_CALL="$kind" FAILING_AT="$at" FAILING_COUNT="$WORK/count" "$@" \
    "$PERILUNE" -C "$P" sync books --quiet $FULL >"$WORK/said" 2>&1 </dev/null
  code=$?
  said=$(head -c 600 "$WORK/said")
}
counted() { awk '$1 == "'"$1"'" { print $2 }' "$WORK/count"; }
points() { # KIND N MANY: so many numbers of 1..N, spread, the first and the last among them
  awk -v n="$2" -v m="$3" 'BEGIN { if (m > n) m = n; for (i = 0; i < m; i++) print m == 1 ? 1 : 1 + int(i * (n - 1) / (m - 1)) }'
}
repaired() { # NAME [--full]
  if ! p sync books --quiet ${2:-} >"$WORK/after" 2>&1; then bad "$1" "the next sync failed: $(head -c 300 "$WORK/after")"; return; fi
  shelf_truth >"$WORK/want"
  shelf_stored >"$WORK/got"
  wrong=$(diff "$WORK/want" "$WORK/got" | head -3)$(shelf_sound)
  [ "$wrong" = ok ] || { bad "$1" "after the next sync: $wrong"; return 1; }
}

calls="malloc write fsync truncate mmap open read unlink send recv poll socket connect thread fork random lock"
few="malloc write fsync mmap recv thread random"
[ "$POINTS" -gt 2 ] || calls=$few
for kind in ${FAILING_KINDS:-$calls}; do
  before=$failures
  FULL=
  shelf_moves
  with "$kind" 0
  all=$(counted "$kind")
  [ -n "$all" ] && [ "$all" -gt 0 ] || { bad "$kind" "it is never called"; continue; }
  for at in $(points "$kind" "$all" "$POINTS"); do
    shelf_moves
    with "$kind" "$at"
    if [ "$code" -ge 124 ]; then bad "$kind $at of $all" "exit $code: $said"
    elif [ "$code" -ne 0 ] && [ -z "$said" ]; then bad "$kind $at of $all" "exit $code without a word"; fi
    repaired "$kind $at of $all (then: exit $code, $said)"
  done
  [ "$failures" -ne "$before" ] || ok "$kind fails: a clear end, and the next sync repairs all ($all calls)"
done

# Killed at a chosen write or flush of a full read that finds deletions: its resumed rest finds them too.
FULL=--full
for kind in fsync write; do
  before=$failures middle=0
  shelf_moves full
  with "$kind" 0
  all=$(counted "$kind")
  for at in $(points "$kind" "$all" "$KILL_POINTS"); do
    shelf_moves full
    with "$kind" "$at" FAILING_DO=kill
    [ "$code" -eq 137 ] || [ "$code" -eq 0 ] || bad "killed at $kind $at of $all" "exit $code: $said"
    # before its first page nothing was begun: then it is asked for again; from there on a plain sync goes on with it
    case $(sql "select phase from cursors where entity_type='note' and kind='main'") in
      changes) repaired "killed at $kind $at of $all" --full ;;
      *) repaired "killed at $kind $at of $all, in the middle" && middle=$((middle + 1)) ;;
    esac
  done
  [ "$failures" -ne "$before" ] || ok "killed at a $kind: the next sync ends what was begun, deletions included ($all calls, $middle of the kills in the middle)"
done
finish
