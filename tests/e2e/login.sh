# Logins without a browser, against a provider that is known by its issuer alone: devices, client credentials, signed assertions, hosts that nobody
# trusted; what a login keeps and what it takes away.
. "$(dirname "$0")/lib.sh"
P=$WORK/login
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
cp "$ROOT/tests/e2e/fixtures/id.lua" "$ROOT/tests/e2e/fixtures/id_emulator.lua" "$P/connectors/"
sed 's/connector "id"/connector "idb"/; s/auth = oauth2 {/&\n    client_auth = "basic",/' "$P/connectors/id.lua" >"$P/connectors/idb.lua"
cd "$P" && start_emulator id
cd "$ROOT" || exit 1
check_exit "the connector and its emulator" 0 p validate
openssl genrsa -out "$WORK/key.pem" 2048 2>/dev/null
openssl rsa -in "$WORK/key.pem" -pubout -out "$WORK/public.pem" 2>/dev/null
add() { # NAME CLIENT [ARG…]
  name=$1 client=$2
  shift 2
  p add "${TYPE:-id}" "$name" --base-url "$URL" --credential "clientId=$client" "$@" >/dev/null 2>"$WORK/err" || bad "add $name" "$(cat "$WORK/err")"
}
status() { sql "select status from integrations where name='$1'"; }
last() { control last '{}' | jq -r "$1"; }
user() { control user "$1" >/dev/null; }
told() { control told "$1" >/dev/null; }
books() { curl -s "$URL/_emulator/requests?last=1" | jq '.counts["GET /books"]'; }
forget() { sql "update integrations set token = json_set(token, '\$.obtainedMs', 1000) where name='$1'"; }

# ---- another device ----
add far app --credential "clientSecret=a secret+"
check_exit "before the login" 1 p sync far
check_has "the one command is named" "$(cat "$WORK/err")" "perilune auth far"
check "and nothing is asked" 0 "$(last .asked)"
user '{"answer":"agree","polls":1}'
check_exit "a device that is allowed at the second question" 0 p auth far --device
check_has "the page is shown" "$(cat "$WORK/err")" "$URL/activate"
check_has "and the code" "$(cat "$WORK/err")" "MOON-7"
check_not "the device code is not" "$(cat "$WORK/err")" device-code-1
check "the login works" "active B7" "$(status far) $(sql "select json_extract(settings, '\$.kept.shelf') from integrations where name='far'")"
check "it syncs" "ok 40" "$(p sync far --json | jq -r '"\(.data.status) \(.data.recordsProcessed)"')"
forget far
check_exit "its refresh token renews the token" 0 p check far
forget far
check_exit "and the one that replaced it" 0 p check far
check "three of them by now" refresh-token-2 "$(last .form.refresh_token)"
check "a refresh says the connector's params, and the client's secret" "north a secret+" "$(last '.form | "\(.tenant) \(.client_secret)"')"
user '{"answer":"access_denied"}'
check_exit "a device that is refused" 1 p auth far --device
check_has "is told" "$(cat "$WORK/err")" "did not agree"
user '{"answer":"expired_token"}'
check_exit "a code that nobody entered" 1 p auth far --device
check_has "is told too" "$(cat "$WORK/err")" "nobody entered the code in time"
check "the login before it holds" "active 40" "$(status far) $(p sync far --json | jq -r .data.recordsProcessed)"

# ---- a new grant without a refresh token takes the old one away ----
check "a refresh token is kept, sealed" 1 "$(sql "select json_extract(credentials, '\$.refreshToken') is not null from integrations where name='far'")"
user '{"answer":"agree","refresh":false,"life":1}'
check_exit "a login without one" 0 p auth far --device
check_has "says so" "$(cat "$WORK/out")" "there is no refresh token"
check "the old one is gone" 0 "$(sql "select json_extract(credentials, '\$.refreshToken') is not null from integrations where name='far'")"
control expire '{}' >/dev/null
check_exit "when that token has ended" 1 p check far
check "the login has" needs_reauth "$(status far)"
check_has "with the one command" "$(cat "$WORK/err")" "perilune auth far"
check_has "status says it" "$(p status far)" "perilune auth far"
user '{"answer":"agree"}'
check_exit "a login mends it" 0 p auth far --device
check "for good" "active 40" "$(status far) $(p sync far --json | jq -r .data.recordsProcessed)"

# ---- nobody to ask ----
add bot app --credential "clientSecret=a secret+" --setting tenant=south
check_exit "client credentials" 0 p auth bot --grant client_credentials
check "with the scopes and params of the connector" "books offline_access south" "$(last '.form | "\(.scope) \(.tenant)"')"
n=$(sql "select token ->> 'obtainedMs' from integrations where name='bot'")
forget bot
check_exit "the token is asked for again when it ends" 0 p check bot
check "the same way" client_credentials "$(last .form.grant_type)"
control expire '{}' >/dev/null
check_exit "and when it is refused" 0 p check bot
TYPE=idb add basic basic --credential "clientSecret=a secret+"
check_exit "the secret in Basic" 0 p auth basic --grant client_credentials
check "and not in the form" null "$(last .form.client_secret)"
add stranger app --credential "clientSecret=another"
check_exit "a wrong secret" 1 p auth stranger --grant client_credentials
check_has "is called so" "$(cat "$WORK/err")" "its secret is wrong"
check "and keeps nothing" pending "$(status stranger)"

add signer app --credential "privateKey=@$WORK/key.pem" --setting clerk=ana@example.com
check_exit "a key alone is enough: a signed assertion" 0 p auth signer
jwt=$(last .form.assertion)
part() { printf '%s' "$jwt" | cut -d. -f"$1" | tr -- -_ +/ | sed 's/$/==/' | base64 -di 2>/dev/null; }
check "signed as RS256" RS256 "$(part 1 | jq -r .alg)"
check "its claims" "app ana@example.com $URL/token 180" "$(part 2 | jq -r '"\(.iss) \(.sub) \(.aud) \(.exp - .iat)"')"
part 3 >"$WORK/signature"
printf '%s' "${jwt%.*}" | openssl dgst -sha256 -verify "$WORK/public.pem" -signature "$WORK/signature" >"$WORK/verified" 2>&1
check "and openssl finds its signature good" "Verified OK" "$(cat "$WORK/verified")"
forget signer
check_exit "the next token" 0 p check signer
check "has an assertion of its own" true "$([ "$jwt" != "$(last .form.assertion)" ] && echo true)"
check_has "a grant that the connector has not" "$(p auth signer --grant password 2>&1)" "does not offer a login by password"

# ---- whom the document sends us to ----
told "{\"tokens\":\"http://localhost:${URL##*:}\"}"
check_exit "a token endpoint on a host that nobody trusted" 1 p auth bot --grant client_credentials
check_has "is named, with the way out" "$(cat "$WORK/err")" "perilune auth bot --trust http://localhost:${URL##*:}"
check_exit "--trust of another host helps nothing" 1 p auth bot --grant client_credentials --trust http://localhost:1
check_exit "of this one does" 0 p auth bot --grant client_credentials --trust "http://localhost:${URL##*:}"
check_exit "and is remembered" 0 p auth bot --grant client_credentials
forget bot
check_exit "by the refresh too" 0 p check bot
told '{"issuer":"http://127.0.0.1:1"}'
check_exit "a document that speaks for another issuer" 1 p auth bot --grant client_credentials
check_has "is not used" "$(cat "$WORK/err")" "speaks for issuer 'http://127.0.0.1:1'"
told '{}'
control fault '{"path":"/.well-known/*","status":404,"times":-1}' >/dev/null
check_exit "no document" 1 p auth bot --grant client_credentials
check_has "is told" "$(cat "$WORK/err")" "no discovery document there"
check_exit "and a login that was kept needs none" 0 p check bot
control fault '{"clear":true}' >/dev/null

# ---- a database that is busy when the login is to be kept ----
control fault '{"path":"/books","cut":"hang","times":1}' >/dev/null
n=$(books)
"$PERILUNE" -C "$P" sync far >/dev/null 2>&1 & busy=$!
pids="$pids $busy"
while [ "$(books)" = "$n" ] && kill -0 "$busy" 2>/dev/null; do :; done
mkfifo "$WORK/waits"
"$PERILUNE" -C "$P" auth bot --grant client_credentials >"$WORK/result" 2>"$WORK/waits" & login=$!
pids="$pids $login"
while read -r line; do
  case $line in *"waiting for it, to keep the login"*) echo "$line" >"$WORK/waited"; kill -9 "$busy"; break ;; esac
done <"$WORK/waits"
wait "$login"
check "a login waits for a busy database" "0 1" "$? $(grep -c . "$WORK/waited")"
check_has "and is kept" "$(cat "$WORK/result")" "bot is logged in"
wait "$busy" 2>/dev/null

# ---- a refresh of a client that shows itself in Basic ----
TYPE=idb add apart basic --credential "clientSecret=a secret+" --setting tenant=east
user '{"answer":"agree"}'
check_exit "a device of a client in Basic" 0 p auth apart --device
forget apart
check_exit "its refresh is in Basic too" 0 p check apart
check "with the params, and no secret in the form" "refresh_token east null" "$(last '.form | "\(.grant_type) \(.tenant) \(.client_secret)"')"

# ---- the end ----
control fault '{"path":"/revoke","status":503,"times":-1}' >/dev/null
check_has "a token that could not be given back is told" "$(p remove bot 2>&1)" "503"
control fault '{"clear":true}' >/dev/null
check_has "one that could, too" "$(p remove far 2>&1)" "its token was given back"
check_has "it was the refresh token" "$(last .revoked)" refresh-token-
check "nothing of it lies open" 0 "$(cat "$P"/perilune.db* | grep -c -a -e 'refresh-token-[0-9]' -e 'PRIVATE KEY')"
finish
