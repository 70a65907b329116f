#!/usr/bin/env bash
# vs_peers.sh [--quick] [--works W,...] [--tools T,...] [--fs disk,tmpfs] [--rtt 0,40] [--rounds N] [--everywhere]
#             [--out DIR] [--append] [--no-install] [--keep]
#
# Measures twsync against Debian's rsync, unison, syncthing, lsyncd and tar (and mutagen, if it is on the PATH) over a private
# sshd on loopback, and writes RESULTS.md (bars, and every work by every tool), vs_peers.svg and raw.jsonl to DIR (default
# build/bench). README.md beside this names the works. Ends with 1 when a bar is missed, 2 when a tool failed or trees differ.
#   --quick       tiny trees, a minute: shows that the benchmark works, its figures mean nothing
#   --everywhere  every work on disk and tmpfs at 0 and 40 ms, not just where a bar asks for it
#   --append      adds to the runs in DIR; --no-install takes the tools that are there
# Environment: TREE the tree to sync (default linux-source-6.1 of Debian, unpacked once into CACHE, else a plain one);
#              BUILD the build directory (default build), TWSYNC_BIN its bin; BENCH_DIR where to work (default /var/tmp).
# As root bytes on the wire are those of an own network namespace, else of the whole loopback interface.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

if [ -z "${TWSYNC_BENCH_NET:-}" ]; then
  case " $* " in *' --no-install '*) ;; *) bash "$top/tests/install.sh" unison syncthing lsyncd ;; esac
  build=${BUILD:-$top/build}
  if [ ! -x "${TWSYNC_BIN:-$build/bin}/twsync" ] || [ ! -x "$build/tests/tcp_proxy" ] || [ ! -x "$build/tests/bench_equal" ]; then
    cmake -S "$top" -B "$build" -G Ninja >/dev/null
    cmake --build "$build" --target twsync twsync-agent twsync-broker twsync-scanner twsync-resolver twsync-transfer \
      twsync-monitor tcp_proxy bench_limits bench_equal
  fi
  # Here, while the network is still that of the machine: the namespace of the measurement has none.
  case " $* " in
    *' --quick '*) ;;
    *)
      # shellcheck source=tests/bench/linux_tree.sh
      . "$here/linux_tree.sh"
      if [ -z "${TREE:-}" ] && tree=$(linux_tree); then export TREE=$tree; fi
      ;;
  esac
  export TWSYNC_BENCH_NET=shared
  if [ "$(id -u)" = 0 ] && command -v ip >/dev/null && unshare --net true 2>/dev/null; then
    TWSYNC_BENCH_NET=own exec unshare --net -- bash "$here/vs_peers.sh" "$@"
  fi
fi
if [ "$TWSYNC_BENCH_NET" = own ]; then ip link set lo up; else echo "note: bytes on the wire are of the whole loopback interface"; fi
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
exec python3 -m vs_peers "$@"
