#!/usr/bin/env bash
# What a person sees at a terminal: the live view of `status --watch`, which gives the terminal back however it ends, the
# progress of `sync`, and colours that NO_COLOR, a pipe and a dumb terminal turn off.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"
escape=$'\e'
# at_terminal ANSWERS... -- COMMAND...: what it showed is in $work/shown; ends with its exit code.
at_terminal() { env TERM=xterm python3 "$top/tests/support/on_terminal.py" "$@" >"$work/shown"; }
shows() { grep -qF -- "$1" "$work/shown" || fail "not shown: ${1//$escape/ESC}: $(tail -n 4 "$work/shown" | cat -v)"; }
hides() { ! grep -qF -- "$1" "$work/shown" || fail "shown: ${1//$escape/ESC}: $(grep -F -- "$1" "$work/shown" | head -2 | cat -v)"; }
given_back() {
  shows "${escape}[?1049h"
  python3 - "$work/shown" <<'PY' || fail "the terminal was not given back: $(tail -n 2 "$work/shown" | cat -v)"
import sys
shown = open(sys.argv[1]).read()
end = shown.rfind("\x1b[?1049l")
sys.exit(not (end > shown.rfind("\x1b[?1049h") and shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") and "[echo on]" in shown[end:]))
PY
}
watch=("$bin/twsync" status "${options[@]}" --watch)

# --- sync: a bandwidth that lets progress be seen
echo BANDWIDTH_LIMIT=1M >>"$work/conf.sh"
for i in 1 2 3; do head -c 700000 /dev/urandom >"$work/code/large$i"; done
at_terminal -- "$bin/twsync" sync "${options[@]}" || fail "sync ended with $?"
grep -qE 'transferring  [0-3]/3 files  [0-9.]+ .?B/2\.1 MB' "$work/shown" || fail "no progress: $(cat -v "$work/shown")"
grep -qE '[0-9.]+ .?B/s  0:0[0-9] left' "$work/shown" || fail "neither rate nor time left: $(cat -v "$work/shown")"
shows "both sides agree"
"$bin/twsync" sync "${options[@]}" >"$work/shown"
hides "$escape"
echo "ok sync shows files, bytes, rate and time left"

# --- colours
at_terminal -- "$bin/twsync" status "${options[@]}"
shows "${escape}[33mnone answers${escape}[0m"
NO_COLOR=1 at_terminal -- "$bin/twsync" status "${options[@]}"
shows "none answers"
hides "${escape}[3"
env TERM=dumb python3 "$top/tests/support/on_terminal.py" -- "$bin/twsync" status "${options[@]}" >"$work/shown"
hides "${escape}["
"$bin/twsync" status "${options[@]}" >"$work/shown"
hides "${escape}["
at_terminal -- "$bin/twsync" doctor "${options[@]}" || true
shows "${escape}[32mok:"
NO_COLOR=1 at_terminal -- "$bin/twsync" doctor "${options[@]}" || true
hides "${escape}["
echo "ok colours on a terminal only, and never with NO_COLOR"

# --- the live view
at_terminal "q quits=>q" -- "${watch[@]}" || fail "q: exit code $?"
given_back
at_terminal "q quits=>^C" -- "${watch[@]}" || fail "Ctrl-C: exit code $?"
given_back
echo "ok q and Ctrl-C leave the live view, and the terminal is as before"

for role in "${roles[@]}"; do start_role "$role"; done
eventually "quiet" quiet
at_terminal " 3 entries=>!echo new >'$work/code/new'" " 4 entries=>q" -- bash -c 'stty columns 200 rows 40; exec "$@"' wide "${watch[@]}" || fail "live: exit code $?"
given_back
shows "resolver pid"
[ "$(grep -cF "${escape}[H" "$work/shown")" -ge 1 ] || fail "it was not drawn over"
hides "${escape}[2J"
echo "ok the live view follows what happens"

at_terminal "q quits=>x" -- bash -c '"$@" & pid=$!; sleep 1; kill -TERM $pid; wait $pid' term "${watch[@]}" </dev/null || true
shows "${escape}[?1049l"
NO_COLOR=1 at_terminal "q quits=>q" -- "${watch[@]}"
hides "${escape}[3"
shows "${escape}[?1049l"
"$bin/twsync" status "${options[@]}" --watch >"$work/piped" &
piped=$!
twice() { [ "$(grep -c '^pair main' "$work/piped")" -ge 2 ]; }
eventually "a second look through a pipe" twice
kill "$piped"
wait "$piped" || true
! grep -q "$escape" "$work/piped" || fail "escapes in a pipe"
echo "ok a signal gives the terminal back; through a pipe there are plain lines"
