#!/usr/bin/env bash
# real_tree.sh: the proof on real input. The linux-source-6.1 tree (TREE=DIR: another one) is synced to an own sshd on loopback,
# changed in about CHANGES (default 1300: some picks meet, at least 1000 stay) places on each side, synced and compared exactly; the next run must plan nothing.
# Environment: TREE, CACHE as in vs_peers.sh; TWSYNC_BIN (default build/bin); TMPDIR where to work.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/bench/linux_tree.sh
. "$here/linux_tree.sh"
export PATH=${TWSYNC_BIN:-$top/build/bin}:$PATH
changes=${CHANGES:-1300}
[ "$changes" -ge 1300 ] || { echo "CHANGES must be at least 1300" >&2; exit 2; }
tree=${TREE:-$(linux_tree)}
exec bash "$top/tests/support/real_tree.sh" "$tree" "$changes"
