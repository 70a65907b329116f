# shellcheck shell=bash
# Sourced: the services as separate processes between two directories, over an own sshd. Sets work, options, bin, top.
# WATCH in the environment: by what both sides are watched.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${TWSYNC_BIN:-$top/build/bin}
work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-services-XXXXXX")
declare -A pids=()
roles=(broker scanner resolver transfer monitor)

stop_role() { # ROLE SIGNAL
  local pid=${pids[$1]:-}
  [ -n "$pid" ] || return 0
  kill "-$2" "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  unset "pids[$1]"
}
cleanup() {
  for role in "${roles[@]}"; do stop_role "$role" TERM; done
  bash "$top/tests/support/sshd.sh" stop "$work/server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "FAIL $*"
  tail -n 5 "$work"/*.log || true
  "$bin/twsync" status "${options[@]}" || true
  exit 1
}
eventually() { # WHAT COMMAND...: within about a minute
  local what=$1
  shift
  for _ in $(seq 600); do
    if "$@"; then return 0; fi
    sleep 0.1
  done
  fail "$what did not happen within 60 s and more"
}
start_role() {
  "$bin/twsync-$1" "${options[@]}" --log-stderr >>"$work/$1.log" 2>&1 &
  pids[$1]=$!
}
same() { cmp -s "$1" "$2"; }
gone() { [ ! -e "$1" ]; }
quiet() { # idle and nothing waiting, now and after the producers' settle time
  "$bin/twsync" status "${options[@]}" --json >"$work/status.json" 2>/dev/null
  grep -q '"state":"idle"' "$work/status.json" && ! grep -q '"hints_waiting":[1-9]' "$work/status.json"
}

settled() { quiet && bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" >"$work/compare"; }
storm_on_both_sides() { # many changes on each at once, then the same tree on both
  local storm
  PARITY=even bash "$top/tests/support/change_tree.sh" "$work/code" storm-one 300 &
  storm=$!
  PARITY=odd bash "$top/tests/support/change_tree.sh" "$work/deploy" storm-two 300
  wait "$storm"
  eventually "the same tree on both sides after a storm of changes" settled
  echo "ok a storm of changes on both sides at once"
}

port=22860
while (exec 3<>"/dev/tcp/127.0.0.6/$port") 2>/dev/null; do port=$((port + 1)); done
bash "$top/tests/support/sshd.sh" start "$work/server" 127.0.0.6 "$port"
mkdir -p "$work/code" "$work/deploy"
cat >"$work/conf.sh" <<CONF
DEPLOY_SERVER=127.0.0.6
CODE_PATH=$work/code
DEPLOY_PATH=$work/deploy
SSH_USER=$(id -un)
SSH_PORT=$port
SSH_KEY=$work/server/client_key
WATCH=${WATCH:-auto}
CONF
chmod 600 "$work/conf.sh"
options=(--config "$work/conf.sh" --state-dir "$work/state")
mkdir -p "$work/state/keys"
chmod 700 "$work/state" "$work/state/keys"
cp "$work/server/known_hosts" "$work/state/keys/known_hosts"

