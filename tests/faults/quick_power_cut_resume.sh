#!/usr/bin/env bash
# The power of the server that receives a large file is cut half way, a while after some of it reached the disk: of what
# came later anything may be missing. The next run goes on from what is really there, and the file is exact.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"
# shellcheck disable=SC2034
cut_support=$support
# shellcheck source=tests/support/cut_lib.sh
. "$support/cut_lib.sh"
# shellcheck source=tests/support/line_lib.sh
. "$support/line_lib.sh"
missing=$(cut_missing)
if [ -n "$missing" ]; then echo "SKIPPED: power cuts cannot be tried here: $missing is missing"; exit 0; fi

size=$((28 << 20))
start_line_server 127.0.0.10
prepared=$tmp
cut_prepare "$prepared"

there() { local file; file=$(find disk/deploy/.twsync/*/partial -type f ! -name '*.list' 2>/dev/null) && [ "$(stat -c %s "$file" 2>/dev/null || echo 0)" -ge "$1" ]; }
on_one_disk() { cmp code/big disk/deploy/big && [ -z "$(find disk/deploy/.twsync/*/partial disk/deploy/.twsync/*/stage ! -type d)" ]; }

power_cut() { # power_cut SEED
  trap 'disk_off "$W"; umount -l "$W/disk" 2>/dev/null || true' EXIT  # of the case's own shell
  disk_on "$prepared" "$W" tear="$1"
  mkdir disk/deploy
  sync -f disk
  TARGET=$(id -un)@$server_address:$W/disk/deploy
  echo small >code/small
  the_line; in_sync "${line_options[@]}"; end_line
  head -c $size /dev/urandom >code/big; touch -d '2024-03-01 10:00' code/big
  the_line --bandwidth $((size / 4))
  "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$TARGET" "${line_options[@]}" >first 2>&1 &
  run=$!
  own $run
  until_true 60 there $((size / 2)) || die "never half way: $(cat first)"
  sync -f disk
  until_true 60 there $((size * 4 / 5)) || die "never nearly there: $(cat first)"
  copy_now "$W"
  kill -9 $run
  wait $run 2>/dev/null || true
  end_line
  disk_off "$W"
  mount -o loop "$W/control/cut.img" "$W/disk"
  echo "after the cut: $(find disk/deploy/.twsync/*/partial -type f -printf '%s ')"
  [ ! -e disk/deploy/big ] || die "a part of it is visible"
  the_line; in_sync "${line_options[@]}"; end_line
  on_one_disk || die "the file is not exact, or something is left"
  echo "of $size bytes the second run sent $up"
  [ "$up" -lt $((size * 8 / 10)) ] || die "$up bytes were sent again"
}

for seed in 1 2 3; do test_case "tear_$seed" power_cut $seed; done
finish
