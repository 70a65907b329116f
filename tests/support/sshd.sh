#!/usr/bin/env bash
# A private sshd for tests and the demo: own host key, own home, own authorized_keys; nothing of the user's is touched.
#
#   sshd.sh start DIR ADDRESS PORT ["Option value"]...   DIR is made; returns once it answers
#   sshd.sh stop DIR                                     ends it and its sessions, no other
#
# In DIR: host_key, client_key (its public half is in home/.ssh/authorized_keys), known_hosts (holds the host key),
# home/ (HOME of every session), sshd_config, sshd.pid, sshd.log. A second start in DIR keeps keys and home.
set -euo pipefail

die() { echo "sshd.sh: $*" >&2; exit 1; }

find_sshd() {
  local place
  for place in /usr/sbin/sshd /usr/local/sbin/sshd /sbin/sshd; do
    if [ -x "$place" ]; then echo "$place"; return; fi
  done
  die "sshd is not installed (Debian: apt install openssh-server)"
}

answers() { (exec 3<>"/dev/tcp/$1/$2" && read -r -t 5 -u 3 line && [[ $line == SSH-* ]]) 2>/dev/null; }

write_config() {
  local dir=$1 address=$2 port=$3 name environment="HOME=$1/home"; shift 3
  for name in ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS; do  # sshd passes nothing on by itself
    if [ -n "${!name:-}" ]; then environment+=" \"$name=${!name}\""; fi
  done
  {
    local option
    for option in "$@"; do echo "$option"; done  # first: sshd takes the first value it sees
    cat <<CONFIG
ListenAddress $address
Port $port
HostKey $dir/host_key
PidFile $dir/sshd.pid
AuthorizedKeysFile $dir/home/.ssh/authorized_keys
SetEnv $environment
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
UseDNS no
MaxStartups 100
MaxSessions 100
LogLevel VERBOSE
CONFIG
  } > "$dir/sshd_config"
}

start() {
  [ $# -ge 3 ] || die "usage: sshd.sh start DIR ADDRESS PORT [\"Option value\"]..."
  local dir address=$2 port=$3 sshd
  mkdir -p "$1/home/.ssh"
  dir=$(cd "$1" && pwd); shift 3
  sshd=$(find_sshd)
  chmod 700 "$dir" "$dir/home" "$dir/home/.ssh"
  [ -e "$dir/host_key" ] || ssh-keygen -q -t ed25519 -N '' -C twsync-test-host -f "$dir/host_key"
  [ -e "$dir/client_key" ] || ssh-keygen -q -t ed25519 -N '' -C twsync-test-client -f "$dir/client_key"
  [ -e "$dir/home/.ssh/authorized_keys" ] || install -m 600 "$dir/client_key.pub" "$dir/home/.ssh/authorized_keys"
  local name="[$address]:$port"
  [ "$port" != 22 ] || name=$address
  echo "$name $(cut -d' ' -f1,2 "$dir/host_key.pub")" > "$dir/known_hosts"
  write_config "$dir" "$address" "$port" "$@"
  if [ "$(id -u)" = 0 ]; then mkdir -p /run/sshd; fi
  "$sshd" -f "$dir/sshd_config" -E "$dir/sshd.log" || die "sshd did not start: $(tail -n 3 "$dir/sshd.log" 2>/dev/null)"
  for _ in $(seq 200); do
    if answers "$address" "$port" && [ -s "$dir/sshd.pid" ]; then return; fi
    sleep 0.05
  done
  die "sshd does not answer on $address port $port: $(tail -n 3 "$dir/sshd.log")"
}

# Pids below $1, deepest last.
descendants() {
  local child
  # One that ends meanwhile is no end of the list: awk (mawk) would stop at a file that is gone.
  for child in $(cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent="$1" '{ id = $1; sub(/^.*\) /, ""); if ($2 == parent) print id }'); do
    echo "$child"
    descendants "$child"
  done
}

# Whether one of these processes is there, and not as a zombie.
running() {
  local pid
  # shellcheck disable=SC2086,SC2048
  for pid in $*; do
    [ -z "$(tr -d '\0' 2>/dev/null < "/proc/$pid/cmdline")" ] || return 0
  done
  return 1
}

stop() {
  [ $# -eq 1 ] || die "usage: sshd.sh stop DIR"
  [ -s "$1/sshd.pid" ] || return 0
  local pid below
  pid=$(cat "$1/sshd.pid")
  if ! grep -qsF "$1/sshd_config" "/proc/$pid/cmdline"; then rm -f "$1/sshd.pid"; return 0; fi  # not ours any more
  kill -STOP "$pid" 2>/dev/null || true  # it begins no session that the list lacks
  below=$(descendants "$pid")
  # shellcheck disable=SC2086
  { kill "$pid" $below; kill -CONT "$pid" $below; } 2>/dev/null || true
  local waited
  for waited in $(seq 150); do
    running "$pid" "$below" || break
    # shellcheck disable=SC2086
    [ "$waited" != 100 ] || kill -9 "$pid" $below 2>/dev/null || true
    sleep 0.02
  done
  rm -f "$1/sshd.pid"
}

case ${1:-} in
  start) shift; start "$@" ;;
  stop) shift; stop "$@" ;;
  *) die "usage: sshd.sh start|stop DIR ..." ;;
esac
