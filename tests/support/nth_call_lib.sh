# shellcheck shell=bash
# Sourced by the suites that fail the Nth call: a fixed tree with one path for each kind of operation on each side, its
# edits, and one point = one run that is killed (or whose Nth call fails), then runs until quiet, and what must hold
# afterwards. nth_call.c counts over all threads, and over all agents of a run.
. "$(dirname "${BASH_SOURCE[0]}")/e2e_lib.sh"

# In the order of nth_call.c.
calls=(write pwrite64 fsync fdatasync syncfs rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat symlinkat fchmod utimensat ftruncate)
declare -A numbers=([EIO]=5 [ENOSPC]=28 [KILL]=KILL)
cc -shared -fPIC -O -o "$tmp/nth_call.so" "$support/nth_call.c"
jobs=${JOBS:-6}
real_bin=$bin

first_tree() { # one path for each kind of change, on each side
  local s side
  for s in c d; do
    if [ $s = c ]; then side=code; else side=deploy; fi
    mkdir -p "$side"/{move-$s/in,todir-parent-$s,tofile-$s,keep-$s,meta-dir-$s}
    local name
    for name in replace-$s delete-$s rename-$s todir-$s meta-$s move-$s/in/f tofile-$s/f keep-$s/f; do
      echo "first $name" >"$side/$name"
    done
    echo "first hard-$s" >"$side/hard-$s"; ln "$side/hard-$s" "$side/hard-$s-2"
    ln -s "first-target" "$side/link-$s"
  done
  echo "first both" >code/both; echo "first edited" >code/edited
}

edits() {
  local s side
  for s in c d; do
    if [ $s = c ]; then side=code; else side=deploy; fi
    (
      cd $side
      echo "second create-$s" >create-$s
      mkdir -p newdir-$s/deep; echo "second deep-$s" >newdir-$s/deep/f
      echo "second replace-$s, longer" >replace-$s
      rm delete-$s
      mv rename-$s renamed-$s
      mv move-$s moved-$s
      rm todir-$s; mkdir todir-$s; echo "second inside-$s" >todir-$s/inside
      rm -r tofile-$s; echo "second tofile-$s" >tofile-$s
      chmod 640 meta-$s; chmod 710 meta-dir-$s
      ln hard-$s hard-$s-3; rm hard-$s-2
      ln -sfn second-target link-$s
    )
  done
  rm code/edited; echo "second edited" >deploy/edited
  echo "second both code" >code/both; touch -d '2024-03-01 10:00' code/both
  echo "second both deploy" >deploy/both; touch -d '2024-03-01 11:00' deploy/both
}

many() { # enough files at once that one flush serves them all
  local n
  mkdir code/many-c deploy/many-d
  for n in $(seq 20); do echo "many c $n" >"code/many-c/$n"; echo "many d $n" >"deploy/many-d/$n"; done
}

# Every content that a person wrote, one a line. (What they then replaced themselves on both sides needn't stay.)
note_contents() { find code deploy -path '*/.twsync' -prune -o -type f -exec cat {} + | sort -u >>contents; [ ! -e code/create-c ] || sed -i '/^first both$/d; /^first edited$/d' contents; }

contents_kept() {
  find code deploy -type f -size -2000k ! -name index -exec cat {} + >have
  local line
  while IFS= read -r line; do
    grep -qaF -- "$line" have || die "lost: $line"
  done < <(sort -u contents)
}

manifest() { (cd "$1" && find . -path ./.twsync -prune -o ! -path . \( -type f -printf '%P f %m ' -exec sha256sum {} \; -o -type l -printf '%P l %l\n' -o -printf '%P %y %m\n' \) | sed 's| \./.*||' | sort); }
unlocked() { # nobody holds a root or works in a stage any more
  local lock
  for lock in {code,deploy}/.twsync/*/{lock,stage/s-*}; do [ ! -e "$lock" ] || flock -n "$lock" true || return 1; done
}
stage_empty() { [ -z "$(find code/.twsync/*/stage deploy/.twsync/*/stage -mindepth 1)" ] || die "left in a stage: $(find code/.twsync/*/stage deploy/.twsync/*/stage -mindepth 1)"; }

# The agent is a script that runs the real one, with its calls counted where the file `inject` is; it says what fails.
wrapped_agent() {
  mkdir bin
  ln "$real_bin/twsync" bin/twsync 2>/dev/null || cp "$real_bin/twsync" bin/twsync
  cat >bin/twsync-agent <<SCRIPT
#!/bin/sh
if [ "\$1" != --version ] && [ -e "$W/inject" ]; then
  exec env LD_PRELOAD="$tmp/nth_call.so" TWSYNC_CALLS="$W/agent.calls" TWSYNC_FAIL="\$(cat "$W/inject")" "$real_bin/twsync-agent" "\$@"
fi
exec "$real_bin/twsync-agent" "\$@"
SCRIPT
  chmod 755 bin/twsync-agent
  bin=$W/bin
}

set_target() { # set_target local|ssh
  options=()
  if [ "$1" = ssh ]; then TARGET="$(id -un)@$server_address:$W/deploy"; options=("${ssh_options[@]}"); fi
}

# run_injected WHO CALL N HOW: the run whose Nth call kills it (HOW = KILL) or fails (HOW = an errno's name); a line in
# $tmp/missed when there was no such call.
run_injected() {
  local fail="$2 $3 ${numbers[$4]}"
  rm -f ./*.calls ./*.calls.hit
  if [ "$1" = agent ]; then
    echo "$fail" >inject
    sync_now "${options[@]}"
    rm inject
  else
    rc=0
    counting "$fail" timeout -k 5 180 "${options[@]}" || rc=$?
  fi
  if [ ! -e "$1.calls.hit" ]; then
    [ $rc = 0 ] || die "nothing was injected, but exit code $rc: $(tail -1 out err)"
    echo "$W" >>"$tmp/missed"
  elif [ "$4" != KILL ]; then
    after_failure
  elif [ "$1" = agent ]; then
    [ $rc != 4 ] && [ $rc -lt 128 ] || die "the controller took the agent's end badly: exit code $rc: $(tail -1 out err)"
  fi
  until_true 30 unlocked || die "a lock stays afterwards"
}

after_failure() {
  [ $rc != 124 ] && [ $rc != 137 ] || die "a failed call made the run hang: $(cat ./*.calls.hit)"
  [ $rc -lt 128 ] && [ $rc != 4 ] || die "a failed call ended the run: exit code $rc: $(cat ./*.calls.hit) $(tail -1 out err)"
  echo "$rc" >>"$tmp/codes"
  if [ $rc = 0 ] && [ "$(summary in_sync)" = true ]; then equal_trees; fi
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
  [ "$3" != agent ] || wrapped_agent
  first_tree
  note_contents
  if [ "$6" != first ]; then
    in_sync "${options[@]}"
    "$6"
    note_contents
  fi
  run_injected "$3" "$4" "$5" "$2"
  contents_kept
  run_again
  equal_trees
  manifest code >state
  unchanged "$tmp/expected.$6" state
  contents_kept
  stage_empty
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
  counting "" timeout -k 5 180
  count_calls controller "$1"
  count_calls agent "$1"
  equal_trees
  manifest code >"$tmp/expected.$1"
}

# counting FAIL TIMEOUT... [OPTION]...: a sync whose own calls are counted.
counting() {
  local fail=$1 limit=("${@:2:4}"); shift 5
  "${limit[@]}" env LD_PRELOAD="$tmp/nth_call.so" TWSYNC_CALLS="$W/controller.calls" TWSYNC_FAIL="$fail" \
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
  local line
  while read -r line; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
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
