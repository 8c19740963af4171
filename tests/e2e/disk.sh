# A full disk, and a database that may not be written: what was found and the way out are said, nothing that was kept is lost, and with room again the next
# sync goes on. A full disk is a small tmpfs where this user may mount one, and always a limit on the size of files.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 1500 --seed 5
control rate '{"on":false}' >/dev/null
rows() { sql "select entity_type, external_id, data from integration_data order by 1, 2"; }
project calm
p sync crm --quiet >/dev/null
rows >"$WORK/want"
sound() { sql 'pragma integrity_check'; }

project limited
(ulimit -f 1200; trap '' XFSZ; exec "$PERILUNE" -C "$P" sync crm --json) >"$WORK/out" 2>"$WORK/err"
check "no file may grow: the run fails" 1 $?
check_has "with the file" "$(cat "$WORK/out")" "perilune.db"
check "what was kept is sound" "ok true" "$(sound) $([ "$(sql 'select count(*) from integration_data')" -lt "$(wc -l <"$WORK/want")" ] && echo true)"
r=$(p sync crm --json)
rows >"$WORK/got"
check "with room, the next sync has all" "ok " "$(field "$r" .data.status) $(diff "$WORK/want" "$WORK/got" | head -3)"
check "no run is left running" 0 "$(sql "select count(*) from runs where status='running'")"

if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
  project small
  # all of it inside one mount namespace, which goes with the shell
  PERILUNE=$PERILUNE P=$P unshare -m sh -c '
    cp -a "$P" "$P.copy" && mount -t tmpfs -o size=3m tmpfs "$P" && cp -a "$P.copy/." "$P" || exit 9
    "$PERILUNE" -C "$P" sync crm --json >"$P.full" 2>&1
    sqlite3 "$P/perilune.db" "pragma integrity_check" >"$P.sound"
    mount -o remount,size=64m "$P"
    "$PERILUNE" -C "$P" sync crm --json >"$P.room" 2>&1
    sqlite3 "$P/perilune.db" "select entity_type, external_id, data from integration_data order by 1, 2" >"$P.rows"'
  check "a full file system: the run ends by name" disk_full "$(jq -r .error.code <"$P.full")"
  check_has "with the way out" "$(cat "$P.full")" "is full"
  check "the file is sound" ok "$(cat "$P.sound")"
  check "with room, the next sync has all" "ok " "$(jq -r .data.status <"$P.room") $(diff "$WORK/want" "$P.rows" | head -3)"
  # read-only: root writes everywhere but there
  project fixed
  PERILUNE=$PERILUNE P=$P unshare -m sh -c '
    mount --bind "$P" "$P" && mount -o remount,bind,ro "$P" || exit 9
    "$PERILUNE" -C "$P" sync crm --json >"$P.ro" 2>&1; echo $? >"$P.code"'
  check "a read-only file system is named" "1 read_only" "$(cat "$P.code") $(jq -r .error.code <"$P.ro")"
  check_has "with the file and the way out" "$(cat "$P.ro")" "right to write"
  r=$(p sync crm --json)
  check "writable again, it syncs" ok "$(field "$r" .data.status)"
else
  echo "# not root, or no mount namespaces: a small tmpfs and a read-only one are not tried"
  project fixed
  p sync crm --quiet >/dev/null
  chmod 555 "$P" && chmod 444 "$P"/perilune.db*
  r=$(p sync crm --json 2>"$WORK/err")
  check "a read-only folder is named" read_only "$(field "$r" .error.code)"
  chmod 755 "$P" && chmod 644 "$P"/perilune.db*
  r=$(p sync crm --json)
  check "writable again, it syncs" ok "$(field "$r" .data.status)"
fi
finish
