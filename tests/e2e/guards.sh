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

test_case guard_across_runs guard_across_runs
test_case approved_counts_no_more approved_counts_no_more
test_case approve_shown_set approve_shown_set
test_case approves_no_edit approves_no_edit
test_case undone_by_hand undone_by_hand
test_case moves_are_no_deletions moves_are_no_deletions
test_case count_limit count_limit
finish
