#!/usr/bin/env bash
# Two servers with real systemd, sshd and cron, at the addresses and with the roots that the default configuration
# names, and a second deploy server: brings them up, installs the packages, runs the scenarios, takes them down. Can be
# run again and again. Builds first. Needs docker, docker-compose and python3; where
# debian:bookworm-slim cannot be pulled, it is made by debootstrap.   BUILD_DIR=build   KEEP=1: leaves the servers running.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# --- a new user, with the README
KEEP="" bash "$here/trial.sh"

# --- up, from nothing
servers_up node code deploy second
ok "three servers are up"

# --- installing
packages_there /packages
for server in code deploy; do
  must "dpkg -i on $server" $server "dpkg -i /packages/twsync-agent_${version}_*.deb /packages/twsync_${version}_*.deb"
done
must "a first installation starts nothing" code '! systemctl is-active twsync-broker sutazai-sync-monitor'
must "the deploy server's cron waits for its own test" deploy 'rm /etc/cron.d/sutazai-sync'
must "no cron yet" code 'mv /etc/cron.d/sutazai-sync /root/'
must "twsync on the PATH, with its manual" code "twsync --version && [ -s /usr/share/man/man1/twsync.1.gz ] && getent group twsync"
must "enabling" code "systemctl enable sutazai-sync-monitor.service"
must "systemd's opinion of the units" code "! systemd-analyze verify sutazai-sync-monitor.service 2>&1 | grep -E '(twsync|sutazai).*:[0-9]+:'"
ok "installed with dpkg -i"

# --- keys: the first login by a key that an administrator has there already
administrator_on deploy
fingerprint=$(on deploy 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' | cut -d' ' -f2)
must "ssh_key_exchange.sh" code "$prefix/scripts/ssh_key_exchange.sh --accept-fingerprint $fingerprint"
must "ssh_key_exchange.sh again" code "$prefix/scripts/ssh_key_exchange.sh"
no_administrator_on deploy
must "ssh_setup.log" code "[ -s $prefix/logs/ssh_setup.log ]"
ok "keys exchanged, and regenerated"

# --- by hand, before any service runs
must "an edit" code "mkdir -p $prefix/app && echo one >$prefix/app/one"
must "two_way_sync.sh --dry-run" code "$prefix/scripts/two_way_sync.sh --dry-run"
must "a dry run writes nothing" deploy "[ ! -e $prefix/app ]"
must "two_way_sync.sh --to-code" code "$prefix/scripts/two_way_sync.sh --to-code"
must "--to-code writes nothing there" deploy "[ ! -e $prefix/app ]"
must "two_way_sync.sh --to-deploy" code "$prefix/scripts/two_way_sync.sh --to-deploy"
must "--to-deploy" deploy "grep -qx one $prefix/app/one"
must "an edit there" deploy "echo two >$prefix/app/two"
must "two_way_sync.sh" code "$prefix/scripts/two_way_sync.sh && grep -qx two $prefix/app/two"
ok "two_way_sync.sh in all its forms"

# --- the service
must "systemctl start" code 'systemctl start sutazai-sync-monitor.service'
units='sutazai-sync-monitor twsync-broker twsync-worker@scanner twsync-worker@resolver twsync-worker@transfer'
must "every unit is active" code "systemctl is-active $units"
exposure() { on code "systemd-analyze security --no-pager $1" | sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\) .*/\1/p'; }
no_more() { # UNIT LIMIT
  awk -v have="$(exposure "$1")" -v most="$2" 'BEGIN { exit !(have != "" && have <= most) }' || fail "systemd-analyze security $1: $(exposure "$1") > $2"
}
no_more twsync-broker.service 0.5
no_more sutazai-sync-monitor.service 1.5
no_more twsync-worker@resolver.service 1.5
no_more twsync-worker@scanner.service 1.4
no_more twsync-worker@transfer.service 1.5
no_more twsync-dial@.service 1.6
must "the workers have no network" code 'for role in scanner transfer; do pid=$(systemctl show -P MainPID twsync-worker@$role) && [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/1/ns/net)" ] || exit 1; done'
no_more twsync-observer.service 1.6
ok "units are active, exposure: broker $(exposure twsync-broker.service), monitor $(exposure sutazai-sync-monitor.service), resolver $(exposure twsync-worker@resolver.service), scanner $(exposure twsync-worker@scanner.service), transfer $(exposure twsync-worker@transfer.service)"
arrives app/from-code 'first live edit' code deploy
arrives app/from-deploy 'first live edit back' deploy code
must "a directory's move" code "mv $prefix/app $prefix/app-moved"
eventually "the move there" deploy "[ -e $prefix/app-moved/one ] && [ ! -e $prefix/app ]"
must "systemctl status" code 'systemctl status --no-pager sutazai-sync-monitor.service'
must "two_way_sync.sh through the service" code "$prefix/scripts/two_way_sync.sh"
eventually "journal lines" code "journalctl --no-pager -u sutazai-sync-monitor.service | grep 'cycle: '"
must "the package's own files stay as dpkg put them" deploy "[ -z \"\$(dpkg -V twsync twsync-agent | grep -v cron.d)\" ]"
must "an edit of this server's configuration" code "echo '# ours' >>$prefix/scripts/config/sync_config.sh && systemctl reload sutazai-sync-monitor.service"
arrives app-moved/after-reload 'the configuration was read again' code deploy
must "it stays at home" deploy "! grep -q ours $prefix/scripts/config/sync_config.sh"
ok "the service is active, edits arrive on either side"

must "a conflict" code "systemctl stop sutazai-sync-monitor.service && echo theirs >$prefix/app-moved/one && touch -d 2024-01-01 $prefix/app-moved/one"
must "the other edit" deploy "echo newer >$prefix/app-moved/one"
must "start again" code 'systemctl start sutazai-sync-monitor.service'
eventually "the newer version" code "grep -qx newer $prefix/app-moved/one"
eventually "the conflict in the journal" code "journalctl --no-pager -u sutazai-sync-monitor.service | grep 'conflict.*app-moved/one'"
journal="journalctl --no-pager -o json -u sutazai-sync-monitor.service TWSYNC_PAIR=main"
must "a cycle's fields in the journal" code "$journal TWSYNC_EVENT=cycle | grep '\"MESSAGE\":\"main: cycle: ' | grep '\"PRIORITY\":\"6\"' | grep '\"SYSLOG_IDENTIFIER\":\"twsync-monitor\"'"
must "a conflict's fields in the journal" code "$journal TWSYNC_EVENT=conflict TWSYNC_PATH=app-moved/one | grep '\"PRIORITY\":\"4\"' | grep -E '\"TWSYNC_ID\":\"c[0-9a-f]+\"'"
must "no field that nothing has" code "! $journal TWSYNC_EVENT=conflict TWSYNC_PATH=app-moved/two | grep MESSAGE"
ok "a conflict is decided and stands in the journal, with fields to find it by"
. "$here/policies.sh"

# --- the way back: the deploy server's key may sync, publish and ask for the status, nothing else
way=/root/.local/state/twsync/to-code/main@192.168.100.28
back="ssh -F /dev/null -i $way/code_key -o BatchMode=yes -o UserKnownHostsFile=$way/known_hosts root@192.168.100.28"
must "status from the deploy server" deploy "$back status | grep -q 'pair main'"
must "a publish from the deploy server" deploy "$back publish"
must "a sync from the deploy server" deploy "$back sync --dry-run"
must "anything else is refused" deploy "! $back 'touch /tmp/broken-in' && ! $back && ! $back 'sync /etc /tmp' && ! $back 'forget main'"
must "nothing was run" code '[ ! -e /tmp/broken-in ]'
ok "the deploy server may sync, publish and ask, nothing else"

. "$here/pairs.sh"
. "$here/places.sh"
. "$here/commands.sh"
forget_second_pair

# --- git hook and cron
must "a repository with the hook" code "cd $prefix && git init -q repo && cd repo && git config user.email a@b && git config user.name a && $prefix/bin/twsync hooks install ."
must "a commit" code "cd $prefix/repo && echo committed >file && git add file && git commit -qm one"
eventually "the commit's file there" deploy "grep -qx committed $prefix/repo/file"
eventually "git_hooks.log" code "grep -q published $prefix/logs/git_hooks.log"
must ".git stays at home" deploy "[ ! -e $prefix/repo/.git ]"
must "the cron entry, every minute" code "sed 's|^[*]/30|*|' /root/sutazai-sync >/etc/cron.d/sutazai-sync && chmod 644 /etc/cron.d/sutazai-sync"
must "a committer who is not root, in the group" code "useradd -m -G twsync dev && chown -R dev $prefix/repo"
must "his commit" code "su dev -c 'cd $prefix/repo && git config --global user.email d@e && git config --global user.name d && echo dev >by-dev && git add by-dev && git commit -qm two'"
eventually "the file of a commit that root did not make" deploy "grep -qx dev $prefix/repo/by-dev"
must "git_hooks.log has his line" code "[ \$(grep -c published $prefix/logs/git_hooks.log) -ge 2 ]"
must "and he may do nothing more" code "! su dev -c 'twsync sync'"
must "a committer of the deploy server who is not root" deploy "useradd -m -G twsync dev && mkdir $prefix/there && chown dev $prefix/there && su dev -c 'cd $prefix/there && git init -q . && git config user.email d@e && git config user.name d && twsync hooks install .'"
must "his commit" deploy "su dev -c 'cd $prefix/there && echo there >by-dev && git add by-dev && git commit -qm three'"
eventually "the line of his commit" deploy "grep -q 'published $prefix/there' $prefix/logs/git_hooks.log"
eventually "his commit's file" code "grep -qx there $prefix/there/by-dev"
must "and he may do nothing more there" deploy "! su dev -c 'twsync sync'"
must "nor anybody outside the group" deploy "useradd guest && ! su guest -c 'cat /var/lib/twsync/to-code/main@192.168.100.28/code_key'"
ok "a commit arrives, of whoever is in the group on either server"

# --- trouble
for unit in $units; do
  must "kill -9 of $unit" code "systemctl kill -s KILL $unit"
  arrives "app-moved/back-$unit" "while $unit was dead" deploy code
  arrives "app-moved/to-$unit" "while $unit was dead" code deploy
done
must "every unit is active again" code "systemctl is-active $units"
ok "kill -9 of each: systemd restarts it, edits of either side arrive"
must "the deploy server's sshd stops" deploy 'systemctl stop ssh.service; pkill -f "[s]shd: root"; true'
must "an edit meanwhile" code "echo late >$prefix/app-moved/late"
must "an edit there meanwhile" deploy "echo late >$prefix/app-moved/late-back"
sleep 5
must "it starts again" deploy 'systemctl start ssh.service'
eventually "the edit made while the deploy server was away" deploy "grep -qx late $prefix/app-moved/late"
eventually "its own edit" code "grep -qx late $prefix/app-moved/late-back"
ok "the deploy server was away for a while"

eventually "a run of cron" code "grep 'both sides agree' $prefix/logs/sync/cron_sync_*.log"
must "no more of it" code 'rm /etc/cron.d/sutazai-sync'
ok "cron ran it"

# --- a reboot
must "an edit right before" code "echo before >$prefix/app-moved/before-reboot"
docker restart --time 10 ${project}_code_1 >/dev/null
must "an edit there meanwhile" deploy "echo meanwhile >$prefix/app-moved/meanwhile"
eventually "the services start with the server" code "systemctl is-active $units"
eventually "the edit made before the reboot" deploy "grep -qx before $prefix/app-moved/before-reboot"
eventually "the edit made during it" code "grep -qx meanwhile $prefix/app-moved/meanwhile"
ok "after a reboot the services are back, and edits of before and meanwhile arrive"

. "$here/interrupted.sh"

# --- rest, beside its own logs
rest
must "a mark in the journal" code 'journalctl --no-pager -u sutazai-sync-monitor.service | wc -l >/tmp/mark'
for _ in $(seq "${REST:-60}"); do on code "echo line >>$prefix/logs/own.log"; sleep 1; done
must "0 operations at rest" code "! journalctl --no-pager -u sutazai-sync-monitor.service | tail -n +\$((\$(cat /tmp/mark) + 1)) | grep 'cycle: ' | grep -v 'cycle: 0 operations'"
ok "${REST:-60} s of rest: 0 operations"

# --- stop
must "systemctl stop" code 'systemctl stop sutazai-sync-monitor.service'
eventually "broker and workers stop with it" code "! systemctl is-active $units | grep -qx active && ! pgrep -x 'twsync-.*'"
eventually "no agent stays" deploy "! pgrep -f '[t]wsync-agent'"
must "nor the dialer" code '! systemctl is-active twsync-dial.socket && [ ! -e /run/twsync-dial.sock ]'
must "nothing failed" code "! systemctl is-failed $units"
must "an edit while it is stopped" code "echo cron >$prefix/app-moved/cron"
must "cron, every minute" code "sed 's|^[*]/30|*|' /root/sutazai-sync >/etc/cron.d/sutazai-sync && chmod 644 /etc/cron.d/sutazai-sync"
PATIENCE=120 eventually "its edit, by cron" deploy "grep -qx cron $prefix/app-moved/cron"
must "no more of it" code 'rm /etc/cron.d/sutazai-sync'
PATIENCE=120 eventually "the end of cron's run" code '! pgrep -f "[t]wo_way_sync.sh"'
must "the same pair and state" code "[ \"\$(ls /var/lib/twsync/pairs)\" = main ] && [ \$(ls $prefix/.twsync | wc -l) = 1 ]"
must "each log has its lines" code "cd $prefix/logs && for log in ssh_setup.log sync_monitor.log git_hooks.log sync/sync_*.log sync/cron_sync_*.log; do [ -s \$log ] || { echo \$log; exit 1; }; done"
ok "systemctl stop stops all of it; cron syncs without a service; each log has its lines"

# --- the next version, while files change
on code "mkdir -p /packages/next && for p in twsync twsync-agent; do dpkg-deb -R /packages/\${p}_${version}_*.deb /tmp/\$p && sed -i 's/^Version: .*/Version: ${version}+next/; s/(= ${version})/(= ${version}+next)/' /tmp/\$p/DEBIAN/control && dpkg-deb -b /tmp/\$p /packages/next/\$p.deb; done" >"$work/out" 2>&1 || fail "the next version: $(tail -1 "$work/out")"
must "the service again" code 'systemctl start sutazai-sync-monitor.service'
on code "for n in \$(seq 400); do echo \$n >$prefix/app-moved/while-\$((n % 20)); sleep 0.02; done; touch /tmp/changed" &
changing=$!
must "the upgrade" code 'dpkg -i /packages/next/twsync-agent.deb /packages/next/twsync.deb'
must "it is the next version" code "dpkg-query -W -f '\${Version}' twsync | grep -q next"
wait $changing
eventually "every unit is active after the upgrade" code "systemctl is-active $units"
eventually "the last of the changes" deploy "grep -qx 399 $prefix/app-moved/while-19 && grep -qx 400 $prefix/app-moved/while-0"
must "the same pair, its state kept" code "[ \$(ls $prefix/.twsync | wc -l) = 1 ]"
rest
must "stopped" code 'systemctl stop sutazai-sync-monitor.service'
ok "an upgrade while files change"

tree='cd /opt/sutazaiapp && find . \( -path ./.twsync -o -path ./logs -o -path ./bin -o -path ./share -o -path ./scripts -o -name .git \) -prune -o -type f -printf "%P %s %m %T@\n" | sort'
[ "$(on code "$tree")" = "$(on deploy "$tree")" ] || fail "the trees differ at the end"
ok "both trees are equal at the end"

# --- the end of it
administrator_on deploy
must "twsync forget" code 'twsync forget main'
must "no .twsync on either server" code "[ ! -e $prefix/.twsync ] && [ ! -e /var/lib/twsync/pairs/main ]"
must "no .twsync on either server, and no key" deploy "[ ! -e $prefix/.twsync ] && ! grep -q twsync: /root/.ssh/authorized_keys"
must "one more sync, so that a purge has something to do" code "$prefix/scripts/ssh_key_exchange.sh --accept-fingerprint $fingerprint && $prefix/scripts/two_way_sync.sh --quiet"
{ on code "$tree" | cut -d' ' -f1; echo logs/own.log; } | sort >"$work/tree.before"
must "dpkg --purge" code 'dpkg --purge twsync twsync-agent'
on code "cd $prefix && find . -name .git -prune -o -type f -printf '%P\n' | sort" >"$work/tree.after"
cmp -s "$work/tree.before" "$work/tree.after" || fail "a purge leaves something else than the person's tree: $(diff "$work/tree.before" "$work/tree.after" | head -3)"
must "no state is left" code '[ ! -e /var/lib/twsync ] && [ ! -e /run/twsync ] && [ ! -e /usr/bin/twsync ] && [ ! -e /etc/cron.d/sutazai-sync ]'
ok "forget cleans both servers; a purge leaves the person's tree"
