# tests/real/site/start.sh: a private WordPress from Debian's packages in $WORK: its own MariaDB (data and socket there, no port) and PHP's own
# server on loopback. Sourced after lib.sh; start_site sets SITE, SITE_PORT, DATABASE, SERVER, PASSWORD. Only what was started here is ended, by id.
REAL=$(cd "$(dirname "$0")" && pwd)
groups=""
end_groups() {
  for group in $groups; do kill -- "-$group" 2>/dev/null; done
  for group in $groups; do wait "$group" 2>/dev/null; done
  groups=""
}
trap 'end_groups; cleanup' EXIT

# as USER COMMAND…: replaces this process by the command, as that user if we are root, and leads a process group (PHP's workers outlive their master)
as() {
  user=$1
  shift
  if [ "$(id -u)" = 0 ]; then exec setsid setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"; fi
  exec setsid "$@"
}

start_database() {
  mkdir -p "$WORK/db"
  [ "$(id -u)" != 0 ] || chown mysql "$WORK/db"
  user=$(if [ "$(id -u)" = 0 ]; then echo mysql; else id -un; fi)
  mariadb-install-db --no-defaults --user="$user" --datadir="$WORK/db" --auth-root-authentication-method=normal --skip-test-db >"$WORK/db.log" 2>&1 || return 1
  SITE_SOCKET=$WORK/db/s
  export SITE_SOCKET
  (as mysql mariadbd --no-defaults --datadir="$WORK/db" --socket="$SITE_SOCKET" --pid-file="$WORK/db/pid" --skip-networking --innodb-buffer-pool-size=64M \
    --innodb-flush-log-at-trx-commit=0) >>"$WORK/db.log" 2>&1 &
  DATABASE=$!
  groups="$groups $DATABASE"
  mariadb-admin --no-defaults --socket="$SITE_SOCKET" -u root --connect-timeout=2 --wait=30 ping >/dev/null 2>&1 || return 1
  mariadb --no-defaults --socket="$SITE_SOCKET" -u root -e "CREATE DATABASE wordpress CHARACTER SET utf8mb4; CREATE USER wordpress@localhost IDENTIFIED BY 'wordpress'; GRANT ALL ON wordpress.* TO wordpress@localhost"
}

site() { (cd "$SITE" && php -d memory_limit=512M "$REAL/site/site.php" "$@"); }

start_site() {
  chmod 711 "$WORK"
  start_database || { tail -5 "$WORK/db.log"; return 1; }
  SITE=$WORK/site
  cp -rL /usr/share/wordpress "$SITE" && cp "$REAL/site/wp-config.php" "$SITE/" || return 1
  mkdir -p "$SITE/wp-content/mu-plugins" && cp "$REAL/site/faults.php" "$SITE/wp-content/mu-plugins/"
  SITE_PORT=$(php -r '$s = stream_socket_server("tcp://127.0.0.1:0"); echo substr(strrchr(stream_socket_get_name($s, false), ":"), 1);')
  export SITE_PORT
  PASSWORD=$(site install) || return 1
  # workers write their log lines where a user without rights may: a descriptor opened here
  (export PHP_CLI_SERVER_WORKERS=4; as nobody php -d memory_limit=256M -S "127.0.0.1:$SITE_PORT" -t "$SITE") >"$WORK/server.log" 2>&1 &
  SERVER=$!
  groups="$groups $SERVER"
  SITE_URL=http://127.0.0.1:$SITE_PORT
  curl -s -o /dev/null --retry 30 --retry-connrefused --retry-delay 1 --max-time 60 "$SITE_URL/?rest_route=/"
}

# wp METHOD ROUTE [JSON]: what WordPress itself answers
wp() {
  if [ $# -gt 2 ]; then curl -s -X "$1" -u "admin:$PASSWORD" -H 'Content-Type: application/json' -d "$3" "$SITE_URL/?rest_route=$2"
  else curl -s -X "$1" -u "admin:$PASSWORD" "$SITE_URL/?rest_route=$2"; fi
}
# memory of a group's processes in MB (resident, shared pages counted once a process)
memory_of() { ps -o rss= -g "$1" | awk '{ n += $1 } END { printf "%d", n / 1024 }'; }
