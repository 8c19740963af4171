# Everything a bad server can do, one fault after the other: each ends in success after a retry or in a named error that says where and what to do;
# no row is lost or emptied, memory stays small, nothing hangs, and the next good run makes the rows equal to what the server holds.
#
# The table: fault (see tests/tools/badserver.c), stream, page that goes wrong (0: every page), how often (0: until it is told to stop), and what the run
# must end with: "ok", "stopped" until the server's own time, or an error's code; then the records that are rejected, or `~` where the fault itself changes a value, which is then believed.
. "$(dirname "$0")/lib.sh"

faults() { cat <<'TABLE'
# connections that break, hang and drip, at every stage
hang-request contact 2 0 timeout
drip-headers contact 2 0 timeout
flood-100 contact 2 0 bad_reply
flood-103 contact 2 0 bad_reply
flap contact 0 0 ok
status-429-after-0 contact 2 3 ok
hang-request contact 2 1 ok
hang-status contact 2 1 ok
hang-headers contact 2 1 ok
hang-body contact 2 1 ok
drip-body contact 2 1 ok
101 contact 2 1 ok
reset-request contact 2 1 ok
reset-status contact 2 1 ok
reset-headers contact 2 1 ok
reset-body contact 2 1 ok
reset-between contact 2 1 ok
close-request contact 2 1 ok
close-status contact 2 1 ok
close-headers contact 2 1 ok
close-body contact 2 1 ok
close-between contact 0 0 ok
# answers that say "not now"
status-500 contact 2 2 ok
status-503-after-86400 contact 2 0 stopped
status-429 contact 2 1 ok
status-429-after--5 contact 2 1 ok
status-429-after-banana contact 2 1 ok
status-429-after-past contact 2 1 ok
status-429-after-date contact 2 1 ok
status-429-after-99999999999999999999 contact 2 1 ok
status-429-after-86400 contact 2 0 stopped
status-408 contact 2 1 ok
# answers that say "no", or nothing
status-400 contact 2 0 api_error
status-401 contact 2 0 credentials_refused
status-404 contact 2 0 api_error
status-410 contact 2 0 api_error
status-000 contact 2 0 bad_reply
status-999 contact 2 0 api_error
redirect-metadata contact 2 0 api_error
redirect-host contact 2 0 api_error
redirect-file contact 2 0 api_error
redirect-gopher contact 2 0 api_error
redirect-loop contact 2 0 api_error
html contact 1 0 bad_reply
html contact 2 0 bad_reply
empty contact 2 0 bad_reply
204 contact 1 0 bad_reply
206 contact 2 0 ok
304 contact 1 0 ok
304 contact 2 0 ok
# lengths and chunks
cut contact 2 1 ok
cut-fits contact 2 0 bad_reply
cut-nolength contact 2 0 bad_reply
long contact 2 0 bad_reply
junk contact 2 0 bad_reply
long-junk contact 2 0 ok
length-minus contact 2 0 bad_reply
length-word contact 2 0 bad_reply
length-huge contact 2 0 ok
length-16gb contact 2 1 ok
length-two contact 2 0 ok
encoding-two contact 2 0 ok
encoding-and-length contact 2 0 ok
encoding-odd contact 2 0 bad_reply
chunk-word contact 2 0 bad_reply
chunk-minus contact 2 0 bad_reply
chunk-huge contact 2 0 bad_reply
chunk-extension contact 2 0 ok
chunk-joined contact 2 0 bad_reply
chunk-trailers contact 2 0 ok
chunk-cut contact 2 1 ok
endless contact 2 0 reply_too_large
endless-plain contact 2 0 reply_too_large
# packed bodies
bomb-size contact 2 0 reply_too_large
bomb-ratio contact 2 0 reply_too_large
gzip contact 0 0 ok
gzip-unsaid contact 2 0 bad_reply
gzip-cut contact 2 0 bad_reply
gzip-wrong contact 2 0 bad_reply
gzip-said contact 2 0 bad_reply
gzip-twice contact 2 0 bad_reply
packed-br contact 2 0 bad_reply
packed-deflate contact 2 0 bad_reply
# heads
header-1mb contact 2 0 bad_reply
header-endless contact 2 0 bad_reply
headers-9000 contact 2 0 ok
headers-20000 contact 2 0 bad_reply
header-nocolon contact 2 0 bad_reply
header-folded contact 2 0 ok
header-utf8 contact 2 0 ok
header-nul contact 2 0 bad_reply
date-word contact 0 0 ok
date-1970 contact 0 0 ok
date-2099 contact 0 0 ok
charset contact 2 0 ok
http09 contact 2 0 bad_reply
http-9 contact 2 0 bad_reply
status-line contact 2 0 bad_reply
garbage contact 2 0 bad_reply
tls-alert contact 2 0 bad_reply
# paging that leads nowhere
loop-same contact 2 0 paging_loop
loop-two contact 0 0 paging_loop
loop-empty contact 0 0 paging_loop
loop-copy contact 2 0 paging_loop
link-same item 0 0 paging_loop
link-two item 0 0 paging_loop
link-host item 0 0 ok
link-port item 0 0 ok
link-scheme item 0 0 ok
link-user item 0 0 ok
link-slashes item 0 0 ok
link-file item 0 0 api_error
link-script item 0 0 bad_reply
link-space item 0 0 bad_reply
link-number item 0 0 bad_reply
link-object item 0 0 bad_reply
twins contact 0 0 ok
echo contact 0 0 ok
# JSON: the whole
utf16 contact 2 0 bad_reply
bom contact 2 0 bad_reply
root-null contact 2 0 bad_reply
root-number contact 2 0 bad_reply
root-list contact 2 0 bad_reply
root-hollow contact 2 0 bad_reply
root-deep contact 2 0 bad_reply
results-missing contact 2 0 bad_reply
results-number contact 2 0 bad_reply
results-string contact 2 0 bad_reply
results-bool contact 2 0 bad_reply
paging-number contact 2 0 bad_reply
paging-string contact 2 0 bad_reply
paging-list contact 2 0 bad_reply
paging-null contact 2 0 mass_delete
next-number contact 2 0 bad_reply
next-bool contact 2 0 bad_reply
after-list contact 2 0 bad_reply
after-object contact 2 0 bad_reply
after-bool contact 2 0 bad_reply
after-5mb contact 2 0 bad_reply
after-surrogate contact 2 0 bad_reply
page-20000 contact 2 0 bad_reply
large-records contact 2 1 ok ~
# JSON: one record, one value
medley contact 2 0 ok 58
note-nul contact 2 0 ok
note-deep contact 2 0 bad_reply
note-1mb contact 2 0 ok
note-5mb contact 2 0 ok 1
id-5mb contact 2 0 ok 1
keyless contact 0 0 bad_reply 1
name-null contact 2 0 ok ~
age-big contact 2 0 ok ~
TABLE
}

# ---- one fault: the account has changed, a sync meets the fault, two good ones follow ----

rows() { sqlite3 "$P/perilune.db" "select external_id || '|' || coalesce(data->>'name', '') || '|' || coalesce(data->>'email', '') || '|' || coalesce(data->>'age', '') from integration_data where entity_type = '$stream' and deleted_at is null" | LC_ALL=C sort; }
ask() { curl -sS "$SERVER/$S/_$1"; }

one() { # FAULT STREAM PAGE TIMES EXPECTED [REJECTED|~]
  fault=$1 stream=$2 times=$4 want=$5 rejected=${6:-0}
  S=$fault-$2-$3-$4 P=$WORK/$fault-$2-$3-$4
  cp -r "$WORK/project" "$P"
  sed -i "s/^local session.*/local session = '$S'/" "$P/connectors/bad.lua"
  ask "fault?name=$fault&page=$3&times=$4"
  timeout -k 5 90 "$TOOLS/peak" "$P/peak" "$PERILUNE" -C "$P" sync s --entity "$stream" --full --json >"$P/out" 2>"$P/err"
  code=$?
  got=$(sed -n 's/.*"error":{"code":"\([a-z_]*\)".*/\1/p; t; s/^{"data":{"runId":"[^"]*","status":"\([a-z]*\)".*/\1/p' "$P/out")
  refused=$(sed -n 's/^{"data":{[^{]*"rejected":\([0-9]*\),.*/\1/p' "$P/out")
  message=$(sed 's/.*"error"://' "$P/out")
  [ "$got" = "$want" ] || bad "$S: ends with $want" "$got: $message"
  if [ "$want" = stopped ]; then # not a failure: the next run goes on, when the server said
    [ "$code" -eq 0 ] && grep -q -i resumes "$P/out" || bad "$S: says when it goes on" "$(cat "$P/out")"
  elif [ "$want" = ok ]; then
    [ "$rejected" = "~" ] || [ "$rejected" = "$refused" ] || bad "$S: $rejected are rejected" "$refused"
  else
    [ "$code" -eq 1 ] || bad "$S: exit" "$code"
    case $message in *"$SERVER/"*|*"$stream"*) ;; *) bad "$S: says where" "$message" ;; esac
    case $message in *canary*) bad "$S: keeps the token to itself" "$message" ;; esac
  fi
  rows >"$P/rows"
  if [ "$rejected" != "~" ]; then
    wrong=$(LC_ALL=C comm -23 "$P/rows" "$WORK/either" | head -2)
    [ -z "$wrong" ] || bad "$S: no row is changed or emptied" "$wrong"
  fi
  cut -d'|' -f1 "$P/rows" | LC_ALL=C sort >"$P/ids"
  wrong=$(LC_ALL=C comm -23 "$WORK/lasting" "$P/ids" | head -5)
  [ -z "$wrong" ] || bad "$S: no row is lost" "$wrong"
  if [ "$fault" = medley ]; then
    while read -r id kind; do
      if grep -q "^$id|Name" "$P/rows"; then ok "$S: $kind costs its record's news and nothing else"; else bad "$S: $kind" "row $id is gone"; fi
    done <"$WORK/medley"
  fi
  if [ "$want" = stopped ]; then # the account's ledger waits until the time that was named, whatever the server says now
    [ "$failures" -gt 0 ] || ok "$S: stopped until then"
    return
  fi
  ask good
  p sync s --entity "$stream" --json >"$P/out2" 2>"$P/err2" || bad "$S: the next run is good" "$(jq -r .error.message "$P/out2")"
  rows >"$P/rows"
  if [ "$fault" = keyless ]; then # the run that goes on has seen no record 150, and may not believe that there is none
    grep -q '^150|' "$P/rows" || bad "$S: a listing with a record that cannot be told proves no deletion" "row 150 is gone"
    wrong=
  else
    wrong=$(LC_ALL=C comm -13 "$P/rows" "$WORK/truth" | head -2)
  fi
  [ -z "$wrong" ] || bad "$S: the next run brings what was missed" "$wrong"
  if ! cmp -s "$P/rows" "$WORK/truth"; then # it went on where the fault had stopped it: what came before is read by the next from the start
    p sync s --entity "$stream" --full --json >"$P/out3" 2>"$P/err3"
    rows >"$P/rows"
  fi
  cmp -s "$P/rows" "$WORK/truth" || bad "$S: rows are what the server holds" "$(diff "$P/rows" "$WORK/truth" | head -4)"
  megabytes=$(sed 's/.*peak, \([0-9]*\).*/\1/' "$P/peak")
  [ "$megabytes" -lt 150 ] || bad "$S: memory" "$(cat "$P/peak")"
  [ "$failures" -gt 0 ] || { ok "$S: $got, $megabytes MB, repaired"; rm -rf "$P"; }
}

if [ "${1:-}" = one ]; then # called by ourselves, many at once
  shift
  WORK=$SERVERS_WORK
  trap - EXIT
  one "$@" >"$WORK/log.$1.$2.$3.$4" 2>&1
  exit 0
fi

# ---- all of them ----
mkfifo "$WORK/fifo"
"$TOOLS/badserver" >"$WORK/fifo" &
pids="$pids $!"
read -r SERVER DOOR MUTE <"$WORK/fifo"
P=$WORK/project S=first
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
cat >"$P/connectors/bad.lua" <<'LUA'
local session = "first"
return connector "bad" {
  base = "https://bad.invalid", auth = token "accessToken", records = "results", timeout = "3s",
  check = get("/" .. session .. "/contacts") {},
  streams = {
    stream "contact" { key = "id", full = get("/" .. session .. "/contacts") { pages = cursor { read = "paging.next.after", send = "query.after" } } },
    stream "item" { key = "id", full = get("/" .. session .. "/items") { pages = link "next" } },
  },
}
LUA
mkdir -p "$P/mappings/bad"
for entity in contact item; do
  cat >"$P/mappings/bad/$entity.lua" <<LUA
return mapping "$entity" { from = "bad.$entity", fields = { name = text "name", email = email "email", age = integer "age", score = decimal "score",
  active = boolean "active", born = date "born", changed = datetime "changed", tags = list "tags[]", note = text "note" } }
LUA
done
p add bad s --base-url "$SERVER" --credential accessToken=canary-token >/dev/null 2>&1
check "a good server" "ok 600" "$(field "$(p sync s --json)" '"\(.data.status) \(.data.created)"')"
ask fault?times=1 && ask good
ask truth | LC_ALL=C sort >"$WORK/truth"
ask either | LC_ALL=C sort -u >"$WORK/either"
ask medley >"$WORK/medley"
seq 1 300 | grep -vxE '7|120|121|250|300' | LC_ALL=C sort >"$WORK/lasting"
export SERVER SERVERS_WORK="$WORK" PERILUNE B
faults | grep -v '^#' | xargs -P "${JOBS:-12}" -L 1 sh "$0" one
for log in "$WORK"/log.*; do
  grep '^ok ' "$log"
  grep '^not ok ' "$log" && failures=$((failures + 1))
  grep -v -e '^ok ' -e '^not ok ' "$log" >&2
done
check "every fault was tried" "$(faults | grep -vc '^#')" "$(ls "$WORK"/log.* | wc -l)"

# ---- at the door: refused on arrival, or let in and never answered ----
for way in 1 2; do
  door=$([ $way = 1 ] && echo "$DOOR" || echo "$MUTE")
  p add bad "d$way" --base-url "$door" --credential accessToken=x >/dev/null 2>&1
  ask "door?door=$way&way=$way"
  r=$(p sync "d$way" --entity contact --json 2>/dev/null)
  check "door $way: named" "$([ $way = 1 ] && echo connect || echo timeout)" "$(field "$r" .error.code)"
  check_has "door $way: says where" "$(field "$r" .error.message)" "$door/first/contacts"
  ask "door?door=$way&way=0"
  check "door $way: open again" ok "$(field "$(p sync "d$way" --entity contact --json)" .data.status)"
done
finish
