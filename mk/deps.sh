#!/bin/sh
# mk/deps.sh SET…: installs the Debian packages of the named sets that are missing; says what it does. Sets: build test lint bench real
set -eu
packages=""
for set in "$@"; do
  case $set in
    build) packages="$packages gcc libc6-dev pkg-config liblua5.4-dev libcurl4-openssl-dev libsqlite3-dev libssl-dev libuv1-dev libmicrohttpd-dev libseccomp-dev libxxhash-dev zlib1g-dev tzdata" ;;
    test)  packages="$packages libcmocka-dev openssl clang libclang-rt-14-dev valgrind strace faketime sqlite3 curl jq lua5.4" ;;
    lint)  packages="$packages clang-tidy clang-format cppcheck lua-check" ;;
    bench) packages="$packages nginx-light nodejs npm" ;;
    real)  packages="$packages wordpress mariadb-server php-cli php-mysql nodejs npm" ;;
    *) echo "mk/deps.sh: unknown set '$set'" >&2; exit 2 ;;
  esac
done
missing=""
for p in $packages; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' && continue
  # nodejs may have come another way
  case $p in nodejs) command -v node >/dev/null 2>&1 && continue ;; npm) command -v npm >/dev/null 2>&1 && continue ;; esac
  missing="$missing $p"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "perilune needs these packages, and there is no apt-get to install them:$missing" >&2; exit 1; }
sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo "perilune needs these packages; as root run: apt-get install$missing" >&2; exit 1; }
  sudo=sudo
fi
echo "installing Debian packages:$missing"
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
