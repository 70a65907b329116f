# shellcheck shell=bash
# Sourced by test.sh, after pairs.sh: roots in the places that the transfer worker's unit protects. A reload and a start
# open what the configuration needs, and close it again.
protected() { # SYSTEM HOME TMP: as the running worker has it
  local have
  have=$(on code 'for row in ProtectSystem ProtectHome PrivateTmp NeedDaemonReload; do systemctl show -P $row twsync-worker@transfer.service; done | xargs')
  [ "$have" = "$* no" ] || fail "the transfer worker's places are $have, not $* no"
  # What its mounts say, not only the unit.
  must "its /etc" code "[ $1 = no ] || nsenter -m -t \$(systemctl show -P MainPID twsync-worker@transfer.service) sh -c '! touch /etc/places-probe 2>/dev/null'"
  must "its /home" code "[ $2 = no ] || nsenter -m -t \$(systemctl show -P MainPID twsync-worker@transfer.service) sh -c '[ -z \"\$(ls /root 2>/dev/null)\" ]'"
}
inside() { # NAME ROOT reload|restart SYSTEM HOME TMP: a pair there, both ways
  must "a pair in $2" code "mkdir -p $2 && twsync init --yes --pair $1 --code-path $2 --deploy-server 192.168.100.101 --deploy-path /srv/$1"
  must "its root there" second "mkdir /srv/$1"
  must "its keys" code "twsync keys exchange $1 --accept-fingerprint $second_fingerprint"
  must "$3" code "systemctl $3 sutazai-sync-monitor.service twsync-worker@transfer.service"
  must "an edit in $2" code "echo one >$2/one"
  eventually "$2's edit on the second server" second "grep -qx one /srv/$1/one"
  must "an edit there" second "echo two >/srv/$1/two"
  eventually "the second server's edit in $2" code "grep -qx two $2/two"
  protected "$4" "$5" "$6"
}

second_fingerprint=$(on second 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' | cut -d' ' -f2)
protected full yes yes
administrator_on second
# The administrator's key is one that a login may need: the homes are open from here on.
inside in-etc /etc/in-etc reload no no yes
inside in-tmp /tmp/in-tmp restart no no no
inside in-home /home/someone/in-home reload no no no
arrives app-moved/beside-places 'the first pair' code deploy
must "forgetting them" code 'systemctl stop sutazai-sync-monitor.service && for pair in in-etc in-tmp in-home; do twsync forget $pair && rm /opt/sutazaiapp/scripts/config/pairs.d/$pair.sh || exit 1; done'
must "only exchanged keys from here on" code 'rm /root/.ssh/id_ed25519* && systemctl start sutazai-sync-monitor.service'
must "only exchanged keys from here on" second "sed -i '/ admin\$/d' /root/.ssh/authorized_keys"
arrives app-moved/after-places 'the first pair, in closed places' code deploy
protected full yes yes
must "no drop-in is left" code '[ ! -e /run/systemd/system/twsync-worker@transfer.service.d/20-places.conf ]'
ok "roots below /etc, /tmp and /home: their places open with a reload and a start, and close again"
