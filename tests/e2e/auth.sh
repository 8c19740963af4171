# perilune auth against the HubSpot emulator, with curl as the browser: the whole login offline, and everything that can go wrong on the way.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 40
P=$WORK/auth
"$PERILUNE" init "$P" --quiet >/dev/null

# begin ARG…: starts a login in the background and waits for its address; sets LOGIN (pid), ADDRESS, REDIRECT, STATE
begin() {
  rm -f "$WORK/said"
  mkfifo "$WORK/said"
  "$PERILUNE" -C "$P" auth crm "$@" >"$WORK/result" 2>"$WORK/said" </dev/null &
  LOGIN=$!
  pids="$pids $LOGIN"
  exec 7<"$WORK/said"
  ADDRESS=""
  while [ -z "$ADDRESS" ] && read -r line <&7; do
    case $line in http*) ADDRESS=$line ;; *) echo "$line" >>"$WORK/err" ;; esac
  done
  query=${ADDRESS#*\?}
  REDIRECT=$(printf '%s' "$query" | tr '&' '\n' | sed -n 's/^redirect_uri=//p' | sed 's/%3A/:/g; s/%2F/\//g')
  STATE=$(printf '%s' "$query" | tr '&' '\n' | sed -n 's/^state=//p')
}
# ended: waits for that login; sets CODE and ERR
ended() {
  ERR=$(cat <&7)
  exec 7<&-
  wait "$LOGIN"
  CODE=$?
}
go() { curl -s -o "$WORK/page" -w '%{http_code}' "$@"; }
status() { sql "select status from integrations where name='crm'"; }

# ---- before ----
p add hubspot crm --base-url "$URL" --credential clientId=emulator --credential clientSecret=emulator-secret >/dev/null 2>"$WORK/err"
check_has "add says what comes next" "$(cat "$WORK/err")" "perilune auth crm"
check "it waits for its login" pending "$(status)"
check_exit "a sync without a login" 1 p sync crm
check_has "names the command" "$(cat "$WORK/err")" "perilune auth crm"
check_exit "and so does check" 1 p check crm

# ---- refused, wrong, forged ----
begin
check "another path is nothing" 404 "$(go "${REDIRECT%callback}other")"
check "no state is refused" 400 "$(go "$REDIRECT?code=x")"
check "a wrong state is refused" 400 "$(go "$REDIRECT?code=x&state=wrong")"
check_has "with words" "$(cat "$WORK/page")" "not the login that perilune waits for"
check "two states are none" 400 "$(go "$REDIRECT?code=x&state=$STATE&state=$STATE")"
check "a refusal ends it" 200 "$(go "$REDIRECT?error=access_denied&error_description=%3Cb%3Eno%3C%2Fb%3E&state=$STATE")"
check_not "its page is escaped" "$(cat "$WORK/page")" "<b>no"
ended
check "a refused consent is an error" 1 "$CODE"
check_has "that is explained" "$ERR" "did not agree"
check "nothing was kept" pending "$(status)"
begin
go "$REDIRECT?code=nonsense&state=$STATE" >/dev/null
ended
check_has "a code that has expired or was never given" "$CODE $ERR" "the code has expired"
begin
forged=$(printf '%s' "$ADDRESS" | sed 's/code_challenge=[^&]*/code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/')
go -L "$forged" >/dev/null
ended
check_has "a verifier that does not fit" "$CODE $ERR" "code verifier does not match"
begin
kill -INT "$LOGIN"
ended
check "Ctrl-C ends it" 1 "$CODE"
check_has "and changes nothing" "$ERR" "interrupted"

# ---- a good one ----
begin --json
check_not "the address holds no secret" "$ADDRESS" emulator-secret
check_has "but a challenge" "$ADDRESS" "code_challenge_method=S256"
location=$(curl -s -o /dev/null -w '%{redirect_url}' "$ADDRESS")
check "the browser comes back" 200 "$(go "$location")"
check_has "to a small page" "$(cat "$WORK/page")" "perilune has your consent"
ended
check "it worked" "0 active true" "$CODE $(jq -r '.data | "\(.status) \(.renews)"' "$WORK/result")"
check "and the integration is active" active "$(status)"
check_not "no token is shown" "$(cat "$WORK/result")$ERR" emulator-refresh
check "nothing of it lies open in the database" 0 "$(sql "select count(*) from integrations where credentials || token || settings like '%emulator-%'")"
check "it syncs" ok "$(field "$(p sync crm --entity contact --json)" .data.status)"

# ---- again: data and cursors stay ----
rows=$(sql "select count(*) from integration_data") cursor=$(sql "select position, high from cursors order by 1")
control revoke '{}' >/dev/null
sql "update integrations set status='needs_reauth'"
port=$(printf '%s' "$URL" | sed 's/.*://')
check_exit "a port that is taken" 1 p auth crm --port "$port"
check_has "is named" "$(cat "$WORK/err")" "$port"
begin --redirect http://127.0.0.1:0/callback 2>/dev/null
ended
check "a redirect without a port is refused" 1 "$CODE"
rm -f "$WORK/said"
mkfifo "$WORK/said" "$WORK/typed"
"$PERILUNE" -C "$P" auth crm --manual >"$WORK/result" 2>"$WORK/said" <"$WORK/typed" &
LOGIN=$!
pids="$pids $LOGIN"
exec 7<"$WORK/said" 8>"$WORK/typed"
while read -r line <&7; do case $line in http*) ADDRESS=$line; break ;; esac; done
location=$(curl -s -o /dev/null -w '%{redirect_url}' "$ADDRESS")
echo "$location" >&8
exec 8>&-
ended
check "a pasted redirect does as well" "0 active" "$CODE $(status)"
check "rows and cursors are what they were" "$rows $cursor" "$(sql "select count(*) from integration_data") $(sql "select position, high from cursors order by 1")"
check_exit "the same once more is another login's" 1 sh -c "echo '$location' | '$PERILUNE' -C '$P' auth crm --manual"
echo "$location" | "$PERILUNE" -C "$P" auth crm --manual >/dev/null 2>"$WORK/err"
check_has "by its state" "$(cat "$WORK/err")" "state is not the one of this login"

# ---- the end ----
check_has "removing gives the token back" "$(p remove crm 2>&1)" "its token was given back"
finish
