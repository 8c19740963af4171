#!/bin/sh
# tests/real/run.sh [wordpress] [hubspot] [oidc] [couchdb]: perilune against systems that others wrote: WordPress from Debian's packages, HubSpot's own client for
# Node, npm's oidc-provider and pouchdb-server. Not part of `make test`. What is not installed is skipped with a word. Ends with "N passed, N failed"; figures stand before that.
# B is the build folder, already built; logs are in $B/real.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
case $B in /*) ;; *) B=$(pwd)/$B ;; esac
PERILUNE=${PERILUNE:-$B/perilune}
export B PERILUNE
mkdir -p "$B/real"
[ $# -gt 0 ] || set -- wordpress hubspot oidc couchdb
passed=0 failed=0
for part in "$@"; do
  log=$B/real/$part.log
  echo "== $part"
  began=$(date +%s)
  { timeout -k 10 900 sh "tests/real/$part.sh" 2>"$B/real/$part.err" </dev/null; echo "exit $?"; } | tee "$log" | grep -v '^exit '
  took=$(($(date +%s) - began))
  yes=$(grep -c '^ok ' "$log") no=$(grep -c '^not ok ' "$log")
  if ! grep -qx 'exit 0' "$log" && [ "$no" -eq 0 ]; then
    no=1
    echo "not ok $part: it ended badly ($(tail -1 "$log")): $(tail -3 "$B/real/$part.err")"
  fi
  echo "figure $part: $took s"
  passed=$((passed + yes)) failed=$((failed + no))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
