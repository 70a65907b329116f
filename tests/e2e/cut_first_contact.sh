#!/usr/bin/env bash
# A first contact of many files over a slow line that is stopped half way: what waits for a person stays listed, though
# this run never came to it, and the next run brings the rest.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"
. "$(dirname "$0")/../support/line_lib.sh"
start_line_server 127.0.0.19

manual_over() { sync_now "$@" --policy manual; }
open_items() { ts conflicts --json; grep '"open":true' out | grep -o '"id":"[^"]*"' || true; }
parked_items() { ts status --json; grep -o '"parked":1' out || true; }

# Paths are planned in their order: `zy` and `zz` come in the last piece.
stays_listed() {
  mkdir code/zy deploy/zy code/many
  echo "code says" >code/zz; echo "deploy says" >deploy/zz
  echo inner >code/zy/inner
  chattr +i deploy/zy 2>/dev/null || { echo "SKIPPED: no immutable directories here"; return 0; }
  # shellcheck disable=SC2064
  trap "chattr -i '$W/deploy/zy'" EXIT
  TARGET=$(id -un)@$server_address:$W/deploy
  the_line; manual_over "${line_options[@]}"; end_line
  expect 1
  local waits; waits=$(open_items)
  [ "$(wc -l <<<"$waits")" = 1 ] && [ -n "$waits" ] || die "not one open conflict: $(cat out)"
  [ -n "$(parked_items)" ] || die "nothing is parked: $(cat out)"

  head -c 8000000 /dev/urandom | split -b 200 -a 5 -d - code/many/n
  the_line --bandwidth 1000000
  "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$TARGET" --policy manual "${line_options[@]}" >first 2>&1 &
  local run=$!
  own $run
  until_true 60 test -e deploy/many/n00000 || die "nothing arrives: $(cat first)"
  kill -TERM $run
  wait $run && die "the stop was a success"
  end_line
  [ ! -e deploy/many/n39999 ] || die "it had carried everything before it was stopped"
  [ "$(open_items)" = "$waits" ] || die "the conflict is listed no more: $(cat out)"
  [ -n "$(parked_items)" ] || die "the parked item is listed no more: $(cat out)"

  chattr -i deploy/zy
  the_line; manual_over "${line_options[@]}"; end_line
  expect 1
  [ "$(open_items)" = "$waits" ] || die "it became another conflict: $(cat out)"
  [ -z "$(parked_items)" ] || die "still parked: $(cat out)"
  the_line; ts resolve "$(cut -d'"' -f4 <<<"$waits")" --take code --policy manual; end_line
  expect 0
  equal_trees
}

test_case stays_listed stays_listed
finish
