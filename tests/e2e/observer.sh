#!/usr/bin/env bash
# Who wants to know: `twsync events`, the audit log, metrics, commands on events, the alert for a stale pair.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"

metrics_port=19482
while (exec 3<>"/dev/tcp/127.0.0.1/$metrics_port") 2>/dev/null; do metrics_port=$((metrics_port + 1)); done
cat >"$work/told.sh" <<'SH'
#!/bin/sh
env | grep ^TWSYNC_ | sort | tr '\n' ' ' >>"$1"
echo >>"$1"
SH
chmod 700 "$work/told.sh"
cat >>"$work/conf.sh" <<CONF
METRICS_PORT=$metrics_port
POST_SYNC_COMMAND="$work/told.sh $work/synced"
ON_CONFLICT_COMMAND="$work/told.sh $work/conflicted"
CONF
roles+=(observer)
for n in $(seq 20); do echo "$n" >"$work/code/f$n"; done
for role in "${roles[@]}"; do start_role "$role"; done
eventually "the first sync" same "$work/code/f20" "$work/deploy/f20"
eventually "quiet after the first sync" quiet

"$bin/twsync" events "${options[@]}" --follow --json >"$work/events" 2>&1 &
pids[follower]=$!
roles+=(follower)
heard() { # the follower hears what it is asked for
  "$bin/twsync" sync "${options[@]}" --quiet
  grep -q '"event":"summary"' "$work/events"
}
eventually "an event for the follower" heard
# shellcheck disable=SC2016
audit=$(echo "$work"/state/logs/sync/audit_*.log)
logged() { grep -q "$1" "$audit"; }

echo "edited" >"$work/code/f1"
eventually "an edit" same "$work/code/f1" "$work/deploy/f1"
eventually "the edit's line in the audit log" logged '"asked_by":"inotify","why":"changed on the code side","operation":"put-file","side":"deploy","path":"f1","from":{"kind":"file","size":2,'
grep '"path":"f1","from":{"kind":"file"' "$audit" | tail -1 | python3 -c '
import json, sys
line = json.loads(sys.stdin.read())
assert line["pair"] == "main" and line["from"]["size"] == 2 and line["to"]["size"] == 7, line
assert line["version"], line'
echo "ok each operation is in the audit log: who asked, why, from what to what"

stop_role resolver TERM
echo "code says" >"$work/code/f2"
echo "deploy says" >"$work/deploy/f2"
start_role resolver
eventually "the conflict" same "$work/code/f2" "$work/deploy/f2"
said() { grep -q "$1" "$2" 2>/dev/null; }
eventually "the conflict's command" said 'TWSYNC_EVENT=conflict .*TWSYNC_PAIR=main TWSYNC_PATH=f2 ' "$work/conflicted"
eventually "the sync's command" said 'TWSYNC_EVENT=sync .*TWSYNC_IN_SYNC=yes .*TWSYNC_PAIR=main ' "$work/synced"
eventually "the conflict in the follower's events" said '"event":"conflict".*"pair":"main".*"path":"f2"' "$work/events"
python3 -c '
import json, sys
for line in open(sys.argv[1]):
    event = json.loads(line)
    assert {"event", "at", "pair", "cycle"} <= event.keys(), line' "$work/events"
"$bin/twsync" events "${options[@]}" main --json | tail -5 | grep -q '"path":"f2"' || fail "twsync events --json does not show the last operations"
"$bin/twsync" events "${options[@]}" main >"$work/lines"
grep -q '^20[-0-9T:.]*Z  main  deploy  put-file  *f2  (.*)' "$work/lines" || fail "twsync events does not show the last operations: $(tail -5 "$work/lines")"
[ "$(wc -l <"$work/lines")" = "$("$bin/twsync" events "${options[@]}" main --json | wc -l)" ] || fail "a line for each operation"
if grep '[{}]' "$work/lines"; then fail "twsync events prints JSON to people"; fi
"$bin/twsync" events "${options[@]}" nobody --follow 2>"$work/refused" && fail "events of a pair that nobody serves"
grep -q "nobody" "$work/refused" || fail "no word on the unknown pair: $(cat "$work/refused")"
echo "ok events, as JSON and after the fact; commands on a sync and on a conflict"

scrape() { python3 -c '
import sys, urllib.request
sys.stdout.write(urllib.request.urlopen("http://127.0.0.1:%s/metrics" % sys.argv[1], timeout=5).read().decode())' "$metrics_port"; }
shows() { scrape | grep -qx "$1"; }
eventually "the pair in the metrics" shows 'twsync_in_sync{pair="main"} 1'
eventually "the broker in the metrics" shows 'twsync_broker_up 1'
shows 'twsync_conflicts_total{pair="main"} 1' || fail "the conflict is not counted: $(scrape | grep conflicts)"
eventually "a pair that is not stale" shows 'twsync_stale{pair="main"} 0'
if ss -ltn 2>/dev/null | grep ":$metrics_port " | grep -v "127.0.0.1:$metrics_port"; then fail "metrics are served beyond the loopback interface"; fi
echo "ok metrics"

if grep STALE "$work/observer.log"; then fail "a start alone is an alarm"; fi
stop_role monitor KILL
watched_by_nobody() { "$bin/twsync" status "${options[@]}" | grep -q '  watch: code: unwatched (no monitor)'; }
eventually "the end of the monitor in the status" watched_by_nobody
eventually "the end of the monitor in the metrics" shows 'twsync_workers{service="monitor"} 0'
eventually "its watch in the metrics" shows 'twsync_watch_live{pair="main"} 0'
"$bin/twsync" doctor "${options[@]}" --json main >"$work/doctor" 2>&1 || true
grep '"check":"watch","result":"problem"' "$work/doctor" | grep -q 'no monitor' || fail "doctor does not miss the monitor: $(grep watch "$work/doctor")"
echo "written while nobody watched" >"$work/code/f3"
start_role monitor
eventually "the new monitor in the metrics" shows 'twsync_watch_live{pair="main"} 1'
eventually "what was written meanwhile" same "$work/code/f3" "$work/deploy/f3"
"$bin/twsync" status "${options[@]}" >"$work/status" || fail "status: $(cat "$work/status")"
for service in monitor observer; do grep -q "^  $service pid ${pids[$service]}, " "$work/status" || fail "status lists no $service: $(cat "$work/status")"; done
grep -q '^  transfer 2 pid ' "$work/status" || fail "status does not number the sessions: $(cat "$work/status")"
[ -z "$(scrape | grep -v '^#' | cut -d' ' -f1 | sort | uniq -d)" ] || fail "twice the same series: $(scrape)"
echo "ok a dead monitor is told by the status, the doctor and the metrics"

stop_role broker KILL
start_role broker
watched_again() { "$bin/twsync" status "${options[@]}" | grep -q '  watch: code: live.*; deploy: live'; }
eventually "both watches, told to the new broker" watched_again
echo "ok watches are told to a new broker"

told_last() { grep -E 'main: (STALE|not stale)' "$work/observer.log" | tail -n 1 | grep -q "main: $1"; }
stop_role transfer KILL
eventually "the alert" told_last STALE
eventually "the metric" shows 'twsync_stale{pair="main"} 1'
if "$bin/twsync" status "${options[@]}" >"$work/status"; then fail "status ends with 0 although the pair is stale"; fi
start_role transfer
eventually "the all-clear" told_last 'not stale any more'
"$bin/twsync" status "${options[@]}" >"$work/status" || fail "status: $(cat "$work/status")"
echo "ok a stale pair is told by the journal, a metric and the status"

# What sleeps until something happens is hardly ever run: its own threads, without the one that listens for scrapes.
switches() { cat "/proc/${pids[observer]}"/task/*/status | awk '/^Name:/ { name = $2 } /^voluntary/ && name !~ /civetweb/ { sum += $2 } END { print sum }'; }
eventually "rest" quiet
sleep 12 # what was not at rest is looked at once more
for _ in 1 2 3; do # a cycle of its own may come in between
  before=$(switches)
  sleep 20
  woken=$(($(switches) - before))
  if [ "$woken" -le 12 ]; then break; fi
done
[ "$woken" -le 12 ] || fail "the observer at rest was woken $woken times in 20 s"
rm -f "$work/synced"
echo "after a rest" >"$work/code/f4"
eventually "a sync after the rest" same "$work/code/f4" "$work/deploy/f4"
eventually "its command" said "TWSYNC_EVENT=sync" "$work/synced"
echo "ok an observer at rest sleeps ($woken wakeups in 20 s)"

kill -INT "${pids[follower]}"
wait "${pids[follower]}" || fail "a follower that was interrupted ended with $?"
unset "pids[follower]"
stop_role observer TERM
echo "ok both end when they are asked to"
