# shellcheck shell=bash disable=SC2154
# Sourced by test.sh after pairs.sh: what POST_SYNC_COMMAND and ON_CONFLICT_COMMAND name runs in a transient unit of its
# own, without a shell, and the journal has what it said.
on code 'cat >/usr/local/bin/told && chmod 755 /usr/local/bin/told' <<'SH'
#!/bin/sh
unit=$(sed -n 's|.*/\(twsync-[a-z-]*\.service\)$|\1|p' /proc/self/cgroup | head -1)
echo "$TWSYNC_EVENT of $TWSYNC_PAIR: $TWSYNC_PATH, in $unit, words: $*" >>/tmp/told
echo "told of a $TWSYNC_EVENT"
SH
must "commands of the second pair" code "printf '%s\n' \"POST_SYNC_COMMAND='/usr/local/bin/told ; touch /tmp/by-a-shell'\" 'ON_CONFLICT_COMMAND=/usr/local/bin/told' >>$prefix/scripts/config/pairs.d/web.sh && systemctl reload sutazai-sync-monitor.service"
# What happens while the observer reads its configuration again is told to nobody: edits go on until one is.
eventually "POST_SYNC_COMMAND in its unit" code "date +%N >$web/after-commands; sleep 1; grep -q 'sync of web: , in twsync-post-sync-web.service, words: ; touch /tmp/by-a-shell' /tmp/told"
must "no shell" code '[ ! -e /tmp/by-a-shell ]'
eventually "its words in the journal" code "journalctl --no-pager -u twsync-post-sync-web.service | grep 'told of a sync'"
must "two edits of one file" code "systemctl stop sutazai-sync-monitor.service && echo here >$web/from-code"
must "two edits of one file" second "echo newer >$there/from-code"
must "start again" code 'systemctl start sutazai-sync-monitor.service'
eventually "ON_CONFLICT_COMMAND in its unit" code "grep -q 'conflict of web: from-code, in twsync-on-conflict-web.service' /tmp/told"
eventually "its words in the journal" code "journalctl --no-pager -u twsync-on-conflict-web.service | grep 'told of a conflict'"
must "of the first pair nobody is told" code "! grep -v ' of web' /tmp/told"
ok "commands run in units of their own, without a shell, and the journal has them"
