#!/usr/bin/env bash
# flush_cost.sh [--rounds N]: what flushing costs. The first sync of a real tree into a fresh directory, by this build and by
# the one that never flushes (tests/support/without_flushes.cc), which in return has one `sync -f` of the target inside its
# time. They take turns, round 0 warms the caches. Bar: the median of the ratios <= 1.15.
# Environment: TREE, CACHE as in vs_peers.sh; BUILD_DIR (default build); BENCH_DIR where to work (default /var/tmp). Nothing
# is deleted before the end: ext4 makes new files slowly after that.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/bench/linux_tree.sh
. "$here/linux_tree.sh"
rounds=3
if [ "${1:-}" = --rounds ]; then rounds=$2; fi
build=$(cd "${BUILD_DIR:-$top/build}" && pwd)
with=$build/bin without=$build/tests/without_flushes
work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/twsync-flush-XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=${TREE:-$(linux_tree)}

"$without/twsync" --version | grep -q 'without flushes' || { echo "$without flushes" >&2; exit 2; }
if "$with/twsync" --version | grep -q 'without flushes'; then echo "$with does not flush" >&2; exit 2; fi

first_sync() { # BIN RUN: seconds
  local run=$2 began ended
  cp -a "$tree" "$work/code-$run"
  rm -rf "$work/code-$run/.twsync"
  mkdir "$work/deploy-$run"
  sync -f "$work"
  began=$(date +%s.%N)
  "$1/twsync" --state-dir "$work/state-$run" sync "$work/code-$run" "$work/deploy-$run" --quiet >"$work/out-$run"
  [ "$1" = "$with" ] || sync -f "$work/deploy-$run"
  ended=$(date +%s.%N)
  echo "$ended $began" | awk '{ printf "%.2f", $1 - $2 }'
}

echo "first sync of $(find "$tree" | wc -l) entries, $(du -sh "$tree" | cut -f1)"
ratios=()
for round in $(seq 0 "$rounds"); do
  a=$(first_sync "$with" "with-$round")
  b=$(first_sync "$without" "without-$round")
  if [ "$round" = 0 ]; then echo "warm-up: $a s, $b s"; continue; fi
  ratios+=("$(echo "$a $b" | awk '{ printf "%.3f", $1 / $2 }')")
  echo "round $round: with flushes $a s, without and one sync -f $b s, ratio ${ratios[-1]}"
done
median=$(printf '%s\n' "${ratios[@]}" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
echo "median ratio $median, bar 1.15"
awk -v m="$median" 'BEGIN { exit !(m <= 1.15) }'
