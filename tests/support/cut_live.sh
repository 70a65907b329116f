# shellcheck shell=bash disable=SC2154
# Sourced by power_cut.sh: the services on the code server's host, an sshd on the deploy server's, both with their own boot
# ids; a power cut ends all processes of the server at once. Uses $W, $code, $deploy, $state, $bin.

live_roles=(broker scanner resolver transfer monitor)

live_config() {
  local port=$((25000 + RANDOM % 5000))
  while (exec 3<>"/dev/tcp/127.0.0.9/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port" >"$W/port"
  start_deploy_server
  cat >"$W/conf.sh" <<CONF
DEPLOY_SERVER=127.0.0.9
CODE_PATH=$code
DEPLOY_PATH=$deploy
SSH_USER=$(id -un)
SSH_PORT=$port
SSH_KEY=$W/server/client_key
CONF
  chmod 600 "$W/conf.sh"
  mkdir -m 700 "$state/keys"
  cp "$W/server/known_hosts" "$state/keys/known_hosts"
}

start_deploy_server() {
  on_host deploy bash "$cut_support/sshd.sh" start "$W/server" 127.0.0.9 "$(cat "$W/port")"
}

start_code_server() {
  local role
  for role in "${live_roles[@]}"; do
    "$cut_build/tests/cut_host" on "$W" code 0 "$bin/twsync-$role" --config "$W/conf.sh" --state-dir "$state" --log-stderr >>"$W/$role.log" 2>&1 &
    echo $! >"$W/$role.pid"
  done
}

stop_code_server() {
  local role pid
  for role in "${live_roles[@]}"; do
    [ -s "$W/$role.pid" ] || continue
    pid=$(cat "$W/$role.pid")
    kill -9 "$pid" 2>/dev/null || true
    rm "$W/$role.pid"
    wait_gone "$pid"
  done
}

stop_deploy_server() { bash "$cut_support/sshd.sh" stop "$W/server" 2>/dev/null || true; }

live_off() {
  stop_code_server
  stop_deploy_server
}

is_quiet() {
  "$bin/twsync" status --config "$W/conf.sh" --state-dir "$state" --json >"$W/status" 2>/dev/null || true
  grep -q '"state":"idle"' "$W/status" && ! grep -q '"hints_waiting":[1-9]' "$W/status"
}
same_trees() { tool trees "$code" "$W/code.now" "$deploy" "$W/deploy.now" && cmp -s "$W/code.now" "$W/deploy.now"; }
all_agreed() { is_quiet && same_trees; }

wait_for() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2; shift 2
  until "$@"; do
    [ $SECONDS -lt $end ] || die "$what did not happen: $(tail -qn 1 "$W"/*.log 2>/dev/null | tr '\n' ' ')"
    nap 0.2
  done
}
