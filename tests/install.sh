#!/bin/bash
# install.sh [PACKAGE...]: installs what building and testing need (Debian 12 packages), and PACKAGEs. Run again, it
# installs only what is missing.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config ccache
  libzmq3-dev cppzmq-dev libssh-dev libmsgpack-cxx-dev libspdlog-dev libsqlite3-dev libzstd-dev libxxhash-dev
  libcli11-dev prometheus-cpp-dev nlohmann-json3-dev libgtest-dev libgmock-dev librapidcheck-dev
  nbdkit nbdkit-plugin-dev libnbd-bin e2fsprogs
  strace acl attr lintian man-db dpkg-dev
  git openssh-server openssh-client iproute2 rsync sqlite3 python3 shellcheck fish tcsh
  "$@"
)

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -q
# The tests run their own sshd; the packaged one must not be started by this.
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
