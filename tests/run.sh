#!/bin/sh
# tests/run.sh [PART…]: runs the parts of the test-suite and ends with "N passed, N failed". Without names: all parts.
# Each part writes its log to $B/test/PART.log. B is the build folder, already built. A part that ends badly without naming a failed test counts as one.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
LOGS=$B/test
mkdir -p "$LOGS"
PERILUNE=$(pwd)/$B/perilune
export B PERILUNE
passed=0 failed=0 bad=""
: >"$LOGS/times"

# One part: its command, its log, its verdict. cmocka and shell tests are counted by their own lines, everything else by its exit code.
run_part() {
  part=$1 limit=$2
  shift 2
  began=$(date +%s)
  CMOCKA_MESSAGE_OUTPUT=STDOUT timeout -k 10 "$limit" "$@" >"$LOGS/$part.log" 2>&1 </dev/null
  echo $? >"$LOGS/$part.code"
  echo "$(($(date +%s) - began)) $part" >>"$LOGS/times"
}

count_part() {
  part=$1
  code=$(cat "$LOGS/$part.code" 2>/dev/null || echo 1)
  ok=$(awk '/^\[  PASSED  \] [0-9]+ test/ { n += $4 } /^ok / { n++ } END { print n + 0 }' "$LOGS/$part.log")
  no=$(awk '/^\[  FAILED  \] [0-9]+ test/ { n += $4 } /^not ok / { n++ } END { print n + 0 }' "$LOGS/$part.log")
  [ "$ok" -eq 0 ] && [ "$no" -eq 0 ] && [ "$code" -eq 0 ] && ok=1
  [ "$code" -ne 0 ] && [ "$no" -eq 0 ] && no=1
  passed=$((passed + ok)) failed=$((failed + no))
  if [ "$no" -gt 0 ]; then
    bad="$bad $part"
    echo "FAILED $part (exit $code): the end of $LOGS/$part.log"
    grep -E '^not ok |\[  FAILED  \]|ERROR|error:|SUMMARY' "$LOGS/$part.log" | head -20 | sed 's/^/  /'
    tail -15 "$LOGS/$part.log" | sed 's/^/  | /'
  else
    echo "passed $part: $ok tests"
  fi
}

all_parts() {
  for room in base json wire spec plan script worker net vault store core; do echo "unit-$room"; done
  for script in tests/e2e/*.sh; do
    case $script in */lib.sh) ;; *) echo "e2e-$(basename "$script" .sh)" ;; esac
  done
  for target in tests/fuzz/fuzz_*.c; do echo "fuzz-$(basename "$target" .c | sed 's/^fuzz_//')"; done
}

start_part() {
  case $1 in
    unit-*) run_part "$1" 400 "$B/unit/test_${1#unit-}" ;;
    e2e-*) run_part "$1" 400 sh "tests/e2e/${1#e2e-}.sh" ;;
    fuzz-*) run_part "$1" 150 "$B/fuzz/fuzz_${1#fuzz-}" -max_total_time="${FUZZ_SECONDS:-30}" -rss_limit_mb=2048 -timeout=20 -print_final_stats=0 "$B/fuzz/corpus-${1#fuzz-}" ;;
    *) echo "no such part: $1" >"$LOGS/$1.log"; echo 2 >"$LOGS/$1.code" ;;
  esac
}

[ $# -gt 0 ] || set -- $(all_parts)
for part in "$@"; do
  case $part in fuzz-*) mkdir -p "$B/fuzz/corpus-${part#fuzz-}" ;; esac
done
# Two parts at a time: the machines that this runs on have two cores.
while [ $# -gt 0 ]; do
  first=$1 second=${2:-}
  start_part "$first" &
  one=$!
  if [ -n "$second" ]; then
    start_part "$second" &
    two=$!
    wait "$two"
  fi
  wait "$one"
  count_part "$first"
  [ -n "$second" ] && count_part "$second"
  shift
  [ -n "$second" ] && shift
done
echo
echo "slowest parts (seconds):"
sort -rn "$LOGS/times" | head -10 | sed 's/^/  /'
[ -n "$bad" ] && echo "failed parts:$bad"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
