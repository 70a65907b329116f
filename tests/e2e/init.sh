#!/usr/bin/env bash
# twsync init: asks at the terminal or takes options, checks every value, writes a file that is read as it was meant,
# keeps what a person wrote there, and never leaves half a file.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

init() { rc=0; "$bin/twsync" init --config "$W/conf.sh" "$@" >out 2>err </dev/null || rc=$?; }
value() { sed -n "s/^$1=//p" "${2:-conf.sh}"; }

options() {
  init --yes --deploy-server 10.0.0.2 --code-path "$W/code" --exclude '*.log' --exclude "it's" --policy deploy-server --ssh-port 2222
  expect 0
  [ "$(value DEPLOY_SERVER)" = 10.0.0.2 ] && [ "$(value SSH_PORT)" = 2222 ] && [ "$(value CONFLICT_RESOLUTION)" = deploy-server ] || die "$(cat conf.sh)"
  [ "$(bash -c '. ./conf.sh; echo "$EXCLUDE"')" = "*.log it's" ] || die "a shell reads something else: $(value EXCLUDE)"
  [ "$(stat -c %a conf.sh)" = 644 ] || die "mode"
}

keeps_what_is_there() {
  printf '# mine\nDEPLOY_SERVER=old.example\nLOG_LEVEL=debug\nDEPLOY_SERVER=older.example # the last one counts\n' >conf.sh
  init --yes --deploy-server new.example
  expect 0
  [ "$(head -1 conf.sh)" = "# mine" ] && [ "$(value LOG_LEVEL)" = debug ] || die "$(cat conf.sh)"
  [ "$(bash -c '. ./conf.sh; echo $DEPLOY_SERVER')" = new.example ] || die "$(cat conf.sh)"
  cp -p conf.sh before
  init --yes
  expect 0
  cmp conf.sh before || die "said again, it changes something"
}

bad_values() {
  init --yes --code-path relative; expect 2
  grep -q "CODE_PATH='relative' is not allowed: an absolute path" err || die "$(cat err)"
  init --yes --deploy-server '$(reboot)'; expect 2
  init --yes --pair '../x'; expect 2
  setsid -w "$bin/twsync" init --config "$W/conf.sh" >out 2>err </dev/null && die "nobody to ask, and no error" || [ $? = 2 ]
  [ ! -e conf.sh ] && [ ! -e pairs.d ] || die "something was written"
}

one_more_pair() {
  init --yes --deploy-server 10.0.0.2 --code-path "$W/code"; expect 0
  init --yes --pair web --code-path /srv/web --deploy-path /srv/web; expect 0
  [ "$(grep -v '^#' pairs.d/web.sh | sort | tr '\n' ' ')" = "CODE_PATH=/srv/web DEPLOY_PATH=/srv/web " ] || die "$(cat pairs.d/web.sh)"
  "$bin/twsync" --config "$W/conf.sh" --state-dir "$W/S" status --json >out 2>err || true
  grep -q '"pair":"web"' out || die "the pair is not known: $(cat out err)"
}

nothing_is_an_answer() {
  printf 'EXCLUDE="*.log *.o"\nSSH_USER=me\n' >conf.sh
  init --yes --exclude - --ssh-user - --code-path "$W/code"
  expect 0
  (. ./conf.sh; [ -z "$EXCLUDE" ] && [ -z "$SSH_USER" ]) || die "not emptied: $(cat conf.sh)"
  printf 'EXCLUDE="*.log *.o"\n' >conf.sh
  python3 "$support/on_terminal.py" "code server.*=>" "deploy server.*=>" "on the code server.*=>" "on the deploy server.*=>" \
    "User.*=>" "SSH port.*=>" "Who wins.*=>" "left alone.*=>-" -- "$bin/twsync" init --config "$W/conf.sh" >out 2>err || die "$(cat out err)"
  (. ./conf.sh; [ -z "$EXCLUDE" ]) || die "not emptied when asked: $(cat conf.sh)"
}

hardly_meant() {
  init --yes --code-path "$W/not-there" --code-server 10.0.0.2 --deploy-server 10.0.0.2
  expect 0
  grep -q "CODE_PATH $W/not-there is not there" err && grep -q "are both 10.0.0.2" err || die "without a word: $(cat err)"
  init --yes --code-path "$W/code" --code-server 10.0.0.1
  [ ! -s err ] || die "$(cat err)"
}

asked() {
  python3 - "$bin/twsync" "$W/conf.sh" >dialogue <<'PY'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], ["twsync", "init", "--config", sys.argv[2]])
answers = {b"Address of the deploy server": [b"bad host!", b"deploy.example"], b"Directory on the deploy server": [b"/srv/x"], b"Who wins": [b"manual"]}
seen = b""
while True:
    try:
        piece = os.read(fd, 4096)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    if seen.endswith(b"]: "):
        question = seen.splitlines()[-1]
        told = next((said for asked, said in answers.items() if question.startswith(asked)), [])
        os.write(fd, (told.pop(0) if told else b"") + b"\n")
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
  grep -q "'bad host!' is not allowed" dialogue || die "a bad host was taken: $(cat dialogue)"
  [ "$(value DEPLOY_SERVER)" = deploy.example ] && [ "$(value DEPLOY_PATH)" = /srv/x ] && [ "$(value CONFLICT_RESOLUTION)" = manual ] || die "$(cat conf.sh)"
  [ "$(value SSH_PORT)" = 22 ] || die "a default was lost"
}

for case in options keeps_what_is_there bad_values one_more_pair nothing_is_an_answer hardly_meant asked; do test_case $case $case; done
finish
