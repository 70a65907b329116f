#!/usr/bin/env bash
# File systems that know no flags of renameat2, on both sides: everything is carried over, what is displaced is kept,
# what was edited meanwhile stays, and doctor says so.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

cc -O -Wall -Werror -o "$tmp/without_rename_flags" "$support/without_rename_flags.c"
ts() { rc=0; "$tmp/without_rename_flags" "$bin/twsync" --state-dir "$W/S" "$@" >"$W/out" 2>"$W/err" || rc=$?; }

fill() {
  mkdir -p "$1"/{d/e,gone/below,file-to-be}
  local n
  for n in a b c d/f d/e/g gone/x gone/below/y to-directory to-link; do echo "$n of $1" >"$1/$n"; done
  ln -s a "$1/link"; ln -s b "$1/link-to-be-file"
  touch -d '1 hour ago' "$1"/{a,b,c,to-directory,to-link}
}

change() { # every kind of operation
  echo edited >"$1/a"
  echo new >"$1/d/new"
  rm -r "$1/gone"; rm "$1/b"
  mv "$1/c" "$1/d/moved"; mv "$1/d/e" "$1/moved-directory"
  rmdir "$1/file-to-be"; echo "a file now" >"$1/file-to-be"
  rm "$1/to-directory"; mkdir "$1/to-directory"; echo below >"$1/to-directory/below"
  rm "$1/to-link"; ln -s a "$1/to-link"
  ln -sfn d "$1/link"
  rm "$1/link-to-be-file"; echo "a file now" >"$1/link-to-be-file"
  chmod 0600 "$1/d/f"
}

every_operation() { # every_operation FROM TO
  fill code; in_sync
  change "$1"; in_sync; equal_trees
  local kept
  for kept in "a of code" "b of code" "gone/below/y of code" "to-directory of code" "to-link of code"; do
    stored "$2" "$kept" || die "not kept: $kept"
  done
  [ -z "$(find "$2"/.twsync/*/stage ! -type d)" ] || die "something is staged still"
  in_sync; [ "$(summary operations)" = 0 ] || die "a second run had something to do"
}

conflict() {
  fill code; in_sync
  echo "from code" >code/a; touch -d '1 minute ago' code/a; echo "from deploy" >deploy/a; in_sync
  [ "$(cat code/a)" = "from deploy" ] || die "$(cat code/a)"
  stored code "from code" || die "the loser is not kept"
  local id; id=$(ts history a; sed -n 's/ .*//p' out | head -1)
  ts restore a --version "$id"; expect 0
  equal_trees
}

killed() { # kill -9 in the middle, again and again: nothing is lost, nothing stays staged
  mkdir code/d; local n
  for n in $(seq 1 300); do echo "old $n" >code/d/f$n; done; in_sync
  for n in $(seq 1 300); do echo "new $n" >code/d/f$n; done
  local tries
  for tries in 1 2 3 4 5; do
    "$tmp/without_rename_flags" "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" >/dev/null 2>&1 &
    local pid=$!
    until_true 5 grep -rq "new $((tries * 40))" deploy/d || true
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    for n in 1 150 300; do
      [ "$(cat "deploy/d/f$n")" = "old $n" ] || [ "$(cat "deploy/d/f$n")" = "new $n" ] || die "deploy/d/f$n: $(cat "deploy/d/f$n")"
    done
  done
  in_sync; equal_trees
  [ -z "$(find deploy/.twsync/*/stage ! -type d)" ] || die "something is staged still"
  for n in 1 150 300; do grep -rlqx "old $n" deploy/.twsync/*/versions || die "old $n is not kept"; done
}

doctor_says_so() { # of both sides, by trying it where the pair's own directory is
  fill code; in_sync
  printf '%s\n' "CODE_PATH=$W/none" "DEPLOY_PATH=$W/none" >conf.sh; chmod 600 conf.sh
  ts doctor --config "$W/conf.sh"
  local side
  for side in code deploy; do
    grep "warning.*$side-file-system of code-" out | grep -q 'atomic exchange' || die "of the $side side: $(cat out)"
  done
}

test_case every_operation_to_deploy every_operation code deploy
test_case every_operation_to_code every_operation deploy code
test_case conflict conflict
test_case killed killed
test_case doctor_says_so doctor_says_so
finish
