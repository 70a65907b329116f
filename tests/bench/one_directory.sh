#!/usr/bin/env bash
# one_directory.sh [ENTRIES]: a directory of 1,000,000 (or ENTRIES) small files over an own sshd on loopback: the first sync,
# one with nothing changed, and ten edits in each of the two. Prints seconds and the peak of the summed PSS of all processes
# on each side; ends with 1 when the trees differ or a run did more or less than it should.
# Environment: TWSYNC_BIN (default build/bin), BENCH_DIR where to work (default /var/tmp; some 10 GB and 4 million inodes).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
entries=${1:-1000000}
bin=${TWSYNC_BIN:-$top/build/bin}
work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/twsync-one-XXXXXX")
cleanup() {
  bash "$top/tests/support/sshd.sh" stop "$work/server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() { echo "FAIL: $*"; exit 1; }

port=22960
while (exec 3<>"/dev/tcp/127.0.0.9/$port") 2>/dev/null; do port=$((port + 1)); done
bash "$top/tests/support/sshd.sh" start "$work/server" 127.0.0.9 "$port"
sshd=$(cat "$work/server/sshd.pid")
mkdir -p "$work/code/all" "$work/deploy"
python3 - "$work/code/all" "$entries" <<'PY'
import os, sys
os.chdir(sys.argv[1])
for n in range(int(sys.argv[2])):
    with open("entry-%07d" % n, "w") as f: f.write("content of %d\n" % n)
PY
sync -f "$work/code"

run() { # run NAME OPERATIONS
  local start end count
  start=$(date +%s.%N)
  python3 "$here/peak_pss.py" "$work/pss" "$sshd" "$bin/twsync" --state-dir "$work/state" sync "$work/code" "$(id -un)@127.0.0.9:$work/deploy" \
    --ssh-port "$port" --ssh-key "$work/server/client_key" --known-hosts "$work/server/known_hosts" --json >"$work/out" 2>"$work/err" || fail "$1: $(tail -1 "$work/err") $(tail -1 "$work/out")"
  end=$(date +%s.%N)
  count=$(tail -1 "$work/out" | sed -n 's/.*"operations":\([0-9]*\).*/\1/p')
  [ "$count" = "$2" ] || fail "$1: $count operations instead of $2"
  awk -v name="$1" -v a="$start" -v b="$end" '{ printf "%-8s %7.1f s   peak PSS: code side %.0f MB, deploy side %.0f MB\n", name, b - a, $1 / 1024, $2 / 1024 }' "$work/pss"
}

# The directory itself, and its time that is set last.
run first $((entries + 2))
run nothing 0
for n in 0 1 2 3 4 5 6 7 8 9; do
  echo edited >>"$work/code/all/entry-000000$n"
  echo edited >>"$work/deploy/all/entry-000001$n"
done
run edits 20
[ "$(find "$work/deploy/all" -type f | wc -l)" = "$entries" ] || fail "not all entries arrived"
bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" || fail "the trees differ"
