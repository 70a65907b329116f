#!/usr/bin/env bash
# real_tree.sh TREE [CHANGES]: syncs a copy of a real tree to an own sshd on loopback, makes CHANGES changes on each side,
# syncs again and compares the two trees exactly (types, bytes, modes, mtimes in ns, link targets); the next run must plan
# nothing. Needs twsync on the PATH. Prints one line for each step; ends with PASS or the difference.
set -euo pipefail
support=$(cd "$(dirname "$0")" && pwd)
tree=$1 changes=${2:-1000}

work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-real-XXXXXX")
cleanup() {
  bash "$support/sshd.sh" stop "$work/server" 2>/dev/null || true
  if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
fail() { echo "FAIL: $*"; exit 1; }

port=22840
while (exec 3<>"/dev/tcp/127.0.0.4/$port") 2>/dev/null; do port=$((port + 1)); done
bash "$support/sshd.sh" start "$work/server" 127.0.0.4 "$port"
options=(--state-dir "$work/state" --ssh-port "$port" --ssh-key "$work/server/client_key" --known-hosts "$work/server/known_hosts")
target="$(id -un)@127.0.0.4:$work/deploy"
mkdir "$work/deploy"
cp -a "$tree" "$work/code"
rm -rf "$work/code/.twsync"

sync_now() { twsync sync "$work/code" "$target" "${options[@]}" --json >"$work/out" || fail "sync ended with $?: $(tail -1 "$work/out")"; tail -1 "$work/out"; }
field() { sed -n "s/.*\"$1\":\([0-9a-z.]*\).*/\1/p" <<<"$2"; }

echo "== first sync of $(find "$work/code" | wc -l) entries"
summary=$(sync_now)
echo "$summary"
bash "$support/compare_trees.sh" "$work/code" "$work/deploy" || fail "the trees differ after the first sync"

echo "== about $changes changes on each side"
PARITY=even bash "$support/change_tree.sh" "$work/code" one "$changes"
PARITY=odd bash "$support/change_tree.sh" "$work/deploy" two "$changes"
twsync sync "$work/code" "$target" "${options[@]}" --dry-run --json >"$work/dry"
planned=$(grep -c '"event":"operation"' "$work/dry" || true)
summary=$(sync_now)
echo "$summary"
[ "$(field in_sync "$summary")" = true ] || fail "not in sync after the changes"
[ "$planned" -ge "$changes" ] || fail "only $planned operations were planned for the changes"
bash "$support/compare_trees.sh" "$work/code" "$work/deploy" || fail "the trees differ after the changes"

echo "== nothing left to do"
summary=$(sync_now)
echo "$summary"
[ "$(field operations "$summary")" = 0 ] || fail "the next run planned operations: $(cat "$work/out")"
echo "PASS: dry run planned $planned operations, both trees equal"
