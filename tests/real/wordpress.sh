# WordPress itself, as Debian packages it: everything is read once, then what changed; every row is compared with what WordPress answers.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/site/start.sh"
for tool in php mariadbd mariadb-install-db setpriv; do
  command -v "$tool" >/dev/null 2>&1 || { echo "skip WordPress: $tool is not installed"; exit 0; }
done
[ -d /usr/share/wordpress ] || { echo "skip WordPress: the package wordpress is not installed"; exit 0; }
php -m | grep -qx mysqli || { echo "skip WordPress: php-mysql is not installed"; exit 0; }

now_ms() { date +%s%3N; }
began=$(now_ms)
start_site || { echo "not ok WordPress: it did not start: $(tail -5 "$WORK/db.log" "$WORK/server.log" 2>&1)"; exit 1; }
started=$(now_ms)
check "500 posts are seeded" 500 "$(site seed 500 100)"
seeded=$(now_ms)
figure() { echo "figure $1: $2"; }
figure "WordPress $(sed -n "s/^\$wp_version = '\(.*\)';/\1/p" "$SITE/wp-includes/version.php")" "start $((started - began)) ms, 500 posts $((seeded - started)) ms, $(memory_of "$DATABASE") + $(memory_of "$SERVER") MB"

P=$WORK/project
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
p add wordpress blog --setting "site=$SITE_URL" --setting user=admin --credential "applicationPassword=$PASSWORD" --base-url "$SITE_URL" >"$WORK/out" 2>&1 || bad "add" "$(cat "$WORK/out")"

requests() { grep -c '\[[0-9]*\]: GET ' "$WORK/server.log"; }
# run NAME ARG…: a sync; its result is R, what WordPress was asked is ASKED
run() {
  before=$(requests)
  name=$1
  shift
  R=$("$TOOLS/peak" "$WORK/peak" "$PERILUNE" -C "$P" sync "$@" --json 2>"$WORK/err")
  ASKED=$(($(requests) - before))
  figure "$name" "$(field "$R" '.data | "\(.recordsProcessed) records, \(.requests) requests, \(.bytes) bytes, \(.duration) ms"'), $(cat "$WORK/peak")"
}
counted() { field "$R" '.data | "\(.status) \(.created) \(.updated) \(.deleted) \(.rejected)"'; }

statuses=publish,future,draft,pending,private
# What WordPress has, and what the table has, a JSON list a line.
theirs() {
  n=1 most=1
  while [ "$n" -le "$most" ]; do
    curl -s -D "$WORK/head" -u "admin:$PASSWORD" "$SITE_URL/?rest_route=/wp/v2/posts&context=edit&status=$statuses&per_page=100&page=$n&orderby=id&order=asc" |
      jq -c '.[] | [(.id|tostring), .title.raw, .modified_gmt + ".000Z", .status, (.slug, .content.raw, .excerpt.raw | if . == "" then null else . end), (.author|tostring), .link, .sticky, (if .date_gmt then .date_gmt + ".000Z" else null end), (.categories, .tags | map(tostring))]'
    most=$(tr -d '\r' <"$WORK/head" | sed -n 's/^X-WP-TotalPages: //p')
    n=$((n + 1))
  done | sort
}
ours() {
  sqlite3 "$P/perilune.db" "select json_array(external_id, data->>'title', data->>'updatedAt', data->>'status', data->>'slug', data->>'content', data->>'excerpt', data->>'author',
    data->>'link', json(case data->>'sticky' when 1 then 'true' else 'false' end), data->>'publishedAt', data->'categories', data->'tags')
    from integration_data where entity_type = 'post' and deleted_at is null ${1:+and integration_id = (select id from integrations where name = '$1')}" | jq -c . | sort
}
# Which posts differ, in which values (theirs, ours); at most three of each.
differences() {
  jq -n -c --slurpfile a "$WORK/theirs" --slurpfile b "$WORK/ours" '
    def by_id: map({key: .[0], value: .}) | from_entries;
    ($a | by_id) as $t | ($b | by_id) as $o
    | ([$a[][0] | select($o[.] == null)] | {"no row": .[:3]}), ([$b[][0] | select($t[.] == null)] | {"no post": .[:3]}),
      ([$a[] | . as $x | $o[$x[0]] | select(. != null) as $y | [range(0; $x | length) | select($x[.] != $y[.]) | [$x[.], $y[.]]] | select(. != [])] | .[:3])' | cut -c 1-600
}
# same NAME: every row equals every post
same() {
  theirs >"$WORK/theirs"
  ours blog >"$WORK/ours"
  if cmp -s "$WORK/theirs" "$WORK/ours"; then ok "$1 ($(grep -c . "$WORK/ours") rows)"; else bad "$1" "$(differences)"; fi
}

# ---- the connection ----
check_exit "check works" 0 p check blog
printf '%s' "wrong wrong" | p add wordpress wrong --setting "site=$SITE_URL" --setting user=admin --credential applicationPassword=- --base-url "$SITE_URL" >/dev/null 2>&1
p check wrong >"$WORK/out" 2>&1
check "a wrong password fails" true "$([ $? -ne 0 ] && echo true)"
check_has "and is named" "$(cat "$WORK/out")" "does not know this user"
p remove wrong >/dev/null 2>&1

# ---- everything ----
run "full" blog
check "everything is read" "ok 503 0 0 0" "$(counted)" # a page that WordPress brings, two categories of its own
check "all posts" 500 "$(field "$R" .data.entities.post.created)"
check "the requests it says are the requests WordPress saw" "$ASKED" "$(field "$R" .data.requests)"
check "a request a page, and one each for the other streams" true "$([ "$ASKED" -le 10 ] && echo true)"
asking=$(now_ms)
same "every row is what WordPress answers"
figure "the same posts by curl and jq" "$(($(now_ms) - asking)) ms"
check "equal stamps at a page's edge are all there" 100 "$(sql "select count(*) from integration_data where entity_type='post' and data->>'updatedAt' = '2023-11-14T22:13:20.000Z'")"
id=$(sql "select external_id from integration_data where entity_type='post' limit 1 offset 3")
check "the raw record is what WordPress sent" "$(wp GET "/wp/v2/posts&context=edit&include=$id" | jq -cS '.[0]')" "$(sql "select raw from integration_data where entity_type='post' and external_id='$id'" | jq -cS .)"

run "nothing changed" blog
check "nothing changed, nothing written" "ok 0 0 0 0" "$(counted)"
check "and little is asked" true "$([ "$ASKED" -le 4 ] && echo true)"

# ---- changes ----
ids=$(site ids 10 17 | jq -r '.[]')
n=0
for id in $ids; do
  n=$((n + 1))
  if [ "$n" -le 12 ]; then wp POST "/wp/v2/posts/$id" "{\"title\":\"Changed ✎ $n\"}" >/dev/null; else wp DELETE "/wp/v2/posts/$id" >/dev/null; fi
done
for n in 1 2 3 4 5 6 7 8; do wp POST /wp/v2/posts "{\"title\":\"New $n\",\"content\":\"c\",\"status\":\"$([ $n = 3 ] && echo draft || echo publish)\"}" >/dev/null; done
run "25 changed" blog --entity post
check "12 changed, 8 new, 5 trashed" "ok 8 12 5 0" "$(counted)"
check "only those are read" true "$([ "$(field "$R" .data.recordsProcessed)" -le 27 ] && echo true)"
check "in one request" 1 "$ASKED"
check "the trashed are tombstones" 5 "$(sql "select count(*) from integration_data where entity_type='post' and deleted_at is not null")"
same "every row after the changes"
check "the counters equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null")" "$(sql "select data_count from integrations where name='blog'")"

run "once more" blog --entity post
check "a tombstone is counted once" "ok 0 0 0 0" "$(counted)"

back=$(printf '%s\n' $ids | tail -1)
wp POST "/wp/v2/posts/$back" '{"status":"publish"}' >/dev/null
run "one out of the trash" blog --entity post
check "what leaves the trash is a row again" 4 "$(sql "select count(*) from integration_data where entity_type='post' and deleted_at is not null")"
same "every row after that"

# ---- whole seconds ----
stamp=$(site touch 20 250)
run "250 in one second" blog --entity post
check "250 posts changed in one second, over three pages" "ok 0 250 0 0" "$(counted)"
same "every row with one stamp"
check "another 60 in that very second" "$stamp" "$(site touch 300 60 "$stamp")"
run "60 in the second of the cursor" blog --entity post
check "what came later in the second that was read last is found" "ok 0 60 0 0" "$(counted)"
same "every row with that stamp"

# ---- stamps in the future: WordPress stamps a scheduled post as modified on the day it is due ----
wp POST /wp/v2/posts "{\"title\":\"Tomorrow\",\"content\":\"c\",\"status\":\"future\",\"date_gmt\":\"$(date -u -d '+3 days' +%Y-%m-%dT%H:%M:%S)\"}" >/dev/null
run "a scheduled post" blog --entity post
check "a scheduled post is a row" "ok 1 0 0 0" "$(counted)"
wp POST "/wp/v2/posts/$back" '{"title":"Changed after the scheduled one was read"}' >/dev/null
run "a change after it" blog --entity post
check "a stamp in the future does not hide today's changes" "ok 0 1 0 0" "$(counted)"
same "every row with a scheduled one"

# ---- pages that move ----
site fault '{"pages":1}' >/dev/null
run "a page past the end" blog --entity post --full
check "a page past the end is the end" "ok 0 0 0 0" "$(counted)"
check "WordPress did refuse one" 1 "$(grep -c '\[400\]: GET ' "$WORK/server.log")"
site fault '' >/dev/null
deleted=$(site delete 480 3)
run "3 deleted for good" blog --entity post --full
check "what is gone for good is found by a full read" "ok 0 0 $deleted 0" "$(counted)"
same "every row after a deletion for good"
site fault "{\"page\":2,\"delete\":$(site ids 5 4)}" >/dev/null
run "4 deleted while it is read" blog --entity post --full
theirs >"$WORK/theirs"
ours blog >"$WORK/ours"
check "posts that slid over a page's edge, past the reader, are not lost" "" "$(comm -23 "$WORK/theirs" "$WORK/ours" | cut -c 1-100 | head -3)"
check "that took one request more" 7 "$ASKED"
run "the next full read" blog --entity post --full
same "and the next one is right as well"

# ---- the other address, a narrower user ----
p add wordpress pretty --setting "site=$SITE_URL" --setting user=admin --setting version=wp-json --credential "applicationPassword=$PASSWORD" --base-url "$SITE_URL" >/dev/null 2>&1
run "/wp-json" pretty --entity post
check "the other address works" "ok" "$(field "$R" .data.status)"
theirs >"$WORK/theirs"
ours pretty >"$WORK/ours"
check "with the same rows" true "$(cmp -s "$WORK/theirs" "$WORK/ours" && echo true)"
p add wordpress nowhere --setting "site=$SITE_URL/readme.html" --setting user=admin --credential "applicationPassword=$PASSWORD" --base-url "$SITE_URL/readme.html" >/dev/null 2>&1
p check nowhere >"$WORK/out" 2>&1
check "a site that is none fails" true "$([ $? -ne 0 ] && echo true)"
check "the database is sound" ok "$(sql 'pragma integrity_check')"
figure "memory after all" "$(memory_of "$DATABASE") + $(memory_of "$SERVER") MB"
finish
