# shellcheck shell=bash
# Sourced by the suites that fail the Nth call: a fixed tree with one path for each kind of operation on each side, its
# edits, and one point = one run that is killed (or whose Nth call fails), then runs until quiet, and what must hold
# afterwards. nth_call.c counts over all threads, and over all agents of a run.
. "$(dirname "${BASH_SOURCE[0]}")/e2e_lib.sh"

# In the order of nth_call.c.
calls=(write pwrite64 fsync fdatasync syncfs rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat symlinkat fchmod utimensat ftruncate)
declare -A numbers=([EIO]=5 [ENOSPC]=28 [KILL]=KILL)
cc -shared -fPIC -O -o "$tmp/nth_call.so" "$support/nth_call.c"
nth_tree=${BUILD_DIR:-$top/build}/tests/nth_tree
[[ $nth_tree = /* ]] || nth_tree=$top/$nth_tree
[ -x "$nth_tree" ] || { echo "no $nth_tree: build it, or set BUILD_DIR"; exit 2; }
jobs=${JOBS:-3}
real_bin=$tmp/real_bin  # where each case can link it
mkdir "$real_bin"
cp "$bin/twsync" "$bin/twsync-agent" "$real_bin/"
bin=$real_bin

first_tree() { "$nth_tree" first; }  # one path for each kind of change, on each side
edits() { "$nth_tree" edits; }
many() { "$nth_tree" many; }  # enough files at once that one flush serves them all
note_contents() { "$nth_tree" note; }  # every content that a person wrote
manifest() { "$nth_tree" manifest "$1"; }
holds() { local said; said=$("$nth_tree" "$@") || die "$said"; }
judge() { holds judge "$@"; }  # judge [as MANIFEST]: what must hold at rest

# The agent is a script that runs the real one, with its calls counted where the file `inject` is; it says what fails.
wrap_agent() { # wrap_agent DIR CASE: CASE is the case's directory, as the script says it
  mkdir "$1"
  ln "$real_bin/twsync" "$1/twsync"
  cat >"$1/twsync-agent" <<SCRIPT
#!/bin/sh
if [ "\$1" != --version ] && [ -e "$2/inject" ]; then
  TWSYNC_FAIL=
  read -r TWSYNC_FAIL <"$2/inject" || true
  export TWSYNC_FAIL TWSYNC_CALLS="$2/agent.calls" LD_PRELOAD="$tmp/nth_call.so"
fi
exec "$real_bin/twsync-agent" "\$@"
SCRIPT
  chmod 755 "$1/twsync-agent"
}
# One for all cases, but over ssh, which hands no variable on.
wrap_agent "$tmp/wrapped" '$NTH_CASE'
wrapped_agent() {
  export NTH_CASE=$W
  bin=$tmp/wrapped
  [ -z "${TARGET:-}" ] || { wrap_agent bin "$W"; bin=$W/bin; }
}

set_target() { # set_target local|ssh
  options=()
  if [ "$1" = ssh ]; then TARGET="$(id -un)@$server_address:$W/deploy"; options=("${ssh_options[@]}"); fi
}

# run_injected WHO CALL N HOW: the run whose Nth call kills it (HOW = KILL) or fails (HOW = an errno's name); a line in
# $tmp/missed when there was no such call.
run_injected() {
  local fail="$2 $3 ${numbers[$4]}" whole=$bin
  if [ "$1" = agent ]; then
    echo "$fail" >inject
    [ -n "${TARGET:-}" ] || wrapped_agent
    sync_now "${options[@]}"
    bin=$whole
    rm inject
  else
    rc=0
    counting "$fail" "${options[@]}" || rc=$?
  fi
  if [ ! -e "$1.calls.hit" ]; then
    [ $rc = 0 ] || die "nothing was injected, but exit code $rc: $(tail -1 out err)"
    echo "$W" >>"$tmp/missed"
  elif [ "$4" != KILL ]; then
    after_failure
  elif [ "$1" = agent ]; then
    [ $rc != 4 ] && [ $rc -lt 128 ] || die "the controller took the agent's end badly: exit code $rc: $(tail -1 out err)"
  fi
  until_true 30 "$nth_tree" unlocked kept || holds unlocked kept
}

after_failure() {
  [ $rc != 142 ] || die "a failed call made the run hang: $(cat ./*.calls.hit)"
  [ $rc -lt 128 ] && [ $rc != 4 ] || die "a failed call ended the run: exit code $rc: $(cat ./*.calls.hit) $(tail -1 out err)"
  echo "$rc" >>"$tmp/codes"
  if [ $rc = 0 ] && [ "$(summary in_sync)" = true ]; then holds equal; fi
}

run_again() {
  local n
  for n in 1 2 3; do
    sync_now "${options[@]}"
    expect 0
    if [ "$(summary in_sync)" = true ]; then return; fi
  done
  die "not in sync after $n runs: $(tail -1 out)"
}

point() { # point TRANSPORT HOW WHO CALL N PHASE
  set_target "$1"
  [ "$1" = local ] || [ "$3" != agent ] || wrapped_agent
  "$nth_tree" first note
  if [ "$6" != first ]; then
    in_sync "${options[@]}"
    "$nth_tree" "$6" note
  fi
  run_injected "$3" "$4" "$5" "$2"
  run_again
  judge as "$tmp/expected.$6"
  sync_now "${options[@]}"; expect 0
  [ "$(summary operations)" = 0 ] || die "the next run plans something: $(operations | head -2)"
}

# What undisturbed runs reach, and $tmp/counts: how many calls of each kind they make ("WHO CALL COUNT PHASE").
reference() {
  set_target local
  wrapped_agent
  : >inject
  first_tree
  counted first
  edits
  counted edits
  [ "$(cat code/both)" = "second both deploy" ] && [ "$(cat code/edited)" = "second edited" ] || die "the reference is wrong"
  [ ! -e code/delete-d ] && [ ! -e deploy/delete-c ] && [ -e deploy/moved-c/in/f ] || die "the reference is wrong"
}
reference_many() {
  set_target local
  wrapped_agent
  first_tree
  in_sync
  : >inject
  many
  counted many
}

counted() { # counted PHASE
  rm -f ./*.calls
  counting ""
  count_calls controller "$1"
  count_calls agent "$1"
  holds equal
  manifest code >"$tmp/expected.$1"
}

# counting FAIL [OPTION]...: a sync whose own calls are counted, and that SIGALRM ends if it hangs.
counting() {
  local fail=$1; shift
  LD_PRELOAD="$tmp/nth_call.so" TWSYNC_CALLS="$W/controller.calls" TWSYNC_FAIL="$fail" \
    "$bin/twsync" --state-dir "$W/S" sync "$W/code" "${TARGET:-$W/deploy}" --json "$@" >out 2>err
}

# count_calls WHO PHASE: of `many` only the flushes.
count_calls() {
  od -An -v -w8 -t u8 "$1.calls" | paste -d ' ' - <(printf '%s\n' "${calls[@]}") |
    awk -v who="$1" -v phase="$2" '$1 > 0 && (phase != "many" || $2 ~ /sync/) { print who, $2, $1, phase }' >>"$tmp/counts"
}

# "WHO CALL N PHASE" for every call of each kind, as many as the run with the most of them made.
points() {
  awk '{ key = $1 " " $2 " " $4; if ($3 > most[key]) most[key] = $3 }
    END { for (key in most) { split(key, p, " "); for (n = 1; n <= most[key]; n++) print p[1], p[2], n, p[3] } }' "$tmp/counts" | sort
}

in_parallel() { # reads lines of arguments for test_case
  local line running=0
  while read -r line; do
    if [ $((running += 1)) -gt "$jobs" ]; then wait -n || true; fi
    # shellcheck disable=SC2086
    ( failures=0; trap - EXIT; test_case $line; [ $failures = 0 ] || echo x >>"$tmp/failed" ) &
  done
  wait
}

# Lines "TRANSPORT HOW WHO CALL N PHASE" -> lines for in_parallel.
as_cases() { awk '{ print $1 "_" $2 "_" $3 "_" $6 "_" $4 "_" $5, "point", $0 }'; }

# all_reached CHOSEN [MOST]: no more than MOST points, by default none, were missed (not every run makes as many calls);
# ends the suite.
all_reached() {
  : >>"$tmp/missed"
  local missed; missed=$(wc -l <"$tmp/missed")
  echo "$missed of $1 points came to their end before the Nth call"
  [ "$missed" -le "${2:-0}" ] || { echo "FAIL reached: too few runs were disturbed"; echo x >>"$tmp/failed"; }
  if [ -e "$tmp/failed" ]; then failures=$(wc -l <"$tmp/failed"); fi
  finish
}
