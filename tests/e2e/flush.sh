#!/usr/bin/env bash
# `twsync sync` beside the services: what was changed before it was asked is on the other side when it answers, be it
# hinted (a cookie proves it) or not (then everything is looked at). New ignore rules hold at once.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"

for n in $(seq 300); do
  mkdir -p "$work/code/d$((n % 20))"
  echo "$n" >"$work/code/d$((n % 20))/f$n"
done
for role in "${roles[@]}"; do start_role "$role"; done
eventually "the first sync" same "$work/code/d0/f300" "$work/deploy/d0/f300"
eventually "quiet after the first sync" quiet

summary_of() { "$bin/twsync" sync "${options[@]}" "$@" --json | tail -1; }
in_sync() { grep -q '"in_sync":true' <<<"$1" || fail "not in sync: $1"; }

for n in $(seq 20); do
  echo "code $n" >"$work/code/d1/edit$n"
  echo "deploy $n" >"$work/deploy/d2/edit$n"
  mkdir -p "$work/code/new$n/below" && echo "$n" >"$work/code/new$n/below/file"
  [ "$n" -lt 3 ] || mv "$work/deploy/d2/edit$((n - 2))" "$work/deploy/d3/moved$((n - 2))"
  in_sync "$(summary_of)"
  bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" >"$work/compare" || fail "edits before sync $n are not there after it: $(cat "$work/compare")"
done
echo "ok what was changed before a sync is there after it, 20 times, both ways"

opened() { # reads of directories by the scanner so far
  strace -f -qq -c -e trace=getdents64 -p "${pids[scanner]}" -o "$work/trace" &
  tracer=$!
  eventually "strace" grep -q "TracerPid:[[:space:]]*[1-9]" "/proc/${pids[scanner]}/status"
  in_sync "$(summary_of "$@")"
  kill -INT "$tracer"
  wait "$tracer" || true
  awk '/getdents64/ { n += $4 } END { print n + 0 }' "$work/trace"
}
eventually "quiet" quiet
by_cookie=$(opened)
by_look=$(opened --from-cron)
[ "$by_cookie" -eq 0 ] || fail "a sync with both watches alive read $by_cookie times from directories"
[ "$by_look" -ge 20 ] || fail "a rescan read only $by_look times from directories"
echo "ok a sync at rest reads no directory, cron's rescan reads all"

stop_role monitor KILL
echo "unseen" >"$work/code/d4/unseen"
in_sync "$(summary_of)"
same "$work/code/d4/unseen" "$work/deploy/d4/unseen" || fail "without a monitor a sync did not look for changes"
start_role monitor
echo "ok without the monitor a sync looks at everything"

stop_role broker KILL
echo "while it was dead" >"$work/code/d5/unqueued"
rm -f "$work/state/queue.db"*
start_role broker
served() { "$bin/twsync" status "${options[@]}" --json | grep -q '"service":true'; }
eventually "the broker" served
in_sync "$(summary_of)"
same "$work/code/d5/unqueued" "$work/deploy/d5/unqueued" || fail "a sync after the queue was lost did not look for changes"
echo "ok hints that a lost queue took with it are not trusted"

python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/code/d6/socket"
for n in 1 2; do
  summary=$(summary_of)
  grep -q '"skipped":1' <<<"$summary" || fail "sync $n beside a socket: $summary"
done
rm "$work/code/d6/socket"
grep -q '"skipped":0' <<<"$(summary_of)" || fail "a socket that is gone is still skipped"
echo "ok what is skipped is told by every sync"

eventually "quiet" quiet
echo "d7/" >"$work/code/.twsyncignore"
in_sync "$(summary_of)"
echo "ignored" >"$work/code/d7/ignored"
echo "ignored there" >"$work/deploy/d7/ignored-there"
in_sync "$(summary_of)"
[ ! -e "$work/deploy/d7/ignored" ] || fail "a path was carried although it is ignored"
rm "$work/code/.twsyncignore"
in_sync "$(summary_of)"
same "$work/code/d7/ignored" "$work/deploy/d7/ignored" || fail "what is not ignored any more was not looked at"
same "$work/code/d7/ignored-there" "$work/deploy/d7/ignored-there" || fail "what is not ignored any more was not looked at on the deploy side"
echo "later" >"$work/deploy/d7/later"
eventually "an edit where an ignore rule has gone" same "$work/deploy/d7/later" "$work/code/d7/later"
echo "ok new ignore rules hold at once, for what is there and for what comes"
