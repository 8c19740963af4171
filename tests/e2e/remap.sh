# remap in the face of Ctrl-C and kill -9: it ends between two batches, what is done stays done, the same command goes on, and the end is that of an
# undisturbed one. plan stops, too, and has written nothing. A replay of some rejects takes only those.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 5000 --seed 13
control rate '{"on":false}' >/dev/null
project main
M=$P/mappings/hubspot/contact.lua
write() { # the function that makes the name
  echo "return mapping \"contact\" { from = \"hubspot.contact\", fields = { name = text \"properties.firstname\" { transform = function(v) $1 end } } }"
}
write 'return v' >"$M"
p sync crm --entity contact --quiet >/dev/null
all=$(sql "select count(*) from integration_data where entity_type='contact'")
check "the ground: so many that they are several batches" true "$([ "$all" -gt 4000 ] && echo true)"
rows() { sqlite3 "$1/perilune.db" "select external_id, data, is_stale, deleted_at is null from integration_data where entity_type='contact' order by 1" | md5sum; }
began=$(rows "$P")
# slow enough that there is a middle
write 'local n = 0 for i = 1, 3000 do n = n + i end return v:upper()' >"$WORK/new.lua"
cp -r "$P" "$WORK/quiet"
cp "$WORK/new.lua" "$WORK/quiet/mappings/hubspot/contact.lua"
"$PERILUNE" -C "$WORK/quiet" remap hubspot/contact --quiet >/dev/null
whole=$(rows "$WORK/quiet")
check "undisturbed it changes something" true "$([ "$whole" != "$began" ] && echo true)"

again() { sqlite3 -readonly "$P/perilune.db" "select count(*) from integration_data where plan_id = (select max(seq) from plans where entity_type='contact' and seq > $old)" 2>/dev/null || echo 0; }
old=$(sql "select max(seq) from plans")
# started SIGNAL: remap in the background, and the signal once the database shows a first batch and not the last one
started() {
  "$PERILUNE" -C "$P" remap hubspot/contact >"$WORK/said" 2>"$WORK/err" &
  pid=$!
  pids="$pids $pid"
  n=$(again)
  until [ "$(again)" -gt "$n" ]; do "$TOOLS/waitpid" "$pid" 5 && break; done
  kill "-$1" "$pid"
  wait "$pid"
  code=$?
}
cp "$WORK/new.lua" "$M"
plans=$(rows "$P")
started INT
check "Ctrl-C ends it in the middle" true "$(n=$(again); [ "$n" -gt 0 ] && [ "$n" -lt "$all" ] && echo true || echo "$n of $all")"
check_has "it says what to do" "$(cat "$WORK/err")" "run the same command again for the rest"
check "and that is no success" true "$([ "$code" -ne 0 ] && echo true)"
check "the run is marked" stopped "$(sql "select status from runs where kind='remap' order by seq desc limit 1")"
n=$(again)
started KILL
check "kill -9 in the middle, further on" true "$(m=$(again); [ "$m" -gt "$n" ] && [ "$m" -lt "$all" ] && echo true || echo "$n, $m of $all")"
check "by no clean end" 137 "$code"
p remap hubspot/contact --quiet >/dev/null
check "run again it ends as an undisturbed one" "$whole" "$(rows "$P")"
check "the killed run is marked" interrupted "$(sql "select status from runs where kind='remap' order by seq desc limit 1 offset 1")"
check "all of it is one remap to take back" 1 "$(sql "select count(*) from remaps")"
p remap hubspot/contact --rollback --quiet >/dev/null
check "which gives every row back" "$began" "$(rows "$P")"
check "the database is sound" ok "$(sql 'pragma integrity_check')"

# plan
mkfifo "$WORK/lines"
"$PERILUNE" -C "$P" plan hubspot/contact "$WORK/new.lua" --rows "$WORK/lines" >"$WORK/said" 2>"$WORK/err" &
pid=$!
pids="$pids $pid"
exec 8<"$WORK/lines"
read -r line <&8
kill -INT "$pid"
cat <&8 | wc -l >"$WORK/count"
exec 8<&-
wait "$pid"
check "a plan that is stopped is no success" 1 "$?"
check_has "in words" "$(cat "$WORK/err")" "stopped; nothing was written"
check "it was in the middle" true "$([ "$(cat "$WORK/count")" -lt "$((all - 1))" ] && echo true)"
check "and nothing was" "$began" "$(rows "$P")"

# replay, and only what was asked for
cat >"$M" <<'LUA'
return mapping "contact" {
  from = "hubspot.contact",
  fields = { name = text "properties.firstname" { validate = function(v) return not v:find("^A"), "an A" end }, last = email "properties.firstname" },
}
LUA
p remap hubspot/contact --quiet >/dev/null
open() { sql "select count(*) from rejects where state='open' and $1"; }
a=$(open "code='validate'") b=$(open "code<>'validate'")
check "the ground: rejects of two kinds" true "$([ "$a" -gt 10 ] && [ "$b" -gt 10 ] && echo true || echo "$a $b")"
write 'return v' >"$M"
r=$(p rejects crm --replay --entity company --json)
check "of another entity: none" "$a $b" "$(open "code='validate'") $(open "code<>'validate'")"
p rejects crm --replay --reason validate --field last --quiet >/dev/null
check "of a reason and a field that do not meet: none" "$a $b" "$(open "code='validate'") $(open "code<>'validate'")"
r=$(p rejects crm --replay --reason validate --json)
check "of one reason: those" "0 $b $a" "$(open "code='validate'") $(open "code<>'validate'") $(field "$r" .data.entities.contact.records)"
r=$(p rejects crm --replay --field last --entity contact --json)
check "of one field: those" "0 $b" "$(open 1) $(field "$r" .data.entities.contact.records)"
finish
