# docs/promises.md names the tests that prove each promise: each file is there, and in it each check by its name. Promises without a proof are none.
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

# A row of a table: "| promise | `file` "name", "name" · `file` … |" -> "file<TAB>name" (name empty: the file alone)
proofs() {
  awk -F'|' '/^\|/ && NF == 4 && $3 !~ /^ *(proof|---)/ {
    n = split($3, part, "`"); file = ""
    for (i = 1; i <= n; i++) {
      if (i % 2 == 0) { file = part[i]; print file "\t" NR "\t"; continue }
      m = split(part[i], name, "\"")
      for (k = 2; k <= m; k += 2) print file "\t" NR "\t" name[k]
    }
    if (file == "") print "\t" NR "\t"
  }' docs/promises.md
}
proofs >"$WORK/proofs"
tab=$(printf '\t')
while IFS=$tab read -r file line name; do
  if [ -z "$file" ]; then echo "docs/promises.md:$line has no proof"
  elif [ ! -f "$file" ]; then echo "docs/promises.md:$line: there is no $file"
  elif [ -n "$name" ] && ! grep -qF -e "$name" "$file"; then echo "docs/promises.md:$line: $file has no \"$name\""
  fi
done <"$WORK/proofs" >"$WORK/wrong"
check "every promise is proved by a test that is there" "" "$(cat "$WORK/wrong")"
check "there are promises" true "$([ "$(wc -l <"$WORK/proofs")" -ge 40 ] && echo true)"
# every end-to-end script that is named belongs to `make test`: it stands in tests/e2e, and the runner takes all of them
check "the runner runs what is named" "" "$(cut -f1 "$WORK/proofs" | grep '^tests/e2e/' | sort -u | while read -r f; do sh -n "$f" || echo "$f"; done)"
finish
