#!/bin/sh
# mk/layers.sh: holds every include of src/ against the plan of the house: who may include whom, and which library lives in which room.
cd "$(dirname "$0")/.." || exit 1
bad=0
allowed() {
  case $1 in
    base) echo "base" ;;
    json) echo "base json" ;;
    wire) echo "base json wire" ;;
    spec) echo "base json wire spec" ;;
    plan) echo "base json wire spec plan" ;;
    script) echo "base json wire spec plan script" ;;
    worker) echo "base json wire spec plan script worker" ;;
    net) echo "base json wire spec net" ;;
    vault) echo "base json wire spec net vault" ;;
    store) echo "base json wire spec net vault store" ;;
    core) echo "base json wire spec net vault store core" ;;
    api) echo "base json wire spec net vault store core api" ;;
    cmd) echo "base json wire spec net vault store core api cmd" ;;
    *) echo "" ;;
  esac
}
for file in src/*/*.[ch]; do
  room=$(basename "$(dirname "$file")")
  may=" $(allowed "$room") "
  for target in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([a-z]*\)\/.*/\1/p' "$file" | sort -u); do
    case $may in *" $target "*) ;; *) echo "$file includes $target/, which $room may not"; bad=1 ;; esac
  done
done
only_in() { # PATTERN ROOM WHAT
  found=$(grep -lE "^[ \t]*#[ \t]*include[ \t]*<($1)" src/*/*.[ch] src/main.c | grep -v "^src/$2/")
  [ -z "$found" ] || { echo "$3 belongs in src/$2 only: $found"; bad=1; }
}
only_in 'lua|lauxlib|lualib' script 'Lua'
only_in 'curl/' net 'curl'
only_in 'microhttpd' net 'libmicrohttpd'
only_in 'sqlite3' store 'SQLite'
only_in 'openssl/' vault 'OpenSSL'
only_in 'linux/landlock|linux/seccomp' worker 'the jail'
for file in src/*/*.c src/*/*.h; do
  lines=$(wc -l <"$file")
  [ "$lines" -le 520 ] || { echo "$file has $lines lines: a second idea hides in it"; bad=1; }
done
[ "$bad" -eq 0 ] && echo "layers: every include fits the plan"
exit "$bad"
