#!/bin/bash
# Installs what is needed, builds, runs every test. Ends with what was skipped and "N passed, M failed"; exits 1 when one
# failed. A suite with skipped cases counts as passed by the others; what isn't installed skips nothing: that fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
build=${BUILD_DIR:-build}

bash tests/install.sh || exit 2
cmake -S . -B "$build" -G Ninja || exit 2
cmake --build "$build" -j "$(nproc)" || exit 2

results=$(mktemp)
told=$(mktemp)
skips=$(mktemp)
trap 'rm -f "$results" "$told" "$skips"' EXIT
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
sed -n 's/^\[  SKIPPED \] \([^ ]*\) (.*/\1/p' "$build/Testing/Temporary/LastTest.log" | sort -u >>"$skips"

export TWSYNC_BIN="$PWD/$build/bin"
[[ $build = /* ]] && export TWSYNC_BIN="$build/bin"
export BUILD_DIR="$build"
shopt -s nullglob
for suite in tests/e2e/*.sh tests/faults/quick_*.sh tests/security/*.sh; do
  echo "== $suite"
  bash "$suite" | tee "$told"
  suite_status=${PIPESTATUS[0]}
  sed -n "s|^SKIPPED:* *|$suite: |p" "$told" >>"$skips"
  if [ "$suite_status" -eq 0 ]; then
    passed=$((passed + 1))
  else
    echo "FAILED: $suite"
    failed=$((failed + 1))
  fi
done

if [ -s "$skips" ]; then
  echo "skipped:"
  sed 's/^/  /' "$skips"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
