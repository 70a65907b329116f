#!/usr/bin/env bash
# Copies of large files send nothing, both ways; a copy of what is not there any more costs bytes, never content.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

noise() { head -c "$1" /dev/urandom; }
# next_to_nothing bytes_sent|bytes_received TOTAL: the last sync carried less than 1 % of TOTAL, and the trees agree.
next_to_nothing() {
  [ "$(summary "$1")" -lt $(($2 / 100)) ] || die "$1 is $(summary "$1") for $2"
  equal_trees
}

# The last sync carried TOTAL and less than 1 % more.
next_to_nothing_more() {
  [ "$(summary "$1")" -lt $(($2 + $2 / 100)) ] || die "$1 is $(summary "$1") for $2"
  equal_trees
}

one_file() {
  local size=$((64 << 20))
  noise $size >code/big; in_sync
  cp code/big code/big2; in_sync; next_to_nothing bytes_sent $size
  mkdir -p deploy/d; cp -p deploy/big2 deploy/d/big3; in_sync; next_to_nothing bytes_received $size
  printf 'other' >code/big2; in_sync
  cp code/big code/big2; in_sync; next_to_nothing bytes_sent $size
}

directories() {
  local n
  mkdir code/d
  for n in 1 2 3; do noise 5000000 >code/d/same_size_$n; noise 70000 >code/d/small_$n; done
  in_sync
  cp -r code/d code/d2; in_sync; next_to_nothing bytes_sent 15210000
  cp -rp deploy/d2 deploy/d3; in_sync; next_to_nothing bytes_received 15210000
  # Moved in a way that no rename shows: the old names go after the copies came.
  cp -r code/d3 code/d4; rm -r code/d3; in_sync; next_to_nothing bytes_sent 15210000
}

new_ones() { # nothing of it is on the other side before
  mkdir code/d deploy/e
  noise 30000000 >code/d/image; noise 3000000 >code/d/a; noise 3000000 >code/d/b; noise 100000 >code/d/c
  cp -r code/d code/d2; in_sync; next_to_nothing_more bytes_sent 36100000
  noise 30000000 >deploy/e/image; cp deploy/e/image deploy/e/image2; in_sync; next_to_nothing_more bytes_received 30000000
}

several_of_a_size() {
  local n
  for n in 1 2 3 4 5; do noise 1000000 >code/f$n; done
  in_sync
  cp code/f4 code/another; in_sync; next_to_nothing bytes_sent 1000000
}

sparse() {
  truncate -s 200M code/image; noise 1000000 | dd of=code/image bs=1M seek=50 conv=notrunc status=none
  in_sync
  cp --sparse=always code/image code/image2; in_sync; next_to_nothing bytes_sent 1000000
  [ "$(stat -c %b deploy/image2)" -lt 20000 ] || die "$(stat -c %b deploy/image2) blocks"
}

damaged_twin() { # the base doesn't know of it: its times tell nothing
  noise 5000000 >code/big; in_sync
  cp -p deploy/big before
  printf 'damage' | dd of=deploy/big bs=1 seek=2000000 conv=notrunc status=none; touch -r before deploy/big
  cp code/big code/copy
  sync_now --path copy; expect 0
  cmp code/big code/copy || die "the source was changed"
  cmp code/copy deploy/copy || die "a wrong copy"
  [ "$(summary bytes_sent)" -gt 5000000 ] || die "only $(summary bytes_sent) bytes"
}

linked_out() {
  noise 5000000 >code/big; in_sync
  cp code/big outside; rm deploy/big; ln -s "$W/outside" deploy/big
  cp code/big code/copy
  sync_now --path copy; expect 0
  cmp code/copy deploy/copy || die "a wrong copy"
  [ "$(summary bytes_sent)" -gt 5000000 ] || die "what lies outside was copied"
}

test_case one_file one_file
test_case directories directories
test_case new_ones new_ones
test_case several_of_a_size several_of_a_size
test_case sparse sparse
test_case damaged_twin damaged_twin
test_case linked_out linked_out
finish
