#!/usr/bin/env bash
# Every write, flush, rename, link, unlink, mkdir and truncation of controller and agent (child agent, embedded broker):
# for each N, kill -9 at the Nth call, and separately EIO and ENOSPC from it; then runs until quiet and looks at
# everything that nth_call_lib.sh looks at. Prints covered / total for each call. Takes up to 20 minutes on 2 cores.
# ONLY=pattern picks cases (local_EIO_agent_edits_renameat2_*). SAMPLE=n: n of the points, SEED: which. JOBS: how many at
# a time.
set -euo pipefail
# A kill loses nothing of what was written: memory does as well as a disk, and what is measured there in minutes takes
# a disk that has just removed many files an hour.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi
. "$(dirname "$0")/../support/nth_call_lib.sh"

table() { # covered and total, by injection, process and call
  sort -u "$tmp/missed" | sed 's|.*/||' >"$tmp/missed.names"
  as_cases <"$tmp/chosen" | awk -v missed="$tmp/missed.names" '
    BEGIN { while ((getline name <missed) > 0) skip[name] = 1 }
    { key = $4 " " $5 " " $6; total[key]++; if (!($1 in skip)) covered[key]++ }
    END { for (key in total) printf "%-32s %4d / %d\n", key, covered[key], total[key] }' | sort
}

# Not every run makes as many calls: the most of three counts.
for n in 1 2 3; do
  ONLY='' test_case "reference_$n" reference
  ONLY='' test_case "reference_many_$n" reference_many
  [ $failures = 0 ] || finish
done
points | awk '{ for (i = 1; i <= 3; i++) print "local", (i == 1 ? "KILL" : i == 2 ? "EIO" : "ENOSPC"), $0 }' >"$tmp/chosen"
echo "$(wc -l <"$tmp/chosen") points"
if [ -n "${SAMPLE:-}" ]; then
  awk -v seed="${SEED:-1}" 'BEGIN { srand(seed) } { print rand(), $0 }' "$tmp/chosen" | sort -n | awk -v most="$SAMPLE" 'NR <= most' | cut -d' ' -f2- >"$tmp/sample"
  mv "$tmp/sample" "$tmp/chosen"
fi
told() { awk '!/^ok/ { print; fflush() } /^ok/ && ++n % 100 == 0 { print n " ok"; fflush() }'; }
as_cases <"$tmp/chosen" | in_parallel | told
# A run that made fewer calls yet is done again.
for _ in {1..20}; do
  [ -s "$tmp/missed" ] || break
  sed 's|.*/||' "$tmp/missed" >"$tmp/again"
  : >"$tmp/missed"
  as_cases <"$tmp/chosen" | awk 'NR == FNR { again[$1]; next } $1 in again' "$tmp/again" - | in_parallel | told
done
: >>"$tmp/missed"
table
[ ! -e "$tmp/codes" ] || { echo "exit codes of runs with a failed call:"; sort "$tmp/codes" | uniq -c; }
all_reached "$(wc -l <"$tmp/chosen")"
