# shellcheck shell=bash
# Sourced by the shell suites: a temp dir, one line a case, and short words for what most cases do.
# The binaries are taken from TWSYNC_BIN (default: build/bin of this checkout).

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
support=$top/tests/support
# shellcheck source=tests/support/summary_lib.sh
. "$support/summary_lib.sh"
bin=${TWSYNC_BIN:-$top/build/bin}
[ -x "$bin/twsync" ] && [ -x "$bin/twsync-agent" ] || { echo "no twsync in $bin: build it, or set TWSYNC_BIN"; exit 2; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/twsync-test-XXXXXX")
unset TWSYNC_CONFIG SSH_AUTH_SOCK
# Debian's programs first: what a version manager puts before them takes 0.4 s to start.
export HOME=$tmp/home LC_ALL=C PATH=/usr/bin:/bin:$PATH
mkdir -m 700 "$HOME"
failures=0

cleanup() {
  local pid since
  # A number that was given to another process meanwhile is none of ours.
  if [ -f "$tmp/pids" ]; then while read -r pid since; do [ "$(started "$pid")" != "$since" ] || kill -9 "$pid" 2>/dev/null || true; done <"$tmp/pids"; fi
  if [ -f "$tmp/server/sshd.pid" ]; then bash "$support/sshd.sh" stop "$tmp/server" 2>/dev/null || true; fi
  if [ -n "${KEEP:-}" ]; then echo "kept: $tmp"; else chmod -R u+rwX "$tmp" 2>/dev/null || true; rm -rf "$tmp"; fi
}
trap cleanup EXIT

# own PID: ends it at the end, whatever happens (cases run in subshells).
own() { echo "$1 $(started "$1")" >>"$tmp/pids"; }
# started PID: when, in ticks since the boot; "gone" when there is none.
started() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20 | grep . || echo gone; }

die() { echo "$* [line ${BASH_LINENO[0]}${BASH_LINENO[1]:+ < ${BASH_LINENO[1]}}]"; exit 1; }

# test_case NAME FUNCTION [ARG]...: runs it with a new, empty $W as its directory. ONLY=pattern picks cases.
test_case() {
  local name=$1 rc; shift
  # shellcheck disable=SC2053
  if [ -n "${ONLY:-}" ] && [[ $name != $ONLY ]]; then return 0; fi
  W=$tmp/$name
  mkdir "$W" "$W/code" "$W/deploy"
  set +e
  (set -euo pipefail; trap 'echo "line $LINENO: $BASH_COMMAND"' ERR; cd "$W"; "$@") >"$W/case.log" 2>&1
  rc=$?
  set -e
  if [ $rc = 0 ] && [[ $(<"$W/case.log") = *SKIPPED* ]] && grep -q '^SKIPPED' "$W/case.log"; then
    echo "SKIPPED $name: $(grep -m 1 '^SKIPPED' "$W/case.log" | sed 's/^SKIPPED:* *//')"
  elif [ $rc = 0 ]; then echo "ok $name"; else
    failures=$((failures + 1))
    echo "FAIL $name: $(grep -v '^line [0-9]*: return\|^line [0-9]*: exit' "$W/case.log" | tail -1)"
    if [ -n "${VERBOSE:-}" ]; then sed 's/^/  | /' "$W/case.log"; { tail -n 3 "$W/out" "$W/err" 2>/dev/null || true; } | sed "s/^/  | /"; fi
  fi
  [ -n "${KEEP:-}" ] || rm -rf "$W" 2>/dev/null || { chmod -R u+rwX "$W" 2>/dev/null || true; rm -rf "$W"; }
}

finish() { [ $failures = 0 ] || { echo "$failures failed"; exit 1; }; exit 0; }

# ts ARG...: twsync with the case's state; output in $W/out and $W/err, exit code in $rc.
ts() { # options come first: an argument may be behind a --
  rc=0
  "$bin/twsync" --state-dir "$W/S" "$@" >"$W/out" 2>"$W/err" || rc=$?
}

# sync_now [OPTION]...: code and deploy of the case, as JSON. expect RC after it.
sync_now() { ts sync "$W/code" "${TARGET:-$W/deploy}" --json "$@"; }

expect() { [ "$rc" = "$1" ] || die "exit code $rc instead of $1: $(tail -1 "$W/err") $(tail -1 "$W/out")"; }

# in_sync [OPTION]...: syncs, which must end with 0 and in_sync.
in_sync() {
  sync_now "$@"
  expect 0
  [ "$(summary in_sync)" = true ] || die "not in sync: $(tail -1 "$W/out")"
}

# events KIND: the lines of one kind of event.
events() { grep "\"event\":\"$1\"" "$W/out" || true; }
# operations: what was (or would be) done, in a fixed order.
operations() { events operation | sort; }
# event_id KIND: the id of its first event.
event_id() { events "$1" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p' | head -1; }

# snapshot DIR: everything below it but .twsync: type, mode, owner, size, times (ctime too), inode, target, digest.
snapshot() {
  (cd "$1" && find . -path ./.twsync -prune -o ! -path . -printf '%P|%y|%m|%U|%G|%s|%T@|%C@|%i|%l\0' | sort -z | tr '\0' '\n'
   find . -path ./.twsync -prune -o -type f -print0 | sort -z | xargs -0r sha256sum --)
}

# rows: the rows of the case's base.
rows() { sqlite3 "$(echo "$W"/S/pairs/*/base.db)" 'select hex(key), hex(row) from base order by key'; }

equal_trees() { bash "$support/compare_trees.sh" "$W/code" "$W/deploy" || die "the trees differ"; }
unchanged() { cmp "$1" "$2" >/dev/null || die "changed: $(diff "$1" "$2" | head -3 | tr '\n' ' ')"; }

# holds DIR TEXT: some file of that side's version store contains it.
stored() { grep -rlqF -- "$2" "$1"/.twsync/*/versions/; }

# until_true SECONDS COMMAND...: waits for a condition.
until_true() {
  local end=$((SECONDS + $1)); shift
  until "$@"; do [ $SECONDS -lt "$end" ] || return 1; sleep 0.02; done
}

# start_server: a private sshd for this suite; sets server_port, ssh_options, server_address.
start_server() {
  server_address=${1:-127.0.0.7}
  server_port=$((23000 + $$ % 900))
  while (exec 3<>"/dev/tcp/$server_address/$server_port") 2>/dev/null; do server_port=$((server_port + 1)); done
  bash "$support/sshd.sh" start "$tmp/server" "$server_address" "$server_port"
  # shellcheck disable=SC2034
  ssh_options=(--ssh-port "$server_port" --ssh-key "$tmp/server/client_key" --known-hosts "$tmp/server/known_hosts")
}
