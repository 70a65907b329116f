#!/usr/bin/env bash
# WATCH=fanotify: edits on either side arrive by themselves with no inotify watch on either; where a process may not use
# fanotify, inotify does the same and status and doctor say so, with the command that mends it.
set -euo pipefail
WATCH=fanotify
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"

mkdir -p "$work/code/sub" "$work/outside"
cp -a "$top/common" "$work/code/"
watched() { # TEXT: what status says of the watches has this
  "$bin/twsync" status "${options[@]}" --json >"$work/status.json" 2>/dev/null
  grep -q "\"watch\":\"[^\"]*$1" "$work/status.json"
}
agents() { pgrep -f "twsync-agent.* --stdio" | while read -r pid; do
  if tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "HOME=$work/server/home"; then echo "$pid"; fi
done; }
watches() { # PID...: inotify watches of these processes
  local pid
  for pid in "$@"; do cat "/proc/$pid/fdinfo/"*; done 2>/dev/null | grep -c '^inotify ' || true
}

for role in "${roles[@]}"; do start_role "$role"; done
eventually "the first sync" same "$top/common/base/text.h" "$work/deploy/common/base/text.h"
both_say() { watched 'code: [^"]*fanotify' && watched 'deploy: [^"]*fanotify'; }
eventually "what the watches are" both_say
if watched 'instead of fanotify'; then
  echo "skip fanotify: not permitted here: $(grep -o '"watch":"[^"]*"' "$work/status.json")"
  exit 0
fi
live() { watched 'code: live (fanotify); deploy: live (fanotify)'; }
eventually "both sides watched by fanotify" live
eventually "quiet after the first sync" quiet
readarray -t there < <(agents)
[ "${#there[@]}" -ge 1 ] || fail "no agent runs"
count=$(watches "${pids[monitor]}" "${there[@]}")
[ "$count" -eq 0 ] || fail "$count inotify watches are held"
"$bin/twsync" doctor "${options[@]}" >"$work/doctor" || true
grep -q 'code: live (fanotify); deploy: live (fanotify)' "$work/doctor" || fail "doctor: $(cat "$work/doctor")"
echo "ok both sides are watched by fanotify, without one inotify watch"

echo edited >"$work/code/sub/a"
eventually "an edit of the code side" same "$work/code/sub/a" "$work/deploy/sub/a"
echo edited back >"$work/deploy/sub/a"
eventually "an edit of the deploy side" same "$work/deploy/sub/a" "$work/code/sub/a"
for from in code deploy; do
  to=$([ "$from" = code ] && echo deploy || echo code)
  mkdir -p "$work/$from/new-$from/deep/er" && echo x >"$work/$from/new-$from/deep/er/file"
  eventually "a new tree of $from" same "$work/$from/new-$from/deep/er/file" "$work/$to/new-$from/deep/er/file"
  mv "$work/$from/new-$from" "$work/$from/moved-$from"
  eventually "a moved directory of $from" same "$work/$from/moved-$from/deep/er/file" "$work/$to/moved-$from/deep/er/file"
  echo "in the moved one" >"$work/$from/moved-$from/deep/er/file"
  eventually "an edit in it" same "$work/$from/moved-$from/deep/er/file" "$work/$to/moved-$from/deep/er/file"
  mv "$work/$from/moved-$from" "$work/outside/"
  eventually "a directory of $from moved out of the root" gone "$work/$to/moved-$from"
  echo outside >"$work/outside/moved-$from/deep/er/file"
  mv "$work/outside/moved-$from" "$work/$from/back-$from"
  eventually "and moved in" same "$work/$from/back-$from/deep/er/file" "$work/$to/back-$from/deep/er/file"
  rm -r "$work/$from/back-$from"
  eventually "a deletion on $from" gone "$work/$to/back-$from"
done
eventually "quiet" quiet
echo "ok live edits, both ways"

for n in $(seq 10); do
  echo "code $n" >"$work/code/sub/edit$n"
  echo "deploy $n" >"$work/deploy/sub/back$n"
  "$bin/twsync" sync "${options[@]}" --json | tail -1 >"$work/summary"
  grep -q '"in_sync":true' "$work/summary" || fail "sync $n: $(cat "$work/summary")"
  same "$work/code/sub/edit$n" "$work/deploy/sub/edit$n" || fail "the code side's edit before sync $n"
  same "$work/deploy/sub/back$n" "$work/code/sub/back$n" || fail "the deploy side's edit before sync $n"
done
echo "ok what was changed before a sync is there after it"

storm_on_both_sides

stop_role monitor TERM
setpriv --bounding-set=-sys_admin "$bin/twsync-monitor" "${options[@]}" --log-stderr >>"$work/monitor.log" 2>&1 &
pids[monitor]=$!
refused() { watched 'code: degraded: all watched, by inotify instead of fanotify: this process lacks CAP_SYS_ADMIN'; }
eventually "the refusal in status" refused
"$bin/twsync" doctor "${options[@]}" --json >"$work/doctor" || true
grep '"check":"watch"' "$work/doctor" | grep -q '"result":"warning".*"mend":"\(run twsync-monitor as root\|install .*fanotify\.conf\)' || fail "doctor: $(cat "$work/doctor")"
echo "by inotify" >"$work/code/sub/by-inotify"
eventually "an edit seen by inotify instead" same "$work/code/sub/by-inotify" "$work/deploy/sub/by-inotify"
echo "ok without the right to it inotify watches, and status and doctor say so"
