# The documentation is true: commands run as printed, samples load, the reference is what the binary says, links lead somewhere.
# What runs is said by the words behind the fence:
#   ```sh run                  runs, from the page's scratch folder or wherever an earlier block of the page went
#   ```sh run fails            the same, and must fail
#   ```sh emulator             one `perilune emulate …` command: started, kept until the page ends; its port is replaced by a free one
#   ```lua mapping [PATH]      a mapping file: written to PATH (below where the page stands, else in a project of its own) and validated
#   ```lua connector [PATH]    a connector file, likewise;  ```lua emulator PATH and ```lua library PATH too
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
mkdir -p "$WORK/bin"
ln -s "$PERILUNE" "$WORK/bin/perilune"
PATH=$WORK/bin:$PATH
export PATH
pages="README.md CONTRIBUTING.md $(ls docs/*.md docs/reference/*.md)"

# ---- the reference is what the binary says ----
same() {
  perilune help "$2" >"$WORK/made"
  check "$1 is up to date (make docs)" "" "$(diff "$WORK/made" "$ROOT/$1" 2>&1 | head -4)"
}
same docs/reference/words.md --reference
same docs/reference/commands.md --commands
same lua/perilune.meta.lua --stubs
same share/man/perilune.1 --man

# ---- links ----
for page in $pages; do
  grep -o '](\([^)]*\))' "$page" | sed 's/^](//; s/)$//; s/#.*//' | sort -u | while read -r link; do
    case $link in ''|http://*|https://*|mailto:*) continue ;; esac
    [ -e "$(dirname "$page")/$link" ] || echo "$link"
  done >"$WORK/dead"
  check "links of $page" "" "$(tr '\n' ' ' <"$WORK/dead")"
done

# ---- functions and files that docs/architecture.md names in backticks with a room: `core/feed.c`, `peri_store_commit` ----
for name in $(grep -ho '`peri_[a-z0-9_]*`' docs/*.md | tr -d '`' | sort -u); do
  grep -rqw "$name" src || bad "name $name" "the docs name it, the code does not"
done
for file in $(grep -ho '`src/[a-z0-9_./-]*`\|`tests/[a-z0-9_./-]*`' README.md CONTRIBUTING.md docs/*.md | tr -d '`' | sort -u); do
  [ -e "$file" ] || bad "file $file" "the docs name it, it is not there"
done
ok "names of functions and files"

# ---- blocks ----
# Cuts a page into numbered files NNN.kind; the words behind the fence are in NNN.words, the line in NNN.line.
cut_blocks() {
  awk -v out="$2" '
    !inside && /^```(sh|lua) / { words = substr($0, 4); inside = 1; n++; file = sprintf("%s/%03d", out, n); print words > (file ".words"); print NR > (file ".line"); printf "" > (file ".body"); next }
    !inside && /^```/ { inside = 2; next }
    inside && /^```$/ { inside = 0; next }
    inside == 1 { print > (file ".body") }' "$1"
}
# A sample without a place gets a project of its own, where its connector may be unknown.
place_of() {
  first=$(sed -n 's/.*return \(mapping\|connector\|emulator\) "\([^"]*\)".*/\2/p' "$1" | head -1)
  type=$(sed -n 's/.*from *= *"\([^".]*\)\..*/\1/p' "$1" | head -1)
  case $2 in
    mapping) echo "mappings/${type:-hubspot}/$first.lua" ;;
    connector) echo "connectors/$first.lua" ;;
  esac
}
valid() { # NAME FOLDER FILE
  perilune -C "$2" validate >"$WORK/valid" 2>&1
  line=$(grep "^$3" "$WORK/valid" | head -2 | tr '\n' ' ')
  case $line in "$3: ok"*) ok "$1" ;; *) bad "$1" "${line:-$(head -3 "$WORK/valid" | tr '\n' ' ')}" ;; esac
}
samples=0
for page in $pages; do
  blocks=$WORK/blocks.$(echo "$page" | tr '/.' '__')
  here=$WORK/here.$(echo "$page" | tr '/.' '__')
  mkdir -p "$blocks" "$here"
  cut_blocks "$page" "$blocks"
  URL=""
  for body in "$blocks"/*.body; do
    [ -e "$body" ] || continue
    base=${body%.body}
    read -r language kind rest <"$base.words"
    name="$page:$(cat "$base.line")"
    case "$language $kind" in
      "sh run")
        [ -n "$URL" ] && sed -i "s|http://127.0.0.1:8055|$URL|g" "$body"
        { echo "cd '$here' || exit 1"; echo 'set -e'; cat "$body"; echo 'pwd >"$PLACE"'; } >"$base.sh"
        PLACE=$base.place timeout 120 sh "$base.sh" >"$base.out" 2>"$base.err" </dev/null
        code=$?
        case "$rest $code" in
          "fails 0") bad "$name" "it should fail" ;;
          "fails "*|" 0") ok "$name" ;;
          *) bad "$name" "exit $code: $(tail -c 400 "$base.err")" ;;
        esac
        [ -s "$base.place" ] && here=$(cat "$base.place") ;;
      "sh emulator")
        # shellcheck disable=SC2046
        set -- $(sed 's/^perilune emulate //; s/--port [0-9]*//; s/#.*//' "$body")
        was=$PWD
        cd "$here" && start_emulator "$@"
        cd "$was" || exit 1
        ok "$name" ;;
      "lua mapping"|"lua connector"|"lua emulator"|"lua library")
        samples=$((samples + 1))
        if [ -n "$rest" ]; then
          folder=$here at=$rest
        else
          folder=$WORK/sample.$samples at=$(place_of "$body" "$kind")
          perilune init "$folder" --quiet >/dev/null
        fi
        mkdir -p "$folder/$(dirname "$at")"
        cp "$body" "$folder/$at"
        case $kind in library) ok "$name" ;; *) valid "$name" "$folder" "$at" ;; esac ;;
    esac
  done
done
check "there are samples" true "$([ "$samples" -ge 20 ] && echo true)"
finish
