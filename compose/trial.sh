#!/usr/bin/env bash
# A new user with two fresh Debian servers, both packages and the README: types what its "Install" says, at a terminal,
# and nothing else. The first file must be synced within 5 minutes and 6 commands. Needs what test.sh needs.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# The commands of the README, without its remarks; "both" in a remark means on both servers.
readme_commands() {
  sed -n '/^## Install$/,/^## /p' "$top/README.md" | sed -n '/^```bash$/,/^```$/p' | sed '/^```/d'
}
typed=0
types() { # SERVER COMMAND
  typed=$((typed + 1))
  printf '%s# %s\n' "$1" "$2"
  python3 "$here/typed.py" '\]:=' 'Continue\? \[Y/n\]=y' 'Do you want to continue\? \[Y/n\]=y' '\(yes/no\)=yes' '[Pp]assword for .*:=secret' \
    -- docker exec -it -w /root "${project}_$1_1" bash -lc "$2" >"$work/typed" 2>&1 || fail "$2 on $1 ended with $?: $(tail -5 "$work/typed")"
}

servers_up fresh code deploy
packages_there /root
must "root may log in with a password, for once" deploy "echo root:secret | chpasswd && echo 'PermitRootLogin yes' >/etc/ssh/sshd_config.d/root.conf && systemctl restart ssh.service"
must "Debian's own libraries only" code '! dpkg -s libzmq5'
[ "$(readme_commands | grep -c .)" -ge 3 ] || fail "the README has no commands under Install"
must "something to sync" code "mkdir -p $prefix && echo first >$prefix/first"
began=$SECONDS
while IFS= read -r line <&3; do
  command=$(sed 's/ *#.*//' <<<"$line")
  case $line in *"# on both servers"*) types deploy "$command" ;; esac
  types code "$command"
done 3< <(readme_commands)
eventually "the first file on the deploy server" deploy "grep -qx first $prefix/first"
seconds=$((SECONDS - began))
[ $typed -le 6 ] || fail "$typed commands until the first synced file"
[ $seconds -le 300 ] || fail "$seconds s until the first synced file"
arrives back 'and back' deploy code
must "the service starts with the server" code 'systemctl is-enabled sutazai-sync-monitor.service'
ok "a new user: first synced file after $typed commands and $seconds s"
