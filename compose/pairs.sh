# shellcheck shell=bash disable=SC2154
# Sourced by test.sh: a second pair from pairs.d, with another deploy server, other roots and a key of its own; what
# happens to one pair does not touch the other.
web=/srv/web
there=/srv/web-there

web_arrives() { # FILE TEXT FROM TO
  local from=$web to=$there
  if [ "$3" = second ]; then from=$there to=$web; fi
  must "an edit of the $3 server" "$3" "echo '$2' >$from/$1"
  eventually "the $3 server's edit on the $4 server" "$4" "grep -qx '$2' $to/$1"
}
state_of() { # PAIR STATE: that status says so of that pair
  on code "twsync status $1 --json; true" | grep -q "\"pair\":\"$1\",\"state\":\"\($2\)\""
}
forget_second_pair() {
  administrator_on second
  must "forgetting the second pair alone" code 'systemctl stop sutazai-sync-monitor.service && twsync forget web && rm /opt/sutazaiapp/scripts/config/pairs.d/web.sh'
  must "nothing of it is left there" second "[ ! -e $there/.twsync ] && ! grep -q twsync: /root/.ssh/authorized_keys && [ -e $there/from-code ]"
  must "its key is gone, the other pair's is not" code '[ ! -e /var/lib/twsync/keys/web.key ] && [ -e /var/lib/twsync/keys/id_ed25519 ]'
  must "the service without it" code 'rm /root/.ssh/id_ed25519*; systemctl start sutazai-sync-monitor.service'
  arrives app-moved/without-web 'the other pair goes on' code deploy
  ok "one pair is forgotten, the other goes on"
}

must "the agent's package on the second deploy server" second "dpkg -i /packages/twsync-agent_${version}_*.deb && mkdir $there"
must "twsync init --pair" code "mkdir $web && twsync init --yes --pair web --code-path $web --deploy-server 192.168.100.101 --deploy-path $there"
administrator_on second
must "keys of the second pair" code "twsync keys exchange web --accept-fingerprint $(on second 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' | cut -d' ' -f2)"
no_administrator_on second
must "the service reads pairs.d" code 'systemctl reload sutazai-sync-monitor.service'
web_arrives from-code 'of the second pair' code second
web_arrives from-second 'and back' second code
arrives app-moved/beside 'the first pair, with its own key' code deploy
must "status shows both" code "twsync status --json >/tmp/status && grep -q '\"pair\":\"main\"' /tmp/status && grep -q '\"pair\":\"web\"' /tmp/status"
must "nothing crosses over" code "[ ! -e $web/app-moved ] && [ ! -e $prefix/from-code ]"

must "the second deploy server goes away" second 'systemctl stop ssh.service; pkill -f "[s]shd: root"; true'
must "an edit for it" code "echo late >$web/late"
for _ in $(seq 300); do
  if state_of web 'retrying\|waiting\|buried'; then break; fi
  sleep 0.2
done
state_of web 'retrying\|waiting\|buried' || fail "status does not say that web waits: $(on code 'twsync status web --json')"
arrives app-moved/while-away 'web is away' code deploy
arrives app-moved/while-away-back 'web is away' deploy code
must "two_way_sync.sh of the first pair" code "$prefix/bin/twsync sync main"
state_of main idle || fail "the first pair does not rest: $(on code 'twsync status main --json')"
must "the second deploy server is back" second 'systemctl start ssh.service'
eventually "the edit made while it was away" second "grep -qx late $there/late"
ok "two pairs of pairs.d: both sync; one's deploy server away does not touch the other"
