# shellcheck shell=bash
# Sourced by the scripts here: two servers, and short words for what the scenarios do.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
build=${BUILD_DIR:-$top/build}
case $build in /*) ;; *) build=$top/$build ;; esac
project=twsynctest
prefix=/opt/sutazaiapp
compose=(docker-compose -p "$project" -f "$here/compose.yaml")
work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-compose-XXXXXX")
started=$SECONDS

down() { "${compose[@]}" down --volumes --timeout 5 >"$work/down.log" 2>&1 || tail -3 "$work/down.log"; }
cleanup() {
  if [ -z "${KEEP:-}" ]; then down; fi
  rm -rf "$work"
}
trap cleanup EXIT
on() { # SERVER SCRIPT: runs it there
  docker exec -i "${project}_$1_1" bash -c "$2"
}
fail() {
  echo "FAIL $* [line ${BASH_LINENO[0]}]"
  on code "systemctl --no-pager --plain list-units 'twsync*' 'sutazai*'; journalctl --no-pager -n 25 -u 'twsync*' -u 'sutazai*'; $prefix/bin/twsync status" || true
  exit 1
}
trap 'fail "stopped: $BASH_COMMAND"' ERR
eventually() { # WHAT SERVER SCRIPT: within 60 s, or PATIENCE
  local end=$((SECONDS + ${PATIENCE:-60}))
  until on "$2" "$3" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "$1 did not happen within ${PATIENCE:-60} s"
    sleep 0.2
  done
}
must() { on "$2" "$3" >"$work/out" 2>&1 || fail "$1: $(tail -3 "$work/out")"; }
ok() { echo "ok $* ($((SECONDS - started)) s)"; }
arrives() { # FILE TEXT FROM TO
  must "an edit of the $3 server" "$3" "mkdir -p \$(dirname $prefix/$1) && echo '$2' >$prefix/$1"
  eventually "the $3 server's edit on the $4 server" "$4" "grep -qx '$2' $prefix/$1"
}
at_rest() { on code "$prefix/bin/twsync status --json" 2>/dev/null | grep '"state":"idle"' | grep -q '"hints_waiting":0'; }
rest() {
  local end=$((SECONDS + 60))
  until at_rest; do
    [ $SECONDS -lt $end ] || fail "no rest within 60 s"
    sleep 0.2
  done
}

base_image() {
  docker image inspect debian:bookworm-slim >/dev/null 2>&1 && return
  docker pull -q debian:bookworm-slim >/dev/null 2>&1 && return
  echo "debian:bookworm-slim cannot be pulled: making it with debootstrap"
  bash "$top/tests/install.sh" debootstrap || fail "debootstrap cannot be installed"
  debootstrap --variant=minbase bookworm "$work/base" >"$work/debootstrap.log" || fail "debootstrap: $(tail -1 "$work/debootstrap.log")"
  rm -rf "$work"/base/var/cache/apt/archives/*.deb
  tar -C "$work/base" -c . | docker import - debian:bookworm-slim >/dev/null
  rm -rf "$work/base"
}

# servers_up STAGE SERVER...: new servers, of that stage of node.Dockerfile.
servers_up() {
  export TWSYNC_STAGE=$1
  servers=("${@:2}")
  down
  base_image
  "${compose[@]}" build code >"$work/build.log" 2>&1 || fail "the image: $(tail -3 "$work/build.log")"
  "${compose[@]}" up -d "${servers[@]}" >"$work/up.log" 2>&1 || fail "docker-compose up: $(tail -3 "$work/up.log")"
  for server in "${servers[@]}"; do
    eventually "$server's systemd" "$server" 'systemctl is-active ssh.service cron.service && [ -S /run/systemd/private ]'
  done
}
# Builds what the packages take, unless that is done.
built() {
  bash "$top/tests/install.sh" && cmake -S "$top" -B "$build" -G Ninja && cmake --build "$build" -j "$(nproc)"
}
# packages_there PLACE: both packages lie in that directory of each server; sets `version`. PACKAGES=DIR: these ones.
packages_there() {
  if [ -n "${PACKAGES:-}" ]; then cp -r "$PACKAGES" "$work/packages"; fi
  if [ ! -d "$work/packages" ]; then
    built >"$work/built.log" 2>&1 || fail "the build: $(tail -3 "$work/built.log")"
    cpack --config "$build/CPackConfig.cmake" -B "$work/packages" >"$work/cpack.log" 2>&1 || fail "cpack: $(tail -1 "$work/cpack.log")"
    rm -rf "$work/packages/_CPack_Packages"
  fi
  # shellcheck disable=SC2034
  version=$(dpkg-deb -f "$work"/packages/twsync_*.deb Version)
  for server in "${servers[@]}"; do
    docker exec "${project}_${server}_1" mkdir -p "$1"
    docker cp "$work/packages/." "${project}_${server}_1:$1" >/dev/null
  done
}

# An administrator's key, made once on the code server, lets it in on SERVER, for a while.
administrator_on() { # SERVER
  must "the administrator's key" code '[ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N "" -C admin -f /root/.ssh/id_ed25519'
  on code 'cat /root/.ssh/id_ed25519.pub' >"$work/admin.pub"
  must "the administrator's key" "$1" "echo '$(cat "$work/admin.pub")' >>/root/.ssh/authorized_keys && chmod 600 /root/.ssh/authorized_keys"
}
no_administrator_on() { # SERVER
  must "only exchanged keys from here on" code 'rm /root/.ssh/id_ed25519*'
  must "only exchanged keys from here on" "$1" "sed -i '/ admin\$/d' /root/.ssh/authorized_keys; [ \$(grep -c twsync: /root/.ssh/authorized_keys) = 1 ]"
}
