#!/usr/bin/env bash
# The benchmark against other tools still works: on tiny trees every work of it runs, compares its trees, and comes out as
# a row of the table, with every bar judged (met or not: on tiny trees that means nothing) and a picture that is whole.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL $*"; tail -30 "$out/said"; exit 1; }

BUILD=${BUILD_DIR:-$top/build}
case $BUILD in /*) ;; *) BUILD=$top/$BUILD ;; esac
export BUILD
# equal_after CHANGE: what the comparison of the benchmark answers for two trees that differ by it only.
equal_after() {
  rm -rf "$out/a" "$out/b"
  mkdir -p "$out/a/dir/.twsync"
  echo content >"$out/a/dir/file"
  echo kept >"$out/a/dir/.twsync/file"
  ln -s file "$out/a/dir/link"
  cp -a "$out/a" "$out/b"
  mkdir "$out/b/.twsync"
  (cd "$out/b/dir" && eval "$1")
  "$BUILD/tests/bench_equal" "$out/a" "$out/b" >"$out/said"
}
equal_after true || fail "equal trees differ"
for change in 'touch new' 'rm file' 'rm .twsync/file' 'chmod 600 file' 'touch -d @7 file' 'ln -sfn other link' 'rm file; mkdir file' 'chmod 700 .' \
  'cp -p file ref; sed s/c/C/ ref >file; touch -r ref file; rm ref'; do
  if equal_after "$change"; then fail "not seen by bench_equal: $change"; fi
done
grep -q "content: /dir/file" "$out/said" || fail "other bytes of the same size and time are not seen"
echo "ok the comparison sees each kind of difference"

bash "$top/tests/bench/vs_peers.sh" --quick --no-install --tools 'twsync,rsync,tar,walk + stat,local copy' --out "$out" >"$out/said" 2>&1 ||
  fail "vs_peers.sh --quick ended with $?"

bars=$(sed -n '/^## Bars/,/^## Every work/p' "$out/RESULTS.md" | awk '/[|] (met|MISSED) *[|]/ { n++ } END { print n + 0 }')
[ "$bars" -ge 24 ] || fail "only $bars bars are judged"
echo "ok $bars bars are judged"

sed '1,/^## Every work/d' "$out/RESULTS.md" >"$out/works"
for work in 'first sync, whole tree' 'nothing changed' 'first sync, 13,685' '4 KiB edited' '1 byte inserted' 'git checkout' \
  'directory of 10,000' 'rescan of 1,000,000' 'edit latency' 'wakeups at rest' 'memory at rest'; do
  grep -q "^| [^|]*${work}[^|]*| [^|]* | twsync " "$out/works" || fail "no row of: $work"
done
for tool in rsync tar 'walk + stat' 'local copy'; do grep -q "| $tool  *| none" "$out/works" || fail "no row of $tool"; done
echo "ok every work has its rows"

python3 - "$out/vs_peers.svg" <<'PY' || fail "the picture is not whole"
import sys, xml.etree.ElementTree as tree
drawn = tree.parse(sys.argv[1]).getroot()
space = "{http://www.w3.org/2000/svg}"
assert drawn.tag == space + "svg"
assert len(drawn.findall(f"{space}rect")) >= 10
assert {text.text for text in drawn.findall(f"{space}text")} >= {"twsync", "rsync"}
assert "prefers-color-scheme" in drawn.find(f"{space}style").text
PY
echo "ok the picture is whole"
