#!/usr/bin/env bash
# lint.sh: clang-format over every source, shellcheck over every script, clang-tidy (.clang-tidy) over the programs and
# their libraries, warnings as errors. All three run even if one finds something. A long one: not part of run.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD_DIR:-build}
failed=0
step() { echo "== $1"; "$2" || { echo "FAILED: $1"; failed=1; }; }

format() { git ls-files -z '*.cc' '*.h' | xargs -0 clang-format --dry-run -Werror; }

# What is installed on a server is held to the strictest level, what only tests to warnings. sync_config.sh sets names for
# its reader: there an unused name is the purpose.
scripts() { { git ls-files -- "$@" | grep '\.sh$'; git grep -lE '^#! ?/.*sh$' -- "$@"; } | sort -u; }
shells() {
  local status=0
  scripts broker common producers workers | grep -v '^common/app/sync_config.sh$' | xargs shellcheck -x || status=1
  shellcheck -s bash -e SC2034 common/app/sync_config.sh || status=1
  scripts .ci compose tests | xargs shellcheck -x -P SCRIPTDIR -S warning || status=1
  return "$status"
}

tidy() {
  cmake -S . -B "$build" -G Ninja >/dev/null || return
  git ls-files -z 'broker/*.cc' 'common/*.cc' 'producers/*.cc' 'workers/*.cc' |
    xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$build" --quiet 2> >(grep -v 'warnings\? generated' >&2)
}

bash tests/install.sh clang-format clang-tidy
step clang-format format
step shellcheck shells
step clang-tidy tidy
if [ "$failed" -eq 0 ]; then echo "lint: clean"; fi
exit "$failed"
