# shellcheck shell=bash
# Sourced by test.sh: a conflict with each of the policies that decide. The deploy server's edit is the later one.
: "${prefix:?}"  # of lib.sh
decided() { # POLICY WINNER LOSER: servers whose version stands, and whose is kept
  local file=app-moved/policy-$1
  arrives "$file" 'agreed' code deploy
  must "$1" code "systemctl stop sutazai-sync-monitor.service && sed -i 's/^CONFLICT_RESOLUTION=.*/CONFLICT_RESOLUTION=$1/' $prefix/scripts/config/sync_config.sh && grep -qx CONFLICT_RESOLUTION=$1 $prefix/scripts/config/sync_config.sh"
  must "an edit of the code server" code "echo of-code >$prefix/$file && touch -d 2024-01-01 $prefix/$file"
  must "an edit of the deploy server" deploy "echo of-deploy >$prefix/$file && touch -d 2024-01-02 $prefix/$file"
  must "start again" code 'systemctl start sutazai-sync-monitor.service'
  eventually "$1 decides" "$3" "grep -qx of-$2 $prefix/$file"
  must "the version of the $2 server stands there" "$2" "grep -qx of-$2 $prefix/$file"
  must "the other is kept" "$3" "grep -qrx of-$3 $prefix/.twsync/*/versions"
  eventually "the conflict in the journal" code "journalctl --no-pager -u sutazai-sync-monitor.service | grep 'conflict.*$file.*kept as version'"
}
decided newer deploy code
decided deploy-server deploy code
decided code-server code deploy
must "the policy of before" code "sed -i 's/^CONFLICT_RESOLUTION=.*/CONFLICT_RESOLUTION=newer/' $prefix/scripts/config/sync_config.sh && systemctl reload sutazai-sync-monitor.service"
ok "a conflict under each of the three policies: who wins, and where the other version is"
