# Sourced: a code server and a deploy server in namespaces of their own, each with its /opt, /var/lib, /run, /etc/ssh,
# home, sshd and the address that the default configuration names. The shell that sources this is the code server;
# `there COMMAND...` runs on the deploy server. Sets top, build, work, prefix, code, deploy (the deploy server's prefix as
# the code server's shell sees it). Needs root, namespaces and veth, else the suite is skipped, loudly.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD_DIR:-$top/build}
case $build in /*) ;; *) build=$top/$build ;; esac

if [ -z "${TWSYNC_IN_NAMESPACE:-}" ]; then
  if ! unshare --mount --net bash -c 'ip link set lo up && ip link add va type veth peer name vb' 2>/dev/null; then
    echo "SKIPPED: two servers need root, namespaces, veth and iproute2"
    exit 0
  fi
  exec env TWSYNC_IN_NAMESPACE=1 unshare --mount --net --propagation private bash "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-servers-XXXXXX")
prefix=/opt/sutazaiapp
code=$prefix
deploy=$work/deploy/opt/sutazaiapp
declare -A pids=()
roles=(broker scanner resolver transfer monitor)

stop_role() { # ROLE [SIGNAL]
  local pid=${pids[$1]:-}
  [ -n "$pid" ] || return 0
  kill "-${2:-TERM}" "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  unset "pids[$1]"
}
start_role() { # as systemd does: no options
  "$prefix/bin/twsync-$1" >>"$work/$1.out" 2>&1 &
  pids[$1]=$!
}
cleanup() {
  local role
  for role in "${roles[@]}"; do stop_role "$role"; done
  bash "$top/tests/support/sshd.sh" stop "$work/code" 2>/dev/null || true
  bash "$top/tests/support/sshd.sh" stop "$work/deploy" 2>/dev/null || true
  kill "$holder" 2>/dev/null || true
  if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
fail() {
  trap - ERR
  echo "FAIL $* [line ${BASH_LINENO[*]}]"
  tail -n 4 "$work/out" $prefix/logs/*.log $prefix/logs/sync/*.log "$deploy"/logs/*.log 2>/dev/null | cut -c1-300 || true
  echo "FAILED: $*"
  exit 1
}
trap 'fail "stopped: $BASH_COMMAND"' ERR
eventually() { # WHAT COMMAND...: within 40 s
  local what=$1 end=$((SECONDS + 40))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "$what did not happen within 40 s"
    sleep 0.1
  done
}
same() { cmp -s "$1" "$2"; }
has_line() { grep -qs -- "$2" $1; }
run() { # CODE COMMAND...: must end with that exit code; its output in $work/out
  local want=$1 rc=0
  shift
  "$@" >"$work/out" 2>&1 || rc=$?
  [ "$rc" = "$want" ] || fail "'$*' ended with $rc instead of $want: $(tail -1 "$work/out")"
}

become() { # SERVER: its /opt, /var/lib, /run, /etc/ssh, home
  local place
  for place in opt var-lib run etc-ssh; do mount --bind "$work/$1/$place" "/${place/-//}"; done
  export HOME=$work/$1/home
  mount --make-private /
}
there() { nsenter -t "$holder" -m -n env HOME="$work/deploy/home" "$@"; }

mkdir -p "$work"/{code,deploy}/{opt,var-lib,run,etc-ssh,home/.ssh}
chmod 700 "$work"/{code,deploy}/home/.ssh
unset SSH_AUTH_SOCK XDG_STATE_HOME XDG_RUNTIME_DIR
ip link set lo up
export -f become
export work top
unshare --mount --net --propagation private bash -c 'become deploy && ip link set lo up && exec sleep infinity' &
holder=$!
trap cleanup EXIT
netns_of() { readlink "/proc/$1/ns/net" 2>/dev/null; }
apart() { [ -n "$(netns_of $holder)" ] && [ "$(netns_of $holder)" != "$(netns_of $$)" ]; }
eventually "the deploy server's namespace" apart
ip link add to-deploy type veth peer name to-code netns $holder
ip address add 192.168.100.28/24 dev to-deploy
ip link set to-deploy up
ready_there() { there mountpoint -q /etc/ssh; }
eventually "the deploy server's own places" ready_there
there ip address add 192.168.100.100/24 dev to-code
there ip link set to-code up
become code
there bash "$top/tests/support/sshd.sh" start "$work/deploy" 192.168.100.100 22
bash "$top/tests/support/sshd.sh" start "$work/code" 192.168.100.28 22
cp "$work/code/host_key.pub" /etc/ssh/ssh_host_ed25519_key.pub
there cp "$work/deploy/host_key.pub" /etc/ssh/ssh_host_ed25519_key.pub

# install_code: the build, at the default prefix. install_deploy: the same programs there, as a package would bring.
install_code() { cmake --install "$build" --strip >"$work/install.log" || { tail -3 "$work/install.log"; fail "cmake --install"; }; }
install_deploy() {
  mkdir -p "$deploy"
  cp -a "$code"/{bin,share,scripts} "$deploy/"
  mkdir -p "$deploy/logs"
}
# exchange_keys: with the key that an administrator had before, gone afterwards.
exchange_keys() {
  cp "$work/deploy/client_key" "$HOME/.ssh/id_ed25519"
  run 0 $prefix/scripts/ssh_key_exchange.sh --accept-fingerprint "$(ssh-keygen -lf "$work/deploy/host_key.pub" | cut -d' ' -f2)" "$@"
  rm "$HOME/.ssh/id_ed25519"
}
