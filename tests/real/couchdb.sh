# PouchDB Server, which speaks as CouchDB does: everything, what changed, tombstones, what comes back, conflicts, a kill in the middle, a database that is
# gone and made again; after each the rows are compared with what the server itself lists.
. "$(dirname "$0")/../e2e/lib.sh"
SERVER_VERSION=4.2.0
FOLDER=$(dirname "$TOOLS")/real/couchdb
for tool in node npm; do
  command -v "$tool" >/dev/null 2>&1 || { echo "skip PouchDB Server: $tool is not installed"; exit 0; }
done
[ "$(jq -r .version "$FOLDER/node_modules/pouchdb-server/package.json" 2>/dev/null)" = "$SERVER_VERSION" ] ||
  { mkdir -p "$FOLDER" && npm install --prefix "$FOLDER" --no-audit --no-fund --no-save --ignore-scripts --loglevel=error "pouchdb-server@$SERVER_VERSION" >"$WORK/npm" 2>&1; } ||
  { echo "skip PouchDB Server: npm cannot install pouchdb-server@$SERVER_VERSION ($(tail -1 "$WORK/npm"))"; exit 0; }

figure() { echo "figure $1: $2"; }
mkdir "$WORK/server"
PORT=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
URL=http://127.0.0.1:$PORT
start_server() { # all that it holds is in its memory
  (cd "$WORK/server" && exec node "$FOLDER/node_modules/pouchdb-server/bin/pouchdb-server" --in-memory --no-stdout-logs --host 127.0.0.1 --port "$PORT") >"$WORK/server.log" 2>&1 &
  SERVER=$!
  pids="$pids $SERVER"
  command curl -s -o /dev/null --retry 60 --retry-delay 1 --retry-connrefused "$URL/" || { echo "not ok PouchDB Server: it did not start: $(tail -3 "$WORK/server.log")"; exit 1; }
  command curl -s -o /dev/null -X PUT "$URL/_config/admins/admin" -d '"couch-password"'
}
curl() { command curl -u admin:couch-password "$@"; }
books() { curl -s "$URL/books$1" -H 'Content-Type: application/json' -X "$2" ${3:+-d "$3"}; }
# documents FROM UPTO WORD: written in one go, over whatever is there
documents() {
  jq -n -c --argjson from "$1" --argjson upto "$2" --arg word "$3" --slurpfile there "$WORK/revisions" '
    ($there[0] // {}) as $revs | {docs: [range($from; $upto + 1) | {_id: "doc\(.)", name: "\($word) \(.)", n: ., deep: {list: [., null, true, 0.5], "ключ": "Ünï😀"}} + (if $revs["doc\(.)"] then {_rev: $revs["doc\(.)"]} else {} end)]}' >"$WORK/bulk"
  curl -s "$URL/books/_bulk_docs" -H 'Content-Type: application/json' --data-binary "@$WORK/bulk" >"$WORK/put"
}
revisions() { books '/_all_docs' GET | jq -c '[.rows[] | {key: .id, value: .value.rev}] | from_entries' >"$WORK/revisions"; }
drop() { for id in "$@"; do books "/$id?rev=$(books "/$id" GET | jq -r ._rev)" DELETE >/dev/null; done; }
run() {
  name=$1
  shift
  R=$("$TOOLS/peak" "$WORK/peak" "$PERILUNE" -C "$P" sync books "$@" --json 2>"$WORK/err")
  figure "$name" "$(field "$R" '.data | "\(.recordsProcessed) records, \(.requests) requests, \(.bytes) bytes, \(.duration) ms"'), $(cat "$WORK/peak")"
}
counted() { field "$R" '.data | "\(.status) \(.created) \(.updated) \(.deleted) \(.rejected)"'; }
# same NAME: every row is a document, every document is a row, value for value
same() {
  books '/_all_docs?include_docs=true' GET | jq -c -S '.rows[] | [.id, .value.rev, .doc]' | sort >"$WORK/theirs"
  sql "select json_array(external_id, data->>'revision', data->'content') from integration_data where deleted_at is null" | jq -c -S . | sort >"$WORK/ours"
  if cmp -s "$WORK/theirs" "$WORK/ours"; then ok "$1: every row is what the server has ($(grep -c . "$WORK/ours"))"
  else bad "$1: every row is what the server has" "$(diff "$WORK/theirs" "$WORK/ours" | cut -c 1-200 | head -6)"; fi
}

echo '{}' >"$WORK/revisions"
start_server
books '' PUT >/dev/null
documents 1 1000 First
P=$WORK/project
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
p add couchdb books --setting "server=$URL" --setting database=books --setting user=admin --credential password=couch-password --base-url "$URL" >"$WORK/out" 2>&1 || bad "add" "$(cat "$WORK/out")"
run "full"
check "everything is read" "ok 1000 0 0 0" "$(counted)"
same "full"
run "nothing new"
check "nothing new: nothing is written" "ok 0 0 0 0" "$(counted)"

revisions
documents 11 30 Second
drop doc500 doc501 doc502
jq -n -c '{text: ("0123456789" * 100000)}' >"$WORK/large"
curl -s "$URL/books/large" -X PUT -H 'Content-Type: application/json' --data-binary "@$WORK/large" >/dev/null
run "twenty changed, three deleted, a large one"
check "changes and deletions" "ok 1 20 3 0" "$(counted)"
same "changes"
check "the deleted are tombstones" "doc500,doc501,doc502" "$(sql "select group_concat(external_id) from (select external_id from integration_data where deleted_at is not null order by 1)")"

books /doc501 PUT '{"name":"back again"}' >/dev/null
run "one is back"
check "what comes back is a row again" null "$(sql "select coalesce(deleted_at, 'null') from integration_data where external_id = 'doc501'")"
same "resurrected"

# two revisions of the same generation, as replication leaves them: the server shows one of them, and so does the row
revision=$(books /doc700 GET | jq -r '._rev | sub("^1-"; "")')
for end in aaaa ffff; do
  curl -s "$URL/books/_bulk_docs" -X POST -H 'Content-Type: application/json' -d "{\"new_edits\":false,\"docs\":[{\"_id\":\"doc700\",\"_rev\":\"2-$end\",\"_revisions\":{\"start\":2,\"ids\":[\"$end\",\"$revision\"]},\"side\":\"$end\"}]}" >/dev/null
done
run "a conflict"
same "conflicting revisions"
drop doc700
run "the shown one deleted"
same "the other revision is shown then"

# ---- kill -9 in the middle ----
revisions
documents 1 3000 Third
before=$(sql "select count(*) from integration_data where data->>'content' like '%Third%'")
"$PERILUNE" -C "$P" sync books --json >"$WORK/killed" 2>&1 &
KILLED=$!
tries=0
while [ "$(sql "select count(*) from integration_data where data->>'content' like '%Third%'" 2>/dev/null || echo 0)" = "$before" ] && [ $tries -lt 400 ]; do tries=$((tries + 1)); done
kill -9 "$KILLED" 2>/dev/null
wait "$KILLED" 2>/dev/null
there=$(sql "select count(*) from integration_data where data->>'content' like '%Third%'")
figure "killed" "$there of 3000 changed rows were there"
check "it was in the middle" true "$([ "$there" -gt 0 ] && [ "$there" -lt 3000 ] && echo true)"
run "after the kill"
check "what was there is not read again" true "$([ "$(field "$R" .data.recordsProcessed)" -le $((3000 - there + 400)) ] && echo true)"
same "after the kill"
check "the database is whole" ok "$(sql 'pragma integrity_check')"

# ---- the server comes back without its databases, and one of the same name is made ----
rows=$(sql "select count(*) from integration_data where deleted_at is null")
kill "$SERVER" && wait "$SERVER" 2>/dev/null
run "no server"
check "no server: named" connect "$(field "$R" .error.code)"
start_server
run "no database"
check "no database: said" true "$(field "$R" '.error.message | contains("there is no such database")')"
check "no row is lost" "$rows" "$(sql "select count(*) from integration_data where deleted_at is null")"
books '' PUT >/dev/null
echo '{}' >"$WORK/revisions"
documents 1 40 Fourth
run "another database of that name"
check "another database of that name: nothing is emptied" "$rows" "$(sql "select count(*) from integration_data where deleted_at is null")"
run "all of it" --sweep
check "when all is read again, it asks" mass_delete "$(field "$R" .error.code)"
check "and has what is new" 40 "$(sql "select count(*) from integration_data where data->>'content' like '%Fourth%'")"
p sync books --accept-deletes "$(field "$R" .data.runId)" --json >"$WORK/out" 2>&1
same "accepted"
documents 41 60 Fifth
run "and on"
same "and on"
finish
