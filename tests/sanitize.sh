#!/usr/bin/env bash
# sanitize.sh thread | address,undefined: builds everything with that sanitizer and runs unit and integration tests, a
# real two-way sync, and the services as processes of their own. A long one: not part of run.sh.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
kind=${1:-address,undefined}
build=${BUILD_DIR:-$top/build-${kind%%,*}}
reports=$build/reports

bash "$top/tests/install.sh"
cmake -S "$top" -B "$build" -G Ninja -DSYNC_SANITIZE="$kind" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS="-O1 -g1" >/dev/null
cmake --build "$build" -j "$(nproc)"

# Agents and services run as processes whose end a test may not look at, so every report goes to a file.
rm -rf "$reports"
mkdir "$reports"
common="log_path=$reports/report log_exe_name=1"
export ASAN_OPTIONS=$common
export UBSAN_OPTIONS="print_stacktrace=1 $common"
# A test's child, another user, begins threads of its own.
export TSAN_OPTIONS="die_after_fork=0 exitcode=66 suppressions=$top/tests/support/tsan.supp $common"

failed=0
ctest --test-dir "$build" --output-on-failure -j "$(nproc)" -L 'unit|integration' || failed=1
PATH=$build/bin:$PATH bash "$top/tests/support/real_tree.sh" /usr/include/linux 200 || failed=1
TWSYNC_BIN=$build/bin bash "$top/tests/e2e/services.sh" || failed=1
if [ -n "$(find "$reports" -type f -print -quit)" ]; then
  cat "$reports"/*
  echo "FAILED: reports of the sanitizer, in $reports"
  failed=1
fi
if [ "$failed" -eq 0 ]; then echo "sanitize: $kind is clean"; fi
exit "$failed"
