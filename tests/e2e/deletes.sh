# Deletions: only a complete listing may take rows away, and never many at once without a yes. Every way in which a failed or partial read could
# delete, the answer and its refusals, return from the dead, merges, links.
. "$(dirname "$0")/lib.sh"
P=$WORK/project
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
mkdir -p "$P/mappings/shelf"
cat >"$P/connectors/shelf.lua" <<'LUA'
return connector "shelf" {
  base     = "https://shelf.example",
  auth     = token "accessToken",
  settings = { text "room" },
  pages    = cursor { read = "next", send = "query.after" },
  records  = "things",
  check    = get "/things" { pages = "none" },
  streams  = {
    stream "thing" { key = "id", merged = "ate", full = get "/things" { query = { room = setting "room" } } },
    stream "part" {
      each = { "thing", having = "parts" }, sweep = "1d", key = { "parent:id", "id" },
      full = get("/things/" .. parent "id" .. "/parts") { records = "parts", pages = "none" },
    },
  },
}
LUA
cat >"$P/connectors/shelf_emulator.lua" <<'LUA'
local function list(call, db)
  local s = db.state
  if s.mode == "empty" then return 200, { things = decode "[]" } end
  local groups = { {} }
  if call.query.room then groups = { { { path = "room", op = "EQ", value = call.query.room, kind = "exact" } } } end
  local offset = tonumber(call.query.after) or 0
  local rows, _, next = db.thing:search { where = call.query.room and groups or nil, sort = { path = "n", kind = "number" }, limit = 50, offset = offset }
  if s.mode == "short" and offset >= 50 then next = nil end
  if s.mode == "cut" and offset >= 50 then return 200, '{"things":[{"id":"51","n":51},{"id":"5' end
  if s.mode == "loop" and offset >= 50 then next = 50 end
  if s.mode == "other" then
    local out = {}
    for i = 1, 60 do out[i] = { id = "x" .. i, n = i } end
    return 200, { things = out }
  end
  if next == nil then return 200, { things = rows } end
  return 200, { things = rows, next = tostring(next) }
end
local function parts(call, db)
  local out, n = decode "[]", tonumber(call.path.id) or 0
  if db.state.mode == "noparts" then return 200, { parts = out } end
  for i = 1, 2 do if not (i == 2 and n == db.state.broken) then out[#out + 1] = { id = "p" .. i } end end
  return 200, { parts = out }
end
return emulator "shelf" {
  credentials = { accessToken = "shelf" },
  data = { thing = { count = 200, key = "id", make = function(n) return { id = tostring(n), n = n, room = n % 4 == 0 and "b" or "a", parts = n <= 40 } end } },
  state = { mode = "well" },
  control = function(call, db)
    if call.body.mode then db.state.mode = call.body.mode end
    db.state.broken = call.body.broken
    if call.body.put then db.thing:put(call.body.put) end
    return 200, {}
  end,
  routes = { get "/things" { answers = list }, get "/things/{id}/parts" { answers = parts } },
}
LUA
printf 'return mapping "thing" { from = "shelf.thing", fields = { n = integer "n", name = text "name" } }\n' >"$P/mappings/shelf/thing.lua"
cd "$P" || exit 1
start_emulator shelf -C "$P" --records 200
p add shelf books --base-url "$URL" --credential accessToken=shelf >"$WORK/out" 2>&1 || bad add "$(cat "$WORK/out")"
live() { sql "select count(*) from integration_data where entity_type='thing' and deleted_at is null"; }
mode() { control play "{\"mode\":\"$1\"}" >/dev/null; }
sync() { r=$(p sync books --entity thing --json "$@"); }
code() { field "$r" '.error.code // .data.status'; }
asked() { sql "select run_id from questions where state='open' and stream='thing'"; }
sync
check "everything is there" "ok 200" "$(code) $(live)"

# ---- reads that are no proof ----
mode loop; sync
check "a paging loop deletes nothing" "paging_loop 200" "$(code) $(live)"
mode cut; sync
check "a listing that is cut off deletes nothing" "bad_reply 200" "$(code) $(live)"
mode well
for status in 403 404; do
  control fault '{"clear":true}' >/dev/null
  control fault "{\"path\":\"/things\",\"status\":$status,\"after\":1,\"times\":-1}" >/dev/null
  sync
  check "$status in the midst of it deletes nothing" 200 "$(live)"
done
control fault '{"clear":true}' >/dev/null
sync
mode empty; sync
check "an empty reply asks" "mass_delete 200" "$(code) $(live)"
first=$(asked)
mode short; sync
check "a listing that ends early asks" "mass_delete 200" "$(code) $(live)"
check_has "with numbers and samples" "$(field "$r" .error.message)" "thing: 100 of 200 stored records are missing from a complete listing (101, 102, 103, 104, 105, …); none of them was deleted"
check_has "and the answer" "$(field "$r" .error.message)" "perilune sync books --accept-deletes $(asked)"
check "each time anew" 1 "$(sql "select count(*) from questions where state='open'")"
check_has "status shows the question" "$(p status books)" "thing: 100 of 200 rows are missing from a complete listing"
check_has "and how to answer" "$(p status books)" "--accept-deletes $(asked)"
check_exit "an older question is not current" 1 p sync books --accept-deletes "$first"
check_has "which is said" "$(cat "$WORK/err")" "no longer current"
check_exit "a run that asked nothing" 1 p sync books --accept-deletes "$(sql "select id from runs order by seq limit 1")"
check_has "is refused" "$(cat "$WORK/err")" "asked about deletions"
check_exit "an answer needs a name" 2 p sync --all --accept-deletes x
short=$(asked)
mode well; sync
check "a good listing makes the question void" "ok 200 0" "$(code) $(live) $(sql "select count(*) from questions where state='open'")"
check_exit "and its answer" 1 p sync books --accept-deletes "$short"
check_has "is told so" "$(cat "$WORK/err")" "is void"
mode other; sync
check "another account's records ask about all" "mass_delete 260" "$(code) $(live)"
mode well
p set books --setting deletes.thing=100 >/dev/null; sync
check "the share is a setting of the stream" "ok 200 60" "$(code) $(live) $(field "$r" .data.deleted)"
check_exit "which is checked" 1 p set books --setting deletes.thing=much
check_exit "and belongs to a stream" 1 p set books --setting deletes.thng=5
check_has "with a suggestion" "$(cat "$WORK/err")" "did you mean 'thing'"
p set books --setting deletes.thing= --setting room=a >/dev/null; sync
check "a changed setting asks" "mass_delete 200" "$(code) $(live)"
p set books --setting room= >/dev/null
sed -i 's|full = get "/things" { query = { room = setting "room" } }|full = get "/things" { query = { room = "b" } }|' connectors/shelf.lua
sync
check "a changed filter asks" "mass_delete 200" "$(code) $(live)"

# ---- the answer ----
requests=$(curl -s "$URL/_emulator/requests" | jq .total)
run=$(asked)
control fault '{"path":"/things","status":400,"times":-1}' >/dev/null
sync --accept-deletes "$run"
check "yes takes exactly those away, without reading again" "50 50" "$(live) $(sql "select count(*) from integration_data where deleted_at is null and cast(external_id as int) % 4 = 0 and entity_type='thing'")"
check "one listing was tried, which goes on from there" 1 $(($(curl -s "$URL/_emulator/requests" | jq .total) - requests))
control fault '{"clear":true}' >/dev/null
sync
check "the stream goes on" "ok 50" "$(code) $(live)"
check_exit "an answer counts once" 1 p sync books --accept-deletes "$run"
check_has "and says so" "$(cat "$WORK/err")" "answered already"
check "data of tombstones is kept" 150 "$(sql "select count(*) from integration_data where deleted_cause='sweep' and raw->>'\$.id' = external_id and entity_type='thing' and external_id glob '[0-9]*'")"
check "counters equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null")" "$(sql "select data_count from integrations")"
sed -i 's|query = { room = "b" }|query = { room = setting "room" }|' connectors/shelf.lua
sync
check "what is listed again is alive again, as an update" "ok 0 150 200" "$(code) $(field "$r" '"\(.data.created) \(.data.updated)"') $(live)"
mode short; sync
run=$(asked | cut -c1-30)
control play '{"mode":"well","put":{"id":"150","n":150,"name":"changed"}}' >/dev/null
sync --limit 160
sync --accept-deletes "$run" --limit 1
check "what came back since stays, the others go" "101 1" "$(live) $(sql "select count(*) from integration_data where external_id='150' and entity_type='thing' and deleted_at is null")"
sync
check "and come back with the next listing" 200 "$(live)"

# ---- links ----
links() { sql "select count(*) from integration_data where entity_type='part' and deleted_at is null"; }
parts() { r=$(p sync books --entity part --json "$@"); }
parts
check "parts of all" "ok 80" "$(code) $(links)"
control play '{"broken":7}' >/dev/null
parts
check "a part that vanishes moves no date of its thing" "ok 80" "$(code) $(links)"
parts --sweep
check "and is found by a sweep" "ok 79 7:p2" "$(code) $(links) $(sql "select external_id from integration_data where entity_type='part' and deleted_cause='partition'")"
mode well
parts --sweep
check "as it is when it comes back" "ok 80" "$(code) $(links)"
mode noparts; parts --sweep
check "visits ask, too, before more than a tenth goes" "mass_delete 62" "$(code) $(links)"
check_has "with numbers" "$(field "$r" .error.message)" "part: 62 of 80"
run=$(sql "select run_id from questions where state='open' and stream='part'")
mode well; parts --sweep
check "and the question is void when they are seen again" "ok 80 0" "$(code) $(links) $(sql "select count(*) from questions where state='open'")"
mode noparts; parts --sweep
control play '{"mode":"well"}' >/dev/null
parts --accept-deletes "$(sql "select run_id from questions where state='open'")"
check "or they go, by the answer" "ok 0" "$(code) $(links)"
check "counters still equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null")" "$(sql "select data_count from integrations")"
finish
