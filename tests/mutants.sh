#!/usr/bin/env bash
# mutants.sh [--check] [PATTERN]: breaks the program on purpose and sees a test fail, once for each tests/mutants/*.patch
# (INVARIANTS.md says which holds what). A patch begins with lines "# invariant: I3", "# build: TARGETS", "# test: COMMAND"
# (run in the copy's root; $tests and $bin: where its binaries are) and "# fails: TEXT": the name of a GoogleTest test, or
# words that nothing prints but the failure. Everything happens in a copy below build/mutants, whose build is kept for the
# next time.
# --check: only that every patch still applies and that no invariant is without one; builds nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
copy=$top/${BUILD_DIR:-build}/mutants/tree
[[ ${BUILD_DIR:-build} != /* ]] || copy=$BUILD_DIR/mutants/tree
only_check=false
if [ "${1:-}" = --check ]; then only_check=true && shift; fi
pattern=${1:-*}
started=$SECONDS
survivors=0

field() { sed -n "s/^# $1: //p" "$2" | head -1; }
say() { printf '%s\n' "$*"; }

# One line of context is enough to find the place, and survives more changes around it.
applies() { git apply --check -C1 "$1"; }

check() {
  local patch name missing=0 invariant
  for patch in tests/mutants/*.patch; do
    for name in invariant build test fails; do
      [ -n "$(field "$name" "$patch")" ] || { say "$patch has no line '# $name: …'"; missing=1; }
    done
    applies "$patch" || { say "$patch no longer applies: mend it"; missing=1; }
    grep -qF "$(basename "$patch" .patch)" tests/INVARIANTS.md || { say "INVARIANTS.md does not name $patch"; missing=1; }
  done
  for invariant in I{1..16}; do
    grep -qx "# invariant: $invariant" tests/mutants/*.patch || { say "no mutant breaks $invariant"; missing=1; }
  done
  return $missing
}

# The tree as it is here, also what is not committed; only what differs is copied, so that little is built again.
copy_tree() {
  mkdir -p "$copy"
  git ls-files -z --cached --others --exclude-standard | (while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done) |
    rsync -rlp --checksum --from0 --files-from=- ./ "$copy/"
}

build() { # build TARGETS...
  cmake --build "$copy/build" -j "$(nproc)" --target "$@" >"$copy/build.log" 2>&1 || { tail -30 "$copy/build.log"; return 1; }
}

run_test() { # run_test COMMAND: its output in test.log
  (cd "$copy" && tests=$copy/build/tests bin=$copy/build/bin TWSYNC_BIN=$copy/build/bin BUILD_DIR=$copy/build \
    timeout 180 bash -c "$1") >"$copy/test.log" 2>&1
}

failed_as() { # failed_as TEXT; GoogleTest prints a name of every test that it runs
  if [[ $1 = *' '* ]]; then grep -qaF -- "$1" "$copy/test.log"; else [ -n "$(grep -a '^\[  FAILED  \] ' "$copy/test.log" | grep -aF -- "$1")" ]; fi
}

# Without a mutation every one of the tests passes: else a failure would show nothing.
baseline() { # baseline PATCH...
  local command
  # shellcheck disable=SC2046
  build $(for p in "$@"; do field build "$p"; done | tr ' ' '\n' | sort -u) || return 1
  while IFS= read -r command; do
    run_test "$command" || { tail -20 "$copy/test.log"; say "fails without a mutation: $command"; return 1; }
  done < <(for p in "$@"; do field test "$p"; done | sort -u)
}

# Not as a part of the repository around it, which ignores what lies below build.
apply_in_copy() { (cd "$copy" && GIT_CEILING_DIRECTORIES=$(dirname "$copy") git apply -C1 "$@"); }
sum_of() { sed -n 's|^+++ b/||p' "$copy/$1" | (cd "$copy" && xargs sha256sum); }

mutant() { # mutant PATCH, all from the copy: what is worked on here meanwhile is not mixed in
  local patch=$1 name began=$SECONDS status=0 before
  name=$(basename "$patch" .patch)
  before=$(sum_of "$patch")
  apply_in_copy "$patch"
  [ "$(sum_of "$patch")" != "$before" ] || { say "$name changes nothing"; return 1; }
  # shellcheck disable=SC2046
  if ! build $(field build "$patch"); then
    say "DOES NOT BUILD: $name"
    survivors=$((survivors + 1))
    apply_in_copy -R "$patch"
    return
  fi
  run_test "$(field test "$patch")" || status=$?
  apply_in_copy -R "$patch"
  if [ "$status" -eq 0 ]; then
    say "SURVIVED: $name: $(field test "$patch")"
    survivors=$((survivors + 1))
  elif ! failed_as "$(field fails "$patch")"; then
    tail -20 "$copy/test.log"
    say "FAILED OTHERWISE: $name: '$(field fails "$patch")' is not what failed"
    survivors=$((survivors + 1))
  else
    say "seen: $name ($(field invariant "$patch")) by $(field fails "$patch") in $((SECONDS - began)) s"
  fi
}

check || exit 1
if $only_check; then
  say "$(find tests/mutants -name '*.patch' | wc -l) mutants apply, each invariant has one"
  exit 0
fi
patches=()
for patch in tests/mutants/*.patch; do
  # shellcheck disable=SC2053
  if [[ $(basename "$patch" .patch) == $pattern ]]; then patches+=("$patch"); fi
done
[ "${#patches[@]}" -gt 0 ] || { say "no mutant is named $pattern"; exit 2; }
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$copy} CCACHE_NOHASHDIR=1
copy_tree
cmake -S "$copy" -B "$copy/build" -G Ninja >/dev/null
baseline "${patches[@]}" || exit 1
say "every test passes without a mutation ($((SECONDS - started)) s)"
for patch in "${patches[@]}"; do mutant "$patch"; done
say "$((${#patches[@]} - survivors)) of ${#patches[@]} mutants were seen in $((SECONDS - started)) s"
[ "$survivors" -eq 0 ]
