#!/usr/bin/env bash
# A real tree of some 20,000 files over an own sshd: first sync, some 1,000 changes on each side, exact comparison.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
export PATH=${TWSYNC_BIN:-$top/build/bin}:$PATH
work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-tree-XXXXXX")
trap 'rm -rf "$work"' EXIT

# Headers and the documentation that every Debian has, until there are enough files.
for part in /usr/include /usr/share/doc /usr/share/perl /usr/share/cmake* /usr/lib/python3*; do
  [ -d "$part" ] || continue
  mkdir -p "$work/tree"
  cp -a "$part/." "$work/tree/"
  [ "$(find "$work/tree" -type f | wc -l)" -lt 20000 ] || break
done
bash "$top/tests/support/real_tree.sh" "$work/tree" 1000
echo "ok real tree of $(find "$work/tree" -type f | wc -l) files"
