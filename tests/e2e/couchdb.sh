# CouchDB's feed of changes: everything, what changed, tombstones, a document that comes back, pages of exactly 200; nothing is asked twice.
. "$(dirname "$0")/lib.sh"
P=$WORK/project
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
# Plays the feed of one database: every document stands once, at its latest change. `put` and `drop` change it.
cat >"$P/connectors/couchdb_emulator.lua" <<'LUA'
local function rev(n) return n .. "-" .. ("%032x"):format(n) end
local function change(db, id, gone)
  local s = db.state
  s.seq = s.seq + 1
  s.docs[id] = { seq = s.seq, gone = gone }
end
local function feed(call, db)
  local since, limit, list = tonumber((call.query.since:gsub("%-.*", ""))), tonumber(call.query.limit), {}
  for id, d in pairs(db.state.docs) do
    if d.seq > since then list[#list + 1] = { id = id, d = d } end
  end
  table.sort(list, function(a, b) return a.d.seq < b.d.seq end)
  local results = {}
  for i = 1, math.min(limit, #list) do
    local id, d = list[i].id, list[i].d
    local doc = d.gone and { _id = id, _rev = rev(d.seq), _deleted = true } or { _id = id, _rev = rev(d.seq), name = "Name " .. d.seq }
    results[i] = { seq = d.seq .. "-opaque", id = id, changes = { { rev = rev(d.seq) } }, deleted = d.gone or nil, doc = doc }
    since = d.seq
  end
  return 200, { results = #results > 0 and results or decode "[]", last_seq = since .. "-opaque" }
end
return emulator "couchdb" {
  credentials = { password = "couch-emulator" },
  auth = basic "password" { user = "admin" },
  state = { seq = 0, docs = {} },
  routes = { get "/books" { answers = { db_name = "books" } }, get "/books/_changes" { answers = feed } },
  control = function(call, db)
    for n = call.body.from, call.body.upto do change(db, "doc" .. n, call.body.drop) end
    return 200, {}
  end,
}
LUA
cd "$P" || exit 1
start_emulator couchdb -C "$P"
p add couchdb books --setting server="$URL" --setting database=books --setting user=admin --credential password=couch-emulator --base-url "$URL" >"$WORK/out" 2>&1 || bad add "$(cat "$WORK/out")"
counted() { field "$(p sync books --json)" '.data | "\(.status) \(.created) \(.updated) \(.deleted) \(.requests)"'; }
check_exit "check" 0 p check books
control docs '{"from":1,"upto":400}' >/dev/null
check "everything, in full pages" "ok 400 0 0 3" "$(counted)"
check "nothing new" "ok 0 0 0 1" "$(counted)"
control docs '{"from":10,"upto":14}' >/dev/null
control docs '{"from":20,"upto":22,"drop":true}' >/dev/null
control docs '{"from":500,"upto":501}' >/dev/null
check "changed, deleted, new" "ok 2 5 3 1" "$(counted)"
check "the deleted are tombstones" "doc20,doc21,doc22" "$(sql "select group_concat(external_id) from (select external_id from integration_data where deleted_at is not null order by 1)")"
control docs '{"from":21,"upto":21}' >/dev/null
p sync books --json >/dev/null
check "what comes back is a row again" "doc20,doc22" "$(sql "select group_concat(external_id) from (select external_id from integration_data where deleted_at is not null order by 1)")"
check "the row is the document" "Name 411" "$(sql "select data->>'content'->>'name' from integration_data where external_id = 'doc21'")"
check "the counters equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null")" "$(sql "select data_count from integrations")"
sed 's/text "user"  *{ required = true,/text "user" { default = "admin",/' "$ROOT/connectors/couchdb.lua" >"$P/connectors/couchdb.lua"
p add couchdb declared --setting server="$URL" --setting database=books --credential password=couch-emulator --base-url "$URL" >"$WORK/out" 2>&1 || bad "add" "$(cat "$WORK/out")"
check_exit "a user that the connector declares is sent" 0 p check declared
finish
