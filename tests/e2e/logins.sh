#!/usr/bin/env bash
# The first login and what stands between it and the agent: passwords and keyboard-interactive on a terminal, login
# shells that talk, homes that cannot run anything, agents that die at once. Makes an account for itself and removes it.
set -euo pipefail
if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
  echo "SKIPPED: logins.sh makes an account and mounts, which needs root"
  exit 0
fi
if [ -z "${TWSYNC_IN_NAMESPACE:-}" ]; then
  exec env TWSYNC_IN_NAMESPACE=1 unshare --mount --propagation private bash "$0" "$@"
fi
# shellcheck source=tests/support/e2e_lib.sh
source "$(dirname "$0")/../support/e2e_lib.sh"

address=127.0.0.8
port=$((23900 + $$ % 90))
pam_port=$((port + 100))
account=twsl$$
account_home=$tmp/account
password="pass word'$$"
leave() {
  bash "$support/sshd.sh" stop "$tmp/pam" 2>/dev/null || true
  if id "$account" >/dev/null 2>&1; then
    bash "$support/sshd.sh" stop "$tmp/server" 2>/dev/null || true
    userdel --force "$account" 2>/dev/null || true
  fi
  umount "$account_home" 2>/dev/null || true
  cleanup
}
trap leave EXIT
trap "exit 1" INT TERM
chmod 711 "$tmp"
useradd --no-create-home --home-dir "$account_home" --shell /bin/sh "$account"
echo "$account:$password" | chpasswd
for options in "server $port UsePAM=no PasswordAuthentication=yes" \
  "pam $pam_port UsePAM=yes KbdInteractiveAuthentication=yes PasswordAuthentication=no"; do
  read -r name its_port first second third <<<"$options"
  bash "$support/sshd.sh" start "$tmp/$name" $address "$its_port" "${first/=/ }" "${second/=/ }" ${third:+"${third/=/ }"} \
    "AuthorizedKeysFile .ssh/authorized_keys" "SetEnv TWSYNC_TEST=1" "AllowUsers $account"
done
fingerprint=$(ssh-keygen -lf "$tmp/server/host_key.pub" | cut -d' ' -f2)

# fresh [SHELL]: an empty home with the tree `tree`; TARGET names it.
fresh() {
  umount "$account_home" 2>/dev/null || true
  rm -rf "$account_home"
  mkdir -m 755 "$account_home"
  mkdir "$account_home/tree"
  usermod --shell "${1:-/bin/bash}" "$account"
  owned
  TARGET=$account@$address:$account_home/tree
  echo one >code/one
  mkdir code/d
  echo two >code/d/two
}
owned() { chown -R "$account:" "$account_home"; }
# admitted: the test's key may log in, and the host is known.
admitted() {
  mkdir -m 700 "$account_home/.ssh"
  cat "$tmp/server/client_key.pub" >"$account_home/.ssh/authorized_keys"
  owned
  given=(--ssh-port "$port" --ssh-key "$tmp/server/client_key" --known-hosts "$tmp/server/known_hosts")
}
in_sync_there() {
  in_sync "${given[@]}"
  bash "$support/compare_trees.sh" code "$account_home/tree" >/dev/null || die "the trees differ"
}
# asked ANSWERS... [-- OPTIONS]: a key exchange on a terminal; its words in $W/out.
asked() {
  local answers=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do answers+=("$1"); shift; done
  [ $# = 0 ] || shift
  rc=0
  python3 "$support/on_terminal.py" ${answers[@]+"${answers[@]}"} -- "$bin/twsync" keys exchange "$TARGET" --state-dir "$W/S" \
    --ssh-port "${ask_port:-$port}" "$@" >"$W/out" 2>"$W/err" || rc=$?
  [ $rc != 97 ] || die "$(tail -5 "$W/out")"
  if grep -qF -- "$password" "$W/out"; then die "the password is on the screen"; fi
  grep -q '^\[echo on\]$' "$W/out" || die "the terminal does not echo any more"
}
says() { grep -qE -- "$1" "$W/out" "$W/err" || die "it does not say '$1': $(tail -n 3 "$W/out" "$W/err" | tr "\n" " ")"; }
says_exactly() { grep -qF -- "$1" "$W/out" "$W/err" || die "it does not say '$1'"; }
never_says() { if grep -qE -- "$1" "$W/out" "$W/err"; then die "it says '$1'"; fi; }
nothing_there() {
  [ ! -e "$account_home/.ssh" ] || [ -z "$(cat "$account_home/.ssh/authorized_keys" 2>/dev/null)" ] || die "a key was left there"
  [ ! -e "$W/S/keys/id_ed25519" ] || die "a key was left here"
}

password_login() {
  fresh
  asked "right one.*yes/no=>yes" "Password for .*$account@$address=>$password"
  expect 0
  says_exactly "$fingerprint"
  says "logged in to .* with a password"
  [ "$(wc -l <"$W/S/keys/known_hosts")" = 1 ] || die "not one known host"
  [ "$(stat -c '%U %a' "$account_home/.ssh/authorized_keys")" = "$account 600" ] || die "authorized_keys: $(ls -l "$account_home/.ssh")"
  given=(--ssh-port "$port")
  in_sync_there
  asked  # again: our own key is enough, nothing is asked
  expect 0
  [ "$(grep -c twsync: "$account_home/.ssh/authorized_keys")" = 1 ] || die "not one line"
  in_sync_there
}

fingerprint_refused() { # refused ANSWER
  fresh
  asked "right one.*yes/no=>$1"
  expect 3
  never_says 'Password'
  says 'host key'
  [ ! -s "$W/S/keys/known_hosts" ] || die "the key is trusted all the same"
  nothing_there
}

fingerprint_changed() {
  fresh
  mkdir -p S; mkdir -m 700 S/keys
  ssh-keygen -q -t ed25519 -N '' -f other
  echo "[$address]:$port $(cut -d' ' -f1,2 other.pub)" >S/keys/known_hosts
  asked "host key CHANGED.*
.*yes/no=>no"
  expect 3
  nothing_there
  asked "host key CHANGED.*
.*yes/no=>yes" "Password=>$password"
  expect 0
  [ "$(wc -l <S/keys/known_hosts)" = 1 ] || die "the old host key stayed"
}

wrong_then_right() {
  fresh
  asked "yes/no=>yes" "Password=>wrong" "Password=>$password"
  expect 0
}

# Typed before the terminal was told not to show it, an answer is as good, and as secret.
quick_answer() {
  fresh
  cc -shared -fPIC -O -o quick_answer.so "$support/quick_answer.c"
  LD_PRELOAD=$W/quick_answer.so asked "yes/no=>yes" "Password=>wrong" "Password=>$password"
  expect 0
}

# Typed before anything waits for it, ^C ends the question all the same.
quick_interrupt() {
  fresh
  cc -shared -fPIC -O -o slow_to_wait.so "$support/slow_to_wait.c"
  LD_PRELOAD=$W/slow_to_wait.so asked "yes/no=>yes" "Password=>^C"
  [ $rc != 0 ] || die "exit code 0 without a login"
  nothing_there
}

three_wrong() {
  fresh
  asked "yes/no=>yes" "Password=>a" "Password=>b" "Password=>c"
  expect 3
  says 'refused.*password'
  nothing_there
}

no_answer() { # ANSWER: what ends the question without one
  fresh
  asked "yes/no=>yes" "Password=>$1"
  [ $rc != 0 ] || die "exit code 0 without a login"
  nothing_there
}

interactive() {
  fresh
  ask_port=$pam_port
  # Where PAM does not work here at all, OpenSSH's own client cannot log in either.
  if ! python3 "$support/on_terminal.py" "assword=>$password" -- ssh -F /dev/null -p "$pam_port" -o UserKnownHostsFile="$tmp/pam/known_hosts" \
    -o PreferredAuthentications=keyboard-interactive "$account@$address" true >"$W/out" 2>&1; then
    echo "SKIPPED" >"$tmp/no-pam"
    return
  fi
  asked "yes/no=>yes" "$account@$address.*assword=>wrong" "assword=>$password"
  expect 0
  given=(--ssh-port "$pam_port")
  in_sync_there
}

no_terminal() {
  fresh
  rc=0
  setsid --wait "$bin/twsync" keys exchange "$TARGET" --state-dir "$W/S" --ssh-port "$port" </dev/null >"$W/out" 2>"$W/err" || rc=$?
  expect 3
  says_exactly "twsync keys exchange $TARGET --ssh-port $port --accept-fingerprint $fingerprint"
  rc=0
  setsid --wait "$bin/twsync" keys exchange "$TARGET" --state-dir "$W/S" --ssh-port "$port" --accept-fingerprint "$fingerprint" \
    </dev/null >"$W/out" 2>"$W/err" || rc=$?
  expect 3
  says 'on a terminal'
  nothing_there
}

# What a shell's rc file says comes before everything that we send.
shell_talks() { # SHELL RC-FILE
  local talk="echo 'a banner that nobody asked for'"
  command -v "$1" >/dev/null || die "$1 is not installed"
  fresh "$(command -v "$1")"
  mkdir -p "$(dirname "$account_home/$2")"
  echo "$talk" >"$account_home/$2"
  echo "$talk" >"$account_home/.profile"
  admitted
  [[ $(ssh -F /dev/null -i "$tmp/server/client_key" -o UserKnownHostsFile="$tmp/server/known_hosts" -p "$port" "$account@$address" true) = *banner* ]] ||
    [ "$1" = dash ] || die "this shell says nothing: the test shows nothing"
  in_sync_there
  echo back >"$account_home/tree/back"
  echo there >code/there
  owned
  in_sync_there
  # The key exchange reads what that shell's sh says, too.
  asked "right one=>yes" -- --ssh-key "$tmp/server/client_key"
  expect 0
  asked
  expect 0
  [ "$(grep -c twsync: "$account_home/.ssh/authorized_keys")" = 1 ] || die "not one line"
  given=(--ssh-port "$port")
  echo exchanged >code/exchanged
  in_sync_there
}

shell_talks_without_end() {
  fresh /bin/bash
  echo "head -c 200000 /dev/zero | tr '\\0' x" >"$account_home/.bashrc"
  admitted
  sync_now "${given[@]}"
  expect 3
  says 'only other output.*xxx'
}

no_shell() {
  fresh /usr/sbin/nologin
  admitted
  sync_now "${given[@]}"
  expect 3
  says 'account is currently not available'
  rc=0
  "$bin/twsync" keys exchange "$TARGET" --state-dir "$W/S" --ssh-port "$port" --ssh-key "$tmp/server/client_key" \
    --accept-fingerprint "$fingerprint" >"$W/out" 2>"$W/err" || rc=$?
  expect 3
  says 'account is currently not available|no shell'
}

noexec_home() {
  fresh
  mount -t tmpfs -o noexec,mode=755 tmpfs "$account_home"
  mkdir "$account_home/tree"
  admitted
  sync_now "${given[@]}"
  expect 3
  says 'noexec.*Install the package'
  [ -z "$(find "$account_home/tree" -mindepth 1 -maxdepth 1 ! -name .twsync)" ] || die "something was done"
  [ -z "$(find "$account_home/.local/share/twsync" -type f)" ] || die "left there: $(find "$account_home/.local" -type f)"
  # What it says to do helps.
  mount -t tmpfs tmpfs /opt
  mkdir -p /opt/sutazaiapp/bin
  cp "$bin/twsync-agent" /opt/sutazaiapp/bin/
  asked "right one=>yes" -- --ssh-key "$tmp/server/client_key"
  expect 0
  grep -q 'command="/opt/sutazaiapp/bin/twsync-agent --stdio' "$account_home/.ssh/authorized_keys" || die "no forced command"
  given=(--ssh-port "$port")
  in_sync_there
  umount /opt
}

# Its own keys and programs are no part of a tree that the home is.
home_is_root() {
  fresh
  admitted
  TARGET=$account@$address:$account_home
  in_sync "${given[@]}"
  mkdir -p "$account_home/.local/state/twsync/to-code/x" "$account_home/.local/state/other"
  echo secret >"$account_home/.local/state/twsync/to-code/x/code_key"
  echo ours >"$account_home/.local/state/other/file"
  owned
  in_sync "${given[@]}"
  [ "$(cat code/.local/state/other/file)" = ours ] || die "what is not twsync's did not arrive"
  [ ! -e code/.local/state/twsync ] && [ ! -e code/.local/share/twsync ] || die "twsync's own travelled: $(find code/.local -type f)"
}

dying_agent() {
  fresh
  admitted
  sed -i 's/^/command="echo disk on fire >\&2; exit 9" /' "$account_home/.ssh/authorized_keys"
  sync_now "${given[@]}"
  expect 3
  says 'disk on fire'
  says 'exit code 9|failed'
}

damaged_agent() {
  fresh
  admitted
  in_sync_there
  local agent
  agent=$(find "$account_home/.local/share/twsync/agent" -name 'twsync-agent-*')
  for damage in "#!/bin/sh
echo half a disk >&2
exit 9" "" $'\x7fELF garbage'; do
    printf %s "$damage" >"$agent"
    echo "after $((SECONDS)) ${#damage}" >code/after
    in_sync_there
    cmp -s "$agent" "$bin/twsync-agent" || die "the damaged agent stayed"
  done
}

unwritable_home() {
  fresh
  admitted
  chown root: "$account_home"
  sync_now "${given[@]}"
  expect 3
  says 'local/share/twsync/agent cannot be made there'
}

test_case password_login password_login
test_case fingerprint_no fingerprint_refused no
test_case fingerprint_y fingerprint_refused y
test_case fingerprint_empty fingerprint_refused ""
test_case fingerprint_changed fingerprint_changed
test_case wrong_then_right wrong_then_right
test_case quick_answer quick_answer
test_case quick_interrupt quick_interrupt
test_case three_wrong three_wrong
test_case interrupted_password no_answer ^C
test_case empty_password no_answer $'\x04'
test_case keyboard_interactive interactive
if [ -e "$tmp/no-pam" ]; then echo "SKIPPED keyboard_interactive: PAM's login does not work on this machine"; fi
test_case no_terminal no_terminal
test_case shell_bash shell_talks bash .bashrc
test_case shell_fish shell_talks fish .config/fish/config.fish
test_case shell_tcsh shell_talks tcsh .tcshrc
test_case shell_dash shell_talks dash .profile
test_case shell_talks_without_end shell_talks_without_end
test_case no_shell no_shell
test_case noexec_home noexec_home
test_case home_is_root home_is_root
test_case dying_agent dying_agent
test_case damaged_agent damaged_agent
test_case unwritable_home unwritable_home
finish
