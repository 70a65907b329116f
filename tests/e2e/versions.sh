#!/usr/bin/env bash
# What is displaced, how long it is kept, and how it comes back: late writers, limits, whole trees.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

cc -shared -fPIC -O -o "$tmp/later_clock.so" "$support/later_clock.c"

# later SECONDS COMMAND...: by a wall clock that is so much ahead.
later() { local seconds=$1; shift; LD_PRELOAD=$tmp/later_clock.so TWSYNC_LATER=$seconds "$@"; }

config() { printf '%s\n' "CODE_PATH=$W/code" "DEPLOY_PATH=$W/deploy" "$@" >"$W/conf.sh"; chmod 600 "$W/conf.sh"; }
with_config() { sync_now --config "$W/conf.sh"; }
kept() { find "$1"/.twsync/*/versions -maxdepth 1 -name '????????????????-*' | wc -l; }
# everything DIR: names, kinds, modes, targets, contents; no times (a restore is a new edit).
everything() { (cd "$1" && find . -path ./.twsync -prune -o ! -path . -printf '%P|%y|%m|%l\n' | sort; find . -path ./.twsync -prune -o -type f -print0 | sort -z | xargs -0r sha256sum --); }

big_tree() {
  local d n
  for d in $(seq 1 100); do
    mkdir -p "code/t/d$d/empty"
    for n in $(seq 1 98); do echo "$d $n" >"code/t/d$d/f$n"; done
    ln -s "f$d" "code/t/d$d/link"
  done
  chmod 0640 code/t/d7/f7; chmod 0755 code/t/d8/f8; chmod 02750 code/t/d9; chmod 0700 code/t/d9/empty
  ln -s /nowhere/at/all code/t/broken
  touch -d '2020-02-03 04:05:06' code/t/d10
}

deleted_tree() { # 10,000 entries come back with one command, on both sides
  big_tree; echo other >code/other; in_sync
  everything code >before
  rm -r code/t
  sync_now --config /dev/null 2>/dev/null || true
  ts sync "$W/code" "$W/deploy" --json; id=$(event_id parked)
  [ -n "$id" ] && { ts approve "$id"; [ $rc -le 1 ] || die "approve: $rc"; }
  [ ! -e deploy/t ] || die "not deleted"
  local begin=$SECONDS
  ts restore t; expect 0
  [ $((SECONDS - begin)) -le 30 ] || die "it took $((SECONDS - begin)) s"
  everything code >code.now; everything deploy >deploy.now
  cmp before deploy.now || die "the deploy side: $(diff before deploy.now | head -3)"
  cmp before code.now || die "the code side: $(diff before code.now | head -3)"
  [ "$(stat -c %Y deploy/t/d10)" = "$(date -d '2020-02-03 04:05:06' +%s)" ] || die "a directory's time"
  [ "$(stat -c %Y deploy/t/d7/f7)" -ge $(($(date +%s) - 600)) ] || die "a restored file is a new edit, with its own time"
  in_sync; equal_trees
}

history_of_a_tree() {
  mkdir -p code/d/e; echo one >code/d/a; echo two >code/d/e/b; ln -s a code/d/l; in_sync
  echo one-b >code/d/a; in_sync
  rm -r code/d/e; in_sync
  ts history d; expect 0
  grep -q 'deploy.*replaced.*d/a' out && grep -q 'deploy.*deleted.*d/e/b' out || die "$(cat out)"
  ts history d --json; expect 0
  [ "$(grep -c '"displaced":"deleted"' out)" = 2 ] || die "$(cat out)"  # the file and the directory
  # Only what was deleted comes back; the edit stays.
  ts restore d; expect 0
  [ "$(cat code/d/e/b)" = two ] && [ "$(cat deploy/d/e/b)" = two ] || die "d/e/b is not back"
  [ "$(cat code/d/a)" = one-b ] || die "an edit was reverted"
  # As it stood before the first edit.
  local first; first=$(ts history d/a; cut -d' ' -f1 out | head -1)
  ts restore d --version "$first"; expect 0
  [ "$(cat code/d/a)" = one ] && [ "$(cat deploy/d/a)" = one ] || die "d/a: $(cat code/d/a)"
  stored deploy one-b || die "what the restore displaced was not kept"
  ts restore d --version 2020-01-01T00:00:00Z; expect 0
}

restore_elsewhere() { # versions of the deploy side too, single and whole trees
  mkdir -p code/d/e code/d/empty; echo one >code/d/a; chmod 0604 code/d/a; touch -d '2001-01-01' code/d/a
  ln -s ../../outside code/d/e/l; echo other >code/other; in_sync
  rm -r code/d; in_sync
  ts restore d/a --to "$W/back"; expect 0
  [ "$(cat back)" = one ] && [ "$(stat -c '%a %Y' back)" = "604 $(date -d 2001-01-01 +%s)" ] || die "$(stat back)"
  ts restore d/a --to "$W/back"; [ $rc != 0 ] || die "an existing file was overwritten"
  ts restore d --to "$W/tree"; expect 0
  [ "$(cd tree && find . | sort | tr '\n' ' ')" = ". ./a ./e ./e/l ./empty " ] || die "$(find tree)"
  [ "$(readlink tree/e/l)" = ../../outside ] || die "the link"
  [ ! -e code/d ] && [ ! -e deploy/d ] || die "it came back into the tree"
}

restore_meets_an_edit() { # EDGE_CASES 100
  mkdir code/d; echo old >code/d/a; echo old >code/d/b; echo other >code/other; in_sync
  rm -r code/d; in_sync
  mkdir deploy/d; echo new >deploy/d/a
  ts restore d; expect 1
  grep -q 'again.*d/a' err || die "the path that stands there again is not named: $(cat err)"
  [ "$(cat deploy/d/a)" = new ] && [ "$(cat code/d/b)" = old ] || die "$(cat deploy/d/a code/d/b)"
  in_sync; equal_trees
  # By its id it is meant: what stands there is displaced, and kept.
  local id; id=$(ts history d/a; cut -d' ' -f1 out | tail -1)
  ts restore d/a --version "$id"; expect 0
  [ "$(cat code/d/a)" = old ] && stored deploy new || die "the displaced version is not kept"
}

late_writer() { # holds the file open while it is replaced, and writes then
  echo old >code/log; touch -d '1 hour ago' code/log; in_sync
  exec 9>>deploy/log
  echo edited >code/log; in_sync
  echo "written late" >&9
  exec 9>&-
  in_sync; ! events conflict | grep -q . || die "told before its minute was over"
  later 120 sync_now; expect 0
  events conflict | grep -q 'log.*still had it open.*deploy' || die "not told: $(cat out)"
  stored deploy "written late" || die "the late write is lost"
  grep -qx old deploy/.twsync/*/versions/*-* || die "the version before the late write is lost"
  later 240 sync_now; ! events conflict | grep -q . || die "told twice"
  ts conflicts; grep -q "late-write" out || die "$(cat out)"
  local id; id=$(sed -n 's/.*--version \([^ ]*\).*/\1/p' out | head -1)
  ts restore log --version "$id"; expect 0
  [ "$(cat code/log)" = "$(printf 'old\nwritten late')" ] || die "$(cat code/log)"
}

linked_loser() {
  echo old >code/a; in_sync
  ln deploy/a deploy/outside-name; ln deploy/a other-name
  rm deploy/outside-name
  echo new >code/a; sync_now
  echo "written through the other name" >other-name
  [ "$(cat deploy/a)" = new ] || die "$(cat deploy/a)"
  grep -qx old deploy/.twsync/*/versions/*-* || die "the stored version changed with the other name"
}

lost_index() { # the versions are found again; where they stood isn't known any more
  echo one >code/a; in_sync
  echo two >code/a; in_sync
  rm deploy/.twsync/*/versions/index
  ts history .; grep -q 'foreign.*path unknown' out || die "$(cat out)"
  local id; id=$(cut -d' ' -f1 out)
  ts restore a --version "$id"; expect 0
  [ "$(cat code/a)" = one ] && [ "$(cat deploy/a)" = one ] || die "$(cat code/a)"
  ts restore b --version "$id" --to "$W/b"; expect 0
  [ "$(cat b)" = one ] || die "$(cat b)"
  ts history a; grep -q replaced out || die "what came later is not known: $(cat out)"
}

thinning() { # per path the last five, and one each five minutes
  config
  local n
  for n in $(seq 1 12); do echo "$n" >code/busy; sync_now; expect 0; done
  [ "$(kept deploy)" = 11 ] || die "$(kept deploy) versions"
  later 7200 sync_now; expect 0
  [ "$(kept deploy)" = 5 ] || die "$(kept deploy) versions are left"
  grep -qx 11 deploy/.twsync/*/versions/*-* || die "the latest is gone"
  # A clock that jumps makes nothing old: it passes in steps.
  later $((31 * 86400)) sync_now; expect 0
  [ "$(kept deploy)" = 5 ] || die "$(kept deploy) are left after the clock jumped"
  local day
  for day in 45 59 62; do later $((day * 86400)) sync_now; expect 0; done
  [ "$(kept deploy)" = 0 ] || die "$(kept deploy) are kept for longer than VERSIONS_KEEP_DAYS"
}

bytes_limit() { # ordinary ones go; precious ones stay, and then nothing more is displaced
  config VERSIONS_KEEP_BYTES=300K CONFLICT_RESOLUTION=code-server
  local n
  for n in 1 2 3; do head -c 150000 /dev/urandom >code/ordinary$n; done
  head -c 200000 /dev/zero | tr '\0' a >code/p; cp code/p code/q; with_config; expect 0
  for n in 1 2 3; do echo changed >code/ordinary$n; done
  with_config; expect 0
  [ "$(kept deploy)" = 3 ] || die "$(kept deploy)"
  later 120 with_config; expect 0
  [ "$(kept deploy)" = 2 ] || die "$(kept deploy) ordinary ones are left"
  # Two conflicts' losers: more than the limit.
  for n in p q; do head -c 200000 /dev/urandom >deploy/$n; echo mine >code/$n; done
  with_config; expect 0
  later 240 with_config
  [ "$(kept deploy)" = 2 ] || die "$(kept deploy): precious ones must stay, ordinary ones go"
  # What would displace waits; what is new flows.
  echo again >code/p; rm code/q; echo new >code/new
  later 250 with_config; expect 1
  [ "$(cat deploy/new)" = new ] || die "a creation did not flow"
  [ "$(cat deploy/p)" = mine ] && [ -e deploy/q ] || die "something was displaced"
  events parked | grep -q VERSIONS_KEEP_BYTES || die "$(events parked)"
  config VERSIONS_KEEP_BYTES=1M CONFLICT_RESOLUTION=code-server
  later 400 with_config; expect 0
  [ "$(cat deploy/p)" = again ] && [ ! -e deploy/q ] || die "it did not go on"
}

test_case deleted_tree deleted_tree
test_case history_of_a_tree history_of_a_tree
test_case restore_elsewhere restore_elsewhere
test_case restore_meets_an_edit restore_meets_an_edit
test_case late_writer late_writer
test_case linked_loser linked_loser
test_case lost_index lost_index
test_case thinning thinning
test_case bytes_limit bytes_limit
finish
