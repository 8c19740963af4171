# tests/torture/shelf.sh: a small API for tests that repeat a sync many times: `thing` is read whole each time, `note` by changes, with a list of what is
# archived. Sourced after lib.sh. The truth is what the emulator says it holds; nothing here knows how perilune works.
shelf_project() { # sets P and URL
  P=$WORK/shelf
  "$PERILUNE" init "$P" --quiet >/dev/null || exit 1
  mkdir -p "$P/mappings/shelf"
  cat >"$P/connectors/shelf.lua" <<'LUA'
return connector "shelf" {
  base    = "https://shelf.example",
  auth    = token "accessToken",
  records = "rows",
  pages   = cursor { read = "after", send = "query.after" },
  check   = get "/things" { pages = "none" },
  streams = {
    stream "thing" { key = "id", full = get "/things" },
    stream "note" {
      key      = "id",
      updated  = datetime "changed",
      overlap  = "1s",
      full     = get "/notes",
      changes  = get "/notes" { query = { since = since }, pages = { "again", most = 10 } },
      archived = get "/archive",
    },
  },
}
LUA
  cat >"$P/connectors/shelf_emulator.lua" <<'LUA'
local function things(call, db)
  local rows, after = db.thing:scan { from = call.query.after, limit = 10 }
  return 200, { rows = rows, after = after }
end
local function notes(call, db)
  local since = call.query.since
  if not since then
    local rows, after = db.note:scan { from = call.query.after, limit = 10 }
    return 200, { rows = rows, after = after }
  end
  local rows = db.note:search { where = { { { path = "changed", op = "GTE", value = since, kind = "stamp" } } }, sort = { path = "changed", kind = "stamp" }, limit = 10 }
  return 200, { rows = rows }
end
local function archive(call, db)
  local rows, after = db.note:scan { from = call.query.after, limit = 10, archived = true }
  return 200, { rows = rows, after = after }
end
local function all(call, db)
  return 200, { thing = db.thing:scan { limit = 1000 }, note = db.note:scan { limit = 1000 } }
end
local function touch(row, verb, at, random) row.n = random.integer(1, 1000000) end
local function make(n, random) return { id = tostring(n), n = n % 9 == 0 and "odd" or n, text = random.sentence(12), changed = random.stamp() } end
return emulator "shelf" {
  credentials = { accessToken = "shelf" },
  data = {
    thing = { count = 24, key = "id", updated = "changed", make = make, touch = touch },
    note = { count = 33, key = "id", updated = "changed", make = make, touch = touch },
  },
  routes = {
    get "/things" { answers = things }, get "/notes" { answers = notes }, get "/archive" { answers = archive },
    get "/all" { answers = all, open = true },
  },
}
LUA
  for entity in thing note; do
    printf 'return mapping "%s" { from = "shelf.%s", key = id "id", fields = { n = integer "n", text = text "text" } }\n' $entity $entity >"$P/mappings/shelf/$entity.lua"
  done
  start_emulator shelf -C "$P"
  "$PERILUNE" -C "$P" add shelf books --base-url "$URL" --credential accessToken=shelf >"$WORK/out" 2>&1 || { bad add "$(cat "$WORK/out")"; exit 1; }
}
# Something of each kind to do for the next sync. Removed without a trace: a thing always, a note only with `full`, as only a sweep can see that.
shelf_moves() {
  control change '{"entity":"thing","count":2}' >/dev/null
  control change '{"entity":"note","count":12}' >/dev/null
  control create '{"entity":"thing","count":2}' >/dev/null
  control create '{"entity":"note","count":3}' >/dev/null
  control archive '{"entity":"note","count":1}' >/dev/null
  control remove '{"entity":"thing","count":1}' >/dev/null
  [ "${1:-}" != full ] || control remove '{"entity":"note","count":2}' >/dev/null
}
shelf_truth() {
  curl -s "$URL/all" | jq -r 'to_entries[] | .key as $e | .value[] | if (.n|type) == "number" then "\($e)|\(.id)|\(.n)|\(.text | gsub("\n"; " "))" else "\($e)|\(.id)|rejected" end' | sort
}
shelf_stored() {
  sql "select entity_type||'|'||external_id||'|'||(data->>'n')||'|'||replace(data->>'text', char(10), ' ') from integration_data where deleted_at is null and is_stale = 0
       union all select entity_type||'|'||record_key||'|rejected' from rejects where state='open'" | sort
}
# Nothing else may be wrong either: counters, runs left open, sweeps left over, the file itself.
shelf_sound() {
  sql "select case when (select data_count||','||error_count from integrations) <> (select count(*) from integration_data where deleted_at is null)||','||(select count(*) from rejects where state='open')
         then 'counters' when exists (select 1 from runs where status='running') then 'running' when exists (select 1 from sweeps) then 'sweep left' when exists
         (select 1 from cursors where phase <> 'changes') then 'phase' else (select integrity_check from pragma_integrity_check limit 1) end"
}
