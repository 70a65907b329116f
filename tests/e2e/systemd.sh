#!/usr/bin/env bash
# What the units expect of the programs, without systemd: each says that it is ready and keeps the watchdog quiet, writes
# to the journal with priorities, ends with 0 on SIGTERM and with 2 on a bad configuration; and the units are well-formed.
# Real systemd: compose/test.sh.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${TWSYNC_BIN:-$top/build/bin}
work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-systemd-XXXXXX")
declare -A pids=()
roles=(broker scanner resolver transfer monitor)
cleanup() {
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "FAIL $* [line ${BASH_LINENO[0]}]"
  tail -n 5 "$work"/*.journal "$work"/*.notify 2>/dev/null || true
  exit 1
}
trap 'fail "stopped: $BASH_COMMAND"' ERR
eventually() { # WHAT COMMAND...: within 30 s
  local what=$1 end=$((SECONDS + 30))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "$what did not happen within 30 s"
    sleep 0.1
  done
}
has() { grep -qs -- "$2" "$1"; }
at_least() { [ "$(grep -cs -- "$3" "$2" || true)" -ge "$1" ]; }

# --- the units
build=${BUILD_DIR:-$top/build}
case $build in /*) ;; *) build=$top/$build ;; esac
DESTDIR=$work/tree cmake --install "$build" >"$work/install.log" 2>&1 || fail "cmake --install: $(tail -1 "$work/install.log")"
units=$(find "$work/tree" -type d -name systemd)
for unit in "$units"/*.service; do
  # Started for one connection by its socket, and by a timer for one run.
  if [[ $unit == *twsync-dial@* || $unit == *twsync-cron.* ]]; then continue; fi
  grep -q '^Type=notify$' "$unit" && grep -q '^Restart=on-failure$' "$unit" && grep -q '^StartLimitIntervalSec=0$' "$unit" || fail "$(basename "$unit")"
  program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")
  for role in "${roles[@]}"; do
    [ -x "$work/tree${program//%i/$role}" ] || fail "$(basename "$unit") starts $program, which is not installed"
  done
done
for unit in twsync-broker.service twsync-worker@.service twsync-observer.service twsync-dial.socket twsync-dial@.service; do
  grep -q '^PartOf=sutazai-sync-monitor.service$' "$units/$unit" || fail "$unit does not stop with the monitor"
done
for part in twsync-broker.service twsync-worker@scanner.service twsync-worker@resolver.service twsync-worker@transfer.service twsync-observer.service; do
  grep -q "^\(Wants\|Requires\)=.*$part" "$units/sutazai-sync-monitor.service" || fail "the monitor does not start $part"
done
for unit in twsync-cron.service twsync-cron.timer; do
  grep -q '^ConditionPathExists=!/etc/cron.d/sutazai-sync$' "$units/$unit" || fail "$unit runs beside cron"
done
[ -x "$work/tree$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$units/twsync-cron.service")" ] || fail "the timer starts nothing"
[ -x "$work/tree$(sed -n 's/^ExecStart=//p' "$units/twsync-dial@.service")" ] || fail "the dialer is not installed"
grep -q '^Requires=.*twsync-dial.socket' "$units/twsync-worker@.service" || fail "the workers do not start the dialer's socket"
grep -q "^ListenSequentialPacket=$(sed -n 's/^Environment=TWSYNC_DIAL=//p' "$units/twsync-worker@.service")\$" "$units/twsync-dial.socket" ||
  fail "the workers and the dialer name different sockets"
[ -x "$work/tree$(sed -n 's/^ExecStartPre=+\([^ ]*\).*/\1/p' "$units/twsync-worker@transfer.service.d/10-places.conf")" ] || fail "the transfer worker's ExecStartPre= is not installed"
if command -v systemd-analyze >/dev/null; then
  mkdir "$work/verify"
  cp "$units"/*.service "$units"/*.socket "$units"/*.timer "$work/verify/"
  mkdir "$work/verify/sutazai-sync-monitor.service.d"
  cp "$units/../examples/fanotify.conf" "$work/verify/sutazai-sync-monitor.service.d/"
  sed -i 's|^ExecStart=.*|ExecStart=/bin/true|' "$work"/verify/*.service
  for unit in "$work"/verify/*.service; do
    name=${unit/@.service/@scanner.service}
    # Only lines with a file and a number are about the units' text; the rest is about this machine.
    SYSTEMD_UNIT_PATH=$work/verify: systemd-analyze verify "$name" >"$work/verified" 2>&1 || true
    if grep "$work/verify/.*:[0-9]*: " "$work/verified"; then fail "$(basename "$unit") has bad lines"; fi
  done
fi
# exposure UNIT [DROP-IN]...: as systemd-analyze scores it, in tenths.
exposure() {
  cat "$units/$1" "${@:2}" >"$work/verify/scored.service"
  systemd-analyze security --offline=true "$work/verify/scored.service" | sed -n 's/.*exposure level.*: \([0-9]*\)\.\([0-9]\) .*/\1\2/p'
}
at_most() { # TENTHS UNIT [DROP-IN]...
  local score
  score=$(exposure "${@:2}")
  [ "$((10#${score:-999}))" -le "$1" ] || fail "exposure of ${*:2} is ${score:-unknown} tenths, and may be $1"
}
if systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
  at_most 5 twsync-broker.service
  at_most 15 sutazai-sync-monitor.service
  at_most 19 sutazai-sync-monitor.service "$units/../examples/fanotify.conf"
  at_most 15 twsync-worker@.service "$units/twsync-worker@resolver.service.d/strict.conf"
  at_most 14 twsync-worker@.service "$units/twsync-worker@scanner.service.d/strict.conf"
  at_most 15 twsync-worker@.service "$units/twsync-worker@transfer.service.d/10-places.conf"
  # A network is the dialer's work.
  at_most 16 twsync-dial@.service
fi
echo "ok units"

# --- the programs
cat >"$work/listen.py" <<'PY'
import os, socket, sys
place = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(place)
with open(place + ".notify", "ab", buffering=0) as out:
    while True:
        out.write(listener.recv(65536).replace(b"\n", b" ") + b"\n")
PY
mkdir "$work/code"
printf 'CODE_PATH=%s\nDEPLOY_SERVER=127.0.0.1\nSSH_PORT=1\nDEPLOY_PATH=/nowhere\n' "$work/code" >"$work/conf.sh"
chmod 600 "$work/conf.sh"
start() { # ROLE CONFIG: as systemd would
  exec env NOTIFY_SOCKET="$work/$1" WATCHDOG_USEC=600000 JOURNAL_STREAM=1:1 \
    "$bin/twsync-$1" --config "$2" --state-dir "$work/state" 2>>"$work/$1.journal"
}
for role in "${roles[@]}"; do
  python3 "$work/listen.py" "$work/$role" &
  pids[listen-$role]=$!
  eventually "the listener" test -S "$work/$role"
  start "$role" "$work/conf.sh" &
  pids[$role]=$!
  eventually "$role is ready" has "$work/$role.notify" READY=1
done
for role in "${roles[@]}"; do
  if grep -q '^WatchdogSec=' "$units"/*"$role"*.service 2>/dev/null; then
    eventually "$role's watchdog messages" at_least 3 "$work/$role.notify" WATCHDOG=1
  fi
  has "$work/$role.journal" '^<6>' || fail "$role writes no priorities to the journal"
  ! grep -v '^<[3-7]>' "$work/$role.journal" || fail "$role: lines without a priority"
done
echo "ok ready, watchdog, journal"

cp -p "$work/conf.sh" "$work/good.sh"
echo 'CONFLICT_RESOLUTION=oldest' >>"$work/conf.sh"
for role in "${roles[@]}"; do
  kill -HUP "${pids[$role]}"
  eventually "$role refuses a bad configuration" has "$work/$role.journal" 'stays as it was: .*conf.sh:5: '
done
cp -p "$work/good.sh" "$work/conf.sh"
for role in "${roles[@]}"; do
  kill -HUP "${pids[$role]}"
  eventually "$role reloads" has "$work/$role.notify" RELOADING=1
  eventually "$role is ready again, as the same process" at_least 2 "$work/$role.notify" READY=1
  kill -0 "${pids[$role]}" || fail "$role is another process after a reload"
done
echo "ok reload"

# A stop that comes while the process begins anew is no less a stop.
stopped_in_reload() {
  local lines end=$((SECONDS + 30))
  lines=$(wc -l <"$work/$1.journal")
  # One that comes while the process begins anew anyway has nothing to say.
  until tail -n +$((lines + 1)) "$work/$1.journal" | grep -q 'read again'; do
    [ $SECONDS -lt $end ] || fail "$1 does not reload"
    kill -HUP "${pids[$1]}"
    sleep 0.1
  done
  kill "${pids[$1]}"
  while kill -0 "${pids[$1]}" 2>/dev/null; do
    [ $SECONDS -lt $end ] || fail "$1 forgot a SIGTERM that came during a reload"
    sleep 0.1
  done
  wait "${pids[$1]}" || fail "$1 ended with $? on SIGTERM during a reload"
}
# Nor does a second reload in the middle of the first one end it.
reloaded_all_the_time() {
  local ready end=$((SECONDS + 30))
  ready=$(grep -c READY=1 "$work/$1.notify")
  until at_least $((ready + 3)) "$work/$1.notify" READY=1; do
    kill -HUP "${pids[$1]}" 2>/dev/null || fail "$1 was ended by a SIGHUP during a reload"
    [ $SECONDS -lt $end ] || fail "$1 does not get ready between reloads"
  done
}
for role in "${roles[@]}"; do
  reloaded_all_the_time "$role"
  stopped_in_reload "$role"
  ready=$(grep -c READY=1 "$work/$role.notify")
  start "$role" "$work/conf.sh" &
  pids[$role]=$!
  eventually "$role is ready after that" at_least $((ready + 1)) "$work/$role.notify" READY=1
done
echo "ok a stop during a reload"

for role in monitor transfer resolver scanner broker; do
  kill "${pids[$role]}"
  rc=0
  wait "${pids[$role]}" || rc=$?
  unset "pids[$role]"
  [ $rc = 0 ] || fail "$role ended with $rc on SIGTERM"
  eventually "$role says that it stops" has "$work/$role.notify" STOPPING=1
done
echo "ok SIGTERM"

cp -p "$work/conf.sh" "$work/bad.sh"
echo 'CONFLICT_RESOLUTION=oldest' >>"$work/bad.sh"
for role in "${roles[@]}"; do
  rc=0
  (start "$role" "$work/bad.sh") || rc=$?
  [ $rc = 2 ] || fail "$role ended with $rc on a bad configuration"
  has "$work/$role.journal" "$work/bad.sh:5: " || fail "$role does not name file and line: $(tail -1 "$work/$role.journal")"
done
echo "ok a bad configuration ends with 2, file and line"
