#!/usr/bin/env bash
# `twsync doctor`: what is wrong is found under its name, and where the command that it prints can be run here, running it
# mends the matter.
set -euo pipefail
# shellcheck source=tests/support/two_servers.sh
source "$(dirname "$0")/../support/two_servers.sh"

export PATH=$prefix/bin:$PATH
config=$prefix/scripts/config/sync_config.sh
tree=/opt/tree
set_config() { sed -i "s|^$1=.*|$1=$2|" "$config"; }
on_here() { "$@"; }

# look [WHERE]: one examination; WHERE = there, or on_here.
look() {
  where=${1:-on_here}
  $where twsync doctor --json >"$work/findings" 2>"$work/err" || true
  cat "$work/findings" >>"$work/all-findings"
}
field() { # CHECK FIELD: of the worst finding of that name
  python3 - "$work/findings" "$1" "$2" <<'PY'
import json, sys
rank = {"ok": 0, "warning": 1, "problem": 2}
found = [line for line in map(json.loads, open(sys.argv[1])) if line["check"] == sys.argv[2]]
found.sort(key=lambda line: rank[line["result"]])
print(found[-1][sys.argv[3]] if found else "missing")
PY
}
is() { # CHECK RESULT
  local result
  result=$(field "$1" result)
  [ "$result" = "$2" ] || fail "$1 is $result instead of $2: $(field "$1" text); $(cat "$work/err")"
  if [ "$2" = warning ] || [ "$2" = problem ]; then
    [ -n "$(field "$1" mend)" ] || fail "$1: nothing says what mends it"
    echo "ok $1 ($2): $(field "$1" mend)"
  fi
}
# mends CHECK RESULT [WHERE]: finds it; then its command, once run where it was printed, mends it.
mends() {
  look "${3:-on_here}"
  is "$1" "$2"
  $where bash -c "$(field "$1" mend)" >"$work/out" 2>&1 || fail "'$(field "$1" mend)' failed"
  look "${3:-on_here}"
  is "$1" ok
}
finds() {
  look "${3:-on_here}"
  is "$1" "$2"
}

install_code
set_config CODE_PATH $tree
set_config DEPLOY_PATH $tree
mkdir -p "$work"/{cron.d,systemd} /run/systemd/system
mount --bind "$work/cron.d" /etc/cron.d
mount --bind "$work/systemd" /etc/systemd/system

# --- before anything was done
mends code-root problem
is key warning
is known-hosts warning
is host-key problem
is service warning
is unit warning
is way-in warning
finds cron warning
bash -c "$(field cron mend)"
finds cron ok
finds base warning
exchange_keys
finds key ok
is known-hosts ok
is login ok
is way-in ok
# The administrator's own way there, for the commands that begin with ssh.
cp "$work/deploy/client_key" "$HOME/.ssh/id_ed25519"
echo "192.168.100.100 $(cut -d' ' -f1,2 "$work/deploy/host_key.pub")" >"$HOME/.ssh/known_hosts"
is deploy-root problem
ssh() { command ssh -F /dev/null -i "$HOME/.ssh/id_ed25519" -o UserKnownHostsFile="$HOME/.ssh/known_hosts" "$@"; }
export -f ssh
mends deploy-root problem
is agent ok
mends base warning
is last-sync ok
is marker ok

# --- configuration and directories
chmod g+w /var/lib/twsync
mends state-directory problem
cp $config $prefix/scripts/config/pairs.d/web.conf
finds pairs-directory warning
bash -c "$(field pairs-directory mend)"
finds pairs-apart problem
is pairs-directory missing
rm $prefix/scripts/config/pairs.d/web.sh
set_config CODE_SERVER 192.168.100.100
finds role warning
set_config CODE_SERVER 192.168.100.28
set_config PRESERVE_SETUID yes
is setuid missing
set_config PRESERVE_OWNER no
finds setuid warning
set_config PRESERVE_OWNER auto
set_config PRESERVE_SETUID no
chmod -x $prefix/bin/twsync-agent
finds agent-binary problem
printf '#!/bin/sh\necho broken >&2\nexit 1\n' >"$work/broken-agent"
chmod +x "$prefix/bin/twsync-agent" "$work/broken-agent"
mount --bind "$work/broken-agent" $prefix/bin/twsync-agent
finds agent-binary problem
umount $prefix/bin/twsync-agent
low_limit() { bash -c 'ulimit -n 512; "$@"' low "$@"; }
finds open-files warning low_limit

# --- keys and the other server
chmod 644 /var/lib/twsync/keys/id_ed25519
mends key problem
set_config SSH_PORT 1
finds deploy-port problem
set_config SSH_PORT 22
set_config DEPLOY_SERVER no-such-host.invalid
finds deploy-address problem
set_config DEPLOY_SERVER 192.168.100.100
mv "$work/deploy/home/.ssh/authorized_keys" "$work/authorized"
mv "$HOME/.ssh/id_ed25519" "$work/admin"
finds login problem
mv "$work/authorized" "$work/deploy/home/.ssh/authorized_keys"
sed -i 's/ .*/ ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqQ7Z3sU1wSgkzO0xK5Rz6mSxO8oJ4aHk3T6v9l0y2b/' /var/lib/twsync/keys/known_hosts
finds host-key problem
echo "192.168.100.100 $(cut -d' ' -f1,2 "$work/deploy/host_key.pub")" >/var/lib/twsync/keys/known_hosts
finds login ok
chmod g+w "$HOME/.ssh"
mends way-in problem

# --- roots
mount -t tmpfs -o size=10m tmpfs $tree
finds code-space warning
is marker problem
umount $tree
there mount -t tmpfs -o size=10m tmpfs $tree
finds deploy-space warning
there umount $tree
mv $tree/.twsync "$work/marker"
finds marker problem
mkdir -p "$tree/.twsync/$(ls "$work/marker")/stage"
finds marker problem
rm -r $tree/.twsync
cp -a "$work/marker" $tree/.twsync
sed -i 's/^role=code/role=deploy/' $tree/.twsync/*/marker
finds marker problem
rm -r $tree/.twsync
mv "$work/marker" $tree/.twsync
finds marker ok
head -c 5000 /dev/urandom >/var/lib/twsync/pairs/main/base.db
rm -f /var/lib/twsync/pairs/main/base.db-*
mends base problem
set_config CONFLICT_RESOLUTION manual
echo "code's" >$tree/both
there bash -c "echo \"deploy's\" >$tree/both"
twsync sync >/dev/null 2>&1 || true
finds parked warning
twsync sync --policy code-server >/dev/null
finds parked ok

# --- hooks
git init -q $tree/repo
twsync hooks install $tree/repo >/dev/null
sed -i "s|^program=.*|program='/gone/twsync'|" $tree/repo/.git/hooks/post-commit
mends hook warning
rm -r $tree/repo/.git/hooks
mkdir -p $tree/sub/deep
git init -q $tree/sub/deep/repo
git -C $tree/sub/deep/repo config core.hooksPath .my-hooks
twsync hooks install $tree/sub/deep/repo >/dev/null
sed -i "s|^program=.*|program='/gone/twsync'|" $tree/sub/deep/repo/.my-hooks/post-commit
mends hook warning
rm -r $tree/sub
twsync hooks install $tree/repo >/dev/null
{ cat /etc/group; grep -q ^twsync: /etc/group || echo "twsync:x:64999:"; } >"$work/group"
mount --bind "$work/group" /etc/group
chown -R nobody: $tree/repo
finds hook-rights warning
setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent XDG_STATE_HOME=/nonexistent $prefix/bin/twsync hooks install $tree/repo >"$work/out" 2>&1 || fail "hooks install as nobody: $(cat "$work/out")"
grep -q 'nobody, who commits in .*may not tell the service' "$work/out" && grep -q 'usermod -aG twsync nobody' "$work/out" || fail "hooks install doesn't name the committer: $(cat "$work/out")"
umount /etc/group

# --- the service, cron
for role in broker scanner resolver transfer monitor; do start_role $role; done
whole() { look && [ "$(field service result)" = ok ] && [ "$(field served result)" = ok ] && [ "$(field workers result)" = ok ]; }
eventually "the service" whole
is service-version ok
set_config METRICS_PORT 19999
finds observer warning
set_config METRICS_PORT 0
stop_role monitor
unwatched() { look && [ "$(field watch result)" = problem ]; }
eventually "the missing monitor" unwatched
is watch problem
stop_role transfer
one_less() { look && [ "$(field workers result)" = problem ]; }
eventually "the missing worker" one_less
is workers problem
as_nobody() { HOME=/nonexistent XDG_STATE_HOME=$work/nobody setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
chmod 711 "$work"
install -d -o nobody "$work/nobody"
finds service-rights problem as_nobody
is code-rights problem
chmod 666 /etc/cron.d/sutazai-sync
mends cron problem
sed -i 's|/opt/sutazaiapp|/opt/gone|' /etc/cron.d/sutazai-sync
mends cron problem
chmod -x $prefix/scripts/two_way_sync.sh
finds cron problem
field cron text | grep -q 'may not be started' || fail "a script that lost its bit: $(field cron text)"
mends scripts problem
is cron ok
chmod -x $prefix/scripts/ssh_key_exchange.sh
mends scripts problem
mv $prefix/scripts/ssh_key_exchange.sh "$work/script"
finds scripts problem
mv "$work/script" $prefix/scripts/ssh_key_exchange.sh
cat /proc/[0-9]*/comm 2>/dev/null | grep -qx 'cron\|crond' || finds cron-daemon warning
cp "$(command -v sleep)" "$work/cron"
"$work/cron" 1000 &
cron=$!
finds cron-daemon ok
kill $cron
mkdir -p /etc/systemd/system/timers.target.wants
touch /etc/systemd/system/timers.target.wants/twsync-cron.timer
finds cron warning
rm /etc/cron.d/sutazai-sync
finds cron ok
rm -r /etc/systemd/system/timers.target.wants
mends cron warning

# --- a slip in one pair's file
printf 'CONFLICT_RESOLUTION=newerr\n' >$prefix/scripts/config/pairs.d/slip.sh
finds configuration problem
[ "$(field configuration pair)" = slip ] || fail "the slip is not of its pair: $(field configuration text)"
field configuration text | grep -q 'slip.sh:1: ' || fail "no line: $(field configuration text)"
rm $prefix/scripts/config/pairs.d/slip.sh
finds configuration ok

# --- the deploy server
install_deploy
cp $config "$deploy/scripts/config/"
finds way-back ok there
is role missing
git init -q "$work/deploy$tree/repo"
chown -R root: "$work/deploy$tree/repo"
there twsync hooks install $tree/repo >"$work/out" 2>&1 && ! grep -q reaches "$work/out" || fail "hooks install there: $(cat "$work/out")"
finds hook ok there
is hook-rights missing
chown -R nobody: "$work/deploy$tree/repo"
finds hook-rights warning there
install -d -o nobody "$work/nobody-there"
there setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent XDG_STATE_HOME="$work/nobody-there" $prefix/bin/twsync publish --source git-hook --path $tree/repo
grep -q 'only root reaches the code server' "$work/nobody-there/twsync/logs/git_hooks.log" || fail "no line for a committer who has no way: $(cat "$work/nobody-there/twsync/logs/git_hooks.log")"
rm -r "$work/deploy$tree/repo"
way=$work/deploy/home/.local/state/twsync/to-code/main@192.168.100.28
chmod 644 "$way/code_key"
mends key problem there
stop_role broker
finds service warning there
mv "$way/known_hosts" "$work/known"
finds known-hosts problem there
mv "$work/known" "$way/known_hosts"
bash "$top/tests/support/sshd.sh" stop "$work/code"
finds way-back problem there
mv "$way" "$work/way"
finds role problem there

checks=$(python3 -c 'import json, sys; print(len({json.loads(line)["check"] for line in open(sys.argv[1])}))' "$work/all-findings")
[ "$checks" -ge 40 ] || fail "only $checks different checks"
python3 - "$work/all-findings" "$top"/producers/cli/{DOCTOR,TROUBLESHOOTING}.md <<'PY' || fail "the documents and the checks differ"
import json, re, sys
named = [set(re.findall(r"[\w-]+", open(page).read())) for page in sys.argv[2:]]
found = {check for check in (json.loads(line)["check"] for line in open(sys.argv[1]))}
missing = [sorted(found - names) for names in named]
sys.exit(f"in neither or one: {missing}" if any(missing) else 0)
PY
twsync doctor >"$work/out" 2>&1 || true
grep -q '^problem:\|^warning:' "$work/out" && grep -q '^          mend: ' "$work/out" || fail "the text has no mends"
echo "ok $checks different checks"
