#!/usr/bin/env bash
# What must be refused: each with its exit code, one clear line, and nothing touched.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

fill() { mkdir -p code/d deploy/e; echo one >code/a; echo two >code/d/f; echo three >deploy/e/g; }

many() { local n; for n in $(seq 1 30); do echo "content $n" >code/file$n; done; in_sync; }

# refused RC WORDS COMMAND...: exit code RC, one line with WORDS (a pattern) in it, both trees as before.
refused() {
  local want=$1 words=$2; shift 2
  snapshot code >code.before; snapshot deploy >deploy.before
  "$@"
  expect "$want"
  [ "$(wc -l <err)" = 1 ] || die "not one line: $(head -5 err)"
  grep -qiE -- "$words" err || die "the message lacks '$words': $(cat err)"
  if grep -q '[[:cntrl:]]' err; then die "a control byte in the message"; fi
  snapshot code >code.after; snapshot deploy >deploy.after
  unchanged code.before code.after; unchanged deploy.before deploy.after
}

plain() { ts sync "$W/code" "${TARGET:-$W/deploy}" "$@"; }

with_config() { # with_config RC WORDS LINE
  fill
  printf 'CODE_PATH=%s\nDEPLOY_PATH=%s\n%s\n' "$W/code" "$W/deploy" "$3" >conf.sh
  chmod 600 conf.sh
  refused "$1" "$2" plain --config "$W/conf.sh"
  grep -q 'conf.sh' err && grep -q '3' err || die "file and line are not named: $(cat err)"
  [ ! -e pwned ] || die "the configuration was executed"
  [ ! -e code/.twsync ] && [ ! -e deploy/.twsync ] || die "a .twsync was made"
}

world_writable_config() {
  fill
  echo "CODE_PATH=$W/code" >conf.sh; chmod 666 conf.sh
  refused 2 "conf.sh" plain --config "$W/conf.sh"
}

missing_root() {
  fill
  refused 2 "code root.*nowhere" ts sync "$W/nowhere" "$W/deploy"
  refused 2 "deploy root.*nowhere" ts sync "$W/code" "$W/nowhere"
  refused 2 "not a directory" ts sync "$W/code/a" "$W/deploy"
  [ ! -e nowhere ] || die "the missing root was made"
}

roots_overlap() {
  fill
  refused 2 "inside the code root" ts sync "$W/code" "$W/code/d"
  refused 2 "inside the deploy root" ts sync "$W/deploy/e" "$W/deploy"
  refused 2 "same directory" ts sync "$W/code" "$W/code"
  ln -s "$W/code/d" alias
  refused 2 "inside the code root" ts sync "$W/code" "$W/alias"
  mkdir -p S/inner
  refused 2 "state directory" ts sync "$W/S/inner" "$W/deploy"
  refused 2 "state directory" ts sync "$W/code" "$W/S/inner"
  refused 2 "file system" ts sync / "$W/deploy"
}

bad_paths() {
  fill
  refused 2 "path" plain --path ../x
  refused 2 "path" plain --path d/../../x
  refused 2 "path" plain --path /etc
  refused 2 "path" plain --path ''
  refused 2 "twsync" plain --path .twsync
}

bad_targets() {
  fill
  TARGET=ssh://-oProxyCommand=x/tmp refused 2 "host" plain
  TARGET=ssh://host:99999/x refused 2 "port" plain
  TARGET=ftp://host/x refused 2 "ssh://" plain
  TARGET='a b:/x' refused 2 "host" plain
  refused 2 "empty" ts sync "$W/code" ''
  refused 2 "named" ts sync no-such-pair
}

# remote [KEY] [KNOWN_HOSTS]: over SSH.
remote() {
  TARGET="$(id -un)@$server_address:$W/deploy" plain --ssh-port "$server_port" --ssh-key "${1:-$tmp/server/client_key}" \
    --known-hosts "${2:-$tmp/server/known_hosts}"
}

closed_port() {
  fill
  TARGET="root@127.0.0.9:$W/deploy" refused 3 "127.0.0.9:9: .*refused.*twsync doctor" plain --ssh-port 9 "${ssh_options[@]:2}"
  [ ! -e code/.twsync ] || die "a .twsync was made"
}

# What never reached the other server counts for nothing; a pair that did is known, also to the package's purge.
mistyped_target() {
  fill
  TARGET="root@127.0.0.9:$W/deploy" refused 3 "127.0.0.9.*refused" plain --ssh-port 9 "${ssh_options[@]:2}"
  ts status --json
  grep -q '"pairs":\[\]' out || [ "$(grep -o '"pair":' out | wc -l)" = 1 ] || die "a mistyped target became a pair: $(cat out)"
  ts roots
  ! grep -qx "$W/code" out || die "roots names what was never synced"
  in_sync
  ts roots
  grep -qx "$W/code" out && grep -qx "$W/deploy" out || die "roots doesn't name the ad hoc pair: $(cat out)"
  ts status --json
  grep -q "\"code_path\":\"$W/code\"" out || die "the ad hoc pair is unknown: $(cat out)"
  ts events
  grep -q put-file out || die "an ad hoc run has no audit log: $(cat out)"
}

no_events() {
  ts events
  expect 0
  grep -qx 'nothing yet' out || die "events of nothing: $(cat out)"
}

json_always_ends_in_a_summary() {
  rmdir code
  sync_now
  expect 2
  events summary | grep -q '"error":"[a-z_]*"' || die "no summary: $(cat out err)"
  ts sync no-such-pair --json
  expect 2
  events summary | grep -q '"pair":"no-such-pair".*"error"' || die "no summary: $(cat out err)"
}

several_pairs() {
  fill
  mkdir -p pairs.d code2 deploy2
  echo b >code2/b
  printf '%s\n' "CODE_PATH=$W/code" "DEPLOY_PATH=$W/deploy" "DEPLOY_SERVER=$server_address" "SSH_USER=$(id -un)" \
    "SSH_PORT=$server_port" "SSH_KEY=$tmp/server/client_key" >conf.sh
  printf '%s\n' "CODE_PATH=$W/code2" "DEPLOY_PATH=$W/deploy2" >pairs.d/web.sh
  chmod 600 conf.sh pairs.d/web.sh
  all() { ts sync --config "$W/conf.sh" --known-hosts "$tmp/server/known_hosts" "$@"; expect 0; }
  all
  [ "$(grep '^pair ' out | tr '\n' ' ')" = "pair main: pair web: " ] || die "no headings: $(cat out)"
  all --json
  [ "$(events summary | grep -o '"pair":"[a-z]*"' | tr '\n' ' ')" = '"pair":"main" "pair":"web" ' ] || die "no names: $(cat out)"
  all --quiet
  [ ! -s out ] || die "a heading of nothing: $(cat out)"
  rm -r deploy2
  ts sync --config "$W/conf.sh" --known-hosts "$tmp/server/known_hosts"
  expect 2
  grep -q 'pair web: ' err || die "it doesn't say which one failed: $(cat err)"
}

same_stop_of_several_pairs() { # r-code of one is not r-code of the other
  fill
  mkdir code2 deploy2
  echo b >code2/b
  ts sync "$W/code" "$W/deploy"; expect 0
  ts sync "$W/code2" "$W/deploy2"; expect 0
  rm -r code/.twsync code2/.twsync
  ts sync "$W/code" "$W/deploy"; expect 5
  ts sync "$W/code2" "$W/deploy2"; expect 5
  local commands
  ts conflicts
  mapfile -t commands < <(sed -n 's/.*as it is: twsync //p' out)
  [ ${#commands[@]} = 2 ] || die "not two stops: $(cat out)"
  refused 2 "several pairs.*--pair [^ |]*[|][^ |]*$" ts approve r-code
  [ ! -e code/.twsync ] && [ ! -e code2/.twsync ] || die "one was taken for the other"
  local command
  for command in "${commands[@]}"; do
    read -ra command <<<"$command"
    ts "${command[@]}"; expect 0
  done
  [ -e code/.twsync ] && [ -e code2/.twsync ] || die "not both"
}

changed_host_key() {
  fill
  ssh-keygen -q -t ed25519 -N '' -f other
  echo "[$server_address]:$server_port $(cut -d' ' -f1,2 other.pub)" >known
  refused 3 "host key" remote "" "$W/known"
  grep -qi "chang" err || die "it does not say that the key changed: $(cat err)"
}

unknown_host_key() {
  fill
  : >known
  refused 3 "host key" remote "" "$W/known"
  [ ! -s known ] || die "the unknown key was accepted"
}

refused_key() {
  fill
  ssh-keygen -q -t ed25519 -N '' -f other
  refused 3 "$server_address|key" remote "$W/other"
}

missing_key() {
  fill
  refused 3 "no-such-key|key" remote "$W/no-such-key"
}

missing_remote_root() {
  fill
  TARGET="$(id -un)@$server_address:$W/nowhere"
  refused 2 "on the deploy server $server_address: .*make it there.*nowhere" plain "${ssh_options[@]}"
  [ ! -e nowhere ] || die "the missing root was made"
}

with_agent() { # with_agent TEXT: a twsync whose agent is a script of that text
  mkdir bin
  ln "$bin/twsync" bin/twsync 2>/dev/null || cp "$bin/twsync" bin/twsync
  printf '#!/bin/sh\n%s\n' "$1" >bin/twsync-agent
  chmod 755 bin/twsync-agent
  bin=$W/bin
}

broken_agent() { # broken_agent TEXT
  fill
  with_agent "$1"
  refused 3 "agent|other side|deploy" plain
}

second_controller() {
  fill
  echo "BANDWIDTH_LIMIT=4M" >conf.sh; chmod 600 conf.sh
  in_sync
  head -c 30000000 /dev/urandom >code/big
  "$bin/twsync" sync "$W/code" "$W/deploy" --state-dir "$W/S" --config "$W/conf.sh" --quiet >first.out 2>&1 &
  local first=$!
  own "$first"
  until_true 20 locked code || die "the first run did not take the lock: $(cat first.out)"
  rc=0
  "$bin/twsync" sync "$W/code" "$W/deploy" --state-dir "$W/S2" >out 2>err || rc=$?
  kill -0 "$first" 2>/dev/null || die "the first run was over too soon"
  kill -INT "$first"; wait "$first" || true
  [ $rc = 3 ] || [ $rc = 5 ] || die "exit code $rc: $(cat err)"
  [ "$(wc -l <err)" = 1 ] || die "not one line: $(cat err)"
  grep -q "pid $first" err || die "the holder $first is not named: $(cat err)"
  in_sync; equal_trees
  # The lock has cleared itself: from the other state directory it is a first contact (I4).
  "$bin/twsync" sync "$W/code" "$W/deploy" --state-dir "$W/S2" --json >out 2>err || die "after it ended: $(cat err)"
  equal_trees
}
two_first_controllers() { # each with a state of its own, at the same moment: one of them controls (I11)
  local n; for n in $(seq 3000); do echo "$n" >"code/f$n"; done
  run() { "$bin/twsync" sync "$W/code" "$W/deploy" --state-dir "$W/$1" --quiet >"$1.out" 2>"$1.err" || echo "$?" >"$1.rc"; }
  local one two
  run S1 & one=$!; own $one
  run S2 & two=$!; own $two
  wait $one $two
  [ -e S1.rc ] || [ -e S2.rc ] || [ "$(ls code/.twsync | wc -l)" = 1 ] || die "both ran, under $(ls code/.twsync)"
  [ ! -e S1.rc ] || [ ! -e S2.rc ] || die "neither ran: $(cat S1.err S2.err)"
  if [ -e S1.rc ] || [ -e S2.rc ]; then grep -q "another controller.*pid" S1.err S2.err || die "the holder is not named: $(cat S1.err S2.err)"; fi
  [ "$(ls code/.twsync)" = "$(ls deploy/.twsync)" ] && [ "$(ls code/.twsync | wc -l)" = 1 ] || die "two ids: $(ls code/.twsync deploy/.twsync)"
  rm -f S1.rc S2.rc; run S1; run S2
  [ ! -e S1.rc ] && [ ! -e S2.rc ] || die "not one after the other: $(cat S1.err S2.err)"
  [ "$(ls code/.twsync | wc -l)" = 1 ] || die "two ids: $(ls code/.twsync)"
  equal_trees
}

two_ids() { # two roots that two controllers have had under ids of their own are still those of one at a time
  echo 1 >code/f; in_sync
  mv code/.twsync code.first; mv deploy/.twsync deploy.first
  "$bin/twsync" sync "$W/code" "$W/deploy" --state-dir "$W/S2" --quiet >out 2>err || die "$(cat err)"
  mv code.first/* code/.twsync/; mv deploy.first/* deploy/.twsync/
  in_sync
  echo "BANDWIDTH_LIMIT=4M" >conf.sh; chmod 600 conf.sh
  head -c 30000000 /dev/urandom >code/big
  "$bin/twsync" sync "$W/code" "$W/deploy" --state-dir "$W/S2" --config "$W/conf.sh" --quiet >first.out 2>&1 &
  local first=$!
  own "$first"
  until_true 20 all_locked || die "not both are locked: $(cat first.out)"
  sync_now; [ $rc = 3 ] || [ $rc = 5 ] || die "exit code $rc: $(tail -1 out)"
  grep -q "pid $first" out || die "the holder $first is not named: $(tail -1 out)"
  kill -INT "$first"; wait "$first" || true
  in_sync; equal_trees
}
# held LOCK: looks, and does not take it: a run that meets the test's own lock would give way.
held() { grep -q "FLOCK .*:$(stat -c %i "$1") " /proc/locks; }
all_locked() { local lock; for lock in code/.twsync/*/lock; do held "$lock" || return 1; done; }
locked() { local lock; for lock in "$1"/.twsync/*/lock; do [ -e "$lock" ] && held "$lock"; done; }

interrupted() {
  fill
  echo "BANDWIDTH_LIMIT=4M" >conf.sh; chmod 600 conf.sh
  head -c 30000000 /dev/urandom >code/big
  "$bin/twsync" sync "$W/code" "$W/deploy" --state-dir "$W/S" --config "$W/conf.sh" --quiet >first.out 2>&1 &
  local first=$!
  own "$first"
  until_true 20 staged || die "nothing was staged: $(cat first.out)"
  kill -TERM "$first"
  rc=0; wait "$first" || rc=$?
  [ $rc != 0 ] && [ $rc -lt 128 ] || die "exit code $rc after SIGTERM"
  [ ! -e deploy/big ] || die "a part of the file is visible"
  in_sync; equal_trees
  [ -z "$(find deploy/.twsync/*/{stage,partial} ! -type d)" ] || die "not empty: $(find deploy/.twsync/*/{stage,partial})"
}
# The agent has a part of the file.
staged() { [ -n "$(find deploy/.twsync/*/partial -type f -size +100k 2>/dev/null)" ]; }

marker_removed() { # marker_removed SIDE
  fill; in_sync
  rm -r "$1/.twsync"
  refused 5 "marker|twsync|root" plain
  refused 5 "approve" plain
  local told shown
  told=$(sed -n 's/.*(twsync \(approve [^)]*\)).*/\1/p' err)
  refused 2 "nothing to reject.*twsync approve r-$1 --pair" ts reject "r-$1"
  refused 2 "no conflict: twsync approve r-$1 --pair [^ ]*$" ts resolve "r-$1" --take code
  ts conflicts; expect 0
  if grep -q 'twsync reject' out; then die "what changes nothing is offered: $(cat out)"; fi
  shown=$(sed -n 's/.*if the root is right as it is: twsync //p' out)
  [ -n "$shown" ] && [ "$shown" = "$told" ] || die "told '$told', shown '$shown'"
  read -ra shown <<<"$shown"
  ts "${shown[@]}"; [ $rc -le 1 ] || die "${shown[*]}: exit code $rc: $(cat err)"
  in_sync; equal_trees
  [ "$(cat code/d/f)" = two ] && [ "$(cat code/e/g)" = three ] || die "something went"
}

root_emptied() { # root_emptied SIDE: marker too, as when the file system is not mounted
  fill; in_sync
  find "$1" -mindepth 1 -delete
  refused 5 "marker|root" plain
}

root_emptied_but_marker() {
  many
  find code -mindepth 1 -maxdepth 1 ! -name .twsync -delete
  sync_now --dry-run; expect 5
  sync_now; expect 5
  sync_now; expect 5
  [ "$(ls deploy | wc -l)" = 30 ] || die "deleted on the deploy side"
}

sixty_percent() {
  many
  rm code/file{1..18}; echo flows >code/new
  sync_now; expect 1
  [ "$(ls deploy | wc -l)" = 31 ] || die "deleted, or the rest did not flow: $(ls deploy | wc -l)"
  [ "$(summary in_sync)" = false ] || die "in_sync with parked deletions"
  id=$(event_id parked)
  [ -n "$id" ] || die "no id: $(events parked)"
}

guard_approve() {
  sixty_percent
  echo "edited meanwhile" >>deploy/file3
  rm code/file20
  sync_now; expect 1
  local next; next=$(event_id parked)
  ts approve "$next"
  [ $rc -le 1 ] || die "approve: exit code $rc: $(cat err)"
  in_sync
  equal_trees
  [ ! -e deploy/file1 ] && [ ! -e deploy/file18 ] || die "an approved deletion was not done"
  grep -q "edited meanwhile" code/file3 || die "the edit made meanwhile was deleted"
  stored deploy "content 18" || die "an approved deletion was not kept"
  ts approve "$next"; expect 2
}

guard_approve_shown_set() { # what was deleted after the set was shown is not approved with it
  sixty_percent
  rm code/file25
  ts approve "$id"
  [ $rc -le 1 ] || die "approve: exit code $rc: $(cat err)"
  [ ! -e deploy/file1 ] || die "the approved deletion was not done"
  [ -e deploy/file25 ] || die "a deletion that was not shown was approved"
}

guard_reject() {
  sixty_percent
  ts reject "$id"
  [ $rc = 0 ] || die "reject: exit code $rc: $(cat out err)"
  [ "$(ls code | wc -l)" = 31 ] && [ "$(cat code/file7)" = "content 7" ] || die "the files did not come back"
  in_sync; equal_trees
}

start_server 127.0.0.7
test_case unknown_name with_config 2 "CODE_PAHT" CODE_PAHT=/x
test_case bad_config_policy with_config 2 "CONFLICT_RESOLUTION.*newer" CONFLICT_RESOLUTION=sideways
test_case shell_expression with_config 2 "CODE_SERVER|expand|\\$|shell" "CODE_SERVER=\$(touch \$W/pwned)"
test_case shell_backticks with_config 2 "shell|expand|\`" "CODE_SERVER=\`touch pwned\`"
test_case shell_command with_config 2 "NAME=value|assignment" "touch pwned"
test_case bad_number with_config 2 "SSH_PORT" SSH_PORT=ssh
test_case bad_bandwidth with_config 2 "BANDWIDTH_LIMIT" BANDWIDTH_LIMIT=fast
test_case world_writable_config world_writable_config
bad_policy() { fill; refused 2 "newer" plain --policy sideways; }
test_case bad_policy bad_policy
test_case missing_root missing_root
test_case roots_overlap roots_overlap
test_case bad_paths bad_paths
test_case bad_targets bad_targets
test_case closed_port closed_port
test_case mistyped_target mistyped_target
test_case no_events no_events
test_case json_always_ends_in_a_summary json_always_ends_in_a_summary
test_case several_pairs several_pairs
test_case changed_host_key changed_host_key
test_case unknown_host_key unknown_host_key
test_case refused_key refused_key
test_case missing_key missing_key
test_case missing_remote_root missing_remote_root
test_case agent_dies broken_agent "exit 7"
test_case agent_babbles broken_agent "echo hello; exec cat >/dev/null"
test_case agent_closes broken_agent "exec <&- >&-; exit 0"
test_case second_controller second_controller
test_case two_first_controllers two_first_controllers
test_case two_ids two_ids
test_case interrupted interrupted
test_case marker_removed_code marker_removed code
test_case marker_removed_deploy marker_removed deploy
test_case same_stop_of_several_pairs same_stop_of_several_pairs
test_case root_emptied_code root_emptied code
test_case root_emptied_deploy root_emptied deploy
test_case root_emptied_but_marker root_emptied_but_marker
test_case guard_approve guard_approve
test_case guard_approve_shown_set guard_approve_shown_set
test_case guard_reject guard_reject
finish
