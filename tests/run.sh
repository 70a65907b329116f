#!/bin/bash
# Installs what is needed, builds, runs every test. Ends with "N passed, M failed"; exits 1 when one failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
build=${BUILD_DIR:-build}

bash tests/install.sh || exit 2
cmake -S . -B "$build" -G Ninja || exit 2
cmake --build "$build" -j "$(nproc)" || exit 2

results=$(mktemp)
trap 'rm -f "$results"' EXIT
passed=0
failed=0

ctest --test-dir "$build" --output-on-failure -j "$(nproc)" --output-junit "$results" "$@"
ctest_status=$?
read -r total bad < <(python3 - "$results" <<'PY'
import sys, xml.etree.ElementTree as tree
try:
    suite = tree.parse(sys.argv[1]).getroot()
    cases = suite.findall("testcase")
    print(len(cases), sum(1 for case in cases if case.get("status") not in ("run", "notrun", "disabled") or case.find("failure") is not None))
except (OSError, tree.ParseError):
    print(0, 1)
PY
)
if [ "$ctest_status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
if [ "$total" -eq 0 ]; then bad=1; fi
passed=$((passed + (total > bad ? total - bad : 0)))
failed=$((failed + bad))

export TWSYNC_BIN="$PWD/$build/bin"
[[ $build = /* ]] && export TWSYNC_BIN="$build/bin"
export BUILD_DIR="$build"
shopt -s nullglob
for suite in tests/e2e/*.sh tests/faults/quick_*.sh tests/security/*.sh; do
  echo "== $suite"
  if bash "$suite"; then
    passed=$((passed + 1))
  else
    echo "FAILED: $suite"
    failed=$((failed + 1))
  fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
