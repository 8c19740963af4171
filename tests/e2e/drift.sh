# Fields of an account that appear, vanish or become something else: taken, left out or asked about; recorded, shown, and never asked for once they
# are gone. The shelf refuses a whole request for one unknown name, as some APIs do.
. "$(dirname "$0")/lib.sh"
P=$WORK/project
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
mkdir -p "$P/mappings/shelf"
cat >"$P/connectors/shelf.lua" <<'LUA'
return connector "shelf" {
  base    = "https://shelf.example",
  auth    = token "accessToken",
  pages   = cursor { read = "next", send = "query.after" },
  records = "things",
  check   = get "/things" { pages = "none" },
  streams = {
    stream "thing" {
      key = "id",
      discover = get "/fields" { records = "fields", pages = "none", gives = { name = "name", label = "label", type = "type", options = "options" } },
      full = get "/things" { query = { fields = wanted "f" } },
      fetch = post "/things/read" { batch = 50, pages = "none", match = "id", body = { fields = wanted "f", inputs = { { id = record "id" } } } },
    },
  },
}
LUA
cat >"$P/connectors/shelf_emulator.lua" <<'LUA'
local function shown(call, db, names)
  if type(names) == "table" then names = table.concat(names, ",") end
  local pick = {}
  for name in tostring(names or ""):gmatch("[^,]+") do
    if not db.state.fields[name] then return nil, { 400, { error = "no such field: " .. name } } end
    pick[#pick + 1] = name
  end
  return { id = true, f = pick }
end
local function list(call, db)
  local pick, bad = shown(call, db, call.query.fields)
  if not pick then return bad[1], bad[2] end
  local rows = db.thing:search { sort = { path = "n", kind = "number" }, limit = 50, pick = pick }
  return 200, { things = rows }
end
local function read(call, db)
  local pick, bad = shown(call, db, call.body.fields)
  if not pick then return bad[1], bad[2] end
  local out = decode "[]"
  for _, input in ipairs(call.body.inputs) do
    if db.thing:has(input.id) then out[#out + 1] = db.thing:show(input.id, pick) end
  end
  return 200, { things = out }
end
local function fields(call, db)
  if db.state.mode == "denied" then return 403, { error = "no" } end
  if db.state.mode == "broken" then return 400, { error = "broken" } end
  local names, out = {}, decode "[]"
  for name in pairs(db.state.fields) do names[#names + 1] = name end
  table.sort(names)
  if db.state.mode == "empty" then names = {} end
  for i, name in ipairs(names) do
    local f = db.state.fields[name]
    out[i] = { name = name, label = f.label or name, type = f.type, options = decode "[]" }
    for k, v in ipairs(f.options or {}) do out[i].options[k] = { value = v, label = v } end
  end
  return 200, { fields = out }
end
return emulator "shelf" {
  credentials = { accessToken = "shelf" },
  data = { thing = { count = 30, key = "id", make = function(n)
    return { id = tostring(n), n = n, f = { name = "thing " .. n, size = n, room = "a", colour = "red", weight = tostring(n), extra = "x" .. n } }
  end } },
  state = { mode = "well", fields = { name = { type = "string" }, size = { type = "number" }, room = { type = "choice", options = { "a", "b" } } } },
  control = function(call, db)
    local b = call.body
    if b.mode then db.state.mode = b.mode end
    if b.remove then db.state.fields[b.remove] = nil end
    if b.field then db.state.fields[b.field] = { type = b.type, options = b.options, label = b.label } end
    if b.value then for n = 1, 30 do local r = db.thing:get(tostring(n)); r.f.size = b.value; db.thing:put(r) end end
    return 200, {}
  end,
  routes = { get "/fields" { answers = fields }, get "/things" { answers = list }, post "/things/read" { answers = read } },
}
LUA
cat >"$P/mappings/shelf/thing.lua" <<'LUA'
return mapping "thing" {
  from = "shelf.thing",
  fields = {
    name = text "f.name",
    size = integer "f.size",
    more = rest "f",
  },
}
LUA
cd "$P" || exit 1
start_emulator shelf -C "$P" --records 30
p add shelf books --base-url "$URL" --credential accessToken=shelf >"$WORK/out" 2>&1 || bad add "$(cat "$WORK/out")"
play() { control play "$1" >/dev/null; }
look() { p discover books >"$WORK/out" 2>"$WORK/err"; }
sync() { r=$(p sync books --full --json 2>"$WORK/err"); }
status() { field "$r" '.error.code // .data.status'; }
force() { sql "select group_concat(key, ' ') from (select key from discovered, json_each(fields) where stream='thing' order by key)"; }
drift() { sql "select coalesce(group_concat(d, ', '), '') from (select field||' '||what||' '||state as d from drift $* order by seq)"; }
policy() { p set books --setting "drift.thing=$1" >/dev/null; }
sync
check "the first look is no drift" "ok name room size 0" "$(status) $(force) $(sql "select count(*) from drift")"
check_has "which the command says" "$(p drift books)" "no field has changed"

# ---- an answer that is none keeps what is known ----
for mode in empty denied broken; do
  play "{\"mode\":\"$mode\"}"; look
  check "an answer that is $mode keeps what is known" "name room size 0" "$(force) $(sql "select count(*) from drift")"
done
play '{"mode":"empty"}'; look
check_has "and says so" "$(cat "$WORK/err")" "came back empty; what was known of them is kept"
play '{"mode":"well"}'

# ---- evolve ----
play '{"field":"colour","type":"string"}'; sync
check "a new field is taken" "ok colour name room size, colour appeared taken" "$(status) $(force), $(drift)"
check "and counted" 1 "$(field "$r" .data.fieldsChanged)"
check "with the run that found it" "$(field "$r" .data.runId)" "$(p drift books --json | jq -r '.data[0].runId')"
check "rest brings it" red "$(sql "select json_extract(data, '\$.more.colour') from integration_data where external_id='7'")"
check "what was and what is" "null string" "$(p drift books --json | jq -r '.data[0] | "\(.was) \(.now.type)"')"
sync
check "the same again is nothing new" 1 "$(sql "select count(*) from drift")"
play '{"field":"colour","type":"string","label":"Colour"}'; look
check "a label is no change" "1 Colour" "$(sql "select count(*) from drift") $(sql "select json_extract(fields, '\$.colour.label') from discovered where stream='thing'")"
play '{"field":"room","type":"choice","options":["b","c","a"]}'; sync
check "an option more is one" "ok room options taken" "$(status) $(drift where field="'room'")"
check_has "shown with what came" "$(p drift books)" "+c"
play '{"remove":"size"}'; sync
check "a vanished field is not asked for, with rest or without" "ok colour name room, size vanished taken" "$(status) $(force), $(drift where field="'size'")"
check_has "the log names who reads it" "$(cat "$WORK/err")" "read at mappings/shelf/thing.lua:5"
check "its rows hold null" "30" "$(sql "select count(*) from integration_data where json_extract(data, '\$.size') is null and deleted_at is null")"
check_has "drift says why" "$(p drift books)" "mappings/shelf/thing.lua:5 reads thing.size, which vanished: rows mapped since then hold null there"
check "as JSON" '["mappings/shelf/thing.lua:5"]' "$(p drift books --json | jq -c '.data[0].readBy')"
check_exit "validate names the line" 1 p validate books
check_has "so" "$(cat "$WORK/out")" "mappings/shelf/thing.lua:5: f.size: "
check "nothing is told to be missing" '[]' "$(p remap shelf/thing --json | jq -c .data.backfill)"
play '{"field":"size","type":"number"}'; sync
check "it comes back" "ok 30" "$(status) $(sql "select count(*) from integration_data where json_extract(data, '\$.size') is not null")"
play '{"field":"size","type":"string","value":"many"}'; sync
check "another type is taken, and what does not convert is refused" "ok 30 size type taken" "$(status) $(field "$r" .data.rejected) $(drift "where field='size' and what='type'")"
check_has "rejects point to it" "$(p rejects books)" "thing.size number -> string"
play '{"field":"size","type":"number","value":5}'; sync

# ---- freeze ----
check_exit "a policy is one of three" 1 p set books --setting drift.thing=thaw
check_has "which are named" "$(cat "$WORK/err")" "evolve (taken), freeze (left out) or ask"
check_exit "and belongs to a stream" 1 p set books --setting drift.thng=ask
policy freeze
play '{"field":"weight","type":"number"}'; play '{"remove":"colour"}'; sync
check "freeze leaves a new field out, and a vanished one" "ok name room size, weight appeared frozen, colour vanished frozen" "$(status) $(force), $(drift "where state='frozen'")"
check "it brings nothing" 0 "$(sql "select count(*) from integration_data where json_extract(data, '\$.more.weight') is not null")"
sync; play '{"field":"weight","type":"string"}'; sync
check "found once; made to something else, it is recorded anew" "weight appeared over, colour vanished frozen, weight appeared frozen" \
  "$(drift "where state in ('frozen','over')")"
play '{"field":"room","type":"number"}'; sync
check "a frozen type is the old one" choice "$(sql "select json_extract(fields, '\$.room.type') from discovered where stream='thing'")"
play '{"field":"room","type":"choice","options":["b","c","a"]}'; play '{"field":"colour","type":"string"}'; sync
check "what the API takes back is over, and in force as it was" "colour name room size, colour over, room over" \
  "$(force), $(sql "select group_concat(field||' '||state, ', ') from (select field, state from drift where state='over' and field<>'weight' order by field)")"
id=$(sql "select seq from drift where field='weight' and state='frozen'")
check_exit "an answer names what waits" 1 p drift books --accept 999
check_exit "or all" 2 p drift books --accept
check_exit "numbers" 2 p drift books --accept weight
r=$(p drift books --accept "$id" --json)
command=$(field "$r" '.data[0].backfill')
check "accepted, with the command for its old values" "perilune backfill books --entity thing --field 'f.weight'" "$command"
check "it is in force" "colour name room size weight" "$(force)"
eval "p ${command#perilune }" >"$WORK/out" 2>&1 || bad "the command runs" "$(cat "$WORK/out")"
check "which brings them" 30 "$(sql "select count(*) from integration_data where json_extract(data, '\$.more.weight') is not null")"

# ---- ask ----
policy ask
play '{"field":"extra","type":"string"}'; play '{"remove":"colour"}'; sync
check "ask goes on without, and asks" "ok name room size weight, extra appeared asked, colour vanished asked" "$(status) $(force), $(drift "where state='asked'")"
check_has "status shows it" "$(p status books)" "2 changed fields wait for an answer: thing.colour (vanished), thing.extra (appeared)"
check_has "with the command" "$(p status books)" "to take or decline them: perilune drift books"
check "as JSON" 2 "$(p status books --json | jq '.data[0].drift | length')"
p drift books --decline "$(sql "select seq from drift where field='colour' and state='asked'")" >/dev/null
sync
check "declined is not asked again" "name room size weight, extra appeared asked" "$(force), $(drift "where state='asked'")"
check_has "accepted in words" "$(p drift books --accept --all)" "perilune backfill books --entity thing --field 'f.extra'"
check "nothing waits" "0 extra name room size weight" "$(sql "select count(*) from drift where state in ('asked','frozen')") $(force)"
check_has "an answer to nothing" "$(p drift books --accept --all)" "no change waits"
play '{"remove":"extra"}'; sync; policy evolve; sync
check "what waited is taken when the policy evolves" "name room size weight 0" "$(force) $(sql "select count(*) from drift where state in ('asked','declined')")"

# ---- bounded ----
sql "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1100) insert into drift(integration_id, stream, field, what, state, found_at)
  select (select id from integrations), 'thing', 'f' || i, 'appeared', 'taken', '2026-01-01T00:00:00.000Z' from n"
play '{"field":"extra","type":"string"}'; sync
check "old changes go, the newest stay" "1000 extra" "$(sql "select count(*) from drift") $(sql "select field from drift order by seq desc limit 1")"

# ---- an account of the real kind ----
start_emulator hubspot --records 60 --seed 3
control rate '{"on":false}' >/dev/null
"$PERILUNE" -C "$P" add hubspot crm --base-url "$URL" --credential accessToken=pat-emulator >/dev/null
mkdir -p "$P/mappings/hubspot"
printf 'return mapping "contact" {\n  from = "hubspot.contact",\n  fields = { zip = text "properties.zip", city = text "properties.city" },\n}\n' >"$P/mappings/hubspot/contact.lua"
p sync crm --entity contact >/dev/null
control property '{"entity":"contact","name":"zip","remove":true}' >/dev/null
control property '{"entity":"contact","name":"shoe_size","type":"number"}' >/dev/null
r=$(p sync crm --entity contact --full --json 2>"$WORK/err")
check "a property of contacts vanishes, another appears" "ok 2" "$(status) $(field "$r" .data.fieldsChanged)"
check_has "by file and line" "$(p drift crm)" "mappings/hubspot/contact.lua:3 reads contact.zip, which vanished"
check "all integrations at once" "books crm" "$(p drift --json --limit 5000 | jq -r '[.data[].integration] | unique | join(" ")')"
p remove crm >/dev/null 2>&1
check "removed with its integration" 0 "$(sql "select count(*) from drift d join integrations i on i.id = d.integration_id where i.name = 'crm'")"
finish
