#!/usr/bin/env bash
# A real two-way sync that you can watch: builds twsync, starts a second server (an own sshd on 127.0.0.2 with own keys;
# nothing of yours is touched), makes a code root out of a real source tree, exchanges keys, syncs, edits both sides,
# shows the dry run, the conflict and where the loser is, and proves with diff that both sides agree.
# Cleans up after itself; can be run again and again.   --ci: no pauses.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
ci=no
[ "${1:-}" = --ci ] && ci=yes

bold() { if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\033[1m%s\033[0m\n' "$*"; else printf '%s\n' "$*"; fi; }
step() { echo; bold "== $*"; if [ $ci = no ] && [ -t 0 ] && [ -t 1 ]; then sleep 1; fi; }
run() { printf '$ %s\n' "$*"; "$@"; }

step "Installing what building needs, and building"
bash "$top/tests/install.sh"
build=${TWSYNC_BUILD:-$top/build}
cmake -S "$top" -B "$build" -G Ninja >/dev/null
ninja -C "$build" twsync twsync-agent | tail -1
export PATH=$build/bin:$PATH

work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-demo-XXXXXX")
agent_pid=
cleanup() {
  bash "$top/tests/support/sshd.sh" stop "$work/server" 2>/dev/null || true
  if [ -n "$agent_pid" ]; then kill "$agent_pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

step "A second server: its own sshd on 127.0.0.2"
port=22922
while (exec 3<>"/dev/tcp/127.0.0.2/$port") 2>/dev/null; do port=$((port + 1)); done
run bash "$top/tests/support/sshd.sh" start "$work/server" 127.0.0.2 "$port"
fingerprint=$(ssh-keygen -lf "$work/server/host_key.pub" | cut -d' ' -f2)
echo "listening on 127.0.0.2:$port, host key $fingerprint"

step "A code root out of a real source tree"
mkdir -p "$work/code" "$work/deploy"
cp -a /usr/include/. "$work/code/" 2>/dev/null || true
(cd "$top" && tar -c --exclude=./build* --exclude=./.git .) | tar -x -C "$work/code"
find "$work/code" -xtype l -delete
echo "$(find "$work/code" -type f | wc -l) files, $(du -sh "$work/code" | cut -f1)"

cat >"$work/sync_config.sh" <<CONF
CODE_SERVER=127.0.0.1
DEPLOY_SERVER=127.0.0.2
CODE_PATH=$work/code
DEPLOY_PATH=$work/deploy
SSH_USER=$(id -un)
SSH_PORT=$port
CONFLICT_RESOLUTION=newer
CONF
chmod 600 "$work/sync_config.sh"
options=(--config "$work/sync_config.sh" --state-dir "$work/state")

step "Exchanging keys (the first login is by a key in an ssh-agent; a password would do as well)"
eval "$(ssh-agent -s)" >/dev/null
agent_pid=$SSH_AGENT_PID
ssh-add -q "$work/server/client_key"
run twsync keys exchange "${options[@]}" --accept-fingerprint "$fingerprint"
ssh-add -q -D
kill "$agent_pid"; agent_pid=
unset SSH_AUTH_SOCK SSH_AGENT_PID

step "First sync"
run twsync sync "${options[@]}"
diff -r --no-dereference --exclude=.twsync "$work/code" "$work/deploy" && echo "diff -r: both sides agree"

step "Edits on both sides: an edit here, an edit there, a rename, a deletion, and a conflict"
echo '// edited on the code server' >>"$work/code/stdio.h"
echo '// edited on the deploy server' >>"$work/deploy/stdlib.h"
mv "$work/code/linux" "$work/code/linux-renamed"
rm "$work/deploy/zlib.h" 2>/dev/null || rm "$work/deploy/math.h"
echo '// the code server says this' >>"$work/code/string.h"
echo '// the deploy server says that, later' >>"$work/deploy/string.h"
touch -d '+2 seconds' "$work/deploy/string.h" 2>/dev/null || true

step "What would be done (nothing is written)"
run twsync sync "${options[@]}" --dry-run

step "Do it"
run twsync sync "${options[@]}"

step "The conflict, and where the other version went"
run twsync conflicts "${options[@]}"
version=$(find "$work/code/.twsync" "$work/deploy/.twsync" -path '*/versions/*' -type f -exec grep -l 'the code server says this' {} + | head -1)
echo "the version that lost: ${version#"$work"/}"
tail -1 "$version"

step "Both sides agree"
diff -r --no-dereference --exclude=.twsync "$work/code" "$work/deploy"
[ -d "$work/deploy/linux-renamed" ] && [ ! -e "$work/deploy/linux" ]
tail -1 "$work/deploy/string.h" | grep -q 'deploy server says that'
tail -1 "$work/code/string.h" | grep -q 'deploy server says that'
echo "diff -r finds no difference; the rename, the deletion and the conflict's winner are on both sides"
run twsync sync "${options[@]}"
bold "Done."
