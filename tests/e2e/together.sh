#!/usr/bin/env bash
# TOGETHER: what changed in a directory arrives as a whole or not at all, and whoever wins wins all of it.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

# begin [NAME=VALUE]...: both sides hold repo/ with a, b and sub/c, and z beside it.
begin() {
  printf '%s\n' "CODE_PATH=$W/code" "DEPLOY_PATH=$W/deploy" "TOGETHER='repo other'" "$@" >conf.sh
  chmod 600 conf.sh
  mkdir -p code/repo/sub code/repo/locked; echo 1 >code/repo/a; echo 2 >code/repo/b; echo 3 >code/repo/sub/c
  echo 4 >code/repo/locked/d; echo 9 >code/z
  both
}
run() { sync_now --config "$W/conf.sh" "$@"; }
both() { run; expect 0; [ "$(summary in_sync)" = true ] || die "not in sync: $(tail -1 out)"; equal_trees; }
quiet() { both; [ "$(summary operations)" = 0 ] || die "not quiet: $(operations)"; }
files() { (cd "$1/repo" && find . ! -type d -printf '%P %i %m %T@ %l\n' | sort; find . -type f | sort | xargs cat); }
repo() { (cd "$1/repo" && find . -printf '%P %y %i %m %l\n' | sort; find . -type f | sort | xargs cat); }

cannot_be_applied() { # a directory that nothing can be done in: its unit stays as it was, the rest arrives, status says why
  begin
  chattr +i deploy/repo/locked 2>/dev/null || { echo "SKIPPED: no immutable directories here"; return 0; }
  trap 'chattr -i deploy/repo/locked' EXIT
  echo new >code/repo/a; rm code/repo/b; echo new >code/repo/locked/d; mkdir code/repo/made; echo new >code/repo/made/e
  chmod 600 code/repo/sub/c; rm -r code/repo/sub; ln -s a code/repo/link; echo new >code/z
  # Directories that are new or empty say nothing: what counts are the files.
  files deploy >before
  run; expect 1
  files deploy >after
  unchanged before after
  [ -d deploy/repo/sub ] || die "a directory of it was removed"
  [ "$(cat deploy/z)" = new ] || die "the rest did not arrive"
  [ "$(summary in_sync)" = false ] || die "$(tail -1 out)"
  [ "$(events parked | wc -l)" = 1 ] || die "told more than once: $(events parked)"
  events parked | grep -q '"path":"repo/locked/d".*nothing of repo was carried' || die "$(events parked)"
  ts conflicts --json --config "$W/conf.sh"
  grep -q 'repo/locked/d' out && grep -q 'nothing of repo was carried' out || die "$(cat out)"
  run; expect 1
  files deploy >after
  unchanged before after
  chattr -i deploy/repo/locked; trap - EXIT
  both
  [ "$(cat deploy/repo/made/e)" = new ] && [ ! -e deploy/repo/sub ] && [ ! -e deploy/repo/b ] || die "$(find deploy)"
  quiet
}

one_side_wins() { # all of it, and what the other had is kept
  begin CONFLICT_RESOLUTION=code-server
  echo code >code/repo/a; echo deploy >deploy/repo/b; echo deploy >deploy/repo/new; rm deploy/repo/sub/c
  echo deploy >deploy/z
  both
  [ "$(cat deploy/repo/a)" = code ] && [ "$(cat code/repo/b)" = 2 ] && [ ! -e code/repo/new ] || die "$(repo code)"
  [ "$(cat code/repo/sub/c)" = 3 ] && [ "$(cat code/z)" = deploy ] || die "$(repo code)"
  [ "$(stored deploy deploy; echo $?)" = 0 ] || die "the losers are not kept"
  ts conflicts --json --config "$W/conf.sh"
  grep -q '"path":"repo/b"' out && grep -q '"path":"repo/new"' out || die "$(cat out)"
  quiet
}

manual() { # parked as one; one decision for all of it
  begin CONFLICT_RESOLUTION=manual
  echo code >code/repo/a; echo deploy >deploy/repo/b; echo code >code/z
  repo code >code.was; repo deploy >deploy.was
  run; expect 1
  repo code >code.is; repo deploy >deploy.is
  unchanged code.was code.is; unchanged deploy.was deploy.is
  [ "$(cat deploy/z)" = code ] || die "the rest did not arrive"
  [ "$(events conflict | wc -l)" = 1 ] || die "$(events conflict)"
  local id; id=$(event_id conflict)
  ts resolve "$id" --take deploy --config "$W/conf.sh"; expect 0
  [ "$(cat code/repo/b)" = deploy ] && [ "$(cat code/repo/a)" = 1 ] && [ "$(cat deploy/repo/a)" = 1 ] || die "$(repo code)"
  stored code code || die "the loser is not kept"
  quiet
}

by_path() { # who asks for one file of it gets all of it
  begin
  echo new >code/repo/a
  echo new >code/repo/sub/c; echo new >code/z
  run --path repo/a; expect 0
  [ "$(cat deploy/repo/a)" = new ] && [ "$(cat deploy/repo/sub/c)" = new ] || die "$(repo deploy)"
  [ "$(cat deploy/z)" = 9 ] || die "more than was asked for"
  both
}

socket_holds() { # what can never be synced holds all of it, and is named
  begin
  python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' code/repo/sock
  run; expect 0; [ "$(summary operations)" = 0 ] || die "not quiet: $(operations)"
  echo new >code/repo/a; echo new >code/z
  run; expect 1
  [ "$(cat deploy/repo/a)" = 1 ] && [ "$(cat deploy/z)" = new ] || die "$(repo deploy)"
  events parked | grep -q '"path":"repo".*repo/sock' || die "$(events parked)"
  rm code/repo/sock
  both; [ "$(cat deploy/repo/a)" = new ] || die "$(repo deploy)"
}

bad_values() { # each an error that names line and value, and nothing is done
  local value
  for value in /abs . / a/../b 'a a/b' ../x; do
    printf '%s\n' "CODE_PATH=$W/code" "DEPLOY_PATH=$W/deploy" "TOGETHER='$value'" >conf.sh; chmod 600 conf.sh
    run; expect 2
    grep -q "conf.sh:3: TOGETHER='$value' is not allowed" out err || die "$value: $(cat out err)"
  done
}

first_sync() { # a new directory arrives as a whole, a directory that became a file too
  begin
  mkdir -p code/other/x/y; echo 1 >code/other/x/y/f; ln code/other/x/y/f code/other/g; ln -s x code/other/l
  both; [ deploy/other/x/y/f -ef deploy/other/g ] || die "not one file"
  rm -r code/other/x; echo file >code/other/x; rm code/other/g; mkdir code/other/g; echo 2 >code/other/g/h
  both; quiet
}

test_case cannot_be_applied cannot_be_applied
test_case one_side_wins one_side_wins
test_case manual manual
test_case by_path by_path
test_case socket_holds socket_holds
test_case bad_values bad_values
test_case first_sync first_sync
finish
