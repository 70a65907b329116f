#!/usr/bin/env bash
# run.sh [--full] [--minutes N] [--seed N]: the planner against its model, and whole histories over real roots, in
# parallel by ranges of seeds. --full: 100,000 cases for each property and 2,000 histories, at most 30 minutes (9 on two
# quiet cores). Without it a tenth of that. Prints the seeds, so that a run can be repeated; a failing case is printed shrunk.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD_DIR:-build}
cases=10000 histories=200 minutes=10 seed=$(date +%s)
while [ $# -gt 0 ]; do
  case $1 in
    --full) cases=100000 histories=2000 minutes=30 ;;
    --minutes) minutes=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    *) sed -n 2,4p "$0" && exit 2 ;;
  esac
  shift
done

cmake -S . -B "$build" -G Ninja >/dev/null
cmake --build "$build" --target property_core property_damage property_histories twsync-agent >/dev/null
tests=$(cd "$build" && pwd)/tests
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
deadline=$(($(date +%s) + minutes * 60))
export tests tmp deadline seed cases

one() { # a line "histories FIRST COUNT" or "cases BINARY TEST"; its last line says how it went
  local left=$((deadline - $(date +%s))) log
  log=$tmp/$(echo "$*" | tr -c 'A-Za-z0-9\n' _)
  if [ "$left" -lt 5 ]; then echo "NOT RUN (out of time): $*" && return; fi
  local status=0
  if [ "$1" = histories ]; then
    TWSYNC_SECONDS=$((left - 4)) TWSYNC_SEEDS="$2 $3" \
      timeout "$left" "$tests/property_histories" --gtest_filter='*BothSidesMeet' >"$log" 2>&1 || status=$?
    grep -E ' of [0-9]+ histories ' "$log" || true
  else
    RC_PARAMS="max_success=$cases seed=$seed" timeout "$left" "$tests/$2" --gtest_filter="$3" >"$log" 2>&1 || status=$?
    grep -E '^OK, passed' "$log" | sed "s|^OK|$3|" || true
  fi
  if [ "$status" -ne 0 ]; then
    sed "s|^|  |" "$log"
    echo "FAILED ($status): $*"
  fi
}
export -f one

names() { "$tests/$1" --gtest_list_tests | awk '/^[^ ]/ { suite = $1 } /^  / && $1 != "Regressions" { print suite $1 }'; }

echo "seed $seed: $cases cases for each property, $histories histories, at most $minutes minutes"
{
  for first in $(seq 0 50 $((histories - 1))); do echo "histories $((seed + first)) 50"; done
  for binary in property_core property_damage; do names "$binary" | sed "s/^/cases $binary /"; done
} >"$tmp/tasks"
started=$(date +%s)
xargs -P "${JOBS:-$(nproc)}" -d '\n' -I {} bash -c 'one $1' one {} <"$tmp/tasks" | tee "$tmp/out"

run=$(sed -nE 's/^([0-9]+) of [0-9]+ histories .*/\1/p' "$tmp/out" | awk '{ n += $1 } END { print n + 0 }')
passed=$(grep -cE '^[A-Za-z.]+, passed' "$tmp/out" || true)
properties=$(grep -c '^cases' "$tmp/tasks")
awk '/ of [0-9]+ histories / {
    for (i = 2; i <= NF; i++) {
      if ($i ~ /^syncs/) syncs += $(i - 1)
      if ($i ~ /^killed/) killed += $(i - 1)
      if ($i ~ /^raced/) raced += $(i - 1)
      if ($i == "rounds") rounds += $(i - 1)
      if ($i == "values,") values += $(i - 1)
      if ($i == "alone") alone += $(i - 5)
    }
  } END { printf "%d syncs, %d killed, %d raced, %d rounds of hints; %d values looked for, %d found in a version store alone\n",
    syncs, killed, raced, rounds, values, alone }' "$tmp/out"
echo "$passed of $properties properties, $run of $histories histories in $(($(date +%s) - started)) s, seed $seed"
! grep -qE '^(FAILED|NOT RUN)' "$tmp/out" && [ "$run" -eq "$histories" ] && [ "$passed" -eq "$properties" ]
