#!/usr/bin/env bash
# live.sh [EDITS]
#
# With the services running as separate processes over a private sshd on loopback, on the tree of linux-source-6.1 (or TREE):
#   sync      `twsync sync` at rest, from the start of the command to its end (both watches flushed by a cookie)
#   edit      close of a small file -> its new bytes on the other side, EDITS (default 200) one by one, either direction
#   switch    5,000 files changed at once -> the last of them on the other side; beside it one rsync of the same change
#   memory    sum of PSS over all processes of both sides at rest
#   wakeups   voluntary context switches a second of each process at rest, over 60 s (IDLE_SECONDS)
set -euo pipefail
edits=${1:-200}
idle=${IDLE_SECONDS:-60}
here=$(cd "$(dirname "$0")" && pwd)
TMPDIR=${BENCH_DIR:-/var/tmp}
export TMPDIR
# shellcheck source=tests/support/services_lib.sh
source "$here/../support/services_lib.sh"
# shellcheck source=tests/bench/linux_tree.sh
source "$here/linux_tree.sh"

cp -a "${TREE:-$(linux_tree)}/." "$work/code/"
rm -rf "$work/code/.twsync"
began=$(date +%s%N)
for role in "${roles[@]}"; do start_role "$role"; done
all_there() { quiet && "$bin/twsync" sync "${options[@]}" --json | tail -1 | grep -q '"operations":0.*"in_sync":true'; }
for _ in $(seq 30); do if all_there; then break; fi; sleep 1; done
all_there || fail "the first sync did not end"
echo "entries: $(find "$work/code" -not -path "*/.twsync*" | wc -l); first sync with the services running: $((($(date +%s%N) - began) / 1000000)) ms; $("$bin/twsync" status "${options[@]}" | grep watch:)"

for _ in $(seq 21); do
  began=$(date +%s%N)
  "$bin/twsync" sync "${options[@]}" --quiet >/dev/null
  echo $((($(date +%s%N) - began) / 1000))
done | sort -n | awk '{ t[NR] = $1 } END { printf "sync at rest: median %.1f ms of 21\n", t[11] / 1000 }'

python3 "$here/live.py" "$work/code" "$work/deploy" "$edits"
eventually "quiet" quiet

mkdir "$work/before"
rsync -a --exclude=/.twsync "$work/code/" "$work/before/"
find "$work/code" -name '*.c' -not -path '*/.twsync/*' | sort | sed -n 1,5000p >"$work/changed"
began=$(date +%s%N)
while read -r file; do echo "/* switched */" >>"$file"; done <"$work/changed"
last=$(tail -1 "$work/changed")
until all_there && cmp -s "$last" "$work/deploy/${last#"$work/code/"}"; do sleep 0.05; done
echo "switch of $(wc -l <"$work/changed") files, from the first write on: $((($(date +%s%N) - began) / 1000000)) ms"
bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" >/dev/null || fail "the trees differ after the switch"
sync -f "$work"
began=$(date +%s%N)
rsync -a --delete --exclude=/.twsync -e "ssh -F none -p $port -i $work/server/client_key -o IdentitiesOnly=yes -o UserKnownHostsFile=$work/server/known_hosts" "$work/code/" "$(id -un)@127.0.0.6:$work/before/"
sync -f "$work/before"
echo "rsync of the same change, flushed: $((($(date +%s%N) - began) / 1000000)) ms"

eventually "quiet" quiet
ours=("${pids[@]}")
mapfile -t agents < <(pgrep -f "twsync-agent-.* --stdio" || true)
for agent in "${agents[@]}"; do
  if tr '\0' '\n' <"/proc/$agent/environ" 2>/dev/null | grep -qx "HOME=$work/server/home"; then ours+=("$agent"); fi
done
pss=0
for pid in "${ours[@]}"; do pss=$((pss + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"))); done
echo "memory at rest: $((pss / 1024)) MiB in ${#ours[@]} processes"
switches() { cat /proc/"$1"/task/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'; }
declare -A before=()
for pid in "${ours[@]}"; do before[$pid]=$(switches "$pid"); done
sleep "$idle"
for pid in "${ours[@]}"; do
  awk -v name="$(tr '\0' ' ' <"/proc/$pid/cmdline" | awk '{ n = split($1, part, "/"); print part[n] }')" \
    -v n=$(($(switches "$pid") - before[$pid])) -v s="$idle" 'BEGIN { printf "wakeups of %s: %.2f a second\n", name, n / s }'
done
