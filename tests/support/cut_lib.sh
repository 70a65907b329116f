# shellcheck shell=bash disable=SC2154
# Sourced: a file system on a disk whose power can be cut (ext4 on loop on nbdfuse on nbdkit with cut_disk.c), and hosts
# that can be started anew: a command sees the boot id and boot time that files say.
# Uses $cut_support (this folder) and $W (of the case).

cut_build=$(cd "${BUILD_DIR:-$cut_support/../../build}" && pwd)

# Debian's programs first: what a version manager puts before them is slow to start.
export PATH=/usr/bin:/bin:$PATH

# nap SECONDS, without a process.
exec {cut_silence}<> <(:)
nap() { read -rt "$1" -u "$cut_silence" || true; }

# What is missing to run it; empty = nothing.
cut_missing() {
  [ "$(id -u)" = 0 ] || { echo "root"; return; }
  local tool
  for tool in nbdkit nbdfuse losetup mkfs.ext4 unshare gcc; do
    command -v "$tool" >/dev/null || { echo "$tool"; return; }
  done
  [ -e /usr/include/nbdkit-plugin.h ] || { echo "nbdkit-plugin.h"; return; }
  [ -c /dev/fuse ] && [ -c /dev/loop-control ] || { echo "/dev/fuse and loop devices"; return; }
  unshare -m true 2>/dev/null || echo "mount namespaces"
}

# cut_prepare DIR: the plugin and an empty file system, once for all disks.
cut_prepare() {
  gcc -shared -fPIC -O2 -Wall -Wextra -pthread -o "$1/cut_disk.so" "$cut_support/cut_disk.c"
  truncate -s 48M "$1/empty.img"
  mkfs.ext4 -q -F "$1/empty.img"
}

# disk_on PREPARED DIR [tear=SEED]: a new disk, mounted at DIR/disk.
disk_on() {
  local prepared=$1 dir=$2 _
  mkdir -p "$dir/disk" "$dir/control"
  cp --sparse=always "$prepared/empty.img" "$dir/disk.img"
  nbdkit -U "$dir/sock" -P "$dir/nbdkit.pid" "$prepared/cut_disk.so" image="$dir/disk.img" dir="$dir/control" "${@:3}"
  : >"$dir/device"
  nbdfuse "$dir/device" --unix "$dir/sock" 2>"$dir/nbdfuse.log" &
  echo $! >"$dir/nbdfuse.pid"
  for _ in $(seq 500); do [ ! -s "$dir/device" ] || break; nap 0.01; done
  # Two at once may be offered the same free device.
  flock "$prepared/empty.img" losetup -f --show "$dir/device" >"$dir/loop"
  mount "$(cat "$dir/loop")" "$dir/disk"
}

# Up to 10 s, as nobody may be there to wait for an orphan.
wait_gone() {
  local _
  for _ in $(seq 1000); do
    kill -0 "$1" 2>/dev/null || return 0
    wait "$1" 2>/dev/null || nap 0.01
  done
}

# disk_off DIR: whatever is left of it goes.
disk_off() {
  local dir=$1
  umount "$dir/disk" 2>/dev/null || umount -l "$dir/disk" 2>/dev/null || true
  if [ -s "$dir/loop" ]; then losetup -d "$(cat "$dir/loop")" 2>/dev/null || true; rm -f "$dir/loop"; fi
  local pid name
  for name in nbdfuse nbdkit; do
    if [ -s "$dir/$name.pid" ]; then
      pid=$(cat "$dir/$name.pid")
      kill "$pid" 2>/dev/null || true
      wait_gone "$pid"
      rm -f "$dir/$name.pid"
    fi
  done
  umount -l "$dir/device" 2>/dev/null || true
}

# copy_now DIR: the disk as it is at this moment, at DIR/control/cut.img.
copy_now() {
  : >"$1/control/now"
  while [ ! -e "$1/control/taken" ]; do nap 0.002; done
}

# boot_host NAME: that host (files in $W) was started at this moment.
boot_host() { "$cut_build/tests/cut_host" boot "$W" "$1"; }

# on_host NAME COMMAND...: runs it there.
on_host() { local name=$1; shift; "$cut_build/tests/cut_host" on "$W" "$name" 0 "$@"; }
