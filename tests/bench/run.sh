#!/bin/sh
# tests/bench/run.sh: `make bench`. Serves made-up contacts from nginx on loopback, lets this program, a plain C program and a Node program do the same
# job in turn (interleaved, so that a busy machine hits them alike), and prints medians and ratios. Everything is made under $B/bench; the figures are in
# $B/result.json of that folder too.
#   BENCH_RECORDS=200000 BENCH_ROUNDS=3 B=build sh tests/bench/run.sh
# One thing is not as shipped: the project's copy of connectors/hubspot.lua gets rates of a million requests, because HubSpot's own limits (100 in 10 s)
# would be all that is measured.
set -eu
LC_ALL=C
export LC_ALL
root=$(cd "$(dirname "$0")/../.." && pwd)
B=$(cd "$root" && mkdir -p "${B:-build}/bench" && cd "${B:-build}" && pwd)
here=$root/tests/bench work=$B/bench exe=$B/perilune
records=${BENCH_RECORDS:-200000} rounds=${BENCH_ROUNDS:-3}
nginx_pid=""
say() { printf '%s\n' "$*" >&2; }
finish() { [ -n "$nginx_pid" ] && kill "$nginx_pid" 2>/dev/null; nginx_pid=""; }
trap finish EXIT
trap 'exit 130' INT TERM

# ---- the tools and the data ----
for tool in gen measure limit; do
  libs=""; [ $tool = limit ] && libs="-lcurl -lsqlite3"
  # shellcheck disable=SC2086
  ${CC:-gcc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wconversion -O2 -o "$work/$tool" "$here/$tool.c" $libs
done
if [ "$(cat "$work/data/made" 2>/dev/null)" != "$records $(cksum <"$here/gen.c")" ]; then
  rm -rf "$work/data"
  say "making $records contacts"
  "$work/gen" "$work/data" "$records" >&2
  mkdir -p "$work/data/slow"
  printf '{"results":[]}' >"$work/data/none.json"
  printf '%s %s' "$records" "$(cksum <"$here/gen.c")" >"$work/data/made"
fi

# ---- nginx ----
port=$((20000 + $$ % 20000))
for _ in 1 2 3 4 5; do
  sed "s|@DIR@|$work|g; s|@PORT@|$port|g" "$here/nginx.conf" >"$work/nginx.conf"
  nginx -p "$work" -c "$work/nginx.conf" -e "$work/nginx.err" 2>"$work/nginx.say" && break
  port=$((port + 101))
done
nginx_pid=$(cat "$work/nginx.pid")
base=http://127.0.0.1:$port

# ---- the project ----
fresh_project() {
  rm -rf "$work/project"
  "$exe" init "$work/project" >/dev/null
  sed -e 's|"100/10s"|"1000000/1s"|; s|"250000/day"|"1000000000/day"|' "$root/connectors/hubspot.lua" >"$work/project/connectors/hubspot.lua"
  cp "$here/contact.lua" "$work/project/mappings/hubspot/contact.lua"
  "$exe" -C "$work/project" add hubspot bench --credential accessToken=bench --base-url "$base" >/dev/null
}

# ---- Node and its packages ----
node_ready() { (cd "$work/node" && node -e 'new (require("better-sqlite3"))(":memory:"); require("zod")') >/dev/null 2>&1; }
node=yes
mkdir -p "$work/node"
if ! cmp -s "$here/package.json" "$work/node/package.json" || ! node_ready; then
  cp "$here/package.json" "$work/node/package.json"
  say "installing better-sqlite3 and zod for the Node program"
  # without scripts: where there is no way out, their download of a ready-made binary waits minutes. Half a minute is enough, then it is built.
  (cd "$work/node" && npm install --no-audit --no-fund --ignore-scripts >"$work/npm.log" 2>&1) || node=no
  node_ready || (cd "$work/node/node_modules/better-sqlite3" && timeout 30 ../.bin/prebuild-install >>"$work/npm.log" 2>&1) || :
  [ -e /usr/include/node/node.h ] && npm_config_nodedir=/usr && export npm_config_nodedir
  node_ready || (cd "$work/node/node_modules/better-sqlite3" && npm run build-release >>"$work/npm.log" 2>&1) || node=no
  node_ready || node=no
fi
[ $node = yes ] || say "the Node program is left out: its packages could not be installed (see $work/npm.log)"

# ---- measuring ----
rm -rf "$work/figures"
mkdir -p "$work/figures"
measure() { # NAME COMMAND…
  name=$1
  shift
  : >"$work/figures/$name.$round"
  "$work/measure" "$work/figures/$name.$round" "$@"
}
drop_db() { rm -f "$1" "$1-wal" "$1-shm"; }
counted() { # the number after a name in a line of JSON
  sed -n "s|.*\"recordsProcessed\":$1,.*\"$2\":$1,.*|yes|p"
}
must() { [ -n "$1" ] || { say "the program did not do its work: $2"; exit 1; }; }

data_bytes=300
for round in $(seq "$rounds"); do
  say "round $round of $rounds"
  fresh_project
  sync
  measure sync "$exe" -C "$work/project" --json --quiet sync bench --entity contact >"$work/sync.json"
  must "$(counted "$records" created <"$work/sync.json")" "$(cat "$work/sync.json")"
  measure again "$exe" -C "$work/project" --json --quiet sync bench --entity contact --full >"$work/again.json"
  must "$(counted "$records" unchanged <"$work/again.json")" "$(cat "$work/again.json")"
  measure map "$exe" -C "$work/project" map hubspot/contact "$work/data/all.ndjson" --rejects "$work/rejects.ndjson" >"$work/rows.ndjson"
  data_bytes=$(($(wc -c <"$work/rows.ndjson") / records - 1))
  drop_db "$work/limit.db"
  sync
  got=$(measure limit "$work/limit" "$base" "$work/limit.db" "$root/src/store/schema-001.sql" "$data_bytes")
  [ "$got" = "$records" ] || { say "limit: $got records"; exit 1; }
  if [ $node = yes ]; then
    drop_db "$work/node.db"
    sync
    got=$(cd "$work/node" && measure node node "$here/old_design.mjs" sync "$base" "$work/node.db")
    [ "$got" = "$records" ] || { say "node: $got records"; exit 1; }
  fi
done
same="-"
[ $node = yes ] && same=$(cd "$work/node" && node "$here/old_design.mjs" compare "$work/project/perilune.db" "$work/node.db" 2>"$work/compare.txt")

# ---- start-up, one record, idle ----
round=1
head -n 1 "$work/data/all.ndjson" >"$work/one.ndjson"
: >"$work/figures/version.1"
: >"$work/figures/one.1"
"$work/measure" "$work/figures/version.1" -n 21 "$exe" --version >/dev/null
"$work/measure" "$work/figures/one.1" -n 21 "$exe" -C "$work/project" map hubspot/contact "$work/one.ndjson" >/dev/null

# The second page of this one comes a few bytes a second: the core and its worker have nothing to do but wait.
idle_core=0 idle_worker=0
cp "$work/data/p/0.json" "$work/data/first.json"
cp "$work/data/p/100.json" "$work/data/slow/page.json"
fresh_project
"$exe" -C "$work/project" set bench --base-url "$base/idle" >/dev/null
"$exe" -C "$work/project" --quiet sync bench --entity contact >"$work/idle.out" 2>&1 &
core=$!
pss() { sed -n 's/^Pss: *\([0-9]*\).*/\1/p' "/proc/$1/smaps_rollup" 2>/dev/null || echo 0; }
rss() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null || echo 0; }
sleep 2
worker=$(cat /proc/$core/task/*/children 2>/dev/null | tr ' ' '\n' | head -n 1)
if [ -n "$worker" ]; then
  idle_core=$(rss "$core") idle_worker=$(rss "$worker")
  idle_pss=$(pss "$core") idle_worker_pss=$(pss "$worker")
fi
kill -9 "$core" 2>/dev/null || :
wait "$core" 2>/dev/null || :

# ---- the table ----
export records rounds data_bytes same idle_core idle_worker idle_pss idle_worker_pss
awk -f "$here/table.awk" "$work"/figures/* >"$work/table.txt"
sed -n 's/^JSON //p' "$work/table.txt" >"$work/result.json"
grep -v '^JSON ' "$work/table.txt"
echo "figures: $work/result.json"
