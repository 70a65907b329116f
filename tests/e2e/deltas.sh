#!/usr/bin/env bash
# Large files travel as what changed in them, both ways; lists of chunks that are gone, torn or of something else cost
# bytes, never content.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

size=40000000
large_file() { head -c $size /dev/urandom >code/big; in_sync; [ "$(summary bytes_sent)" -gt $size ] || die "$(summary bytes_sent) bytes for the first version"; }
edit() { printf '%s' "$2" | dd of="$1" bs=1 seek="$3" conv=notrunc status=none; }
few() { # few bytes_sent|bytes_received: of the last sync
  [ "$(summary operations)" = 1 ] || die "$(summary operations) operations"
  [ "$(summary "$1")" -lt 600000 ] || die "$1 is $(summary "$1")"
  equal_trees
}

edits() {
  large_file
  edit code/big "an edit" 10000000; in_sync; few bytes_sent
  { printf 'inserted'; cat code/big; } >code/.new; mv code/.new code/big; in_sync; few bytes_sent
  edit deploy/big "the other way" 20000000; in_sync; few bytes_received
  truncate -s $((size / 2)) code/big; in_sync; few bytes_sent
  { cat code/big; tail -c 100000 code/big; } >code/.new; mv code/.new code/big; in_sync; few bytes_sent
  mkdir code/d; mv code/big code/d/big; in_sync
  edit code/d/big "moved" 777; in_sync; few bytes_sent
}

lists_of_both() { echo code/.twsync/*/chunks/* deploy/.twsync/*/chunks/*; }

gone_lists() {
  large_file
  # shellcheck disable=SC2046
  rm $(lists_of_both)
  edit code/big "whole" 5; in_sync; equal_trees
  [ "$(summary bytes_sent)" -gt $size ] || die "a difference to nothing"
  edit code/big "again a difference" 5; in_sync; few bytes_sent
}

torn_lists() {
  large_file
  for list in $(lists_of_both); do truncate -s -9 "$list"; done
  edit code/big "whole" 5; in_sync; equal_trees
  edit code/big "again a difference" 5; in_sync; few bytes_sent
}

foreign_lists() {
  head -c $size /dev/urandom >code/other
  large_file
  for side in code deploy; do
    # shellcheck disable=SC2207
    lists=($(echo $side/.twsync/*/chunks/*))
    [ ${#lists[@]} = 2 ] || die "${#lists[@]} lists"
    mv "${lists[0]}" aside; mv "${lists[1]}" "${lists[0]}"; mv aside "${lists[1]}"
  done
  { head -c 1000 code/big; cat code/other; } >code/.new; mv code/.new code/big
  in_sync; equal_trees
  edit code/big "again a difference" 5; in_sync; few bytes_sent
}

edited_meanwhile() {
  large_file
  edit code/big "code" 100; edit deploy/big "deploy" 30000000
  touch -d '2024-03-01 10:00' code/big; touch -d '2024-03-01 11:00' deploy/big
  cp code/big loser
  sync_now; expect 0
  cmp code/big deploy/big || die "the trees differ"
  cmp loser "$(grep -lF "code" code/.twsync/*/versions/* | head -1)" || die "the loser is not kept"
}

test_case edits edits
test_case gone_lists gone_lists
test_case torn_lists torn_lists
test_case foreign_lists foreign_lists
test_case edited_meanwhile edited_meanwhile
finish
