#!/usr/bin/env bash
# File systems that fill up: what does not fit waits with a reason, the rest flows, and it goes on when there is room.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

cc -shared -fPIC -O -o "$tmp/later_clock.so" "$support/later_clock.c"

# later SECONDS COMMAND...: by a wall clock that is so much ahead.
later() { local seconds=$1; shift; LD_PRELOAD=$tmp/later_clock.so TWSYNC_LATER=$seconds "$@"; }

# small_disk DIR OPTIONS: a file system of its own there, until the case ends.
small_disk() {
  [ "$(id -u)" = 0 ] || { echo "SKIPPED: needs root"; exit 0; }
  mount -t tmpfs -o "$2" tmpfs "$1"
  # shellcheck disable=SC2064
  trap "umount -l '$1'" EXIT  # of the case's own shell
}

full_disk() { # what does not fit waits, the rest flows, and it goes on when there is room
  small_disk "$W/deploy" size=20m
  echo old >code/big; in_sync
  head -c 12000000 /dev/urandom >deploy/filler; in_sync
  head -c 10000000 /dev/urandom >code/big; echo flows >code/little; rm -f nothing
  sync_now; expect 1
  events parked | grep -q 'big.*fit' || die "$(events parked)"
  [ "$(cat deploy/big)" = old ] || die "the target was touched"
  [ "$(cat deploy/little)" = flows ] || die "the rest did not flow"
  [ -z "$(find deploy/.twsync/*/stage ! -type d)" ] || die "something is staged still"
  sync_now; expect 1
  [ "$(summary bytes_sent)" -lt 100000 ] || die "what does not fit was sent again: $(summary bytes_sent)"
  rm deploy/filler code/filler
  rm -rf deploy/.twsync/*/versions/*-*
  later 120 in_sync; equal_trees
}

made_of_what_goes() { # what a new file may have been made of stays until that is there; other deletions go on
  small_disk "$W/deploy" size=30m
  mkdir code/d
  head -c 20000000 /dev/urandom >code/d/a; echo little >code/little; touch -d '1 hour ago' code/d/a
  in_sync
  cp code/d/a code/b; rm -r code/d code/little; echo more >>code/b
  local n
  for n in 1 2; do
    sync_now; expect 1
    [ -e deploy/d/a ] || die "sync $n: neither file is there: $(ls deploy)"
    [ ! -e deploy/little ] || die "another deletion waits"
    [ "$(summary in_sync)" = false ] && [ "$(summary skipped)" = 0 ] || die "$(tail -1 out)"
  done
  mount -o remount,size=60m "$W/deploy"
  later 120 in_sync; equal_trees
}

full_of_inodes() {
  small_disk "$W/deploy" nr_inodes=120
  local n
  mkdir code/d; for n in $(seq 1 150); do echo "$n" >code/d/$n; done
  sync_now; expect 1
  [ "$(df --output=iavail deploy | tail -1)" -ge 1 ] || die "the last inode was taken"
  mount -o remount,nr_inodes=400 "$W/deploy"
  later 120 in_sync; equal_trees
}

full_state() { # no room for base.db: it stops cleanly and goes on later
  mkdir S; small_disk "$W/S" size=1m,mode=700
  echo one >code/a; in_sync
  mkdir code/d; local n
  for n in $(seq 1 3000); do echo "$n" >"code/d/a-file-with-a-name-of-some-length-$n"; done
  head -c 2000000 /dev/zero >S/filler 2>/dev/null || true
  sync_now; [ $rc != 0 ] || die "it went through"
  [ "$(wc -l <err)" -le 3 ] || die "$(cat err)"
  grep -qiE 'space|full|no room' out err || die "it does not say why: $(tail -1 out) $(cat err)"
  rm S/filler
  mount -o remount,size=50m "$W/S"
  in_sync; equal_trees
  [ "$(ls code/d | wc -l)" = 3000 ] || die "files are gone"
}

opens_on_a_full_disk() { # not a byte is free over there: what needs none goes on, run after run
  small_disk "$W/deploy" size=4m
  echo one >code/a; echo two >code/b; mkdir code/d; echo three >code/d/c; in_sync; in_sync
  head -c 4194304 /dev/zero >deploy/filler 2>/dev/null || true
  [ "$(stat -f -c %a deploy)" = 0 ] || die "there is room"
  rm code/a deploy/d/c; chmod 600 code/b
  head -c 65536 /dev/zero >>deploy/filler 2>/dev/null || true
  for _ in 1 2 3; do
    sync_now --exclude filler; expect 1
    events parked | grep -q '"path":"a".*No space' || die "$(cat out)"
    [ ! -e code/d/c ] && [ "$(stat -c %a deploy/b)" = 600 ] || die "what needs no room did not go on"
  done
  rm deploy/filler; later 120 in_sync; equal_trees
  [ ! -e code/a ] && [ ! -e deploy/a ] || die "a deleted file came back"
}

ext4_disk() { # ext4_disk DIR SIZE [MKFS-OPTION]...: a small ext4 over loop there, until the case ends
  [ "$(id -u)" = 0 ] || { echo "SKIPPED: needs root"; exit 0; }
  local dir=$1 size=$2; shift 2
  truncate -s "$size" "$W/image"
  mkfs.ext4 -q -F -m 0 "$@" "$W/image"
  # shellcheck disable=SC2064
  trap "umount -l '$dir'" EXIT
  mount -o loop "$W/image" "$dir"
}

reserve_on_ext4() { # one percent stays free, whatever would come; who writes there himself meets no limit
  ext4_disk "$W/deploy" 64M
  local n
  for n in $(seq 1 34); do head -c 2000000 /dev/urandom >code/f$n; done
  sync_now; expect 1
  events parked | grep -q 'fit.*kept free' || die "$(events parked | head -1)"
  local blocks free; read -r blocks free < <(stat -f -c '%b %f' deploy)
  [ $((100 * free)) -ge "$blocks" ] || die "the reserve was taken: $free of $blocks blocks are free"
  local there; there=$(ls deploy/f* | wc -l)
  [ "$there" -ge 20 ] && [ "$there" -lt 34 ] || die "$there are there: what fits did not flow"
  # Room comes back when what was deleted is not kept any longer.
  (cd deploy && ls f*) | head -9 | sed 's|^|code/|' | xargs rm
  sync_now; expect 1
  rm deploy/.twsync/*/versions/*-*
  later 120 in_sync; equal_trees
}

inodes_on_ext4() {
  ext4_disk "$W/deploy" 32M -N 256
  local n
  for n in $(seq 1 300); do echo "$n" >code/$n; done
  sync_now; expect 1
  events parked | grep -q inode || die "$(events parked | head -1)"
  local inodes free; read -r inodes free < <(stat -f -c '%c %d' deploy)
  [ $((100 * free)) -ge "$inodes" ] || die "the reserve was taken: $free of $inodes inodes are free"
  rm code/{1..100}
  later 120 in_sync; equal_trees
}

test_case full_disk full_disk
test_case made_of_what_goes made_of_what_goes
test_case full_of_inodes full_of_inodes
test_case full_state full_state
test_case opens_on_a_full_disk opens_on_a_full_disk
test_case reserve_on_ext4 reserve_on_ext4
test_case inodes_on_ext4 inodes_on_ext4
finish
