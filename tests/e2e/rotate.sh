# Where the key may come from, and its rotation, killed at each system call that changes something: afterwards every credential opens, and the rotation can be run again.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 5 --seed 4
control rate '{"on":false}' >/dev/null
project base
p add hubspot other --base-url "$URL" --credential accessToken=pat-emulator >/dev/null
mv "$P" "$WORK/model"

# killed at the Nth call of each kind, until there is no Nth
kills=0 unreadable=0 stuck=0 left=0
for call in pwrite64 write fsync fdatasync ftruncate rename unlink; do
  n=0
  while [ $n -lt 80 ]; do
    n=$((n + 1))
    rm -rf "$WORK/p"
    cp -a "$WORK/model" "$WORK/p"
    P=$WORK/p
    strace -f -o /dev/null -e inject="$call:signal=KILL:when=$n" "$PERILUNE" -C "$P" key rotate >/dev/null 2>&1 && break
    kills=$((kills + 1))
    # both the killed database as it is, and what the next rotation makes of it
    p check other >/dev/null 2>"$WORK/err" || { unreadable=$((unreadable + 1)); echo "unreadable after $call $n: $(head -c 300 "$WORK/err")"; }
    p key rotate >/dev/null 2>"$WORK/err" || { stuck=$((stuck + 1)); echo "stuck after $call $n: $(head -c 300 "$WORK/err")"; }
    case $n in *5) p check crm >/dev/null 2>"$WORK/err" || { unreadable=$((unreadable + 1)); echo "unreadable after the second, $call $n: $(head -c 300 "$WORK/err")"; } ;; esac
    [ "$(wc -l <"$P/perilune.key")" -eq 1 ] && [ ! -e "$P/perilune.key.new" ] || { left=$((left + 1)); echo "left over after $call $n: $(ls "$P")"; }
  done
done 2>&1 # the shell's own remarks on killed children
check "rotations were killed" true "$([ $kills -ge 50 ] && echo true)"
echo "# $kills kills"
check "after each kill every credential opened" 0 $unreadable
check "and the rotation could be run again" 0 $stuck
check "and left one key and no second file" 0 $left

# the order of places: a systemd credential, the file, the environment
P=$WORK/model
key=$(cat "$P/perilune.key")
mkdir "$WORK/credentials"
cp "$P/perilune.key" "$WORK/credentials/perilune.key"
chmod 400 "$WORK/credentials/perilune.key"
mv "$P/perilune.key" "$WORK/away.key"
check_exit "without any key" 1 p check crm
check_has "by name" "$(cat "$WORK/err")" no_key
check_exit "a systemd credential" 0 env CREDENTIALS_DIRECTORY="$WORK/credentials" "$PERILUNE" -C "$P" check crm
check_exit "the environment" 0 env PERILUNE_KEY="$key" "$PERILUNE" -C "$P" check crm
check_exit "a file elsewhere" 0 p --key-file "$WORK/away.key" check crm
check "init makes no key file then" 0 "$(PERILUNE_KEY=$key "$PERILUNE" init "$P" --quiet; ls "$P" | grep -c 'perilune\.key')"
check_has "doctor names the environment" "$(PERILUNE_KEY=$key "$PERILUNE" -C "$P" doctor)" "the poorest place"
check "doctor names the credential" "systemd credential" "$(CREDENTIALS_DIRECTORY=$WORK/credentials "$PERILUNE" -C "$P" doctor --json | jq -r .data.keySource)"
"$PERILUNE" init "$WORK/stranger" --quiet >/dev/null
wrong=$(cat "$WORK/stranger/perilune.key")
cp "$WORK/away.key" "$P/perilune.key"
check_exit "the file goes before the environment" 0 env PERILUNE_KEY="$wrong" "$PERILUNE" -C "$P" check crm
chmod 600 "$WORK/credentials/perilune.key"
echo "$wrong" >"$WORK/credentials/perilune.key"
check_exit "the credential goes before the file" 1 env CREDENTIALS_DIRECTORY="$WORK/credentials" "$PERILUNE" -C "$P" check crm
check_has "and is named where it is wrong" "$(cat "$WORK/err")" "$WORK/credentials/perilune.key does not open"
chmod 640 "$WORK/away.key"
check_exit "another file is looked at as closely" 1 p --key-file "$WORK/away.key" check crm
check_has "with the chmod" "$(cat "$WORK/err")" "chmod 600"
rm "$P/perilune.key"
check_exit "a key that is none" 1 env PERILUNE_KEY=hello "$PERILUNE" -C "$P" check crm
check_has "says so" "$(cat "$WORK/err")" "PERILUNE_KEY, line 1"
sum=$(cat "$P/perilune.db" | cksum)
check_exit "a wrong key" 1 env PERILUNE_KEY="$wrong" "$PERILUNE" -C "$P" sync crm
check "changes no byte of the database" "$sum" "$(cat "$P/perilune.db" | cksum)"
# nor does it migrate: the key is proved on a database of an older schema too
cp "$P/perilune.db" "$WORK/old.db"
sqlite3 "$WORK/old.db" "pragma user_version = 1" >/dev/null
check_exit "on an older schema" 1 env PERILUNE_KEY="$wrong" "$PERILUNE" -C "$P" --db "$WORK/old.db" sync crm
check_has "too" "$(cat "$WORK/err")" wrong_key
check "nothing is migrated" 1 "$(sqlite3 "$WORK/old.db" "pragma user_version")"

# the environment of the running process holds it no longer, and there is no core file
control fault '{"path":"/*","delay_ms":1500,"status":503,"times":1}' >/dev/null
PERILUNE_KEY=$key "$PERILUNE" -C "$P" check crm >/dev/null 2>&1 &
core=$!
pids="$pids $core"
until [ -n "$(cat "/proc/$core/task/$core/children" 2>/dev/null)" ] || ! kill -0 "$core" 2>/dev/null; do :; done
check "the environment of the process is clean" 0 "$(tr '\0' '\n' <"/proc/$core/environ" | grep -c "${key#* }")"
check_has "no core files" "$(cat "/proc/$core/limits")" "Max core file size        0                    0 "
wait "$core"

# rotation where perilune cannot write
check_exit "rotation says what to do" 2 env PERILUNE_KEY="$key" "$PERILUNE" -C "$P" key rotate
check_has "with the command" "$(cat "$WORK/err")" "key rotate --to FILE"
check_exit "the next text goes to a file" 0 env PERILUNE_KEY="$key" "$PERILUNE" -C "$P" key rotate --to "$WORK/next"
check_not "and to no terminal" "$(cat "$WORK/out" "$WORK/err")" "$(head -1 "$WORK/next" | cut -d' ' -f2)"
check "of its owner alone" 600 "$(stat -c %a "$WORK/next")"
check_exit "never over one" 1 env PERILUNE_KEY="$key" "$PERILUNE" -C "$P" key rotate --to "$WORK/next"
check_exit "until then the old one is in force" 0 env PERILUNE_KEY="$key" "$PERILUNE" -C "$P" check crm
check_exit "with both, the credentials go over" 0 env PERILUNE_KEY="$(cat "$WORK/next")" "$PERILUNE" -C "$P" key rotate
check_exit "the new one alone opens them" 0 env PERILUNE_KEY="$(head -1 "$WORK/next")" "$PERILUNE" -C "$P" check crm
check_exit "the old one does not" 1 env PERILUNE_KEY="$key" "$PERILUNE" -C "$P" check crm
finish
