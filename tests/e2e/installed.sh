#!/usr/bin/env bash
# What a person finds on an installed server: `cmake --install` to the default prefix, the default configuration, both
# roots /opt/sutazaiapp, wrappers, log files, cron, services. Everything happens in namespaces of its own: this process
# sees the code server's /opt, /var/lib and /run, the second sshd the deploy server's, and both have the addresses that
# the configuration names. Needs root.   REST=60: how long the trees are left alone (default 20 s).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD_DIR:-$top/build}
case $build in /*) ;; *) build=$top/$build ;; esac

if [ -z "${TWSYNC_IN_NAMESPACE:-}" ]; then
  if ! unshare --mount --net ip link set lo up 2>/dev/null; then
    echo "SKIPPED: the installed servers need root, namespaces and iproute2"
    exit 0
  fi
  exec env TWSYNC_IN_NAMESPACE=1 unshare --mount --net --propagation private bash "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-installed-XXXXXX")
prefix=/opt/sutazaiapp
scripts=$prefix/scripts
logs=$prefix/logs
config=$scripts/config/sync_config.sh
code=$prefix deploy=$work/deploy/opt/sutazaiapp
declare -A pids=()
roles=(broker scanner resolver transfer monitor)

stop_role() { # ROLE [SIGNAL]
  local pid=${pids[$1]:-}
  [ -n "$pid" ] || return 0
  kill "-${2:-TERM}" "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  unset "pids[$1]"
}
cleanup() {
  local role
  for role in "${roles[@]}"; do stop_role "$role"; done
  bash "$top/tests/support/sshd.sh" stop "$work/code" 2>/dev/null || true
  bash "$top/tests/support/sshd.sh" stop "$work/deploy" 2>/dev/null || true
  if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
fail() {
  echo "FAIL $* [line ${BASH_LINENO[0]}]"
  tail -n 4 "$work/out" $logs/*.log $logs/sync/*.log 2>/dev/null || true
  exit 1
}
trap 'fail "stopped: $BASH_COMMAND"' ERR
start_role() { # as systemd does: no options
  "$prefix/bin/twsync-$1" >>"$work/$1.out" 2>&1 &
  pids[$1]=$!
}
eventually() { # WHAT COMMAND...: within 40 s
  local what=$1 end=$((SECONDS + 40))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "$what did not happen within 40 s"
    sleep 0.1
  done
}
same() { cmp -s "$1" "$2"; }
run() { # CODE COMMAND...: must end with that exit code; its output in $work/out
  local want=$1 rc=0
  shift
  "$@" >"$work/out" 2>&1 || rc=$?
  [ "$rc" = "$want" ] || fail "'$*' ended with $rc instead of $want: $(tail -1 "$work/out")"
}
set_config() { sed -i "s|^$1=.*|$1=$2|" "$config"; }
# Root levels of both sides, without what each side has of its own.
travels() { (cd "$1" && find . \( -path ./.twsync -o -path ./bin -o -path ./share -o -path ./logs -o -path ./scripts -o -name .git \) -prune -o ! -path . -type f -printf '%P %s\n' | sort); }
quiet() {
  "$prefix/bin/twsync" status --json >"$work/status.json" 2>/dev/null
  grep -q '"state":"idle"' "$work/status.json" && ! grep -q '"hints_waiting":[1-9]' "$work/status.json"
}
# The package's directories may hold a person's files as well and exist on both sides; its own files do not travel.
no_installation_there() {
  local found
  found=$(cd "$deploy" && find bin share logs scripts ! -type d 2>/dev/null; [ ! -e logs ] || echo logs)
  [ -z "$found" ] || fail "the installation travelled: $found"
}
has_line() { grep -qs -- "$2" $1; }

# The two servers.
mkdir -p "$work"/{code,deploy}/{opt,var-lib,run,etc-ssh,home/.ssh} "$deploy"
chmod 700 "$work"/{code,deploy}/home/.ssh
ip link set lo up
ip address add 192.168.100.28/32 dev lo
ip address add 192.168.100.100/32 dev lo
become() { # SERVER: its /opt, /var/lib, /run, /etc/ssh
  mount --bind "$work/$1/opt" /opt
  mount --bind "$work/$1/var-lib" /var/lib
  mount --bind "$work/$1/run" /run
  mount --bind "$work/$1/etc-ssh" /etc/ssh
}
export -f become
export work top
unshare --mount --propagation private bash -ec 'become deploy; bash "$top/tests/support/sshd.sh" start "$work/deploy" 192.168.100.100 22'
become code
bash "$top/tests/support/sshd.sh" start "$work/code" 192.168.100.28 22
cp "$work/code/host_key.pub" /etc/ssh/ssh_host_ed25519_key.pub
export HOME=$work/code/home
unset SSH_AUTH_SOCK XDG_STATE_HOME XDG_RUNTIME_DIR
cp "$work/deploy/client_key" "$HOME/.ssh/id_ed25519"  # the key that an administrator had before

# --- installing
cmake --install "$build" --strip >"$work/install.log" || { tail "$work/install.log"; fail "cmake --install"; }
for file in bin/twsync bin/twsync-agent bin/twsync-broker bin/twsync-monitor bin/twsync-scanner bin/twsync-resolver bin/twsync-transfer \
  scripts/two_way_sync.sh scripts/ssh_key_exchange.sh; do
  [ -x "$prefix/$file" ] || fail "not installed: $file"
done
[ -r "$config" ] && [ -d $scripts/config/pairs.d ] && [ -d $logs/sync ] || fail "the configuration or the log directories are missing"
for unit in sutazai-sync-monitor.service twsync-broker.service twsync-worker@.service; do
  grep -q "^ExecStart=$prefix/bin/" "$prefix/share/twsync/systemd/$unit" || fail "$unit does not start what was installed"
  if command -v systemd-analyze >/dev/null && [[ $unit != *@* ]]; then
    systemd-analyze verify "$prefix/share/twsync/systemd/$unit" 2>&1 | grep "$unit:[0-9]" && fail "$unit has a bad line"
  fi
done
grep -q "$scripts/two_way_sync.sh --from-cron" $prefix/share/twsync/cron.d/sutazai-sync || fail "the cron entry does not name the wrapper"
if grep -rl '@[A-Z_]*@' $prefix/share $prefix/scripts; then fail "unreplaced names in the files above"; fi
echo "# kept" >>"$config"
cmake --install "$build" --strip >"$work/install.log"
grep -q '^# kept' "$config" || fail "installing again replaced the configuration"
cmake --install "$build" --prefix "$work/elsewhere" >"$work/install.log"
grep -q "^ExecStart=$work/elsewhere/bin/" "$work/elsewhere/share/twsync/systemd/twsync-broker.service" || fail "--prefix does not reach the units"
sed -i 's/^CONFLICT_RESOLUTION=.*/CONFLICT_RESOLUTION=oldest/' "$work/elsewhere/scripts/config/sync_config.sh"
run 2 "$work/elsewhere/scripts/two_way_sync.sh" --dry-run
grep -q "$work/elsewhere/scripts/config/sync_config.sh:[0-9]*: .*newer" "$work/out" || fail "an installation elsewhere does not read its own configuration"
rm -r "$work/elsewhere"
echo "ok installed"

# --- keys
fingerprint=$(ssh-keygen -lf "$work/deploy/host_key.pub" | cut -d' ' -f2)
authorized=$work/deploy/home/.ssh/authorized_keys
run 0 $scripts/ssh_key_exchange.sh --accept-fingerprint "$fingerprint"
first=$(ssh-keygen -lf /var/lib/twsync/keys/id_ed25519.pub | cut -d' ' -f2)
[ "$(grep -c twsync: "$authorized")" = 1 ] && [ "$(grep -c twsync: "$HOME/.ssh/authorized_keys")" = 1 ] || fail "not one line on each side"
rm "$HOME/.ssh/id_ed25519"  # from here on the exchanged key is the only way in
sed -i '/twsync-test-client/d' "$authorized"
run 0 $scripts/two_way_sync.sh --dry-run --quiet
cat "$work/deploy/client_key.pub" >>"$authorized"
cp "$work/deploy/client_key" "$HOME/.ssh/id_ed25519"
run 0 $scripts/ssh_key_exchange.sh
second=$(ssh-keygen -lf /var/lib/twsync/keys/id_ed25519.pub | cut -d' ' -f2)
[ "$first" != "$second" ] || fail "the second exchange kept the key"
[ "$(grep -c twsync: "$authorized")" = 1 ] && [ "$(grep -c twsync: "$HOME/.ssh/authorized_keys")" = 1 ] || fail "old lines stayed"
grep -q twsync-test-client "$authorized" || fail "an exchange took away somebody else's key"
rm "$HOME/.ssh/id_ed25519"
has_line $logs/ssh_setup.log "$second" || fail "ssh_setup.log does not name the new key"
echo "ok keys exchanged, then regenerated and replaced"

# --- the wrapper in all its forms, without services
mkdir $code/app $deploy/app
echo "from code" >$code/app/a
echo "from deploy" >$deploy/app/b
run 0 $scripts/two_way_sync.sh --dry-run
grep -q app/a "$work/out" && grep -q app/b "$work/out" || fail "the dry run shows nothing: $(cat "$work/out")"
[ ! -e $deploy/app/a ] && [ ! -e $code/app/b ] || fail "the dry run did something"
run 0 $scripts/two_way_sync.sh --to-deploy
same $code/app/a $deploy/app/a || fail "--to-deploy carried nothing over"
[ ! -e $code/app/b ] || fail "--to-deploy changed the code side"
echo "only here" >$code/app/c
run 0 $scripts/two_way_sync.sh --to-code
same $code/app/b $deploy/app/b || fail "--to-code carried nothing over"
[ ! -e $deploy/app/c ] || fail "--to-code changed the deploy side"
run 0 $scripts/two_way_sync.sh
same $code/app/c $deploy/app/c || fail "without an option nothing was carried over"
[ "$(travels $code)" = "$(travels "$deploy")" ] || fail "the trees differ: $(diff <(travels $code) <(travels "$deploy") | head -3)"
has_line "$logs/sync/sync_*.log" "sync of main" || fail "no line in sync_*.log"
no_installation_there
echo "ok two_way_sync.sh in all its forms"

# --- policies
conflict() { # NAME: both sides change it, the deploy side later
  echo "code's $1" >"$code/app/$1" && touch -d '2024-01-01 10:00' "$code/app/$1"
  echo "deploy's $1" >"$deploy/app/$1" && touch -d '2024-01-01 11:00' "$deploy/app/$1"
}
for policy in newer code-server deploy-server; do
  set_config CONFLICT_RESOLUTION $policy
  conflict "$policy"
  run 0 $scripts/two_way_sync.sh
  winner=deploy
  [ $policy != code-server ] || winner=code
  [ "$(cat "$code/app/$policy" "$deploy/app/$policy" | sort -u)" = "$winner's $policy" ] || fail "$policy: $(cat "$code/app/$policy" "$deploy/app/$policy")"
  grep -rqs "'s $policy" "$code"/.twsync/*/versions "$deploy"/.twsync/*/versions || fail "$policy: the loser is nowhere"
  has_line "$logs/sync/sync_*.log" "conflict: app/$policy" || fail "$policy: the conflict is not in the log"
done
set_config CONFLICT_RESOLUTION manual
conflict manual
run 1 $scripts/two_way_sync.sh
[ "$(cat $code/app/manual)" = "code's manual" ] && [ "$(cat "$deploy/app/manual")" = "deploy's manual" ] || fail "manual: something was done"
run 0 $prefix/bin/twsync conflicts --json
id=$(grep app/manual "$work/out" | grep -o '"id":"[^"]*"' | head -1 | cut -d'"' -f4)
run 0 $prefix/bin/twsync resolve "$id" --take code
run 0 $scripts/two_way_sync.sh
same $code/app/manual "$deploy/app/manual" || fail "manual: the decision was not carried out"
set_config CONFLICT_RESOLUTION newer
echo "ok policies from sync_config.sh"

# --- cron without services
echo "cron, nobody serves" >$code/app/cron1
run 0 $scripts/two_way_sync.sh --from-cron --quiet
[ ! -s "$work/out" ] || fail "cron would send mail: $(head -3 "$work/out")"
same $code/app/cron1 "$deploy/app/cron1" || fail "--from-cron without services carried nothing over"
has_line "$logs/sync/cron_sync_*.log" "sync of main" || fail "no line in cron_sync_*.log"
pair_id=$(ls "$code/.twsync")
echo "ok --from-cron without services"

# --- the package on the deploy server as well: its agent is all that the key may start there
cp -a /opt/sutazaiapp/{bin,share,scripts} "$deploy/"
mkdir "$deploy/logs"
echo "# the deploy server's own" >>"$deploy/scripts/config/sync_config.sh"
echo "an older one" >"$deploy/bin/twsync-monitor"
echo "its own log" >"$deploy/logs/own.log"
cp "$work/deploy/client_key" "$HOME/.ssh/id_ed25519"
run 0 $scripts/ssh_key_exchange.sh
rm "$HOME/.ssh/id_ed25519"
grep -q "command=\"'*$prefix/bin/twsync-agent'* --stdio --root '*$prefix'*\".*twsync:" "$authorized" || fail "the key is not bound to the agent: $(cat "$authorized")"
ssh -F /dev/null -i /var/lib/twsync/keys/id_ed25519 -o BatchMode=yes -o UserKnownHostsFile=/var/lib/twsync/keys/known_hosts \
  root@192.168.100.100 "touch $work/broken-in" </dev/null >"$work/out" 2>&1 || true
grep -q 'Permission denied' "$work/out" && fail "the bound key does not log in"
[ ! -e "$work/broken-in" ] || fail "the bound key ran a command"
echo "through the forced command" >$code/app/forced
run 0 $scripts/two_way_sync.sh
same $code/app/forced "$deploy/app/forced" || fail "nothing arrives through the forced command"
[ "$(cat "$deploy/bin/twsync-monitor")" = "an older one" ] && [ -x $prefix/bin/twsync-monitor ] && ! grep -q "server's own" $config &&
  [ ! -e $logs/own.log ] && grep -q "server's own" "$deploy/scripts/config/sync_config.sh" || fail "one installation changed the other"
rm -r "${deploy:?}"/{bin,share,scripts,logs}
cp "$work/deploy/client_key" "$HOME/.ssh/id_ed25519"
run 0 $scripts/ssh_key_exchange.sh
rm "$HOME/.ssh/id_ed25519"
echo "ok two installations leave each other alone"

# --- services
for role in "${roles[@]}"; do start_role "$role"; done
eventually "the services' first cycle" has_line $logs/sync_monitor.log 'cycle: '
eventually "quiet" quiet
echo live >$code/app/live
eventually "an edit of the code side" same $code/app/live "$deploy/app/live"
echo "live back" >"$deploy/app/live"
eventually "an edit of the deploy side" same "$deploy/app/live" $code/app/live
run 0 $scripts/two_way_sync.sh
grep -q '0 operations\|both sides agree' "$work/out" || fail "a sync by hand through the services: $(cat "$work/out")"
eventually "quiet" quiet
stop_role scanner KILL
start_role scanner
run 0 $scripts/two_way_sync.sh
stop_role scanner KILL
echo "nobody looked" >"$deploy/app/unseen"
start_role scanner
eventually "an edit of the deploy side while its watch was dead" same "$deploy/app/unseen" $code/app/unseen
stop_role monitor
echo "cron, the services serve" >$code/app/cron2
run 0 $scripts/two_way_sync.sh --from-cron --quiet
same $code/app/cron2 "$deploy/app/cron2" || fail "--from-cron through the services carried nothing over"
[ "$(ls "$code/.twsync")" = "$pair_id" ] && [ "$(ls /var/lib/twsync/pairs)" = main ] || fail "not the same pair and state"
for role in "${roles[@]}"; do
  [ $role = monitor ] || [ "$(readlink "/proc/${pids[$role]}/exe")" = "$prefix/bin/twsync-$role" ] || fail "$role does not run from the installation"
done
echo "ok services, and --from-cron through them"

# --- a git hook
git init -q $code/repo
git -C $code/repo config user.email a@b && git -C $code/repo config user.name a
run 0 $prefix/bin/twsync hooks install $code/repo
echo "committed" >$code/repo/file
git -C $code/repo add file && git -C $code/repo commit -qm one
eventually "a commit's file, without the monitor" same $code/repo/file "$deploy/repo/file"
eventually "a line in git_hooks.log" has_line $logs/git_hooks.log published
[ ! -e "$deploy/repo/.git" ] || fail ".git travelled"
echo "ok git hook"

# --- rest
start_role monitor
eventually "the monitor's watch" has_line "$work/code/opt/sutazaiapp/logs/sync_monitor.log" 'watch of'
eventually "quiet" quiet
lines=$(wc -l <$logs/sync_monitor.log)
end=$((SECONDS + ${REST:-20}))
while [ $SECONDS -lt $end ]; do
  echo "an own log line" >>$logs/sync_monitor_extra.log
  "$prefix/bin/twsync" publish --source git-hook --path $code/logs || true
  sleep 1
done
eventually "quiet" quiet
tail -n +$((lines + 1)) $logs/sync_monitor.log >"$work/rest"
if grep 'cycle: ' "$work/rest" | grep -v 'cycle: 0 operations'; then fail "operations at rest"; fi
cycles=$(grep -c 'cycle: ' "$work/rest" || true)
no_installation_there
[ "$(travels $code)" = "$(travels "$deploy")" ] || fail "the trees differ at the end"
echo "ok ${REST:-20} s of rest beside its own logs: 0 operations in $cycles cycles"

for log in ssh_setup.log 'sync/sync_*.log' git_hooks.log sync_monitor.log 'sync/cron_sync_*.log'; do
  has_line "$logs/$log" . || fail "nothing in $log"
done
echo "ok every log of the installation has lines"
