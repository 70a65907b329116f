#!/usr/bin/env bash
# The services as separate processes over SSH: edits on either side arrive by themselves, nothing happens at rest, and
# kill -9 of any process in turn loses nothing.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"

mkdir -p "$work/code/sub"
cp -a "$top/common" "$work/code/"
echo one >"$work/deploy/from-deploy"

for role in "${roles[@]}"; do start_role "$role"; done
eventually "the first sync" same "$top/common/base/text.h" "$work/deploy/common/base/text.h"
eventually "the deploy side's file" same "$work/deploy/from-deploy" "$work/code/from-deploy"
eventually "quiet after the first sync" quiet
bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" >/dev/null || fail "the trees differ after the first sync"
echo "ok first sync by itself"

echo edited >"$work/code/sub/a"
eventually "an edit of the code side" same "$work/code/sub/a" "$work/deploy/sub/a"
echo edited back >"$work/deploy/sub/a"
eventually "an edit of the deploy side" same "$work/deploy/sub/a" "$work/code/sub/a"
mkdir -p "$work/deploy/new/deep/er" && echo x >"$work/deploy/new/deep/er/file"
eventually "a new tree" same "$work/deploy/new/deep/er/file" "$work/code/new/deep/er/file"
mv "$work/code/common" "$work/code/common-moved"
eventually "a moved directory" same "$work/code/common-moved/base/text.h" "$work/deploy/common-moved/base/text.h"
eventually "its old place" gone "$work/deploy/common"
rm -r "$work/deploy/new"
eventually "a deletion" gone "$work/code/new"
eventually "quiet" quiet
bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" >/dev/null || fail "the trees differ after live edits"
echo "ok live edits, both ways"

twsync_sync() { "$bin/twsync" sync "${options[@]}" --json | tail -1; }
summary=$(twsync_sync)
grep -q '"operations":0' <<<"$summary" || fail "at rest a sync still had something to do: $summary"
grep -q '"in_sync":true' <<<"$summary" || fail "at rest a sync is not in sync: $summary"
echo "ok a sync by hand goes through the service and finds nothing to do"

storm_on_both_sides

for role in "${roles[@]}"; do
  echo "before $role dies" >"$work/code/edit-$role"
  echo "before $role dies" >"$work/deploy/edit-back-$role"
  stop_role "$role" KILL
  echo "while $role is dead" >"$work/code/dead-$role"
  start_role "$role"
  eventually "the edit made before kill -9 of $role" same "$work/code/edit-$role" "$work/deploy/edit-$role"
  eventually "the deploy side's edit made before kill -9 of $role" same "$work/deploy/edit-back-$role" "$work/code/edit-back-$role"
  eventually "the edit made while $role was dead" same "$work/code/dead-$role" "$work/deploy/dead-$role"
  echo "ok kill -9 of $role"
done

for agent in $(pgrep -f 'twsync-agent-.* --stdio' || true); do
  if tr '\0' '\n' <"/proc/$agent/environ" 2>/dev/null | grep -qx "HOME=$work/server/home"; then kill -9 "$agent"; fi
done
echo "after the agents died" >"$work/code/after-agents"
eventually "an edit after kill -9 of the agents" same "$work/code/after-agents" "$work/deploy/after-agents"
echo "back after the agents died" >"$work/deploy/back-after-agents"
eventually "a deploy-side edit after kill -9 of the agents" same "$work/deploy/back-after-agents" "$work/code/back-after-agents"
echo "ok kill -9 of the agents"

eventually "quiet" quiet
bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" >/dev/null || fail "the trees differ at the end"
echo "ok both trees are equal at the end"
