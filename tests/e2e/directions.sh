#!/usr/bin/env bash
# Directions, dry run, --path, policies, decisions and the version store, through the command line and a child agent.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

small_tree() {
  mkdir -p code/d/sub code/e
  echo one >code/a; echo two >code/d/f; echo three >code/d/sub/g; ln -s a code/link; echo four >deploy/x
  in_sync
}

both_edit() { # both_edit PATH: deploy is the later one
  echo "code says" >code/"$1"; touch -d '2024-03-01 10:00' code/"$1"
  echo "deploy says" >deploy/"$1"; touch -d '2024-03-01 11:00' deploy/"$1"
}

edit_everywhere() {
  echo edit-code >>code/a; echo new >code/new-c; rm code/x; mkdir code/nd; echo n >code/nd/n; chmod 600 code/d/f
  echo edit-deploy >>deploy/d/sub/g; echo new >deploy/new-d; rmdir deploy/e; mkdir deploy/ne; echo n >deploy/ne/n
}

one_way() { # one_way OPTION UNCHANGED CHANGED
  small_tree
  edit_everywhere
  snapshot "$2" >before
  sync_now "$1"; expect 0
  snapshot "$2" >after
  unchanged before after
  [ "$(summary in_sync)" = false ] || die "in_sync although the other direction is pending"
  [ "$(summary pending)" -gt 0 ] || die "nothing pending"
  ! events operation | grep "\"side\":\"$2\"" || die "an operation on the $2 side"
  if [ "$3" = deploy ]; then
    grep -q edit-code deploy/a && [ -e deploy/new-c ] && [ -e deploy/nd/n ] && [ ! -e deploy/x ] && [ -e deploy/new-d ] || die "the deploy side is not as expected"
  else
    grep -q edit-deploy code/d/sub/g && [ -e code/new-d ] && [ -e code/ne/n ] && [ ! -e code/e ] && [ -e code/new-c ] || die "the code side is not as expected"
  fi
  in_sync; equal_trees
}

dry_run() {
  small_tree
  edit_everywhere
  mv code/d/sub code/d/moved
  both_edit link-free
  echo equal >code/equal; cp -p code/equal deploy/equal  # only to be recorded
  snapshot code >code.before; snapshot deploy >deploy.before; rows >rows.before
  local options=("$@")
  sync_now --dry-run "${options[@]}"; expect 0
  operations >planned
  snapshot code >code.after; snapshot deploy >deploy.after; rows >rows.after
  unchanged code.before code.after; unchanged deploy.before deploy.after; unchanged rows.before rows.after
  [ -s planned ] || die "nothing planned"
  sync_now "${options[@]}"; expect 0
  operations >done_
  unchanged planned done_
}

dry_run_first() {
  mkdir code/d; echo 1 >code/d/a; echo 2 >deploy/b
  snapshot code >code.before; snapshot deploy >deploy.before
  sync_now --dry-run; expect 0
  operations >planned
  snapshot code >code.after; snapshot deploy >deploy.after
  unchanged code.before code.after; unchanged deploy.before deploy.after
  [ "$(wc -l <planned)" -ge 3 ] || die "planned: $(cat planned)"
  in_sync
  operations >done_
  unchanged planned done_
}

rename_and_edit() {
  small_tree
  mv code/d code/renamed
  echo edited-there >>deploy/d/f
  snapshot code >before
  sync_now --to-deploy; expect 0
  snapshot code >after
  unchanged before after
  grep -q edited-there deploy/renamed/f || die "the deploy side's edit is not under the new name there"
  [ ! -e deploy/d ] || die "the old directory stayed on the deploy side"
  [ "$(summary in_sync)" = false ] || die "in_sync although the edit is pending"
  in_sync
  grep -q edited-there code/renamed/f || die "the edit did not reach the code side"
  equal_trees
}

path_limited() {
  small_tree
  echo e1 >>code/a; echo e2 >>code/d/f; mkdir -p code/q/r; echo new >code/q/r/n; echo other >code/q/other; echo far >deploy/far
  sync_now --path d; expect 0
  grep -q e2 deploy/d/f || die "the asked path was not synced"
  ! grep -q e1 deploy/a || die "another path was synced"
  [ ! -e deploy/q ] && [ ! -e code/far ] || die "a path outside was made"
  sync_now --path q/r/n; expect 0
  grep -q new deploy/q/r/n || die "a new file in a new directory was not synced"
  ! grep -q e1 deploy/a || die "another path was synced"
  sync_now --path "$W/code/a" --path far; expect 0
  grep -q e1 deploy/a && [ -e code/far ] || die "an absolute path or a second path was not synced"
  in_sync; equal_trees
}

path_deleted() {
  small_tree
  rm -r code/d; echo stays >>code/a
  sync_now --path d; expect 0
  [ ! -e deploy/d ] || die "the deleted directory stayed"
  ! grep -q stays deploy/a || die "another path was synced"
  in_sync; equal_trees
}

path_renamed() { # only the new name is asked for: the old one goes along or stays pending, and nothing is lost
  small_tree
  mv code/d/f code/d/moved
  sync_now --path d/moved; expect 0
  grep -q two deploy/d/moved || die "the new name is missing"
  in_sync; equal_trees
  [ ! -e deploy/d/f ] || die "the old name stayed"
}

policy() { # policy NAME WINNER LOSER
  small_tree
  both_edit a
  in_sync --policy "$1"
  [ "$(summary conflicts)" = 1 ] || die "conflicts: $(tail -1 out)"
  [ "$(cat code/a)" = "$2 says" ] && [ "$(cat deploy/a)" = "$2 says" ] || die "won: $(cat code/a)"
  stored "$3" "$3 says" || die "the loser is not in the $3 side's version store"
  equal_trees
  rm code/x; echo edited >>deploy/x  # edit against deletion
  in_sync --policy "$1"
  case $1 in
    code-server) [ ! -e deploy/x ] && [ ! -e code/x ] && stored deploy edited || die "code-server: x must be gone, its edit kept" ;;
    *) grep -q edited code/x && grep -q edited deploy/x || die "the edit did not survive" ;;
  esac
}

newer_by_time() {
  small_tree
  both_edit a
  touch -d '2024-03-02 10:00' code/a
  in_sync
  [ "$(cat deploy/a)" = "code says" ] || die "the older one won"
  stored deploy "deploy says"
}

kinds_differ() {
  small_tree
  rm code/a; mkdir code/a; echo inside >code/a/inside
  echo edited >>deploy/a
  in_sync
  [ -f deploy/a/inside ] && [ -f code/a/inside ] || die "the directory did not win"
  stored deploy edited || die "the file was not kept"
  equal_trees
}

manual() { # manual TAKE
  small_tree
  both_edit a
  echo flows >code/flows
  snapshot code >before; 
  sync_now --policy manual; expect 1
  snapshot code >after
  unchanged before after
  [ "$(cat deploy/a)" = "deploy says" ] || die "the deploy side was changed"
  [ -e deploy/flows ] || die "one conflict stopped the rest"
  local id; id=$(event_id conflict)
  [ -n "$id" ] || die "no id in: $(events conflict)"
  ts conflicts --json; expect 0
  grep -q "$id" out || die "twsync conflicts does not show $id: $(cat out)"
  sync_now --policy manual; expect 1
  [ "$(event_id conflict)" = "$id" ] || die "the id changed: $id, then $(event_id conflict)"
  ts resolve "$id" --take "$1"; expect 0
  [ "$(cat code/a)" = "$1 says" ] && [ "$(cat deploy/a)" = "$1 says" ] || die "after resolve: $(cat code/a) / $(cat deploy/a)"
  if [ "$1" = code ]; then stored deploy "deploy says"; else stored code "code says"; fi || die "the loser was not kept"
  in_sync --policy manual; equal_trees
  ts resolve "$id" --take code; expect 2
}

# decided PATH: the lines of its conflicts that are closed.
decided() { ts conflicts --json; grep "\"path\":\"$1\"" out | grep '"open":false' || true; }

decided_once() { # one conflict, one record, which says who won and where the other is
  small_tree; both_edit a
  sync_now --policy manual; expect 1
  local id; id=$(event_id conflict)
  ts resolve "$id" --take deploy --policy manual; expect 0
  in_sync --policy manual
  [ "$(decided a | wc -l)" = 1 ] || die "$(decided a)"
  decided a | grep -q "\"id\":\"$id\".*\"winner\":\"deploy\",\"loser_version\":\"[0-9a-f]" || die "$(decided a)"
  both_edit a; echo "deploy says more" >deploy/a
  sync_now --policy manual; expect 1
  [ "$(event_id conflict)" != "$id" ] || die "the next conflict took the id of the last"
  [ "$(decided a | wc -l)" = 1 ] || die "the past conflict is gone"
}

decides_no_other() { # what has to be looked at for a decision is not decided with it
  mkdir code/d deploy/d; chmod 700 deploy/d
  echo one >code/d/f; echo two, longer >deploy/d/f; echo three >code/d/g; echo four, longer >deploy/d/g
  sync_now --policy manual --to-code; expect 1
  local id; id=$(events conflict | sed -n 's/.*"path":"d.f".*"id":"\([^"]*\)".*/\1/p')
  [ -n "$id" ] || die "$(cat out)"
  ts resolve "$id" --take code --policy manual
  [ "$(cat deploy/d/f)" = one ] || die "not decided: $(cat out err)"
  [ "$(cat deploy/d/g)" = "four, longer" ] && [ "$(cat code/d/g)" = three ] || die "the other one was decided too"
}

take_both() { # the other version is kept in the tree, whatever it is and whatever stands there, or nothing is decided
  local long; long=$(printf 'n%.0s' $(seq 250))
  echo base >code/kind; echo base >code/taken; echo base >"code/$long"; echo mine >code/taken.from-deploy-server
  in_sync
  rm deploy/kind; mkdir -p deploy/kind/sub; echo inner >deploy/kind/sub/x; ln -s x deploy/kind/sub/l
  for f in kind taken "$long"; do echo "code $f" >"code/$f"; done
  echo other >deploy/taken; echo other >"deploy/$long"
  sync_now --policy manual; expect 1
  local path
  for path in kind taken "$long"; do
    ts resolve "$(event_id_of "$path")" --take both --policy manual; [ $rc -le 1 ] || die "$path: $rc $(cat out err)"
    [ "$(cat "deploy/$path")" = "code $path" ] || die "$path: $(cat out err)"
  done
  [ "$(cat deploy/kind.from-deploy-server/sub/x)" = inner ] || die "the tree is not there"
  [ "$(readlink deploy/kind.from-deploy-server/sub/l)" = x ] || die "a link of the tree is not there"
  [ "$(cat deploy/taken.from-deploy-server)" = mine ] || die "somebody's file was replaced"
  [ "$(cat deploy/taken.from-deploy-server-2)" = other ] || die "the other version is not there"
  [ "$(cat deploy/nnn*.from-deploy-server)" = other ] || die "the one with a long name is not there"
  in_sync --policy manual; equal_trees
}
event_id_of() { ts conflicts --json; sed -n "s/.*\"id\":\"\([^\"]*\)\",\"path\":\"$1\".*\"open\":true.*/\1/p" out; }

take_both_needs_a_name() {
  small_tree; both_edit a
  local n
  for n in "" $(seq -f -%g 2 20); do echo x >"code/a.from-deploy-server$n"; done
  sync_now --policy manual; expect 1
  ts resolve "$(event_id conflict)" --take both --policy manual; expect 2
  [ "$(cat deploy/a)" = "deploy says" ] && [ "$(cat code/a)" = "code says" ] || die "it was decided"
  ts conflicts --json; grep -q '"open":true' out || die "it is not open any more"
}

# manual_ends HOW...: an open conflict is closed by whatever ends it.
manual_ends() {
  small_tree
  both_edit a
  sync_now --policy manual; expect 1
  ts conflicts --json; expect 0
  grep -q '"open":true' out || die "no open conflict: $(cat out)"
  "$@"
  ts conflicts --json; expect 0
  grep -q '"open":true' out && die "still open: $(cat out)"
  equal_trees
}
other_policy() { in_sync --policy code-server; }
made_equal() { cp -p code/a deploy/a; in_sync --policy manual; }

history_restore() {
  small_tree
  both_edit a
  cp -p code/a loser
  in_sync
  ts history a --json; expect 0
  local version; version=$(sed -n 's/.*"\(version\|id\)":"\([^"]*\)".*/\2/p' out | head -1)
  [ -n "$version" ] || die "no version in: $(cat out)"
  ts restore a --version "$version" --to "$W/back"; expect 0
  cmp back loser || die "restored other bytes"
  [ "$(cat code/a)" = "deploy says" ] || die "--to touched the path"
  ts restore a --version "$version"; expect 0
  in_sync
  cmp code/a loser && cmp deploy/a loser || die "the restored version did not reach both sides"
  ts restore a --version no-such-version; [ $rc = 2 ] || die "a wrong version: exit code $rc"
  ts history nothing-here; [ $rc -le 2 ] || die "history of nothing: exit code $rc"
}

deleted_restore() {
  small_tree
  local content; content=$(cat code/x)
  rm code/x
  in_sync
  [ ! -e deploy/x ] || die "not deleted"
  ts restore x; expect 0
  in_sync
  [ "$(cat code/x)" = "$content" ] && [ "$(cat deploy/x)" = "$content" ] || die "the deleted file did not come back"
}

exit_codes() {
  small_tree
  sync_now --no-such-option; expect 2
  sync_now --to-code --to-deploy; expect 2
  ts frobnicate; expect 2
  ts sync one two three; expect 2
  ts approve no-such-id; expect 2
  ts resolve no-such-id --take code; expect 2
  ts sync "$W/code" "$W/deploy"; expect 0
  ts --version; expect 0
}

test_case to_deploy one_way --to-deploy code deploy
test_case to_code one_way --to-code deploy code
test_case dry_run dry_run
test_case dry_run_to_deploy dry_run --to-deploy
test_case dry_run_to_code dry_run --to-code
test_case dry_run_path dry_run --path d
test_case dry_run_code_server dry_run --policy code-server
test_case dry_run_first dry_run_first
test_case rename_and_edit rename_and_edit
test_case path_limited path_limited
test_case path_deleted path_deleted
test_case path_renamed path_renamed
test_case policy_newer policy newer deploy code
test_case policy_code_server policy code-server code deploy
test_case policy_deploy_server policy deploy-server deploy code
test_case newer_by_time newer_by_time
test_case kinds_differ kinds_differ
test_case manual_other_policy manual_ends other_policy
test_case manual_made_equal manual_ends made_equal
test_case manual_take_code manual code
for c in decided_once decides_no_other take_both take_both_needs_a_name; do test_case $c $c; done
test_case manual_take_deploy manual deploy
test_case history_restore history_restore
test_case deleted_restore deleted_restore
test_case exit_codes exit_codes
finish
