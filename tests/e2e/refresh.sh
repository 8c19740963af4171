# A refresh that is killed, or whose answer is lost, at a server that replaces refresh tokens and at one that does not: what the server still accepts is
# never lost, and what it does not is told as such. One integration's refresh holds up no other one.
. "$(dirname "$0")/lib.sh"
token=/oauth/2026-03/token
fault() { control fault "$1" >/dev/null; }
refreshes() { curl -s "$URL/_emulator/requests?last=1" | jq ".counts[\"POST $token\"] // 0"; }
state() { sql "select status from integrations where name='$1'"; }
forget() { sql "update integrations set token = json_set(token, '\$.obtainedMs', 1000) where name='$1'"; } # its token is past its life
add() { p add hubspot "$1" --base-url "$2" --credential clientId=emulator --credential clientSecret=emulator-secret --credential refreshToken=emulator-refresh >/dev/null; }
start_emulator hubspot --records 20 --seed 5
control rate '{"on":false}' >/dev/null
P=$WORK/model
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
add a "$URL"
p check a >/dev/null || bad "the first token" "none"
forget a
fresh() { # true|false: a copy of the project whose token is due, and a server that rotates or does not
  rm -rf "$WORK/p"
  cp -a "$WORK/model" "$WORK/p"
  P=$WORK/p
  control fault '{"clear":true}' >/dev/null
  control rotate "{\"on\":$1,\"anew\":true}" >/dev/null
  n=$(refreshes)
}
killed_asking() { # the server has taken the request, its answer is on the way
  fault "{\"path\":\"$token\",\"delay_ms\":60000,\"times\":1}"
  "$PERILUNE" -C "$P" check a >/dev/null 2>&1 & core=$!
  pids="$pids $core"
  while [ "$(refreshes)" -eq "$n" ] && kill -0 "$core" 2>/dev/null; do :; done
  kill -9 "$core"
  wait "$core" 2>/dev/null
}

# ---- killed while the answer was under way ----
fresh true
killed_asking
check "killed while it asks: that it asked is on disk" true "$(sql "select token ->> 'refreshing' > 0 from integrations where name='a'" | sed 's/1/true/')"
check_exit "a rotating server has forgotten the old one" 1 p check a
check "which was tried once" $((n + 2)) "$(refreshes)"
check "then the login is over" needs_reauth "$(state a)"
check_has "told as a token that was lost" "$(cat "$WORK/err")" "while it asked for a new one, which was lost"
check_has "with the command that mends it" "$(cat "$WORK/err")" "perilune auth a"
fresh false
killed_asking
check_exit "killed while it asks, the server does not rotate: it goes on" 0 p check a
check "with the old one, once" "$((n + 2)) active" "$(refreshes) $(state a)"
check "and nothing is left of it" "" "$(sql "select token ->> 'refreshing' from integrations where name='a'")"

# ---- the answer did not come whole ----
for how in '"cut":"body"' '"garbage":true'; do
  fresh true
  fault "{\"path\":\"$token\",$how,\"times\":1}"
  check_exit "lost answer ($how) of a rotating server" 1 p check a
  check "the old one is tried once more ($how)" "$((n + 2)) needs_reauth" "$(refreshes) $(state a)"
  check_has "told as lost, with the command ($how)" "$(grep 'perilune auth a' "$WORK/err")" "lost on the way"
  fresh false
  fault "{\"path\":\"$token\",$how,\"times\":1}"
  check_exit "lost answer ($how), no rotation: it goes on" 0 p check a
  check "with one more request ($how)" "$((n + 2)) active" "$(refreshes) $(state a)"
done

# ---- killed at each write and flush around the commit, at a server that rotates ----
before=0 lost=0 kept=0
killed_at() { # CALL N: N 0 only counts
  LD_PRELOAD="$TOOLS/failing.so" FAILING_CALL=$1 FAILING_AT=$2 FAILING_DO=kill FAILING_COUNT="$WORK/count" "$PERILUNE" -C "$P" check a >/dev/null 2>&1
  [ $? -eq 137 ] || [ "$2" -eq 0 ] || bad "kill at $1 $2" "it was not killed"
}
# tries CALL N: killed there, and then what the next one makes of it; sets found
tries() {
  fresh true
  killed_at "$1" "$2"
  where="$1 $2" found=$(($(refreshes) - n))$(sql "select token ->> 'obtainedMs' > 1000 from integrations where name='a'")
  case $found in
    00) before=$((before + 1))
      p check a >/dev/null 2>"$WORK/err" || bad "killed before it asked ($where)" "$(cat "$WORK/err")" ;;
    10) lost=$((lost + 1))
      p check a >/dev/null 2>"$WORK/err" && bad "killed before it kept ($where)" "it went on"
      [ "$(refreshes) $(state a)" = "$((n + 2)) needs_reauth" ] && grep -q 'which was lost; log in again: perilune auth a' "$WORK/err" || bad "killed before it kept ($where)" "$(state a) $(cat "$WORK/err")" ;;
    11) kept=$((kept + 1))
      p check a >/dev/null 2>"$WORK/err" && [ "$(refreshes)" -eq $((n + 1)) ] || bad "killed after it kept ($where)" "$(refreshes) $(cat "$WORK/err")"
      forget a
      p check a >/dev/null 2>"$WORK/err" || bad "the new refresh token after a kill ($where)" "$(cat "$WORK/err")" ;;
    *) bad "killed at $where" "kept what nobody gave" ;;
  esac
}
for kind in fsync write; do
  fresh true
  rm -f "$WORK/count"
  killed_at $kind 0
  low=1 high=$(awk '{ print $2 }' "$WORK/count")
  while [ $low -lt "$high" ]; do # the first one after it has asked
    middle=$(((low + high) / 2))
    tries $kind $middle
    if [ "$found" = 00 ]; then low=$((middle + 1)); else high=$middle; fi
  done
  tries $kind $((low - 1))
  found=
  while [ "$found" != 11 ]; do tries $kind $low; low=$((low + 1)); done
  tries $kind $low
done
echo "# killed before it asked: $before, before it kept: $lost, after: $kept"
check "killed on both sides of the commit, what the server still accepts is never lost" true "$([ $before -gt 0 ] && [ $lost -gt 0 ] && [ $kept -gt 0 ] && echo true)"

# ---- what is no end of a login, and what no new token helps ----
fresh false
fault "{\"path\":\"$token\",\"status\":429,\"times\":-1,\"retryAfter\":900}"
r=$(p sync a --entity contact --json 2>/dev/null)
check "a token endpoint that asks for a quarter of an hour stops the run" "stopped true" "$(field "$r" '"\(.data.status) \(.data.resumesAt > (now + 800 | todate))"')"
check "which ends no login" "$((n + 1)) active" "$(refreshes) $(state a)"
fresh false # what the API takes for no token at all has "expired" in 1970, it says
fault "{\"path\":\"$token\",\"status\":200,\"times\":-1,\"body\":\"{\\\"access_token\\\":\\\"access-token\\\",\\\"refresh_token\\\":\\\"emulator-refresh\\\",\\\"expires_in\\\":1800}\"}"
check_exit "a token that ended in 1970" 1 p check a
check_has "is refused as credentials_refused" "$(p check a --json 2>&1)" credentials_refused
check "after one refresh, for good" "$((n + 1)) active" "$(refreshes) $(state a)"

# ---- one waits, the other one goes on ----
fresh false
sql "update integrations set token = json_set(token, '\$.obtainedMs', $(date +%s)000) where name='a'" # good until the API refuses it, in the midst of its run
slow=$URL
start_emulator hubspot --records 20 --seed 6
control rate '{"on":false}' >/dev/null
add b "$URL"
URL=$slow
fault "{\"path\":\"$token\",\"delay_ms\":60000,\"times\":1}"
fault '{"path":"/crm/objects/*","status":401,"times":1}'
"$PERILUNE" -C "$P" sync a b >"$WORK/both" 2>&1 & core=$!
pids="$pids $core"
run() { sql "select r.status from runs r join integrations i on i.id = r.integration_id where i.name='$1'" 2>/dev/null | xargs; }
while { [ "$(run b)" != ok ] || [ "$(refreshes)" -eq "$n" ]; } && kill -0 "$core" 2>/dev/null; do :; done
check "while one waits for its token the other one's run ends" "running ok $((n + 1))" "$(run a) $(run b) $(refreshes)"
kill -9 "$core"
wait "$core" 2>/dev/null
check_exit "and the one that waited goes on after a kill" 0 p sync a
finish
