#!/usr/bin/env bash
# vs_peers.sh [--rounds N] [--works first,noop,changes] [--tools twsync,rsync,tar] [--tmpfs] [--rtt MS] [--keep]
#
# Measures twsync (no service running) against other tools over the same private sshd on loopback, from the start of the
# command to the end of `sync -f` of the target:
#   first    the whole tree into a fresh, empty directory
#   noop     again, with nothing changed
#   changes  about 300 edits, creates, deletes and renames on the code side
# The tools take turns in each round; after each run both trees are verified equal (types, bytes, modes, mtimes in ns, link
# targets). Round 0 warms caches, installs the agent and gives the memory (peak of the summed PSS); it is not timed.
# Bytes on the wire are those of a loopback interface of our own (as root: an own network namespace), both directions.
# Prints one line a run and a table with the bars; ends with 1 when a bar is missed, 2 when a tool failed or trees differ.
#
# Environment: TREE  the tree to sync; else linux-source-6.1 of Debian, unpacked once into CACHE (default ~/.cache/twsync-bench)
#              BUILD the build directory (default build), TWSYNC_BIN its bin; BENCH_DIR where to work (default /var/tmp)
# Nothing is deleted before the end on a disk: ext4 makes new files slowly for a while after many deletions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

if [ "$(id -u)" = 0 ] && [ -z "${TWSYNC_BENCH_NET:-}" ] && unshare --net true 2>/dev/null && command -v ip >/dev/null; then
  TWSYNC_BENCH_NET=own exec unshare --net -- bash "$here/vs_peers.sh" "$@"
fi
if [ "${TWSYNC_BENCH_NET:-}" = own ]; then ip link set lo up; else echo "note: bytes on the wire are of the whole loopback interface"; fi

rounds=3 works=first,noop,changes tools=twsync,rsync,tar rtt=0 tmpfs='' keep=''
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --works) works=$2; shift 2 ;;
    --tools) tools=$2; shift 2 ;;
    --rtt) rtt=$2; shift 2 ;;
    --tmpfs) tmpfs=1; shift ;;
    --keep) keep=1; shift ;;
    *) echo "unknown option $1; see the head of $0" >&2; exit 2 ;;
  esac
done
build=${BUILD:-$top/build}
bin=${TWSYNC_BIN:-$build/bin}
base=${BENCH_DIR:-/var/tmp}
if [ -n "$tmpfs" ]; then base=/dev/shm; fi
if [ "$(stat -f -c %T /dev/shm)" != tmpfs ] && [ -n "$tmpfs" ]; then echo "/dev/shm is no tmpfs" >&2; exit 2; fi
work=$(mktemp -d "$base/twsync-bench-XXXXXX")
source=$work/source
raw=$work/raw.tsv
proxy_pid=''
# shellcheck source=tests/bench/peers.sh
. "$here/peers.sh"
# shellcheck source=tests/bench/linux_tree.sh
. "$here/linux_tree.sh"

cleanup() {
  if [ -n "$proxy_pid" ]; then kill "$proxy_pid" 2>/dev/null || true; fi
  bash "$top/tests/support/sshd.sh" stop "$work/server" 2>/dev/null || true
  if [ -n "$keep" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
fail() { echo "FAIL: $*" >&2; exit 2; }

start_line() {
  server_user=$(id -un) server_address=127.0.0.9 line_port=22940
  bash "$top/tests/support/sshd.sh" start "$work/server" $server_address $line_port
  sshd_pid=$(cat "$work/server/sshd.pid")
  if [ "$rtt" != 0 ]; then
    local proxy=$build/tests/tcp_proxy
    [ -x "$proxy" ] || fail "no $proxy: build the target tcp_proxy"
    "$proxy" "$server_address:$((line_port + 1))" "$server_address:$line_port" --delay-ms $((rtt / 2)) >"$work/proxy.out" </dev/null &
    proxy_pid=$!
    until grep -q ready "$work/proxy.out"; do kill -0 "$proxy_pid" || fail "no proxy"; sleep 0.05; done
    line_port=$((line_port + 1))
    echo "[$server_address]:$line_port $(cut -d' ' -f1,2 "$work/server/host_key.pub")" >>"$work/server/known_hosts"
  fi
  ssh=(ssh -F none -p "$line_port" -i "$work/server/client_key" -o IdentitiesOnly=yes -o "UserKnownHostsFile=$work/server/known_hosts" -o LogLevel=ERROR)
}

wire_bytes() {  # the line counts everything twice when it goes through the proxy
  awk -v parts="$([ "$rtt" = 0 ] && echo 1 || echo 2)" '/^ *lo:/ { sub(/.*:/, ""); printf "%.0f", $1 / parts }' /proc/net/dev
}

# timed_part TOOL TARGET: the command of it; a process of its own, so that its memory can be told from ours.
timed_part() { command=(bash -c ". '$here/peers.sh'; ssh=(${ssh[*]@Q}); $1_run '$2' && sync -f '$2'"); }

# one ROUND WORK TOOL TARGET
one() {
  local turn=$1 what=$2 tool=$3 target=$4 began ended bytes memory="0 0" command
  timed_part "$tool" "$target"
  sync -f "$work"
  bytes=$(wire_bytes)
  began=$(date +%s%N)
  if [ "$turn" = 0 ]; then command=(python3 "$here/peak_pss.py" "$work/pss" "$sshd_pid" "${command[@]}"); fi
  "${command[@]}" >"$work/out" 2>&1 || fail "$tool, $what: $(tail -3 "$work/out")"
  ended=$(date +%s%N)
  if [ "$turn" = 0 ]; then memory=$(cat "$work/pss"); fi
  bytes=$(($(wire_bytes) - bytes))
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$turn" "$what" "$tool" "$(awk "BEGIN { printf \"%.3f\", ($ended - $began) / 1e9 }")" \
    "$bytes" "${memory% *}" "${memory#* }" | tee -a "$raw"
  bash "$top/tests/support/compare_trees.sh" "$source" "$target" >"$work/out" || fail "$tool, $what: $(cat "$work/out")"
}

does() { [[ ,$works, = *,$1,* ]]; }
# turn ROUND: the tools, another one first each time.
turn() { local n=${#present[@]} i; for ((i = 0; i < n; i++)); do echo "${present[(i + $1) % n]}"; done; }

first_round() {
  local tool target
  for tool in $(turn "$1"); do
    "$tool"_does first || continue
    target=$work/targets/$tool-$1
    mkdir -p "$target"
    one "$1" first "$tool" "$target"
    if [ -n "$tmpfs" ] && [ -n "${last[$tool]:-}" ]; then rm -rf "${last[$tool]}" "${last[$tool]}.state"; fi
    last[$tool]=$target
  done
}

again_round() { # ROUND WORK
  local tool
  for tool in $(turn "$1"); do
    if "$tool"_does "$2"; then one "$1" "$2" "$tool" "${last[$tool]}"; fi
  done
}

present=()
declare -A last
for tool in ${tools//,/ }; do
  if "$tool"_has; then present+=("$tool"); else echo "note: $tool is not here"; fi
done
[ ${#present[@]} -gt 0 ] || fail "no tool to measure"
tree=${TREE:-$(linux_tree)}
cp -a "$tree" "$source"
rm -rf "$source/.twsync"
start_line
export source work bin server_user server_address line_port
echo "tree: $(find "$source" -type f | wc -l) files, $(du -sm --apparent-size "$source" | cut -f1) MB; $(stat -f -c %T "$work"); round trip $rtt ms; $(nproc) CPUs; load $(cut -d' ' -f1-3 /proc/loadavg)"

# The later works need a synced target: round 0 of the first sync always runs.
for ((round = 0; round <= rounds; round++)); do
  if [ "$round" = 0 ] || does first; then first_round "$round"; fi
done
for ((round = 0; round <= rounds; round++)); do
  if does noop; then again_round "$round" noop; fi
done
for ((round = 0; round <= rounds; round++)); do
  if does changes; then
    bash "$top/tests/support/change_tree.sh" "$source" "bench$round" 300
    again_round "$round" changes
  fi
done
echo
python3 "$here/table.py" "$raw"
