# The small version of `make torture`: see tests/torture/kills.sh.
TORTURE_KILLS=${KILLS:-25} TORTURE_RECORDS=${RECORDS:-3000} TORTURE_SEED=${TORTURE_SEED:-12345} TORTURE_SECONDS=${TORTURE_SECONDS:-60}
. "$(dirname "$0")/../torture/kills.sh"
