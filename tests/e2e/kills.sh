# The small version of `make torture`: see tests/torture/kills.sh.
TORTURE_KILLS=${KILLS:-12} TORTURE_RECORDS=${RECORDS:-1500} TORTURE_SEED=${TORTURE_SEED:-12345} TORTURE_SECONDS=${TORTURE_SECONDS:-25}
. "$(dirname "$0")/../torture/kills.sh"
