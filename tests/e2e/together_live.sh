#!/usr/bin/env bash
# TOGETHER with the services running: an edit of one file of the directory brings all that waits in it, and what can't
# be carried holds all of it.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"

echo "TOGETHER=repo" >>"$work/conf.sh"
mkdir -p "$work/code/repo/locked" "$work/code/repo/sub"
for name in a b locked/c sub/d; do echo old >"$work/code/repo/$name"; done
for role in "${roles[@]}"; do start_role "$role"; done
eventually "the first sync" settled

for name in a b sub/d; do echo new >"$work/code/repo/$name"; done
eventually "edits of three files" same "$work/code/repo/sub/d" "$work/deploy/repo/sub/d"
eventually "the rest of them" settled
echo back >"$work/deploy/repo/b"
rm "$work/deploy/repo/sub/d"
eventually "an edit and a deletion over there" settled
[ "$(cat "$work/code/repo/b")" = back ] && [ ! -e "$work/code/repo/sub/d" ] || fail "$(find "$work/code")"
echo "ok what changes in it live is carried both ways"

chattr +i "$work/deploy/repo/locked" 2>/dev/null || { echo "SKIPPED: no immutable directories here"; exit 0; }
trap 'chattr -i "$work/deploy/repo/locked" 2>/dev/null; cleanup' EXIT
items() { "$bin/twsync" conflicts "${options[@]}" --json 2>/dev/null || true; }
parked() { items | grep 'repo/locked/c' | grep -q 'nothing of repo was carried'; }
echo held >"$work/code/repo/locked/c"
eventually "the parked item" parked
echo held >"$work/code/repo/a"
echo flows >"$work/code/beside"
eventually "what is beside it" same "$work/code/beside" "$work/deploy/beside"
eventually "quiet" quiet
[ "$(cat "$work/deploy/repo/a")" = new ] || fail "a part of it arrived"
chattr -i "$work/deploy/repo/locked"
echo more >"$work/code/repo/b"
eventually "all of it, with the next edit in it" settled
[ "$(cat "$work/deploy/repo/locked/c")" = held ] && [ "$(cat "$work/deploy/repo/a")" = held ] || fail "$(find "$work/deploy")"
echo "ok what can't be carried holds all of it, and the next edit brings it"
