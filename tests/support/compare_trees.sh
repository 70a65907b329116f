#!/usr/bin/env bash
# compare_trees.sh A B: a metadata-exact comparison of two trees (types, bytes, modes, file mtimes in ns, link targets),
# but for .twsync below the roots. Prints the first differences and fails when there is one.
set -euo pipefail
a=$1 b=$2

manifest() {
  (cd "$1" && find . -path ./.twsync -prune -o \( \
    -type f -printf '%p//f %m %s %T@\0' -o \
    -type l -printf '%p//l %l %T@\0' -o \
    -type d ! -path . -printf '%p//d %m\0' -o \
    ! -type d -printf '%p//? %y\0' \) | LC_ALL=C sort -z)
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
manifest "$a" >"$work/a" &
manifest "$b" >"$work/b"
wait
if ! cmp -s "$work/a" "$work/b"; then
  echo "metadata differ:"
  diff <(tr '\0' '\n' <"$work/a") <(tr '\0' '\n' <"$work/b") | head -20 || true
  exit 1
fi
if ! diff -r --no-dereference --exclude=.twsync "$a" "$b" >"$work/content" 2>&1; then
  echo "contents differ:"
  head -20 "$work/content"
  exit 1
fi
echo "equal: $(tr -cd '\0' <"$work/a" | wc -c) entries"
