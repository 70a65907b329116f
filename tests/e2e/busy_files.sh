#!/usr/bin/env bash
# Files that change while they are read, or while they are replaced: what arrives stood there at some moment, nothing that
# somebody wrote is lost, and the rest doesn't wait.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"
command -v python3 >/dev/null || { echo "python3 is needed (tests/install.sh)"; exit 2; }

# begin COMMAND...: in the background until stop_it, or the end.
begin() { "$@" & writer=$!; own $writer; }
stop_it() { kill $writer; wait $writer 2>/dev/null || true; }

# rewrite FILE: one version after the other from the first byte to the last: 4096 blocks of the version's number, in place.
rewrite() {
  exec python3 -c 'import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY)
version = 1
while True:
    version += 1
    for n in range(512): os.pwrite(fd, (b"%07d\n" % version) * 4096, n * 32768)
    time.sleep(0.2)' "$1"
}
# existed FILE: at each moment it holds a beginning of one version, and the end of the one before.
existed() {
  python3 -c 'import sys
lines = open(sys.argv[1]).read().split("\n")[:-1]
kinds = [lines[0]] + [b for a, b in zip(lines, lines[1:]) if a != b]
sys.exit(0 if len(lines) == 512 * 4096 and (len(kinds) == 1 or len(kinds) == 2 and int(kinds[0]) == int(kinds[1]) + 1) else "%d lines: %s" % (len(lines), kinds[:5]))' "$1"
}

rewritten() { # in place, 16 MB, again and again
  local n versions=0
  python3 -c 'import sys; sys.stdout.write("0000001\n" * 2097152)' >code/big
  in_sync
  begin rewrite code/big
  for n in 1 2 3 4 5 6; do
    echo $n >code/other-$n
    sync_now
    [ $rc -le 1 ] || expect 1
    [ -e deploy/other-$n ] || die "the rest waits for it: $(cat out)"
    existed deploy/big || die "sync $n carried what never stood there"
    cmp -s deploy/big last 2>/dev/null || versions=$((versions + 1))
    cp deploy/big last
  done
  stop_it
  [ $versions -ge 2 ] || die "only $versions versions came over: it was never carried while it changed"
  in_sync; equal_trees
}

append() { exec python3 -c 'import sys, time
n = 0
with open(sys.argv[1], "a", buffering=1) as f:
    while True:
        n += 1; f.write("line %d\n" % n); time.sleep(0.01)' "$1"; }

appended() { # every 10 ms, while the rest is carried
  local n i size
  mkdir code/d
  echo begin >code/log
  begin append code/log
  for n in 1 2 3; do
    for i in $(seq 200); do echo "$n $i" >code/d/$n-$i; done
    sync_now
    [ $rc -le 1 ] || expect 1
    [ "$(find deploy/d -type f | wc -l)" = $((n * 200)) ] || die "the rest waits: $(find deploy/d -type f | wc -l)"
    [ -s deploy/log ] || die "the log did not come: $(events parked) $(tail -1 err)"
    size=$(stat -c %s deploy/log)
    cmp -s -n "$size" deploy/log code/log || die "what came is no beginning of the log"
  done
  [ "$size" -gt 6 ] || die "only its first version came"
  stop_it
  in_sync; equal_trees
}

# hold_back: a sync that has scanned and planned and waits in its transfer, in the background.
hold_back() {
  head -c 3000000 /dev/urandom >code/0-large
  printf 'BANDWIDTH_LIMIT=1M\nTRANSFER_WORKERS=1\n' >conf
  "$bin/twsync" --state-dir "$W/S" --config "$W/conf" sync "$W/code" "$W/deploy" --json >out 2>err &
  held=$!; own $held
  until_true 20 staged || die "nothing is staged"
}
staged() { [ -n "$(find deploy/.twsync/*/stage -type f 2>/dev/null; find /proc/[0-9]*/fd -lname "$W/deploy/.twsync/*stage/*#*" 2>/dev/null)" ]; }
held_ends() { rc=0; wait $held || rc=$?; [ $rc -le 1 ] || expect 1; }
# somewhere TEXT: a file of one of the trees or of one of the version stores holds it.
somewhere() { grep -rqF -- "$1" code deploy || die "'$1' is lost: $(tail -1 out)"; }

edited_meanwhile() { # on the target, between scan and apply
  local f
  for f in replaced removed inplace moved kind; do echo "$f first" >code/$f; done
  in_sync
  for f in replaced inplace kind; do echo "$f by code" >code/$f; done
  rm code/removed code/moved; echo "new by code" >code/new
  hold_back
  echo "replaced late" >t; mv t deploy/replaced
  echo "inplace late" >deploy/inplace
  echo "removed late" >>deploy/removed
  echo "moved late" >>deploy/moved; mv deploy/moved deploy/moved-on
  echo "new late" >deploy/new
  rm deploy/kind; mkdir deploy/kind; echo "kind late" >deploy/kind/f
  ! grep -q '"event":"summary"' out || die "the sync was over before the edits"
  held_ends
  for f in replaced inplace; do [ "$(cat deploy/$f)" = "$f late" ] || die "deploy/$f was overwritten: $(cat deploy/$f)"; done
  grep -q "removed late" deploy/removed || die "the edit was removed"
  grep -q "new late" deploy/new || die "the new file was overwritten"
  sync_now; sync_now; expect 0
  equal_trees
  for f in replaced inplace kind new; do somewhere "$f by code"; done
  for f in replaced inplace removed moved kind new; do somewhere "$f late"; done
}

held_open() { # by a writer, on the side where another version comes in or the file is removed
  local f
  for f in append rewrite remove; do echo "$f old content" >code/$f; done
  in_sync
  exec 7>>deploy/append 8<>deploy/rewrite 9>>deploy/remove
  echo "append by code" >code/append; echo "rewrite by code" >code/rewrite; rm code/remove
  in_sync
  echo "append late" >&7; printf 'REWRITE late' >&8; echo "remove late" >&9
  exec 7>&- 8>&- 9>&-
  in_sync; equal_trees
  for f in append rewrite; do [ "$(cat deploy/$f)" = "$f by code" ] || die "written through: $(cat deploy/$f)"; done
  for f in append remove; do somewhere "$f late"; somewhere "$f old content"; done
  somewhere "REWRITE late"
  somewhere "rewrite old content"
}

# meanwhile WHERE FILE: a sync; in its first fsync or fchmod of WHERE somebody writes BBBB over the beginning of FILE.
meanwhile() {
  rc=0
  LD_PRELOAD=$tmp/write_meanwhile.so TWSYNC_MEANWHILE=$1 TWSYNC_WRITE_TO=$2 \
    "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" --json >out 2>err || rc=$?
  [ $rc -le 1 ] || expect 1
  [ "$(cat "$2")" = BBBB ] || die "nobody wrote, or it is lost: $(cat "$2")"
}
# came_over FILE: what was written comes over, and what stood there before is kept.
came_over() {
  in_sync; equal_trees
  [ "$(cat code/"$1")" = BBBB ] || die "the write is lost: $(cat code/"$1")"
  somewhere AAAA
}

written_after_rename() { # written_after_rename SIDE: between the rename there and the flush of its directory
  local other=deploy; [ "$1" = code ] || other=code
  printf AAAA >code/a; touch -d '1 hour ago' code/a; in_sync
  mv "$other/a" "$other/b"
  meanwhile "$W/$1" "$W/$1/b"
  came_over b
}

written_below_rename() { # of the directory
  mkdir code/d; printf AAAA >code/d/f; touch -d '1 hour ago' code/d/f; in_sync
  mv deploy/d deploy/e
  meanwhile "$W/code" "$W/code/e/f"
  came_over e/f
}

written_in_chmod() { # written_in_chmod SIDE
  local other=deploy; [ "$1" = code ] || other=code
  printf AAAA >code/a; touch -d '1 hour ago' code/a; chmod 644 code/a; in_sync
  chmod 600 "$other/a"
  meanwhile "$W/$1/a" "$W/$1/a"
  ! grep -q "modification time" out || die "the write counts as a time that is not kept: $(events skipped)"
  came_over a
}

without_rest() { exec python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
block = os.urandom(65536)
n = 0
while True:
    os.pwrite(fd, block, n % 128 * 65536); n += 1' "$1"; }

is_written() { [ "$(stat -c %.9Y code/big)" != "$before" ]; }

restless() { # restless OPTION...: a sync that didn't get by while its writers got no time
  local n
  for n in 1 2 3 4 5; do
    ts sync code deploy "$@"
    [ $rc = 0 ] || return 0
  done
}

never_rests() { # is told, ends with 1, and is not sent again and again
  local before
  head -c 67108864 /dev/urandom >code/big
  before=$(stat -c %.9Y code/big)
  begin without_rest code/big; local first=$writer
  begin without_rest code/big
  until_true 20 is_written || die "nobody writes"
  echo first >code/other
  restless --json; expect 1
  [ "$(cat deploy/other)" = first ] || die "the rest waits"
  events skipped | grep -q '"path":"big"' || die "not told: $(cat out)"
  [ "$(summary in_sync)" = false ] || die "in sync: $(tail -1 out)"
  [ "$(summary bytes_sent)" -lt 160000000 ] || die "sent again and again: $(summary bytes_sent) bytes"
  restless; expect 1
  ! grep -q "without a direction" out || die "a direction is to blame: $(cat out)"
  grep -q "big.*keeps changing" out err || die "not told: $(cat out)"
  stop_it; writer=$first; stop_it
  in_sync; equal_trees
}

test_case rewritten rewritten
test_case never_rests never_rests
test_case appended appended
test_case edited_meanwhile edited_meanwhile
test_case held_open held_open
cc -shared -fPIC -O -Wall -Werror -o "$tmp/write_meanwhile.so" "$support/write_meanwhile.c"
for side in code deploy; do
  test_case written_after_rename_$side written_after_rename $side
  test_case written_in_chmod_$side written_in_chmod $side
done
test_case written_below_rename written_below_rename
finish
