#!/bin/sh
# mk/coverage.sh DIR: builds with gcov's counters in DIR, runs the unit tests, and prints lines covered by room. Workers that are jailed can't write
# counters, so their code is counted where the unit tests run it in this process.
set -eu
cd "$(dirname "$0")/.."
dir=$1
rooms="base json wire spec plan script worker net vault store core"
make --no-print-directory -j2 B="$dir" DBG_FLAGS="-O0 -g --coverage -DPERI_DEBUG=1" $(for r in $rooms; do echo "$dir/unit/test_$r"; done)
for r in $rooms; do
  echo "running unit tests of $r"
  "$dir/unit/test_$r" >"$dir/$r.log" 2>&1 || echo "  some failed under coverage: $dir/$r.log"
done
total_lines=0 total_hit=0
printf '%-10s %8s %8s %7s\n' room lines covered share
for r in $rooms; do
  set -- $(gcov -n -o "$dir/dbg/$r" "$dir/dbg/$r"/*.gcda 2>/dev/null | awk -v room="src/$r/" '
    /^File / { want = index($0, room) > 0 && index($0, ".c") > 0 }
    want && /^Lines executed:/ { split($2, a, "[:%]"); lines += $4; hit += a[2] * $4 / 100; want = 0 }
    END { printf "%d %d\n", lines, hit + 0.5 }')
  lines=$1 hit=$2
  [ "$lines" -gt 0 ] && printf '%-10s %8d %8d %6d%%\n' "$r" "$lines" "$hit" $((100 * hit / lines))
  total_lines=$((total_lines + lines)) total_hit=$((total_hit + hit))
done
[ "$total_lines" -gt 0 ] && printf '%-10s %8d %8d %6d%%\n' all "$total_lines" "$total_hit" $((100 * total_hit / total_lines))
