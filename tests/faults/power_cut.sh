#!/usr/bin/env bash
# Power cuts. A tree, a state directory, or both lie on a disk whose power is cut at some moment; the copy of the disk at
# that moment, an exact prefix of what was written to it, is mounted in its place, the server has a new boot id, and the
# next sync runs. Afterwards both sides are the same, every path whole, and everything that had been reported as done,
# or that the other server already had, is there.
#
# One line a case: disk, side that was edited, kind of edit, moment (T<n> = n seconds after success; L<n> = n seconds after the
# services had brought it over, with the services running; F<n> = in the nth flush request of the sync; +t = and what was
# not flushed may be missing; +o = in the middle of a truncation, which the mount ends), how the copy differed, what came of it.
# QUICK=1: a sample. JOBS: cases at a time. It ends with the build without flushes, which must fail each of its cases.
set -euo pipefail
cut_support=$(cd "$(dirname "$0")/../support" && pwd)
# shellcheck source=tests/support/cut_lib.sh
. "$cut_support/cut_lib.sh"
# shellcheck source=tests/support/cut_live.sh
. "$cut_support/cut_live.sh"
# shellcheck source=tests/support/summary_lib.sh
. "$cut_support/summary_lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${TWSYNC_BIN:-$top/build/bin}
tool() { "$cut_build/tests/cut_tree" "$@"; }

die() { echo "$*"; exit 1; }

sync_run() { # the code server's command; its agent runs on the deploy server
  rc=0
  "$cut_build/tests/cut_host" on "$W" code 60 "$W/bin/twsync" --state-dir "$state" sync "$code" "$deploy" --json >"$W/out" 2>"$W/err" || rc=$?
}

place() { # which of code, deploy, state lie on the disk
  code=$W/code deploy=$W/deploy state=$W/state
  case $1 in
    code) code=$W/disk/code ;;
    deploy) deploy=$W/disk/deploy ;;
    state) state=$W/disk/state ;;
    server) code=$W/disk/code state=$W/disk/state ;;
    both) code=$W/disk/code deploy=$W/disk/deploy state=$W/disk/state ;;
  esac
}

install_binaries() {
  mkdir "$W/bin"
  ln "$bin/twsync" "$W/bin/twsync" 2>/dev/null || cp "$bin/twsync" "$W/bin/twsync"
  cat >"$W/bin/twsync-agent" <<SCRIPT
#!/bin/sh
[ "\$1" = --version ] && exec "$bin/twsync-agent" --version
exec "$cut_build/tests/cut_host" on "$W" deploy 0 "$bin/twsync-agent" "\$@"
SCRIPT
  chmod 755 "$W/bin/twsync-agent"
}

trees() { # SUFFIX: manifests of both trees
  tool trees "$code" "$W/code.$1.tree" "$deploy" "$W/deploy.$1.tree" "$W/disk/notes" "$W/notes.$1.tree"
}

# The copy as a cut within the truncation of that file leaves it: the file system ends it when it is mounted.
cut_truncation() { # SIDE
  local image=$W/control/cut.img file inode
  mount -o loop "$image" "$W/disk"  # the journal first
  file=$W/disk/$1/a/f04
  inode=$(stat -c %i "$file")
  [ -s "$file" ] || die "nothing to truncate"
  umount "$W/disk"
  debugfs -w -R "set_inode_field <$inode> size 0" "$image" 2>/dev/null
  debugfs -w -R "set_super_value last_orphan $inode" "$image" 2>/dev/null
}

cut_power() { # the disk's copy takes its place, and its server is started anew
  disk_off "$W"
  [ -z "$truncated" ] || cut_truncation "$truncated"
  case $1 in
    deploy) boot_host deploy ;;
    both) boot_host code; boot_host deploy ;;
    *) boot_host code ;;
  esac
  # After the start, as on a real server: what the file system mends when it is mounted has a later time.
  mount -o loop "$W/control/cut.img" "$W/disk"
}

# The manifest that a copy of the disk is compared in: of the edited side if it lies there, else of the other.
on_disk() { # DISK FROM
  case $1 in
    state) echo "" ;;
    server) echo code ;;
    both) echo "$2" ;;
    *) echo "$1" ;;
  esac
}

run_case() { # DISK FROM KIND MOMENT
  local disk=$1 from=$2 kind=$3 moment=$4 tear=() truncated=""
  [[ $moment != *+t ]] || tear=(tear=$((RANDOM + 1)))
  [[ $moment != *+o ]] || truncated=$(on_disk "$disk" "$from")
  disk_on "$prepared" "$W" "${tear[@]}"
  place "$disk"
  mkdir -p "$code" "$deploy" "$state"
  chmod 700 "$state"
  boot_host code; boot_host deploy
  tool first "$code"
  if [[ $moment = L* ]]; then
    run_live_case "$@"
  else
    run_single_case "$@"
  fi
}

# Somebody writes short notes beside the tree and never flushes them: how many of them a copy lacks shows that it is one
# of a power cut.
notes_on() {
  mkdir "$W/disk/notes"
  sync -f "$W/disk"
  "$cut_build/tests/cut_tree" notes "$W/disk/notes" &  # not by tool(): $! would be a shell's
  echo $! >"$W/notes.pid"
}
notes_off() {
  local pid; pid=$(cat "$W/notes.pid" 2>/dev/null) || return 0
  rm "$W/notes.pid"
  kill "$pid" 2>/dev/null || true
  wait_gone "$pid"
}

edit_side() { # FROM KIND
  tool trees "$code" "$W/old.tree"
  local root=$code
  [ "$1" = code ] || root=$deploy
  tool edit "$root" "$2"
  tool trees "$root" "$W/new.tree"
}

# note_copy DISK FROM: the copy has taken the disk's place; how it differs. Fails if it does not.
note_copy() {
  tool copied "$W" "$(on_disk "$1" "$2")" "$code" "$deploy"
}

survivors() { # DISK
  case $1 in
    deploy) echo "$W/code.live.tree" ;;
    code | server) echo "$W/deploy.live.tree" ;;
    state) echo "$W/code.live.tree" "$W/deploy.live.tree" ;;
    both) echo "$W/code.copy.tree" "$W/deploy.copy.tree" ;;
  esac
}

agreed() { [ "$rc" = 0 ] && [ "$(summary in_sync)" = true ]; }

run_single_case() {
  local disk=$1 from=$2 kind=$3 moment=${4%+t} when=cut how verdict told
  install_binaries
  sync_run
  agreed || die "the first sync ended with $rc: $(tail -1 "$W/err")"
  notes_on
  edit_side "$from" "$kind"
  if [[ $moment = F* ]]; then
    echo "${moment#F}" >"$W/control/arm"
    sync_run
    if [ ! -e "$W/control/dead" ]; then return 3; fi
  else
    sync_run
    agreed || die "the sync ended with $rc: $(tail -1 "$W/err")"
    sleep "${moment#T}"
    copy_now "$W"
    when="done"
  fi
  trees live
  notes_off
  cut_power "$disk"
  how=$(note_copy "$disk" "$from") || return 4

  sync_run
  told=$(grep -c '"event":"conflict"' "$W/out" || true)
  if [ "$rc" = 0 ] && [ "$(summary in_sync)" != true ]; then sync_run; fi
  agreed || die "copy: $how; the next sync ended with $rc: $(tail -1 "$W/err") $(tail -1 "$W/out")"
  # shellcheck disable=SC2046
  verdict=$(tool judge $when "$W" "$code" "$deploy" $(survivors "$disk")) || die "copy: $how; $verdict"
  sync_run
  [ "$(summary operations)" = 0 ] || die "copy: $how; $verdict; the run after that still does something"
  echo "copy: $how; $verdict, $told told"
}

run_live_case() {
  local disk=$1 from=$2 kind=$3 moment=${4%+o} how verdict stop=stop_code_server start=start_code_server
  if [ "$disk" = deploy ]; then stop=stop_deploy_server start=start_deploy_server; fi
  live_config
  start_code_server
  wait_for 60 "the first sync" all_agreed
  notes_on
  edit_side "$from" "$kind"
  arrived() { same_trees && cmp -s "$W/code.now" "$W/new.tree"; }
  wait_for 60 "the edit's arrival" arrived
  sleep "${moment#L}"
  trees live
  # Everything on that server ends, then nothing writes to its disk any more.
  "$stop"
  copy_now "$W"
  notes_off
  cut_power "$disk"
  how=$(note_copy "$disk" "$from") || return 4
  "$start"
  wait_for 60 "agreement after the cut (copy: $how)" all_agreed
  # shellcheck disable=SC2046
  verdict=$(tool judge "done" "$W" "$code" "$deploy" $(survivors "$disk")) || die "copy: $how; $verdict"
  echo "copy: $how; $verdict"
}

# Prints its line; returns 3 when the sync had no such flush request, 4 when the copy is as the live disk: that is no case.
one_case() { # DISK FROM KIND MOMENT
  local name="$1 $2 $3 $4" rc=0
  W=$prepared/case-${name// /-}
  mkdir "$W"
  set +e
  (set -euo pipefail; run_case "$@") >"$W/log" 2>&1
  rc=$?
  set -e
  case $rc in
    0) echo "ok $name: $(tail -1 "$W/log")" ;;
    3) ;;
    4) echo "none $name: all that was written had been flushed by itself; nothing to survive" ;;
    *) echo "FAIL $name: $(tail -4 "$W/log" | tr '\n' ' ')" ;;
  esac
  live_off
  notes_off
  disk_off "$W"
  if [ -z "${KEEP:-}" ]; then rm -rf --one-file-system "$W"; fi
  return $((rc == 3 || rc == 4 ? rc : 0))
}
# A moment at which all had been flushed by itself comes again.
one_moment() {
  local rc
  for _ in 1 2 3; do
    rc=0
    one_case "$@" || rc=$?
    [ $rc = 4 ] || return $rc
  done
}

# One kind of edit on one disk, at the given moments; F* = every flush request of the sync, one after another.
series() { # DISK FROM KIND MOMENT...
  local disk=$1 from=$2 kind=$3 moment n; shift 3
  for moment in "$@"; do
    if [[ $moment != F\** ]]; then
      one_moment "$disk" "$from" "$kind" "$moment" || true
      continue
    fi
    for n in $(seq 99); do one_moment "$disk" "$from" "$kind" "F$n${moment#F\*}" || break; done
  done
}

if [ "${1:-}" = --series ]; then
  prepared=$2; shift 2
  series "$@"
  exit 0
fi

missing=$(cut_missing)
if [ -n "$missing" ]; then
  echo "SKIPPED: power cuts cannot be tried here: $missing is missing"
  if [ -n "${QUICK:-}" ]; then exit 0; else exit 2; fi
fi
[ -x "$bin/twsync" ] || die "no twsync in $bin: build it, or set TWSYNC_BIN"
[ -x "$cut_build/tests/cut_tree" ] || die "no tests in $cut_build: build them, or set BUILD_DIR"
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi
prepared=$(mktemp -d "${TMPDIR:-/tmp}/twsync-cut-XXXXXX")
export HOME=$prepared LC_ALL=C
unset TWSYNC_CONFIG SSH_AUTH_SOCK
cleanup() {
  local dir
  for dir in "$prepared"/case-*; do
    [ -d "$dir" ] || continue
    W=$dir live_off
    W=$dir notes_off
    disk_off "$dir"
  done
  if [ -n "${KEEP:-}" ]; then echo "kept: $prepared"; else rm -rf --one-file-system "$prepared"; fi
}
trap cleanup EXIT
cut_prepare "$prepared"

# split DISK KIND MOMENTS MOMENTS: a series with each of them, one edited on either side, the sides taking turns.
sides=(code deploy)
split() {
  echo "$1 ${sides[0]} $2 $3"
  [ -z "${4:-}" ] || echo "$1 ${sides[1]} $2 $4"
  sides=("${sides[1]}" "${sides[0]}")
}

plan() { # the series of a run, one a line
  local disk from kind
  if [ -n "${QUICK:-}" ]; then
    echo "deploy code create T0 F9 F13"
    echo "code deploy overwrite T0 F9"
    echo "server code delete L0"
    echo "deploy deploy delete T0"
    echo "both deploy rename F8+t"
    echo "state deploy metadata T0 F6"
    echo "deploy deploy overwrite L0+o"
    return
  fi
  # The longest series first: none is left alone at the end.
  for disk in both code deploy; do
    for kind in create overwrite delete rename metadata; do split "$disk" "$kind" T0+t "F*+t"; done
  done
  for disk in deploy code; do
    for kind in create overwrite delete rename metadata; do
      for from in code deploy; do echo "$disk $from $kind T0 T1 T2 T4 T8 F*"; done
    done
  done
  for disk in deploy code server; do
    for kind in create overwrite delete rename metadata; do split "$disk" "$kind" "L0 L2 L8" "L1 L4"; done
  done
  for disk in state server; do
    for kind in create overwrite delete rename metadata; do split "$disk" "$kind" "T0 T2" "F*"; done
  done
  for kind in create overwrite delete rename metadata; do split both "$kind" T0 T2; done
  for disk in deploy code server; do split "$disk" overwrite L0+o L0+o; done
}

run_plan() { # BIN OUT
  TWSYNC_BIN=$1 xargs -P "${JOBS:-8}" -L 1 bash "$0" --series "$prepared" | tee "$2"
}

# too_few RESULT LEAST: each disk and kind of the plan without LEAST cuts that were tried.
too_few() {
  plan | awk -v least="$2" -v result="$1" '
    BEGIN { while ((getline line <result) > 0) if (split(line, f, " ") && (f[1] == "ok" || f[1] == "FAIL")) tried[f[2] " " f[4]]++ }
    { key = $1 " " $3; if (!(key in told) && tried[key] < least) print key ": " tried[key] + 0; told[key] }'
}

began=$SECONDS
plan | run_plan "$bin" "$prepared/result"
good=$(grep -c '^ok' "$prepared/result" || true)
bad=$(grep -c '^FAIL' "$prepared/result" || true)
same=$(grep -c 'copy: identical' "$prepared/result" || true)
echo "$good of $((good + bad)) power cuts survived, $same of them with the tree durable already; $((SECONDS - began)) s"
few=$(too_few "$prepared/result" "$([ -n "${QUICK:-}" ] && echo 1 || echo 3)")
if [ -n "$few" ]; then
  echo "too few power cuts were tried:"
  echo "$few"
  bad=$((bad + 1))
fi

without=$cut_build/tests/without_flushes
"$without/twsync" --version | grep -q 'without flushes' || die "$without flushes"
echo "the same without flushes:"
for disk in deploy code both; do
  for kind in create overwrite delete rename metadata; do split "$disk" "$kind" T0; done
done | run_plan "$without" "$prepared/result.without" | cut -c -200 | sed 's/^FAIL/fails, as it must:/'
survived=$(grep -c '^ok' "$prepared/result.without" || true)
if [ "$survived" != 0 ]; then
  echo "$survived power cuts did no harm without flushes: the test shows nothing there"
  bad=$((bad + 1))
fi
[ "$bad" = 0 ]
