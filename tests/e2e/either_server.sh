#!/usr/bin/env bash
# `twsync sync|status|publish` and the git hook on the deploy server: through the forced command to the broker on the
# code server, and nothing else.
set -euo pipefail
# shellcheck source=tests/support/two_servers.sh
source "$(dirname "$0")/../support/two_servers.sh"

twsync=$prefix/bin/twsync
logs=$prefix/logs
authorized=$work/code/home/.ssh/authorized_keys
idle() {
  $twsync status --json >"$work/status.json" 2>/dev/null
  grep -q '"state":"idle"' "$work/status.json" && ! grep -q '"hints_waiting":[1-9]' "$work/status.json"
}
says() { grep -q -- "$1" "$work/out" || fail "it does not say '$1'${words:+ to '$words'}: $(cat "$work/out")"; }
never_says() { if grep -q -- "$1" "$work/out"; then fail "it says '$1': $(cat "$work/out")"; fi; }

install_code
install_deploy

# --- before keys are exchanged: the deploy server does not take itself for the code server
mkdir -p $code/app "$deploy/app"
echo one >$code/app/one
run 2 there $twsync sync
says 'this is the deploy server'
says '192.168.100.28'
run 2 there $twsync keys exchange
says 'this is the deploy server'
[ ! -e "$deploy/.twsync" ] && [ ! -e "$work/deploy/var-lib/twsync/pairs" ] || fail "something was done"
cron() { "$@" $prefix/scripts/two_way_sync.sh --from-cron --quiet; } # its output is mail
for server in there env; do
  run 0 cron $server
  [ ! -s "$work/out" ] || fail "cron would send mail: $(cat "$work/out")"
done
has_line "$logs/sync/cron_sync_*.log" 'cron leaves main alone: it was never synced' || fail "no line in cron_sync"
has_line "$deploy/logs/sync/cron_sync_*.log" 'cron leaves main alone: this is the deploy server' || fail "no line in the deploy server's cron_sync"
[ ! -e $code/.twsync ] && [ ! -e "$deploy/.twsync" ] && [ ! -e /var/lib/twsync/pairs ] || fail "cron did something"
echo "ok no keys yet: it says where to make them, and cron waits for them"

# Two who are not root there: one in the group, one not.
{ grep -v ^twsync: /etc/group; echo "twsync:x:64999:committer"; echo "committer:x:64998:"; echo "outsider:x:64997:"; } >"$work/group"
{ cat /etc/passwd; echo "committer:x:64998:64998::/opt/committer:/bin/sh"; echo "outsider:x:64997:64997::/opt/outsider:/bin/sh"; } >"$work/passwd"
for file in group passwd; do there mount --bind "$work/$file" /etc/$file; done
install -d -o 64998 "$work/deploy/opt/committer"
install -d -o 64997 "$work/deploy/opt/outsider"
by() { # USER COMMAND...: there
  there setpriv --reuid "$1" --regid "$1" --init-groups env HOME="/opt/$1" "${@:2}"
}
exchange_keys
way=$work/deploy/home/.local/state/twsync/to-code/main@192.168.100.28
[ "$(stat -c %a "$way" "$way/code_key" | tr '\n' ' ')" = "700 600 " ] || fail "modes of the way: $(ls -la "$way")"
grep -q "command=\"$prefix/bin/twsync serve-forced main\"" "$authorized" || fail "no forced command: $(cat "$authorized")"
shared=$work/deploy/var-lib/twsync/to-code/main@192.168.100.28
[ "$(stat -c %a:%g "$shared/.." "$shared" "$shared/code_key" "$shared/way.sh" | tr '\n' ' ')" = "750:64999 750:64999 640:64999 640:64999 " ] || fail "rights of the members' way: $(ls -la "$shared")"
grep -q "command=\"$prefix/bin/twsync serve-forced main --members\"" "$authorized" || fail "no forced command of the members: $(cat "$authorized")"
[ "$(grep -c twsync: "$authorized")" = 2 ] || fail "not two lines: $(cat "$authorized")"

# --- no service: said so, nothing done by the forced command itself. What a run left that never reached the other server
# (cron's, before there were keys) doesn't make this the code server.
mkdir "$work/never"
"${TWSYNC_BIN:-$top/build/bin}/twsync" sync --state-dir "$work/failed" "$work/never" root@127.0.0.1:/never --ssh-port 1 >/dev/null 2>&1 && fail "a sync with nobody"
mkdir -p "$work/deploy/var-lib/twsync/pairs/main"
chmod 700 "$work/deploy/var-lib/twsync/pairs" "$work/deploy/var-lib/twsync/pairs/main"
cp "$work"/failed/pairs/*/base.db "$work/deploy/var-lib/twsync/pairs/main/"
run 3 there $twsync sync
says 'no service serves the pair main'
run 3 there $twsync sync --no-wait
run 1 there $twsync status
says 'service: none answers'
run 3 there $twsync publish
[ ! -e "$deploy/app/one" ] || fail "without a service something was synced"
run 2 there $twsync conflicts
says 'on its code server 192.168.100.28'
rm -r "$work/deploy/var-lib/twsync/pairs"
for server in there env; do
  run 0 cron $server
  [ ! -s "$work/out" ] || fail "cron would send mail: $(cat "$work/out")"
done
has_line "$deploy/logs/sync/cron_sync_*.log" 'cron leaves main alone: it was never synced' || fail "no line in the deploy server's cron_sync"
[ ! -e $code/.twsync ] && [ ! -e "$deploy/.twsync" ] || fail "cron did the first sync"
echo "ok without a service it says so"

# --- the three requests
for role in broker scanner resolver transfer; do start_role $role; done
served() { there $twsync sync --no-wait >/dev/null 2>&1; }
eventually "the service" served
run 0 there $twsync sync
same $code/app/one "$deploy/app/one" || fail "sync there carried nothing over"
# (No monitor runs: an edit of the code side waits for a request. The deploy side's watch is the scanner's.)
echo three >$code/app/three
run 0 there $prefix/scripts/two_way_sync.sh --dry-run
says 'deploy  *write  *app/three'
[ ! -e "$deploy/app/three" ] || fail "the dry run did something"
run 0 there $prefix/scripts/two_way_sync.sh --to-code
[ ! -e "$deploy/app/three" ] || fail "--to-code changed the deploy side"
says '1 left pending'
run 0 there $twsync sync main --json --to-deploy
says '"event":"operation".*"path":"app/three"'
tail -1 "$work/out" | grep -q '"event":"summary".*"operations":1,.*"in_sync":true' || fail "no summary: $(tail -1 "$work/out")"
odd=$'sp ace/-f\n\xff%41\''
mkdir -p "$code/sp ace" $code/other
echo s >"$code/$odd"
echo o >$code/other/o
run 0 there $twsync sync --path "$odd" --path "$prefix/app"
same "$code/$odd" "$deploy/$odd" || fail "--path with strange bytes"
[ ! -e "$deploy/other" ] || fail "--path carried more than the path"
run 0 there $prefix/scripts/two_way_sync.sh --from-cron --quiet
[ ! -s "$work/out" ] || fail "cron would send mail: $(cat "$work/out")"
same "$deploy/other/o" $code/other/o || fail "--from-cron carried nothing over"
has_line "$deploy/logs/sync/cron_sync_*.log" 'sync of main' || fail "no line in the deploy server's cron_sync log"
has_line "$deploy/logs/sync/sync_*.log" 'sync of main' || fail "no line in the deploy server's sync log"
has_line "$logs/sync/sync_*.log" 'asked for by the deploy server' || fail "no line in the code server's sync log"
run 0 there $twsync status
says 'service: broker'
says 'pair main'
run 0 there $twsync status main@192.168.100.28 --json
python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); assert s["service"] and [p["pair"] for p in s["pairs"]] == ["main"], s' "$work/out" || fail "status --json: $(cat "$work/out")"
[ ! -e "$work/deploy/var-lib/twsync/pairs" ] || fail "the deploy server made a state of its own"
echo "ok sync in its forms, status"

# --- a conflict and what is parked: same exit codes and texts as on the code server
sed -i 's/^CONFLICT_RESOLUTION=.*/CONFLICT_RESOLUTION=manual/' $prefix/scripts/config/sync_config.sh
for role in resolver scanner transfer; do stop_role $role; start_role $role; done
echo "code's" >$code/app/both
echo "deploy's" >"$deploy/app/both"
run 1 there $twsync sync
says 'app/both'
says 'parked'
echo "ok exit code 1 while something is parked"
run 0 there $twsync sync --policy deploy-server
[ "$(cat $code/app/both)" = "deploy's" ] || fail "--policy did not arrive"

# --- publish and the hook
# Without workers every hint waits, and nothing but the request brings one.
for role in scanner resolver transfer; do stop_role $role; done
waiting() { $twsync status --json >"$work/status.json" 2>/dev/null || true; grep -q "\"hints_waiting\":$1[,}]" "$work/status.json"; }
drain() { # a watch may have its say between the rest and the end of the workers
  local role tries
  for tries in 1 2 3 4 5; do
    for role in scanner resolver transfer; do start_role $role; done
    eventually "rest" idle
    for role in scanner resolver transfer; do stop_role $role; done
    if waiting 0; then return; fi
  done
  fail "no rest after $tries tries: $(cat "$work/status.json")"
}
drain
run 0 there $twsync publish --source manual --path "$prefix/app" --path "$odd"
waiting 2 || fail "not two hints wait: $(cat "$work/status.json")"
run 2 there $twsync publish --path /etc/passwd
says 'none of these paths'
git init -q "$deploy/repo"
git -C "$deploy/repo" config user.email a@b
git -C "$deploy/repo" config user.name a
run 0 there $twsync hooks install $prefix/repo
commit() { echo "$1" >>"$deploy/repo/file" && there git -C $prefix/repo add file && there git -C $prefix/repo commit -qm "$1"; }
commit one
eventually "a line in the deploy server's git_hooks.log" has_line "$deploy/logs/git_hooks.log" 'published .*repo'
waiting 3 || fail "the commit's hint is not there: $(cat "$work/status.json")"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do commit "burst $i"; done
published() { [ "$(grep -c published "$deploy/logs/git_hooks.log")" = 21 ]; }
eventually "a line for each of 20 commits in a burst" published
drain
same "$deploy/repo/file" $code/repo/file || fail "the last commit's file did not arrive"
[ ! -e $code/repo/.git ] || fail ".git travelled"
# --- somebody who is not root
drain
chown -R 64998:64998 "$deploy/repo"
by committer git -C $prefix/repo -c user.name=c -c user.email=c@d commit -q --allow-empty -m "not root's"
own_log=$work/deploy/opt/committer/.local/state/twsync/logs/git_hooks.log
eventually "a line in the committer's log" has_line "$own_log" 'published .*repo'
waiting 1 || fail "the hint of a committer who is not root is not there: $(cat "$work/status.json")"
run 1 by committer $twsync status # no worker runs now
says 'pair main'
for words in sync "sync --dry-run" "sync --policy code-server"; do
  # shellcheck disable=SC2086
  run 3 by committer $twsync $words
  says "this key may only ask for 'status' and 'publish'"
done
run 0 by committer $twsync hooks install $prefix/repo
never_says 'mend:'
chown -R 64997:64997 "$deploy/repo"
by outsider git -C $prefix/repo -c user.name=o -c user.email=o@d commit -q --allow-empty -m "not in the group"
eventually "a line in the outsider's log" has_line "$work/deploy/opt/outsider/.local/state/twsync/logs/git_hooks.log" 'only root and members of the group twsync reach'
waiting 1 || fail "somebody outside the group published: $(cat "$work/status.json")"
if by outsider cat /var/lib/twsync/to-code/main@192.168.100.28/code_key >/dev/null 2>&1; then fail "anybody can read the members' key"; fi
run 0 by outsider $twsync hooks install $prefix/repo
says 'outsider, who commits in .*, may not tell the code server'
says 'usermod -aG twsync outsider'
there $twsync doctor --json >"$work/out" 2>/dev/null || true
says '"check":"hook-rights","result":"warning".*usermod -aG twsync outsider'
chown -R 0:0 "$deploy/repo"
drain
echo "ok a committer who is not root publishes by his group, and may ask for the status, no more"

microseconds() { # [GIT OPTION]...: of one commit there
  local begin
  begin=$(date +%s%N)
  there git -C $prefix/repo "$@" commit -q --allow-empty -m timed
  echo "$((($(date +%s%N) - begin) / 1000))"
}
lines() { [ "$(wc -l <"$deploy/logs/git_hooks.log")" = "$1" ]; }
by_turns() { # WHAT: commits with the hook and without it, so that both see the same load, each when the last is over
  local i without with limit
  : >"$deploy/logs/git_hooks.log"
  for i in $(seq 11); do
    microseconds -c core.hooksPath=/nowhere >>"$work/without.$1"
    microseconds >>"$work/with.$1"
    eventually "its line" lines "$i"
  done
  without=$(sort -n "$work/without.$1" | sed -n 6p)
  with=$(sort -n "$work/with.$1" | sed -n 6p)
  # What a loaded machine does to a commit it does to the hook's shell as well.
  limit=$((without > 10000 ? without : 10000))
  [ $((with - without)) -le $limit ] || fail "$1: the hook slows a commit from $without to $with us"
  echo "ok git hook there, $1: a commit takes $without us without it, $with us with it (medians of 11)"
}
by_turns served
stop_role broker
: >"$deploy/logs/git_hooks.log"
commit "no broker"
eventually "its line" has_line "$deploy/logs/git_hooks.log" 'no service answers.*192.168.100.28'
[ "$(wc -l <"$deploy/logs/git_hooks.log")" = 1 ] || fail "more than one line: $(cat "$deploy/logs/git_hooks.log")"
bash "$top/tests/support/sshd.sh" stop "$work/code"
by_turns away
run 0 there $twsync publish --source git-hook --path $prefix/repo
[ ! -s "$work/out" ] || fail "a hook's publish says something: $(cat "$work/out")"
run 3 there $twsync sync
says '192.168.100.28'
run 3 there $twsync status
there $twsync hooks uninstall $prefix/repo >/dev/null
bash "$top/tests/support/sshd.sh" start "$work/code" 192.168.100.28 22
for role in broker scanner resolver transfer; do start_role $role; done
eventually "the service" served
eventually "rest" idle

# --- who asked goes away: the forced command ends, the service goes on
sed -i 's/^BANDWIDTH_LIMIT=.*/BANDWIDTH_LIMIT=4M/' $prefix/scripts/config/sync_config.sh
stop_role transfer
start_role transfer
serving() {
  local pid
  for pid in $(pgrep -f 'twsync serve-forced main' || true); do
    if tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "HOME=$work/code/home"; then return 0; fi
  done
  return 1
}
no_longer() { ! serving; }
head -c 16000000 /dev/urandom >$code/app/big
there $twsync sync >"$work/asker" 2>&1 &
asker=$!
underway() { grep -qs transferring "$work/asker" || { $twsync status --json | grep -q '"stage":"transferring"'; }; }
eventually "the transfer" underway
serving || fail "nothing serves the request"
kill -9 "$(pgrep -P $asker)"  # `there` is a function: the program is its shell's child
wait $asker 2>/dev/null || true
eventually "the end of the forced command" no_longer
[ ! -e "$deploy/app/big" ] || fail "the transfer was too fast to show anything"
eventually "the file all the same" same $code/app/big "$deploy/app/big"
echo "ok an asker that dies leaves nothing behind, the service goes on"

# --- what the key may not do
eventually "rest" idle
raw() { # SSH's words with the key in $with, as a thief of it would
  local rc=0
  there ssh -F /dev/null -i "${with:-$way}/code_key" -o BatchMode=yes -o UserKnownHostsFile="$way/known_hosts" root@192.168.100.28 "$@" </dev/null >"$work/out" 2>&1 || rc=$?
  echo $rc
}
digest() { (cd $code && find . \( -path ./.twsync -o -path ./logs \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum); }
before=$(digest)
for words in "touch $work/broken" "" "sh" "status; touch $work/broken" "status \$(touch $work/broken)" "sync --path \`touch $work/broken\`" \
  "sync web" "status web" "publish --pair web" "sync --path ../../etc" "sync --path /etc" "sync $prefix/app /tmp" "sync --config /tmp/x" \
  "status --state-dir /tmp" "sync --ssh-key /tmp/x" "keys show" "conflicts" "restore app/one" "forget main" "hooks install $prefix" \
  "serve-forced main" "twsync-2 status" "sync --help"; do
  rc=$(raw ${words:+"$words"})
  [ "$rc" != 0 ] || fail "'$words' was done: $(cat "$work/out")"
  says 'this key may only ask\|not below the deploy root\|leaves the root'
done
cp -r "$shared" "$work/stolen"
chmod 600 "$work/stolen/code_key"
with=$work/stolen
for words in "touch $work/broken" "" "sh" sync "sync --dry-run" "twsync-1 sync" "publish --pair web" "publish --path ../../etc" "forget main"; do
  rc=$(raw ${words:+"$words"})
  [ "$rc" != 0 ] || fail "'$words' was done for a member: $(cat "$work/out")"
done
raw status >/dev/null
says 'service: broker'
unset with
[ "$(raw 'twsync-1 forget main')" != 0 ] || fail "frames make no difference"
big=$(printf 'publish%s' "$(printf ' --path=%0200d' $(seq 400))")
[ ${#big} -gt 65536 ] || fail "the large request is not large"
[ "$(raw "$big")" != 0 ] || fail "an oversized request was taken"
says 'this key may only ask'
[ "$(raw "${big:0:60000}")" = 0 ] || fail "a large request within the bound was refused: $(cat "$work/out")"
# stdin is no way in either: anything but pings ends the session
rc=0
head -c 100000 /dev/urandom | there ssh -F /dev/null -i "$way/code_key" -o BatchMode=yes -o UserKnownHostsFile="$way/known_hosts" root@192.168.100.28 \
  twsync-1 sync --dry-run >"$work/out" 2>&1 || rc=$?
there ssh -F /dev/null -i "$way/code_key" -o BatchMode=yes -o UserKnownHostsFile="$way/known_hosts" -N -o ExitOnForwardFailure=yes -L 9999:127.0.0.1:22 root@192.168.100.28 \
  -o ConnectTimeout=5 >"$work/out" 2>&1 &
forward=$!
sleep 1
if there bash -c 'exec 3<>/dev/tcp/127.0.0.1/9999 && read -r -t 2 -u 3 line' 2>/dev/null; then fail "the key forwards ports"; fi
kill $forward 2>/dev/null || true
wait $forward 2>/dev/null || true
rc=0
there sftp -F /dev/null -i "$way/code_key" -o BatchMode=yes -o UserKnownHostsFile="$way/known_hosts" root@192.168.100.28 </dev/null >"$work/out" 2>&1 || rc=$?
[ $rc != 0 ] || fail "sftp works with that key"
[ ! -e "$work/broken" ] || fail "a command was run"
eventually "rest" idle
[ "$before" = "$(digest)" ] || fail "the code side changed"
echo "ok everything else is refused"

# --- another host key, a way that others can write
cp "$way/known_hosts" "$work/known"
ssh-keygen -q -t ed25519 -N '' -f "$work/other"
echo "192.168.100.28 $(cut -d' ' -f1,2 "$work/other.pub")" >"$way/known_hosts"
run 3 there $twsync sync
says 'host key CHANGED'
cp "$work/known" "$way/known_hosts"
chmod g+w "$way/way.sh"
run 2 there $twsync sync
says 'chmod go-w'
chmod g-w "$way/way.sh"
echo "echo a banner on the way" >"$work/code/home/.bashrc"
run 0 there $twsync sync --json
never_says banner
echo "ok a changed host key, loose rights, a talking shell"

# --- gone with `forget`
for role in broker scanner resolver transfer; do stop_role $role; done
cp "$work/deploy/client_key" "$HOME/.ssh/id_ed25519"
# The group is gone by then: what its members could read goes all the same.
grep -v ^twsync: "$work/group" >"$work/group.later"
there mount --bind "$work/group.later" /etc/group
run 0 $twsync forget main
[ ! -e "$way" ] && [ ! -e "$shared" ] && ! grep -q serve-forced "$authorized" || fail "forget left the way back: $(ls -lR "$way" "$shared" 2>/dev/null; grep serve-forced "$authorized")"
run 2 there $twsync sync
says 'this is the deploy server'
echo "ok forget takes the way back away"
