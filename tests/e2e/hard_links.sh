#!/usr/bin/env bash
# Hard-link groups, both ways: what is one file there is one file here, whatever is linked, broken off, edited, renamed
# or killed in between; links that lead outside are nobody's business; a dry run says what a run does.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

# groups DIR: the names of each file that has several in the tree, one file a line.
groups() { (cd "$1" && find . -path ./.twsync -prune -o -type f -links +1 -printf '%i %P\n' | sort | awk '{if ($1 == last) printf " %s", $2; else printf "%s%s", (NR > 1 ? "\n" : ""), $2; last = $1} END {print ""}' | grep ' ' | sort) || true; }
same_groups() { [ "$(groups code)" = "$(groups deploy)" ] || die "code: $(groups code | tr '\n' ';') deploy: $(groups deploy | tr '\n' ';')"; }
both_same() { in_sync; equal_trees; same_groups; sync_now; expect 0; [ "$(summary operations)" = 0 ] || die "not quiet: $(operations)"; }
one_file() { [ "$1" -ef "$2" ] || die "$1 and $2 are two files"; }
two_files() { if [ "$1" -ef "$2" ]; then die "$1 and $2 are one file"; fi; }

start() {
  mkdir -p $1/d/e
  echo shared >$1/a; ln $1/a $1/d/b; ln $1/a $1/d/e/c
  echo alone >$1/alone
  both_same
  one_file code/a code/d/e/c; one_file deploy/a deploy/d/e/c; one_file deploy/a deploy/d/b
}

life() { # life SIDE: everything that may happen to a group, on one side
  local s=$1 t=deploy
  [ $s = code ] || t=code
  start $s
  # In place: one content for all names, sent once.
  head -c 300000 /dev/urandom >$s/d/b
  both_same
  [ "$(events operation | wc -l)" = 0 ]
  one_file $t/a $t/d/b; cmp $s/a $t/d/e/c
  # A name more, of a group and of a single file; into a new directory too.
  mkdir $s/new; ln $s/a $s/new/x; ln $s/alone $s/alone2
  in_sync; equal_trees; same_groups
  [ "$(summary content_bytes)" = 0 ] || die "a link sent $(summary content_bytes) bytes"
  one_file $t/a $t/new/x; one_file $t/alone $t/alone2
  # A name less; one renamed; all of them moved.
  rm $s/d/e/c; mv $s/a $s/z
  both_same
  one_file $t/z $t/d/b
  mv $s/d $s/moved; mv $s/new/x $s/moved/y
  both_same
  one_file $t/z $t/moved/y
  # Broken off: with the same content, and by an editor's rename.
  cp -p $s/z $s/z.new; mv $s/z.new $s/z
  both_same
  two_files $t/z $t/moved/b; one_file $t/moved/y $t/moved/b
  echo edited >$s/tmp~; mv $s/tmp~ $s/alone2
  both_same
  two_files $t/alone $t/alone2; [ "$(cat $t/alone)" = alone ] || die "the other name was edited"
  # Joined again, over other content.
  ln -f $s/z $s/alone2
  both_same
  one_file $t/z $t/alone2
  # Attributes belong to the file.
  chmod 600 $s/moved/b; touch -d '2024-05-06 07:08:09.123456789' $s/moved/b
  both_same
  [ "$(stat -c %a $t/moved/y)" = 600 ] || die "the mode"
  rm -r $s/moved
  both_same
}

both_sides() {
  start code
  # A name on each side.
  ln code/a code/on-code; ln deploy/a deploy/on-deploy
  both_same
  one_file code/on-deploy code/on-code
  # Edits of different names: a conflict, the loser is kept.
  echo "edit of code" >code/a; sleep 0.05; echo "edit of deploy" >deploy/d/b
  sync_now; expect 0
  [ "$(summary conflicts)" -ge 1 ] || die "no conflict"
  both_same
  [ "$(cat code/a)" = "edit of deploy" ] && one_file code/a code/d/b
  stored code "edit of code" || die "the loser is not kept"
  # Edits that broke off, one here, one there.
  echo "new a" >code/t; mv code/t code/a; echo "new b" >deploy/t; mv deploy/t deploy/d/b
  both_same
  [ "$(cat deploy/a deploy/d/b)" = $'new a\nnew b' ] || die "an edit is missing"
  two_files code/a code/d/b; one_file code/d/e/c code/on-code
}

first_contact() { # equal contents, linked on one side only: then on both
  local side
  for side in code deploy; do mkdir -p $side; echo same >$side/p; touch -d '2024-01-01' $side/p; done
  ln code/p code/q; cp -p deploy/p deploy/q
  ts sync "$W/code" "$W/deploy" --json --dry-run; expect 0
  events operation | grep -q '"operation":"link".*"from":"p"' || die "the dry run does not say it: $(cat out)"
  two_files deploy/p deploy/q
  both_same
  one_file deploy/p deploy/q
  rm -r S code/.twsync deploy/.twsync; cp -p code/q code/t; mv code/t code/q
  both_same
  one_file code/p code/q
}

outside() { # names outside the root, or ignored, are not names of the group
  mkdir elsewhere
  echo x >code/a; ln code/a elsewhere/a; ln code/a code/b; ln code/a code/skipped
  in_sync --exclude skipped
  [ ! -e deploy/skipped ] || die "ignored"
  one_file deploy/a deploy/b; [ "$(stat -c %h deploy/a)" = 2 ] || die "$(stat -c %h deploy/a) links"
  ln deploy/a elsewhere/secret
  echo y >code/a
  in_sync --exclude skipped
  [ "$(cat deploy/b)" = y ] || die "not updated"
  [ "$(cat elsewhere/secret)" = x ] || die "written through a link that leads outside"
  one_file deploy/a deploy/b
  # A rule that goes: the name joins the group.
  in_sync; same_groups
  one_file deploy/skipped deploy/a
}

switched_off() {
  echo x >code/a; ln code/a code/b
  printf 'PRESERVE_HARDLINKS=no\n' >conf
  ts --config "$W/conf" sync "$W/code" "$W/deploy" --json; expect 0
  two_files deploy/a deploy/b
  echo y >code/a
  ts --config "$W/conf" sync "$W/code" "$W/deploy" --json; expect 0
  [ "$(cat deploy/b)" = y ] || die "the other name"
}

dry_run() { # shows what the run does, operation by operation
  start code
  ln code/a code/more; echo edited >code/alone; ln code/alone code/alone2
  sync_now --dry-run; expect 0; operations >planned
  sync_now; expect 0; operations >carried_out
  # Only the results differ.
  sed 's/,"dry_run[^,}]*//' planned >p; sed 's/,"dry_run[^,}]*//' carried_out >d
  cmp p d || die "planned: $(cat planned) done: $(cat carried_out)"
  grep -c '"operation":"link"' carried_out | grep -qx 2 || die "$(cat carried_out)"
}

one_path() { # who asks for one name gets them all
  start code
  echo edited >code/a; echo other >code/alone
  sync_now --path d/b; expect 0
  [ "$(cat deploy/a deploy/d/e/c)" = $'edited\nedited' ] || die "not all names"
  [ "$(cat deploy/alone)" = alone ] || die "more than asked for"
  one_file deploy/a deploy/d/b
  both_same
}

directions() {
  start code
  echo "of code" >code/a; ln deploy/alone deploy/alone2
  sync_now --to-code; expect 0
  one_file code/alone code/alone2; [ "$(cat deploy/a)" = shared ] || die "the other side changed"
  both_same
  [ "$(cat deploy/d/b)" = "of code" ] || die "left behind"
}

many() { # a file with some thousand names, and one of many groups
  local n
  mkdir code/names code/groups
  echo many >code/names/0
  for n in $(seq 1 3000); do ln code/names/0 code/names/$n; done
  for n in $(seq 1 500); do echo $n >code/groups/$n; ln code/groups/$n code/groups/$n.b; done
  both_same
  [ "$(stat -c %h deploy/names/0)" = 3001 ] || die "$(stat -c %h deploy/names/0) names"
  echo more >>code/names/77
  both_same
}

killed() { # at each rename and link of the applying process: the next run ends in the same state
  command -v strace >/dev/null || die "strace is needed (tests/install.sh)"
  local n call
  for call in renameat2 linkat; do
    for n in 1 2 3 4 5 6 7 8; do
      rm -rf code deploy S; mkdir code deploy
      echo one >code/a; ln code/a code/b; echo other >code/c; echo own >code/e
      in_sync
      echo two >deploy/a; ln -f deploy/a deploy/c; ln deploy/a deploy/d; ln -f deploy/c deploy/e
      strace -f -o trace -e trace=$call -e inject=$call:signal=KILL:when=$n "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" --json >out 2>err || true
      until_true 30 flock -n code/.twsync/*/lock true || die "a lock stays"
      until_true 30 flock -n deploy/.twsync/*/lock true || die "a lock stays"
      sync_now; expect 0
      both_same
      [ "$(cat code/a code/b code/c code/d code/e | sort -u)" = two ] || die "$call $n: not the same contents"
      one_file code/a code/d; one_file code/a code/e; one_file code/a code/b
      [ -z "$(find code/.twsync/*/stage -mindepth 1)" ] || die "$call $n: left in the stage"
      stored code other && stored code own || die "$call $n: a displaced version is lost"
    done
  done
}

test_case life_code life code
test_case life_deploy life deploy
test_case both_sides both_sides
test_case first_contact first_contact
test_case outside outside
test_case switched_off switched_off
test_case dry_run dry_run
test_case one_path one_path
test_case directions directions
test_case many many
test_case killed killed
finish
