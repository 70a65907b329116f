#!/usr/bin/env bash
# kill -9 at the Nth call of a kind, then run again: both sides end in the state that an undisturbed run reaches, every
# content that a person wrote still exists, nothing stays in the stage. Also with the base or the queue deleted,
# truncated or old before the second run: then nothing is deleted (union merge).
# Quick: a sample of points. FULL=1: every call of every kind (nth_call.sh). JOBS: how many at a time. SEED: which sample.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

calls=write,pwrite64,fsync,fdatasync,syncfs,rename,renameat,renameat2,linkat,unlink,unlinkat,mkdirat,symlinkat,fchmod,utimensat,ftruncate
jobs=${JOBS:-6}

first_tree() { # one path for each kind of change, on each side
  local s side
  for s in c d; do
    if [ $s = c ]; then side=code; else side=deploy; fi
    mkdir -p "$side"/{move-$s/in,todir-parent-$s,tofile-$s,keep-$s}
    local name
    for name in replace-$s delete-$s rename-$s todir-$s meta-$s move-$s/in/f tofile-$s/f keep-$s/f; do
      echo "first $name" >"$side/$name"
    done
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
      chmod 640 meta-$s
      ln -sfn second-target link-$s
    )
  done
  rm code/edited; echo "second edited" >deploy/edited
  echo "second both code" >code/both; touch -d '2024-03-01 10:00' code/both
  echo "second both deploy" >deploy/both; touch -d '2024-03-01 11:00' deploy/both
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
paths() { (cd "$1" && find . -path ./.twsync -prune -o -print | sort); }
unlocked() { # nobody holds a root or works in a stage any more
  local lock
  for lock in {code,deploy}/.twsync/*/{lock,stage/s-*}; do [ ! -e "$lock" ] || flock -n "$lock" true || return 1; done
}
stage_empty() { [ -z "$(find code/.twsync/*/stage deploy/.twsync/*/stage -mindepth 1)" ] || die "left in a stage: $(find code/.twsync/*/stage deploy/.twsync/*/stage -mindepth 1)"; }

# The agent is a script that runs the real one, under strace where the file `inject` says so.
wrapped_agent() {
  mkdir bin
  ln "$bin/twsync" bin/twsync 2>/dev/null || cp "$bin/twsync" bin/twsync
  cat >bin/twsync-agent <<SCRIPT
#!/bin/sh
if [ "\$1" != --version ] && [ -s "$W/inject" ]; then exec strace -f -o "$W/agent.trace.\$\$" -e trace=$calls \$(cat "$W/inject") "$bin/twsync-agent" "\$@"; fi
exec "$bin/twsync-agent" "\$@"
SCRIPT
  chmod 755 bin/twsync-agent
  bin=$W/bin
}

set_target() { # set_target local|ssh
  options=()
  if [ "$1" = ssh ]; then TARGET="$(id -un)@$server_address:$W/deploy"; options=("${ssh_options[@]}"); fi
}

# run_killed WHO CALL N: the run that is killed (or comes to its end when there is no Nth call).
run_killed() {
  local inject="-e inject=$2:signal=KILL:when=$3"
  if [ "$1" = agent ]; then
    echo "$inject" >inject
    sync_now "${options[@]}"
    rm inject
    [ $rc != 4 ] && [ $rc -lt 128 ] || die "the controller took the agent's end badly: exit code $rc: $(tail -1 out err)"
    grep -qs 'killed by SIGKILL' agent.trace.* || echo "$W" >>"$tmp/missed"
  else
    rc=0
    # shellcheck disable=SC2086
    strace -f -b execve -o trace -e trace=$calls $inject "$bin/twsync" --state-dir "$W/S" sync "$W/code" "${TARGET:-$W/deploy}" --json "${options[@]}" \
      >out 2>err || rc=$?
    grep -q 'killed by SIGKILL' trace || { [ $rc = 0 ] || die "not killed, but exit code $rc: $(tail -1 out err)"; echo "$W" >>"$tmp/missed"; }
  fi
  until_true 30 unlocked || die "a lock stays after the kill"
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

point() { # point TRANSPORT WHO CALL N PHASE
  set_target "$1"
  [ "$2" != agent ] || wrapped_agent
  first_tree
  note_contents
  if [ "$5" = edits ]; then
    in_sync "${options[@]}"
    edits
    note_contents
  fi
  run_killed "$2" "$3" "$4"
  contents_kept
  run_again
  equal_trees
  manifest code >state
  unchanged "$tmp/expected.$5" state
  contents_kept
  stage_empty
  sync_now "${options[@]}"; expect 0
  [ "$(summary operations)" = 0 ] || die "the next run plans something: $(operations | head -2)"
}

tampered() { # tampered FILE HOW: the killed run's file is gone, cut, or an old one
  set_target local
  first_tree; note_contents
  in_sync
  cp "$(echo S/pairs/*/"$1")" old
  echo "second early" >code/early; note_contents
  in_sync
  edits; note_contents
  run_killed controller pwrite64 "$(awk '$1 == "controller" && $2 == "pwrite64" && $4 == "edits" && $3 > m { m = $3 } END { print int(m * 2 / 3) }' "$tmp/points")"
  local file; file=$(echo S/pairs/*/"$1")
  case $2 in
    gone) rm -f "$file" "$file"-wal "$file"-shm ;;
    cut) rm -f "$file"-wal "$file"-shm; truncate -s 5000 "$file" ;;
    empty) rm -f "$file"-wal "$file"-shm; : >"$file" ;;
    garbage) rm -f "$file"-wal "$file"-shm; head -c 20000 /dev/urandom >"$file" ;;
    old) rm -f "$file"-wal "$file"-shm; cp old "$file" ;;
  esac
  { paths code; paths deploy; } | sort -u >before
  run_again
  equal_trees
  contents_kept
  stage_empty
  paths code >after
  if [ "$1" = base.db ]; then
    # Nothing is deleted: not even what one side had deleted, for who deleted it is not known any more.
    [ -z "$(comm -23 before after | grep -v '^./tofile-.*/')" ] || die "deleted: $(comm -23 before after | tr '\n' ' ')"
  else
    manifest code | grep -v early >state
    unchanged "$tmp/expected.edits" state
  fi
}

reference() { # what an undisturbed run reaches, and how many calls of each kind there are
  set_target local
  wrapped_agent
  echo "-e trace=$calls" >inject
  first_tree
  strace -f -b execve -o trace -e trace=$calls "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" --json >out 2>err
  count_calls controller first trace
  count_calls agent first agent.trace.*
  equal_trees
  manifest code >"$tmp/expected.first"
  rm -f trace agent.trace.*
  edits
  strace -f -b execve -o trace -e trace=$calls "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" --json >out 2>err
  count_calls controller edits trace
  count_calls agent edits agent.trace.*
  equal_trees
  manifest code >"$tmp/expected.edits"
  [ "$(cat code/both)" = "second both deploy" ] && [ "$(cat code/edited)" = "second edited" ] || die "the reference is wrong"
  [ ! -e code/delete-d ] && [ ! -e deploy/delete-c ] && [ -e deploy/moved-c/in/f ] || die "the reference is wrong"
}

# count_calls WHO PHASE TRACE...: points to kill at; strace counts for each thread by itself.
count_calls() {
  local who=$1 phase=$2; shift 2
  cat "$@" | sed -n 's/^\([0-9]*\) *\([a-z0-9]*\)(.*/\1 \2/p' | sort | uniq -c |
    awk -v who="$who" -v phase="$phase" '$1 > max[$3] { max[$3] = $1 } END { for (c in max) for (n = 1; n <= max[c]; n++) print who, c, n, phase }' >>"$tmp/points"
}

sample() { # sample WHO PHASE COUNT: every kind of call comes in; the calls that change a name are preferred
  grep "^$1 .* $2\$" "$tmp/points" | grep -v ' write ' |
    shuf --random-source=<(yes "${SEED:-1}") | awk -v want="$3" '{ if (seen[$2]++ < 1 + int(want / 9) && n < want) { print; n++ } }'
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

command -v strace >/dev/null || { echo "strace is needed (Debian: apt install strace)"; exit 2; }
start_server 127.0.0.8
test_case reference reference
[ $failures = 0 ] || finish

if [ -n "${FULL:-}" ]; then
  sort -u "$tmp/points" | awk '{ print "local", $0; print "ssh", $0 }' >"$tmp/chosen"
else
  {
    # Points that once went wrong come in always.
    printf 'local %s edits\n' "controller fchmod 1" "controller fchmod 2" "agent fchmod 1" "controller renameat2 3" "controller unlink 1" "agent fsync 18"
    sample controller edits 18 | sed 's/^/local /'; sample agent edits 16 | sed 's/^/local /'
    sample controller first 5 | sed 's/^/local /'; sample agent first 5 | sed 's/^/local /'
    sample controller edits 8 | tail -4 | sed 's/^/ssh /'; sample agent edits 8 | tail -4 | sed 's/^/ssh /'
  } | sort -u >"$tmp/chosen"
fi
{
  awk '{ print $1 "_" $2 "_" $5 "_" $3 "_" $4, "point", $0 }' "$tmp/chosen"
  for how in gone cut empty garbage old; do
    echo "base_$how tampered base.db $how"
    echo "queue_$how tampered queue.db $how"
  done
} | in_parallel
: >>"$tmp/missed"
missed=$(wc -l <"$tmp/missed")
echo "$missed points came to their end before the Nth call"
[ $((missed * 3)) -lt "$(wc -l <"$tmp/chosen")" ] || { echo "FAIL reached: too few runs were killed"; echo x >>"$tmp/failed"; }
if [ -e "$tmp/failed" ]; then failures=$(wc -l <"$tmp/failed"); fi
finish
