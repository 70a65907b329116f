# shellcheck shell=bash
# Sourced by test.sh: large syncs that are cut in their middle, by a stop of the service and by a reboot of the receiver.
: "${prefix:?}" "${units:?}" "${project:?}"  # of lib.sh and test.sh
files=20000
in_the_middle() { # NAME: a large directory appears on the code server; returns when some of it is on the other one
  must "a large directory" code "mkdir /opt/$1 && cd /opt/$1 && seq $((files * 20)) | split -l 20 -a 5 - f && [ \$(ls | wc -l) = $files ] && mv /opt/$1 $prefix/$1"
  must "its first files there" deploy "for n in \$(seq 600); do [ \$(ls $prefix/$1 2>/dev/null | wc -l) -lt 500 ] || exit 0; sleep 0.05; done; exit 1"
}
there() { on "$2" "ls $prefix/$1 2>/dev/null | wc -l"; }
whole() { # NAME; a storage driver in user space (fuse-overlayfs) makes some hundred files a second
  PATIENCE=240 eventually "all of $1" deploy "[ \$(ls $prefix/$1 | wc -l) = $files ]"
  local sum="cd $prefix/$1 && cat f* | sha256sum"
  [ "$(on code "$sum")" = "$(on deploy "$sum")" ] || fail "$1 differs"
}

in_the_middle stopped
must "a stop in the middle" code 'systemctl stop sutazai-sync-monitor.service'
part=$(there stopped deploy)
[ "$part" -lt $files ] || fail "the sync was over before the stop"
must "nothing failed" code "! systemctl is-failed $units"
must "start again" code 'systemctl start sutazai-sync-monitor.service'
whole stopped
ok "systemctl stop after $part of $files files, and start again: all are there"

in_the_middle rebooted
docker restart --time 5 ${project}_deploy_1 >/dev/null
eventually "the deploy server's sshd" deploy 'systemctl is-active ssh.service'
part=$(there rebooted deploy)
[ "$part" -lt $files ] || fail "the sync was over before the reboot"
whole rebooted
ok "a reboot of the deploy server after $part of $files files: all are there"
