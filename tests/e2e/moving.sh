# Pages that move: what is deleted while a numbered list is read pulls others over a page's edge, where no page shows them. They are asked for by
# key before they count as gone; what is gone answers 404 there, and the next key is asked all the same.
. "$(dirname "$0")/lib.sh"
P=$WORK/project
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
mkdir -p "$P/mappings/shelf"
cat >"$P/connectors/shelf.lua" <<'LUA'
return connector "shelf" {
  base    = "https://shelf.example",
  auth    = token "accessToken",
  pages   = count { send = "query.page", total = "pages" },
  records = "things",
  check   = get "/things" { records = "things", pages = "none" },
  streams = {
    stream "thing" {
      key   = "id",
      full  = get "/things",
      fetch = get("/things/" .. record "id") { records = "", pages = "none", match = "id" },
    },
  },
}
LUA
cat >"$P/connectors/shelf_emulator.lua" <<'LUA'
local size = 50
local function list(call, db)
  local page = tonumber(call.query.page) or 1
  local rows = db.thing:search { sort = { path = "n", kind = "number" }, limit = size, offset = (page - 1) * size }
  local body = { things = rows, pages = (db.thing:count() + size - 1) // size }
  if page == 2 and db.state.doomed then
    for _, key in ipairs(db.state.doomed) do db.thing:remove(key) end
    db.state.doomed = nil
  end
  return 200, body
end
local function one(call, db)
  if not db.thing:has(call.path.id) then return 404, { error = "gone" } end
  return 200, db.thing:show(call.path.id)
end
return emulator "shelf" {
  credentials = { accessToken = "shelf" },
  data = { thing = { count = 270, key = "id", make = function(n) return { id = tostring(n), n = n } end } },
  state = {},
  control = function(call, db)
    db.state.doomed = call.body.ids
    return 200, {}
  end,
  routes = { get "/things" { answers = list }, get "/things/{id}" { answers = one } },
}
LUA
printf 'return mapping "thing" { from = "shelf.thing", key = id "id", fields = { n = integer "n" } }\n' >"$P/mappings/shelf/thing.lua"

cd "$P" || exit 1
start_emulator shelf -C "$P"
p add shelf books --base-url "$URL" --credential accessToken=shelf >"$WORK/out" 2>&1 || bad add "$(cat "$WORK/out")"
there() { sql "select group_concat(external_id) from (select external_id from integration_data where deleted_at is null and cast(external_id as int) $1 order by cast(external_id as int))"; }
counted() { field "$(p sync books --json)" '.data | "\(.status) \(.created) \(.updated) \(.deleted) \(.requests)"'; }
check "everything is read" "ok 270 0 0 6" "$(counted)"
check "again: nothing is asked by key" "ok 0 0 0 6" "$(counted)"

# Three of the first page go while the second is answered: 101, 102 and 103 slide onto it, behind the reader's back.
control doom '{"ids":["5","6","7"]}' >/dev/null
check "what slid is asked for by key, and still there" "ok 0 0 0 9" "$(counted)"
check "none of them is lost" "101,102,103,104" "$(there 'between 101 and 104')"
check "those that are gone are found next time, one 404 after the other" "ok 0 0 3 9" "$(counted)"
check "and they alone" "4,8" "$(there 'between 4 and 8')"
control remove '{"entity":"thing","ids":["40"]}' >/dev/null
control doom '{"ids":["5","50","51"]}' >/dev/null
check "gone and slid in one" "ok 0 0 1 9" "$(counted)"
check "40 is gone, its neighbours are not" "39,41" "$(there 'between 39 and 41')"
check "the counters equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null")" "$(sql "select data_count from integrations")"
finish
