#!/usr/bin/env bash
# Many deletions wait for a person (I6), by single runs: counted together, decided as shown.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

numbered() { local n; for n in $(seq "$1" "$2"); do echo "content $n" >"code/file$n"; done; }

guard_across_runs() { # three runs within ten minutes count together
  numbered 1 100; in_sync
  rm code/file{1..20}; in_sync
  rm code/file{21..40}; in_sync
  rm code/file{41..60}; sync_now; expect 5
  events parked | grep -q . || die "the third fifth was not parked"
  [ "$(ls deploy | wc -l)" = 60 ] || die "$(ls deploy | wc -l) are left"
}

approved_counts_no_more() { # what a person approved is no sign of the next mishap
  numbered 1 100; in_sync
  rm code/file{1..55}; sync_now; expect 5
  ts approve "$(event_id parked)"; expect 0
  [ "$(ls deploy | wc -l)" = 45 ] || die "$(ls deploy | wc -l) are left"
  rm code/file{56..66}; in_sync
}

approves_no_edit() { # what was edited after it was shown was not approved
  local n
  for n in $(seq 1 40); do echo "$n" >code/f$n; done
  in_sync
  for n in $(seq 1 33); do rm code/f$n; done
  sync_now --policy code-server; expect 5
  local id; id=$(event_id parked)
  echo edited >deploy/f15
  ts approve "$id" --policy code-server; [ $rc -le 1 ] || die "approve: $rc $(cat out err)"
  [ ! -e deploy/f14 ] && [ ! -e deploy/f33 ] || die "the approved ones are still there: $(cat out err)"
  [ "$(cat deploy/f15)" = edited ] || die "an edit went that nobody was shown"
}

approve_shown_set() { # more joins while the set is looked at: approved is what was shown
  numbered 1 30; in_sync
  rm code/file{1..18}; sync_now; expect 5
  local shown; shown=$(event_id parked)
  rm code/file{19..21}; sync_now; expect 5
  [ "$(event_id parked)" != "$shown" ] || die "a larger set has the same id"
  echo "edited meanwhile" >>deploy/file3
  ts approve "$shown"; [ $rc -le 1 ] || die "approve: $rc $(cat err)"
  [ ! -e deploy/file1 ] && [ ! -e deploy/file18 ] || die "the approved ones are still there"
  [ -e deploy/file19 ] && [ -e deploy/file21 ] || die "what was not shown was deleted"
  grep -q "edited meanwhile" deploy/file3 || die "an edit was deleted"
  sync_now; local rest; rest=$(event_id parked); [ -n "$rest" ] || die "the rest is not parked"
  ts reject "$rest"; expect 0
  [ "$(cat code/file19)" = "content 19" ] && [ -e code/file21 ] || die "they did not come back"
  in_sync; equal_trees
}

undone_by_hand() { # files that come back by themselves leave the parked set, and the guard is at rest again
  numbered 1 30; in_sync
  mkdir away; mv code/file{1..18} away/; sync_now; expect 5
  [ -n "$(event_id parked)" ] || die "not parked"
  mv away/* code/; in_sync
  ts conflicts --json; ! grep -q mass-deletion out || die "$(cat out)"
  equal_trees
}

moves_are_no_deletions() { # a tree that moved away as a whole trips nothing
  mkdir code/d; numbered 1 30; mv code/file* code/d/; in_sync
  mv code/d code/elsewhere; in_sync
  [ ! -e deploy/d ] && [ "$(ls deploy/elsewhere | wc -l)" = 30 ] || die "not moved"
}

count_limit() { # 0 = off; else the count alone
  printf '%s\n' "CODE_PATH=$W/code" "DEPLOY_PATH=$W/deploy" DELETE_LIMIT_PERCENT=100 DELETE_LIMIT_COUNT=20 >conf.sh
  chmod 600 conf.sh
  numbered 1 100; sync_now --config "$W/conf.sh"; expect 0
  rm code/file{1..21}; sync_now --config "$W/conf.sh"; expect 5
  [ "$(ls deploy | wc -l)" = 100 ] || die "deleted"
  sed -i 's/COUNT=20/COUNT=0/' conf.sh
  ts approve "$(event_id parked)" --config "$W/conf.sh"; expect 0
  rm code/file{22..99}; sync_now --config "$W/conf.sh"; expect 0
  [ "$(ls deploy | wc -l)" = 1 ] || die "with the limits off something was parked"
}

guarded_path() { # what a run of one path parks is decided like any other
  numbered 1 9; mkdir code/sub code/o; numbered 10 50; mv code/file{10..50} code/sub/; echo 1 >code/o/f; in_sync
  rm code/sub/file{10..49} code/file1
  sync_now --path sub; expect 5
  local id; id=$(event_id parked); [ -n "$id" ] || die "nothing is parked"
  sync_now --path o; expect 0; [ -z "$(events parked)" ] || die "$(events parked)"
  # What joins the set by another path leaves the rest in it.
  rm -r code/o; sync_now --path o; expect 5
  [ "$(event_id parked)" != "$id" ] || die "the same id for more"
  local both; both=$(event_id parked)
  ts approve "$id"; [ $rc -le 1 ] || die "$rc $(cat err)"
  [ "$(ls deploy/sub | wc -l)" = 1 ] && [ -e deploy/o/f ] && [ -e deploy/file1 ] || die "not what was shown"
  ts conflicts --json; grep -q "${both%-*}" out || die "what joined later is not parked any more: $(cat out)"
  sync_now; ts approve "$(event_id parked)"; [ $rc -le 1 ] || die "$rc $(cat err)"
  in_sync; [ ! -e deploy/o ] && [ ! -e deploy/file1 ] || die "not deleted"; equal_trees
}

resolved_directory() { # a decision is an approval of what it takes, and is over when that was done
  echo 1 >code/keep; in_sync --policy manual
  mkdir deploy/d; local n; for n in $(seq 40); do echo "$n" >"deploy/d/f$n"; done; in_sync --policy manual
  rm -r code/d; echo "a file" >code/d; echo edited >deploy/d/f1
  sync_now --policy manual; expect 1
  local id; id=$(event_id conflict); [ -n "$id" ] || die "no conflict: $(cat out)"
  ts resolve "$id" --take code; expect 0
  [ "$(cat deploy/d)" = "a file" ] || die "not taken"
  in_sync --policy manual; equal_trees
  stored deploy edited || die "the edit is not kept"
  ts conflicts --json; ! grep -q '"open":true' out || die "$(cat out)"
}

emptied_root() { # the last entry never goes by itself, however few there were (I5)
  numbered 1 5; in_sync
  rm -rf "${1:?}"/*
  sync_now; expect 5
  local other=deploy; [ "$1" = code ] || other=code
  [ "$(ls $other | wc -l)" = 5 ] || die "deleted"
  local id; id=$(event_id parked); [ -n "$id" ] || die "nothing is parked"
  ts reject "$id"; expect 0; in_sync; equal_trees; [ "$(ls code | wc -l)" = 5 ] || die "not brought back"
  rm -rf "${1:?}"/*; sync_now; expect 5
  ts approve "$(event_id parked)"; expect 0
  in_sync; [ -z "$(find code deploy -name "*file*" -not -path "*/.twsync/*")" ] || die "not deleted"
}

one_way_guard() { # what a direction forbids is pending, not parked; the guard holds for the side that it does touch
  numbered 1 60; in_sync
  rm deploy/file{1..40}; echo new >code/new
  sync_now --to-deploy; expect 0
  [ "$(cat deploy/new)" = new ] && [ "$(ls code | wc -l)" = 61 ] && [ -z "$(events parked)" ] || die "$(cat out)"
  ts conflicts --json; ! grep -q mass-deletion out || die "parked: $(cat out)"
  sync_now; expect 5
  local id; id=$(event_id parked)
  sync_now --to-deploy; expect 0
  [ -z "$(events parked)" ] || die "$(events parked)"
  ts approve "$id"; expect 0
  in_sync; equal_trees
  echo back >code/back; rm code/file{41..60}; sync_now --to-deploy; expect 1
  [ -n "$(event_id parked)" ] && [ -e deploy/file41 ] && [ -e deploy/back ] || die "not held back"
}

test_case guarded_path guarded_path
test_case resolved_directory resolved_directory
test_case emptied_root_code emptied_root code
test_case emptied_root_deploy emptied_root deploy
test_case one_way_guard one_way_guard
test_case guard_across_runs guard_across_runs
test_case approved_counts_no_more approved_counts_no_more
test_case approve_shown_set approve_shown_set
test_case approves_no_edit approves_no_edit
test_case undone_by_hand undone_by_hand
test_case moves_are_no_deletions moves_are_no_deletions
test_case count_limit count_limit
finish
