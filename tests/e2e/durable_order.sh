#!/usr/bin/env bash
# I9: content durable -> visible under its name -> directory durable -> base recorded -> request ended, in the order of
# the system calls of controller and agent; and what could not be flushed is neither visible nor recorded as done.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"
command -v strace >/dev/null || { echo "strace is needed (Debian: apt install strace)"; exit 2; }

newcomer=a-name-that-the-base-did-not-know

# at PATTERN [FROM]: the number of the first line of the trace, after line FROM, that matches.
at() { awk -v from="${2:-0}" -v pattern="$1" 'NR > from && $0 ~ pattern { print NR; exit }' trace; }
last() { awk -v pattern="$1" '$0 ~ pattern { n = NR } END { print n }' trace; }
before() { # before WHAT LINE LINE
  [ -n "$2" ] && [ -n "$3" ] || die "not seen: $1 (${2:-none}, ${3:-none})"
  [ "$2" -lt "$3" ] || die "out of order: $1 (line $2 against $3)"
}

recorded_there="pwrite64\\([0-9]+<[^>]*base.db-wal>.*$newcomer"
traced() { # a sync with the trace of its calls
  rc=0
  strace -f -y -s 60000 -o trace -e trace=fsync,fdatasync,syncfs,linkat,renameat2,pwrite64 \
    "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" --json >out 2>err || rc=$?
  expect 0
}

order() { # order SIDE: a new file that is made there
  local side=$1 from=code
  [ "$side" = deploy ] || from=deploy
  echo agreed >code/agreed
  in_sync
  echo content >$from/$newcomer
  traced
  local content visible directory recorded ended
  content=$(at "fsync\\([0-9]+<$W/$side/.twsync/[^>]*/stage/")
  visible=$(at "(linkat|renameat2)\\(.*\"$newcomer\"" "$content")
  directory=$(at "fsync\\([0-9]+<$W/$side>\\)" "$visible")
  recorded=$(at "$recorded_there")
  ended=$(last "pwrite64\\([0-9]+<$W/S/[^>]*queue.db")
  before "content durable, then visible" "$content" "$visible"
  before "visible, then its directory durable" "$visible" "$directory"
  before "durable, then recorded" "$directory" "$recorded"
  before "recorded, then the request ended" "$recorded" "$ended"
}

# injected WHERE CALL: a sync whose CALLs on the directory WHERE fail.
injected() {
  rc=0
  strace -f -y -o trace -e trace="$2" -P "$1" -e inject="$2:error=EIO" \
    "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" --json >out 2>err || rc=$?
  grep -q INJECTED trace || die "nothing was injected"
  [ "$rc" != 0 ] || [ "$(summary in_sync)" = false ] || die "success although a flush failed"
}
unrecorded() { # unrecorded NAME: the base has no row of it
  [ -z "$(sqlite3 "$(echo S/pairs/*/base.db)" "select 1 from base where instr(key, '$1') or instr(row, '$1')")" ] || die "$1 is in the base"
}

content_not_flushed() { # so many files that one flush serves them all
  local n
  echo agreed >code/agreed
  in_sync
  for n in $(seq 40); do echo "content $n" >"code/many-$n"; done
  injected "$(echo "$W"/deploy/.twsync/*)" syncfs
  [ -z "$(find deploy -name 'many-*')" ] || die "visible without a flush: $(ls deploy)"
  unrecorded many-
  in_sync; equal_trees
}

directory_not_flushed() {
  echo agreed >code/agreed
  in_sync
  echo content >code/$newcomer
  injected "$W/deploy" fsync
  unrecorded $newcomer
  [ -e deploy/$newcomer ] || die "it is not visible: nothing is left to be agreed on"
  traced
  before "flushed anew, then recorded" "$(at "syncfs\\([0-9]+<$W/deploy")" "$(at "$recorded_there")"
  in_sync; equal_trees
}

state_disk_fails() { # state_disk_fails ERRNO WORDS: every write of the base fails
  local base
  echo agreed >code/agreed
  in_sync
  base=$(echo "$W"/S/pairs/*/base.db)
  echo content >code/$newcomer
  rc=0
  strace -f -y -o trace -e trace=pwrite64,fdatasync -P "$base" -P "$base-wal" -e inject=pwrite64,fdatasync:error="$1" \
    "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" >out 2>err || rc=$?
  grep -q INJECTED trace || die "nothing was injected"
  expect 1
  grep -qF "$2 ($base): what is not done is still to do" err || die "said: $(cat err)"
  in_sync; equal_trees
}

test_case order_deploy order deploy
test_case order_code order code
test_case content_not_flushed content_not_flushed
test_case directory_not_flushed directory_not_flushed
test_case state_disk_broken state_disk_fails EIO "disk I/O error"
test_case state_disk_full state_disk_fails ENOSPC "database or disk is full"
finish
