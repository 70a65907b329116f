#!/usr/bin/env bash
# Edge cases of ../EDGE_CASES.md that no other suite has: through the command line, a child agent and real trees.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

tree() { # some files on both sides, in sync
  mkdir -p code/d code/e
  echo one >code/a; echo two >code/d/f; echo three >code/d/g; echo four >code/e/h
  in_sync
}
both() { [ "$(cat code/"$1")" = "$2" ] && [ "$(cat deploy/"$1")" = "$2" ] || die "$1 is not '$2' on both sides"; }
nowhere() { [ ! -e code/"$1" ] && [ ! -L code/"$1" ] && [ ! -e deploy/"$1" ] && [ ! -L deploy/"$1" ] || die "$1 still stands"; }
nothing_sent() { [ "$(summary operations)" = 0 ] && [ "$(summary conflicts)" = 0 ] || die "$(operations) $(tail -1 out)"; }

identical_edit() {
  tree
  for side in code deploy; do echo "the same on both" >$side/a; touch -d '2024-03-01 10:00' $side/a; done
  in_sync; nothing_sent
  [ -z "$(find code/.twsync/*/versions deploy/.twsync/*/versions -type f -name '????????????????-*')" ] || die "a copy was kept"
}

directory_becomes_link() {
  tree
  rm -r code/d; ln -s e code/d
  in_sync; equal_trees
  [ "$(readlink deploy/d)" = e ] || die "no link"
  both e/h four
  stored deploy two || die "what the link displaced is not kept"
}

link_becomes_directory() { # what is written through the old link goes to where it led
  tree
  ln -s e code/l
  in_sync
  rm code/l; mkdir code/l; echo new >code/l/new; echo edited >deploy/l/h
  in_sync; equal_trees
  both l/new new; both e/h edited
  [ ! -e code/l/h ] || die "the target's file appeared in the new directory"
}

link_retargeted_twice() {
  tree
  ln -s one code/l
  in_sync
  ln -sfn two code/l; touch -hd '2024-03-01 10:00' code/l
  ln -sfn three deploy/l; touch -hd '2024-03-01 11:00' deploy/l
  in_sync; equal_trees
  [ "$(readlink code/l)" = three ] && [ "$(summary conflicts)" = 1 ] || die "$(readlink code/l), $(tail -1 out)"
  [ -n "$(find code/.twsync/*/versions -type l -lname two)" ] || die "the losing target is not kept"
}

case_only_rename() {
  tree
  mv code/a code/A
  in_sync; equal_trees
  both A one
  [ ! -e deploy/a ] || die "both names stand"
}

filled_later() { # a file is seen empty first
  tree
  : >code/late
  in_sync
  [ -e deploy/late ] && [ ! -s deploy/late ] || die "the empty file did not arrive"
  echo content >code/late
  in_sync; both late content
}

small_disk() { # small_disk DIR SIZE: an own file system there
  mount -t tmpfs -o size="$2",mode=755 twsync-test "$1"
  mounts+=("$W/$1")
  trap unmount_all EXIT  # a case has its own shell
}
mounts=()
unmount_all() { local m; for m in "${mounts[@]}"; do umount -l "$m" 2>/dev/null || true; done; }

disk_full() { # and the file grows meanwhile
  small_disk deploy 3M
  echo small >code/small
  in_sync
  head -c 4000000 /dev/urandom >code/big; echo edited >code/small
  sync_now; expect 1
  [ ! -e deploy/big ] || die "a part of the file is visible"
  [ "$(cat deploy/small)" = edited ] || die "the rest did not flow"
  events parked | grep -q big || die "not parked: $(events parked)"
  head -c 500000 /dev/urandom >>code/big
  sync_now; expect 1
  [ "$(stat -c %s code/big)" = 4500000 ] || die "the source was cut"
  mount -o remount,size=30M deploy
  in_sync
  cmp code/big deploy/big || die "other bytes"
}

state_disk_full() { # nothing is decided from a state that cannot be written
  mkdir S
  small_disk S 4M
  tree
  head -c 10000000 /dev/zero >S/filler 2>/dev/null || true
  for n in $(seq 1 400); do echo "new $n" >"code/new$n"; done
  rm code/a
  sync_now
  [ "$rc" != 0 ] || [ "$(summary in_sync)" = true ] || die "exit code 0 without an end"
  [ -e deploy/d/f ] && [ -e code/d/f ] || die "something else was deleted"
  rm S/filler
  in_sync; equal_trees
  [ ! -e deploy/a ] && [ -e deploy/new400 ] || die "the changes did not arrive"
}

root_unmounted() {
  small_disk code 5M
  tree
  find deploy -path deploy/.twsync -prune -o -type f -print | sort >before
  umount -l code
  sync_now; expect 5
  find deploy -path deploy/.twsync -prune -o -type f -print | sort >after
  unchanged before after
}

root_replaced() { # with a few default files
  tree
  snapshot deploy >before
  mv code away; mkdir code; echo default >code/README
  sync_now; expect 5
  snapshot deploy >after
  unchanged before after
}

nested_mount() {
  mkdir code/m deploy/m; echo own >deploy/m/there
  small_disk code/m 1M
  echo inside >code/m/inside; echo flows >code/flows
  sync_now; expect 0
  [ "$(events skipped | grep -c '"path":"m"')" = 1 ] || die "told $(events skipped | grep -c '"path":"m"') times"
  [ -e deploy/m/there ] && [ ! -e deploy/m/inside ] && [ -e deploy/flows ] || die "with the mount: $(find deploy/m)"
  umount -l code/m
  in_sync; equal_trees
  both m/there own
  # One that comes over what was synced hides it; hidden is not deleted.
  small_disk code/m 1M
  sync_now; expect 1
  [ "$(cat deploy/m/there)" = own ] || die "deleted what a mount hides"
  umount -l code/m
  in_sync; equal_trees
}

big_directory_renamed() { # no deletions for the guard to count
  local n
  mkdir code/most
  for n in $(seq 1 40); do echo "content $n" >code/most/$n; done
  for n in $(seq 1 5); do echo "other $n" >code/$n; done
  in_sync
  mv code/most code/renamed
  in_sync; equal_trees
  [ "$(summary bytes_sent)" -lt 20000 ] && [ "$(operations | wc -l)" = 1 ] || die "not one rename: $(operations | head -3)"
  [ "$(cat deploy/renamed/40)" = "content 40" ] && [ ! -e deploy/most ] || die "not renamed"
}

as_nobody() { rc=0; setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$W" "$bin/twsync" --state-dir "$W/S" "$@" >out 2>err || rc=$?; }

without_rights() { # what cannot be read is not gone, what cannot be written is parked, the rest flows
  chmod 711 "$tmp"; chmod 777 "$W"
  mkdir code/closed deploy/stuck; echo x >code/closed/f; echo y >deploy/stuck/g; echo z >code/secret
  chown -R 65534:65534 code deploy
  as_nobody sync "$W/code" "$W/deploy" --json; expect 0
  chown root:root code/closed code/secret deploy/stuck; chmod 700 code/closed; chmod 200 code/secret; chmod 755 deploy/stuck
  echo flows >code/flows; rm code/stuck/g; echo more >code/stuck/new; chown 65534 code/flows code/stuck/new
  echo unreadable >code/hidden; chmod 000 code/hidden
  for n in 1 2; do
    as_nobody sync "$W/code" "$W/deploy" --json; expect 1
    [ "$(summary in_sync)" = false ] || die "in_sync with what could not be read or written"
    [ "$(cat deploy/closed/f)" = x ] && [ "$(cat deploy/secret)" = z ] || die "deleted what could not be read"
    [ -e deploy/flows ] || die "the rest did not flow"
    [ -e deploy/stuck/g ] && [ ! -e deploy/stuck/new ] && [ ! -e deploy/hidden ] || die "wrote without rights"
  done
  events parked | grep -q stuck || die "nothing parked: $(events parked)"
  chown -R 65534:65534 code deploy; chmod 755 code/closed; chmod 644 code/secret code/hidden
  as_nobody sync "$W/code" "$W/deploy" --json; expect 0
  equal_trees
  [ -e deploy/hidden ] && [ -e deploy/stuck/new ] && [ ! -e deploy/stuck/g ] || die "not healed"
}

directory_gives_eio() { # a file system that fails part-way through a listing
  tree
  rc=0
  strace -f -y -b execve -o trace -e trace=getdents64 -P "$W/code/d" -e inject=getdents64:error=EIO \
    "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" --json >out 2>err || rc=$?
  grep -q INJECTED trace || die "nothing was injected"
  expect 1
  [ "$(cat deploy/d/f)" = two ] || die "deleted what could not be listed"
  [ "$(summary in_sync)" = false ] || die "in_sync although a directory could not be listed"
  in_sync; nothing_sent
}

lock_held_elsewhere() { # runs that get one lock alone leave no trace: the base is as good as before
  tree
  rm code/a; echo edited >deploy/d/g
  exec 9>>"$(echo deploy/.twsync/*/lock)"; flock -n 9
  for _ in 1 2; do sync_now; [ $rc != 0 ] || die "two controllers on one root"; done
  exec 9>&-
  in_sync; equal_trees
  [ ! -e code/a ] || die "a deleted file came back"
  [ "$(cat code/d/g)" = edited ] || die "an edit of one side alone was a conflict"
  [ "$(summary conflicts)" = 0 ] || die "conflicts: $(events conflict)"
}

old_base_is_told() { # what comes back has a reason that is said
  tree
  cp -a S S.old
  echo newer >code/a; in_sync; in_sync; rm code/a; in_sync; in_sync
  cp -a deploy/d/g deploy/g2; in_sync
  rm -r S; cp -a S.old S
  ts sync code deploy; expect 0
  grep -q 'older than the roots.*merged' out || die "$(cat out)"
}

rolled_back() { # a virtual machine's snapshot of the whole root comes back
  tree
  cp -a code snapshot
  echo newer >deploy/a; rm deploy/d/g
  in_sync; in_sync
  find code -mindepth 1 -delete; cp -a snapshot/. code/
  sync_now; expect 5
  grep -q 'rolled back' out err || die "$(cat err)"
  [ "$(cat deploy/a)" = newer ] && [ ! -e deploy/d/g ] || die "the old state was carried"
  ts approve "$(event_id parked)"; [ $rc -le 1 ] || die "approve: $(cat err)"
  in_sync; equal_trees
  [ "$(cat code/a)" = newer ] || [ "$(cat code/a)" = one ] || die "a content that nobody wrote"
  [ "$(cat code/a)" = newer ] || stored deploy newer || die "the newer content is lost"
}

old_time_is_an_edit() { # restored with its old time, or edited with the time put back
  tree
  touch -d '2020-01-01' code/a old; echo "from a backup" >old; touch -d '2019-01-01' old
  in_sync
  cp -p old code/a
  in_sync; both a "from a backup"
  [ "$(stat -c %y deploy/a)" = "$(stat -c %y old)" ] || die "another time"
  cp -p code/d/f reference
  echo TWO >code/d/f; touch -r reference code/d/f
  in_sync; both d/f TWO
}

umask_and_acl() { # neither changes what was agreed, and nothing comes back
  tree
  setfacl -d -m u::rwx,g::-,o::- deploy/d
  echo x >code/d/new; chmod 664 code/d/new; mkdir code/d/sub; chmod 775 code/d/sub; echo y >code/d/sub/f; chmod 755 code/d/sub/f
  (umask 077; in_sync)
  equal_trees
  [ "$(stat -c %a deploy/d/new)" = 664 ] && [ "$(stat -c %a deploy/d/sub)" = 775 ] && [ "$(stat -c %a deploy/d/sub/f)" = 755 ] || die "$(ls -l deploy/d)"
  in_sync; nothing_sent
}

touch_against_edit() {
  tree
  touch -d '2024-06-01' code/a; echo content >deploy/a
  in_sync; equal_trees
  both a content
  [ "$(summary conflicts)" = 0 ] || die "a conflict: $(events conflict)"
}

editor_saves() {
  tree
  echo "saved" >code/.a.tmp; cp -p code/a code/a~; mv code/.a.tmp code/a; rm code/a~
  in_sync; equal_trees
  both a saved
  [ "$(operations | wc -l)" = 1 ] && [ ! -e deploy/a~ ] || die "not one update: $(operations)"
}

short_lived() { # created and deleted before anybody looks
  tree
  echo x >code/flash; rm code/flash
  sync_now --path flash; expect 0; nothing_sent
  in_sync; nothing_sent
}

deleted_while_sent() {
  tree
  echo "BANDWIDTH_LIMIT=4M" >conf.sh; chmod 600 conf.sh
  head -c 12000000 /dev/urandom >code/big
  "$bin/twsync" --state-dir "$W/S" --config "$W/conf.sh" sync "$W/code" "$W/deploy" --json >out 2>err &
  local run=$!
  own "$run"
  until_true 20 staged "$run" || die "nothing was staged: $(cat err)"
  rm code/big
  rc=0; wait "$run" || rc=$?
  [ "$rc" -le 1 ] || die "exit code $rc: $(cat err)"
  in_sync; equal_trees
  nowhere big
  [ -z "$(find deploy/.twsync/*/stage ! -type d)" ] || die "left in the stage"
}
# The agent holds a part of the file (it has no name yet).
staged() {
  local agent
  for agent in $(pgrep -P "$1"); do
    [ -z "$(find -L "/proc/$agent/fd" -type f -size +100k -links 0 2>/dev/null)" ] || return 0
  done
  return 1
}

version_control() { # directories, and the files that stand for them in worktrees and submodules
  tree
  for name in .git .hg .svn .jj; do mkdir code/$name; echo x >code/$name/config; done
  mkdir code/sub; echo 'gitdir: /somewhere/else' >code/sub/.git; echo x >code/sub/f; touch code/.git/index.lock
  in_sync
  [ -z "$(find deploy -path deploy/.twsync -prune -o \( -name .git -o -name .hg -o -name .svn -o -name .jj \) -print)" ] || die "synced: $(find deploy -name '.git*')"
  [ -e deploy/sub/f ] || die "the rest of the submodule is missing"
}

ignored_inside_deleted() { # what is ignored keeps its directory; said once
  echo 'build/' >code/.twsyncignore
  tree
  mkdir code/d/build; echo made >code/d/build/out
  in_sync
  rm -r deploy/d
  sync_now; [ "$rc" -le 1 ] || die "exit code $rc"
  [ ! -e code/d/f ] && [ "$(cat code/d/build/out)" = made ] || die "$(find code/d)"
  [ "$(events skipped | grep -c '"path":"d"')" = 1 ] || die "not said once: $(events skipped)"
  [ ! -e deploy/d/build ] || die "what is ignored travelled"
}

rule_removed() { # what only one side has is offered to the other
  tree
  echo '*.log' >code/.twsyncignore
  in_sync
  echo there >deploy/x.log
  in_sync
  [ ! -e code/x.log ] || die "ignored and synced"
  : >code/.twsyncignore
  in_sync; equal_trees
  both x.log there
  echo '*.log' >deploy/.twsyncignore; in_sync
  rm deploy/.twsyncignore; echo here >code/y.log
  in_sync; equal_trees
  both y.log here
}

ignore_files_differ() { # is a conflict of that file, told as such
  echo '*.c' >code/.twsyncignore; echo '*.d' >deploy/.twsyncignore; touch -d '2024-01-01' code/.twsyncignore
  echo x >code/f.c; echo x >deploy/f.d; echo x >code/plain
  sync_now; expect 0
  events conflict | grep -q '"path":".twsyncignore"' || die "not told: $(cat out)"
  both plain x
  both .twsyncignore '*.d'
  [ ! -e code/f.d ] || die "ignored, and yet carried"
  in_sync
}

first_contact() { # two trees that are partly the same
  for side in code deploy; do
    mkdir -p $side/d; echo equal >$side/d/equal; touch -d '2024-01-01' $side/d/equal
    head -c 300000 /dev/zero | tr '\0' x >$side/large; touch -d '2024-01-01' $side/large
  done
  echo "code's" >code/differs; touch -d '2024-01-01' code/differs; echo "the deploy server's" >deploy/differs
  echo c >code/only-code; echo d >deploy/d/only-deploy
  in_sync; equal_trees
  [ "$(summary conflicts)" = 1 ] || die "conflicts: $(events conflict)"
  both differs "the deploy server's"; both only-code c; both d/only-deploy d
  stored code "code's" || die "the loser is not kept"
  [ "$(summary bytes_sent)" -lt 100000 ] || die "$(summary bytes_sent) bytes were sent for what was equal"
  ! operations | grep -E '"(equal|large)"' || die "an operation on what was equal"
}

test_case identical_edit identical_edit
test_case directory_becomes_link directory_becomes_link
test_case link_becomes_directory link_becomes_directory
test_case link_retargeted_twice link_retargeted_twice
test_case case_only_rename case_only_rename
test_case filled_later filled_later
test_case big_directory_renamed big_directory_renamed
test_case directory_gives_eio directory_gives_eio
test_case rolled_back rolled_back
test_case lock_held_elsewhere lock_held_elsewhere
test_case old_base_is_told old_base_is_told
test_case root_replaced root_replaced
test_case old_time_is_an_edit old_time_is_an_edit
test_case touch_against_edit touch_against_edit
test_case umask_and_acl umask_and_acl
test_case editor_saves editor_saves
test_case short_lived short_lived
test_case deleted_while_sent deleted_while_sent
test_case version_control version_control
test_case ignored_inside_deleted ignored_inside_deleted
test_case rule_removed rule_removed
test_case ignore_files_differ ignore_files_differ
test_case first_contact first_contact
if [ "$(id -u)" = 0 ]; then
  test_case without_rights without_rights
  test_case disk_full disk_full
  test_case state_disk_full state_disk_full
  test_case root_unmounted root_unmounted
  test_case nested_mount nested_mount
else
  echo "SKIPPED: without_rights, disk_full, state_disk_full, root_unmounted, nested_mount need root"
fi
finish
