# npm's oidc-provider, certified as an OAuth and OpenID provider, on this machine: every way to a token against it, with curl as the user's browser;
# tokens that rotate during a sync, a grant that dies of reuse, codes that expired or were used, a consent that is refused, a provider that forgot.
. "$(dirname "$0")/../e2e/lib.sh"
REAL=$(cd "$(dirname "$0")" && pwd)
VERSION=9.13.3
FOLDER=$(dirname "$TOOLS")/real
for tool in node npm openssl; do
  command -v "$tool" >/dev/null 2>&1 || { echo "skip oidc-provider: $tool is not installed"; exit 0; }
done
[ "$(jq -r .version "$FOLDER/node_modules/oidc-provider/package.json" 2>/dev/null)" = "$VERSION" ] ||
  npm install --prefix "$FOLDER" --no-audit --no-fund --no-save --ignore-scripts --loglevel=error "oidc-provider@$VERSION" >"$WORK/npm" 2>&1 ||
  { echo "skip oidc-provider: npm cannot install oidc-provider@$VERSION ($(tail -1 "$WORK/npm"))"; exit 0; }

now_ms() { date +%s%3N; }
figure() { echo "figure $1: $2"; }
openssl genrsa -out "$WORK/key.pem" 2048 2>/dev/null
openssl rsa -in "$WORK/key.pem" -pubout -out "$WORK/public.pem" 2>/dev/null
openssl genrsa -out "$WORK/other.pem" 2048 2>/dev/null
# start_provider PORT: sets ISSUER and PROVIDER
start_provider() {
  rm -f "$WORK/provider"
  mkfifo "$WORK/provider"
  node "$REAL/oidc_provider.mjs" "$FOLDER" "$1" "$WORK/public.pem" >"$WORK/provider" 2>"$WORK/provider.err" &
  PROVIDER=$!
  pids="$pids $PROVIDER"
  read -r ISSUER <"$WORK/provider" || { echo "not ok oidc-provider: it did not start: $(head -c 400 "$WORK/provider.err")"; exit 1; }
}
began=$(now_ms)
start_provider 0
figure "oidc-provider $VERSION" "start $(($(now_ms) - began)) ms"

P=$WORK/project
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
cp "$REAL/oidc.lua" "$P/connectors/oidc.lua"
sed 's/connector "oidc"/connector "oidc_basic"/; s/auth = oauth2 {/&\n    client_auth = "basic",/' "$REAL/oidc.lua" >"$P/connectors/oidc_basic.lua"
add() { # NAME TYPE CLIENT [ARG…]
  name=$1 type=$2 client=$3
  shift 3
  p add "$type" "$name" --base-url "$ISSUER" --credential "clientId=$client" "$@" >/dev/null 2>"$WORK/err" || bad "add $name" "$(cat "$WORK/err")"
}
secret() { printf 'clientSecret=%s secret: +%%&=' "$1"; }
steer() { curl -s "$ISSUER/_test/set" -d "$1" >/dev/null; }
seen() { curl -s "$ISSUER/_test/seen" | jq -r "$1"; }
active() { curl -s "$ISSUER/_test/active" -d "$1"; }
status() { sql "select status from integrations where name='$1'"; }
rows() { sql "select count(*) from integration_data d join integrations i on i.id = d.integration_id where i.name='$1' and d.deleted_at is null"; }

# begin NAME ARG…: starts a login in the background and waits for its address; sets LOGIN, ADDRESS, REDIRECT, STATE
begin() {
  rm -f "$WORK/said"
  mkfifo "$WORK/said"
  "$PERILUNE" -C "$P" auth "$@" >"$WORK/result" 2>"$WORK/said" </dev/null &
  LOGIN=$!
  pids="$pids $LOGIN"
  exec 7<"$WORK/said"
  ADDRESS=""
  SAID=""
  while [ -z "$ADDRESS" ] && read -r line <&7; do
    SAID="$SAID
$line"
    case $line in http*) ADDRESS=$line ;; "or open http"*) ADDRESS=${line#or open } ;; esac
  done
  STATE=$(printf '%s' "$ADDRESS" | tr '?&' '\n\n' | sed -n 's/^state=//p')
}
ended() {
  ERR=$SAID$(cat <&7)
  exec 7<&-
  wait "$LOGIN"
  CODE=$?
}
browse() { rm -f "$WORK/jar"; curl -s -L -b "$WORK/jar" -c "$WORK/jar" -o "$WORK/page" -w '%{http_code} %{url_effective}' "$@"; }
# consented: the user agrees; sets BACK, the address that the browser is sent back to, without going there
consented() {
  rm -f "$WORK/jar"
  BACK=$ADDRESS
  while :; do
    BACK=$(curl -s -b "$WORK/jar" -c "$WORK/jar" -o /dev/null -w '%{redirect_url}' "$BACK")
    case $BACK in "$ISSUER"*) ;; *) break ;; esac
  done
}
go() { curl -s -o "$WORK/page" -w '%{http_code}' "$1"; }
login() { # NAME: the whole of a login by the browser
  begin "$@"
  browse "$ADDRESS" >/dev/null
  ended
}

# ---- by the browser, with each kind of client ----
add body oidc in-body --credential "$(secret in-body)"
check_exit "before a login there is nothing to sync with" 1 p sync body
check_has "the one command is named" "$(cat "$WORK/err")" "perilune auth body"
check "it waits for its login" pending "$(status body)"
begin body --json
check_has "the issuer's document is enough to find the page" "$ADDRESS" "$ISSUER/auth?response_type=code&client_id=in-body"
check_has "with a challenge" "$ADDRESS" "code_challenge_method=S256"
check_has "the browser walks through the login and comes back" "$(browse "$ADDRESS")" "200 http://127.0.0.1"
ended
check "secret in the body" "0 active true" "$CODE $(jq -r '.data | "\(.status) \(.renews)"' "$WORK/result")"
add basic oidc_basic in-basic --credential "$(secret in-basic)"
login basic
check "secret in Basic, with signs that need encoding" "0 active" "$CODE $(status basic)"
add open oidc public
login open
check "no secret, PKCE alone" "0 active" "$CODE $(status open)"
for name in body basic open; do
  R=$(p sync "$name" --json 2>"$WORK/err")
  check "$name syncs" "ok 120" "$(field "$R" .data.status) $(rows "$name")"
done
add wrong oidc in-body --credential "clientSecret=another secret"
login wrong
check_has "a wrong secret" "$CODE $ERR" "its secret is wrong"
check "keeps nothing" pending "$(status wrong)"
login wrong
printf '%s' "in-body secret: +%&=" | p set wrong --credential clientSecret=- >/dev/null 2>&1
login wrong
check "and the right one mends it" "0 active" "$CODE $(status wrong)"
check_has "removing it" "$(p remove wrong 2>&1)" "its token was given back"

# ---- what goes wrong on the way ----
add trial oidc in-body --credential "$(secret in-body)"
steer '{"refuse":true}'
login trial
steer '{"refuse":false}'
check_has "a refused consent" "$CODE $ERR" "1 "
check_has "in the provider's words too" "$ERR" "Ana does not want to"
steer '{"code":1}'
begin trial
consented
sleep 2.1
go "$BACK" >/dev/null
ended
steer '{"code":60}'
check_has "a code that expired" "$CODE $ERR" "the code has expired"
begin trial
consented
check "a state that was lost is not taken" 400 "$(go "$(printf '%s' "$BACK" | sed 's/state=[^&]*&\{0,1\}//')")"
check "nor another's" 400 "$(go "$(printf '%s' "$BACK" | sed "s/state=$STATE/state=AAAA/")")"
check "the right one still is" 200 "$(go "$BACK")"
ended
check "and the login works" "0 active" "$CODE $(status trial)"
begin trial
consented
go "$(printf '%s' "$BACK" | sed 's/iss=[^&]*/iss=https%3A%2F%2Fevil.example/')" >/dev/null
ended
check_has "an answer in the name of another issuer" "$CODE $ERR" "comes from issuer 'https://evil.example'"
begin trial
consented
go "$(printf '%s' "$BACK" | sed 's/&iss=[^&]*//')" >/dev/null
ended
check_has "and one without, from a provider that promises it" "$CODE $ERR" "its code was not used"
begin trial
consented
code=$(printf '%s' "$BACK" | tr '?&' '\n\n' | sed -n 's/^code=//p')
go "$BACK" >/dev/null
ended
check "a login" 0 "$CODE"
used=$(curl -s -o /dev/null -w '%{http_code}' "$ISSUER/token" -d grant_type=authorization_code -d "code=$code" -d code_verifier=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \
  -d "redirect_uri=http://127.0.0.1/callback" -d client_id=in-body --data-urlencode "client_secret=in-body secret: +%&=")
check "its code used again by a thief is refused" 400 "$used"

# ---- tokens that rotate while a sync runs ----
steer '{"life":2,"delay":200}'
login body
before=$(seen '.counts["refresh_token.consumed"] // 0')
began=$(now_ms)
R=$(p sync body --full --json 2>"$WORK/err")
took=$(($(now_ms) - began))
turns=$(($(seen '.counts["refresh_token.consumed"]') - before))
steer '{"delay":0}'
check "a sync across several ends of its token" "ok 120" "$(field "$R" .data.status) $(rows body)"
check "each with a new refresh token" true "$([ "$turns" -ge 2 ] && echo true)"
figure "sync over tokens of 2 s" "$took ms, $turns refreshes, $(seen '.counts.refused // 0') requests refused"
steer '{"life":3600}'

# ---- a refresh token that was used twice: the provider ends the grant ----
login body
sql "update integrations set token = json_set(token, '\$.obtainedMs', 1000, '\$.lifeMs', 2000) where name='body'"
stolen=$(seen '.refreshes[-1]')
p check body >/dev/null 2>&1
thief() { curl -s -o /dev/null -w '%{http_code}' "$ISSUER/token" -d grant_type=refresh_token -d "refresh_token=$1" -d client_id=in-body --data-urlencode "client_secret=in-body secret: +%&="; }
check "the old refresh token, used by another" 400 "$(thief "$stolen")"
check_exit "kills the grant: the next sync fails" 1 p sync body
check "as needs_reauth" needs_reauth "$(status body)"
check_has "with the one command" "$(cat "$WORK/err")" "perilune auth body"
check_has "status says it too" "$(p status body)" "perilune auth body"
check_has "sync --all passes it by" "$(p sync --all 2>&1)" "body is passed by"
login body
check "a new login mends it" "0 active" "$CODE $(status body)"
R=$(p sync body --json 2>"$WORK/err")
check "and it syncs on" "ok 120" "$(field "$R" .data.status) $(rows body)"

# ---- without a refresh token ----
add short oidc no-refresh --credential "$(secret no-refresh)"
login short
check "a provider that gives no refresh token" "0 active" "$CODE $(status short)"
check_has "is told when its token ends" "$(cat "$WORK/result")" "there is no refresh token"
steer '{"life":1}'
login short
steer '{"life":3600}'
sleep 1.2
check_exit "when it has ended" 1 p sync short
check "it needs a login" needs_reauth "$(status short)"
check_has "by the one command" "$(cat "$WORK/err")" "perilune auth short"
login short
check "which mends it" "0 active" "$CODE $(status short)"

# ---- by another device ----
agree() { # yes|abort: what the user does on the other device
  rm -f "$WORK/jar"
  curl -s -b "$WORK/jar" -c "$WORK/jar" "$ADDRESS" >"$WORK/form"
  xsrf=$(grep -o 'name="xsrf" value="[^"]*"' "$WORK/form" | head -1 | sed 's/.*value="//; s/"//')
  user=$(printf '%s' "$ADDRESS" | sed 's/.*user_code=//')
  curl -s -L -b "$WORK/jar" -c "$WORK/jar" -o "$WORK/page" "$ISSUER/device" -d "xsrf=$xsrf" -d "user_code=$user" -d "$1=yes"
}
add far oidc public
begin far --device
check_has "the code is shown" "$SAID" "and enter the code"
agree abort
ended
check_has "a device that is refused" "$CODE $ERR" "did not agree"
began=$(now_ms)
begin far --device
agree confirm
ended
check "a device that is allowed" "0 active" "$CODE $(status far)"
figure "login by device" "$(($(now_ms) - began)) ms"
R=$(p sync far --json 2>"$WORK/err")
check "syncs" "ok 120" "$(field "$R" .data.status) $(rows far)"
add farbody oidc in-body --credential "$(secret in-body)"
begin farbody --device
agree confirm
ended
check "and one with a secret" "0 active" "$CODE $(status farbody)"

# ---- nobody to ask: client credentials, a signed assertion ----
for kind in machine:oidc machine-basic:oidc_basic; do
  client=${kind%:*} type=${kind#*:}
  add "$client" "$type" "$client" --credential "$(secret "$client")"
  check_exit "$client: client credentials" 0 p auth "$client" --grant client_credentials
  R=$(p sync "$client" --json 2>"$WORK/err")
  check "$client syncs" "ok 120" "$(field "$R" .data.status) $(rows "$client")"
done
n=$(seen '.counts["grant client_credentials"]')
sql "update integrations set token = json_set(token, '\$.obtainedMs', 1000) where name='machine'"
check_exit "a token that has ended" 0 p check machine
check "is asked for again" $((n + 1)) "$(seen '.counts["grant client_credentials"]')"
check_has "a client that may not" "$(p auth body --grant client_credentials 2>&1)" "requested grant type is not allowed"
check "loses nothing by it" active "$(status body)"
add signer oidc signer --credential "$(secret signer)" --credential "privateKey=@$WORK/key.pem"
check_exit "a signed assertion" 0 p auth signer
R=$(p sync signer --json 2>"$WORK/err")
check "syncs" "ok 120" "$(field "$R" .data.status) $(rows signer)"
sql "update integrations set token = json_set(token, '\$.obtainedMs', 1000) where name='signer'"
check_exit "and is signed anew" 0 p check signer
check "twice in all" 2 "$(seen '.counts["grant urn:ietf:params:oauth:grant-type:jwt-bearer"]')"
p set signer --credential "privateKey=@$WORK/other.pem" >/dev/null 2>&1
check_exit "with another key" 1 p auth signer
check_has "it is refused" "$(cat "$WORK/err")" "gives this client no token by jwt (invalid_grant"

# ---- the end of a grant ----
last=$(seen '.refreshes[-1]')
login open
mine=$(seen '.refreshes[-1]')
check "a refresh token that is good" true "$(active "$mine")"
check_has "removing the integration gives it back" "$(p remove open 2>&1)" "its token was given back"
check "the provider has forgotten it" false "$(active "$mine")"

# ---- a provider that lost everything ----
port=${ISSUER##*:}
kill "$PROVIDER"
wait "$PROVIDER" 2>/dev/null
check_exit "while the provider is away a sync fails" 1 p sync basic
check_not "but no login ends" "$(status basic)" needs_reauth
start_provider "$port"
check_exit "one that came back without its grants" 1 p sync basic
check "needs a login" needs_reauth "$(status basic)"
check_has "the one command" "$(cat "$WORK/err")" "perilune auth basic"
R=$(p sync machine --json 2>"$WORK/err")
check "a client that asks for itself just asks again" ok "$(field "$R" .data.status)"
login basic
check "and a login mends the other" "0 active" "$CODE $(status basic)"
R=$(p sync basic --json 2>"$WORK/err")
check "which syncs" "ok 120" "$(field "$R" .data.status) $(rows basic)"

# ---- nothing of it lies about ----
for word in $(seen '.refreshes[-3:][]') "in-body secret"; do
  check "no secret in the clear in the database" 0 "$(cat "$P/perilune.db" "$P/perilune.db-wal" 2>/dev/null | grep -c -a -F "$word")"
done
finish
