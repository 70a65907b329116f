#!/usr/bin/env bash
# sanitize.sh thread | address,undefined: builds everything with that sanitizer and runs unit and integration tests and a
# real two-way sync with it. A long one: not part of run.sh.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
kind=${1:-address,undefined}
build=${BUILD_DIR:-$top/build-${kind%%,*}}

bash "$top/tests/install.sh"
cmake -S "$top" -B "$build" -G Ninja -DSYNC_SANITIZE="$kind" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS="-O1 -g1" >/dev/null
cmake --build "$build" -j "$(nproc)"
export TSAN_OPTIONS="exitcode=66 suppressions=$top/tests/support/tsan.supp"
export UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir "$build" --output-on-failure -j "$(nproc)" -L 'unit|integration'
PATH=$build/bin:$PATH bash "$top/tests/support/real_tree.sh" /usr/include/linux 200
