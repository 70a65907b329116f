# shellcheck shell=bash
# Sourced: linux_tree prints the path of the tree of Debian's linux-source-6.1, unpacked once into CACHE (default
# ~/.cache/twsync-bench).

linux_tree() {
  local cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/twsync-bench} archive=/usr/src/linux-source-6.1.tar.xz
  if [ -d "$cache/linux" ]; then echo "$cache/linux"; return; fi
  rm -rf "$cache/unpack"
  mkdir -p "$cache/unpack"
  if [ ! -e "$archive" ]; then
    (cd "$cache/unpack" && apt-get download linux-source-6.1 >&2 && dpkg-deb -x linux-source-6.1_*.deb .) || return
    archive=$cache/unpack/usr/src/linux-source-6.1.tar.xz
  fi
  tar -C "$cache/unpack" -xJf "$archive" || return
  mv "$cache/unpack/linux-source-6.1" "$cache/linux"
  rm -rf "$cache/unpack"
  echo "$cache/linux"
}
