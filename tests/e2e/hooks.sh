#!/usr/bin/env bash
# The git hooks that `twsync hooks install` writes: they keep what was there, tell a broker that runs, and with none they
# neither fail nor slow a commit.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${TWSYNC_BIN:-$top/build/bin}
work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-hooks-XXXXXX")
declare -A pids=()

stop_role() {
  [ -n "${pids[$1]:-}" ] || return 0
  kill "${pids[$1]}" 2>/dev/null || true
  wait "${pids[$1]}" 2>/dev/null || true
  unset "pids[$1]"
}
cleanup() {
  local role
  for role in "${!pids[@]}"; do stop_role "$role"; done
  bash "$top/tests/support/sshd.sh" stop "$work/server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "FAIL $* [line ${BASH_LINENO[0]}]"
  tail -n 5 "$work"/*.log "$work/state/logs"/*.log 2>/dev/null || true
  exit 1
}
trap 'fail "stopped: $BASH_COMMAND"' ERR
eventually() { # WHAT COMMAND...: within 30 s
  local what=$1 end=$((SECONDS + 30))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "$what did not happen within 30 s"
    sleep 0.1
  done
}
same() { cmp -s "$1" "$2"; }
exactly() { [ "$(grep -cs -- "$3" "$2" || true)" = "$1" ]; }
commit() { # REPO TEXT
  echo "$2" >>"$1/file"
  git -C "$1" add file
  git -C "$1" commit -qm "$2"
}
hooks() { "$bin/twsync" hooks "$@" "${options[@]}" >"$work/out" 2>&1; }

export HOME=$work/home GIT_CONFIG_NOSYSTEM=1
mkdir -p "$HOME" "$work"/{code,deploy}
git config --global user.email t@example.org
git config --global user.name t
git config --global init.defaultBranch main
cat >"$work/conf.sh" <<CONF
DEPLOY_SERVER=127.0.0.9
CODE_PATH=$work/code
DEPLOY_PATH=$work/deploy
SSH_USER=$(id -un)
SSH_KEY=$work/server/client_key
CONF
chmod 600 "$work/conf.sh"
options=(--config "$work/conf.sh" --state-dir "$work/state")
hook_log=$work/state/logs/git_hooks.log
repo=$work/code/repo
post_commit=$repo/.git/hooks/post-commit

# --- an existing hook stays in charge of its part
git init -q "$repo"
printf '#!/bin/sh\necho "theirs $#" >>"%s/theirs"\nexit 3\n' "$work" >"$post_commit"
chmod 755 "$post_commit"
cp -p "$post_commit" "$work/original"
hooks install "$repo" || fail "hooks install: $(cat "$work/out")"
hooks install "$repo" || fail "hooks install again: $(cat "$work/out")"
commit "$repo" one
exactly 1 "$work/theirs" 'theirs 0' || fail "the hook that was there did not run once"
eventually "a line that no service answers" exactly 1 "$hook_log" 'no service answers'
[ "$(wc -l <"$hook_log")" = 1 ] || fail "more than one line for one commit"
rc=0
(cd "$repo" && .git/hooks/post-commit) || rc=$?
[ $rc = 3 ] || fail "the exit code of the hook that was there is lost: $rc"
eventually "its line" exactly 2 "$hook_log" 'no service answers'
rc=0
"$bin/twsync" publish --source git-hook --path "$repo" "${options[@]}" || rc=$?
[ $rc = 0 ] || fail "publish of a hook without a broker ended with $rc"
git -C "$repo" checkout -qb other
eventually "a line for the checkout" exactly 4 "$hook_log" 'no service answers'
echo "ok without a broker: one line for each, exit code 0, the old hook runs"

# --- uninstalling brings back what was there
hooks uninstall "$repo" || fail "hooks uninstall: $(cat "$work/out")"
same "$post_commit" "$work/original" || fail "the old hook is not back"
[ -x "$post_commit" ] || fail "the old hook lost its mode"
for name in post-merge post-checkout post-commit.before-twsync; do
  [ ! -e "$repo/.git/hooks/$name" ] || fail "left behind: $name"
done
hooks uninstall "$repo" || fail "uninstalling twice is an error"
same "$post_commit" "$work/original" || fail "uninstalling twice took away somebody's hook"
rm "$post_commit"
echo "ok uninstall restores"

# --- how long a commit takes: one with the hook and one without by turns, so that both see the same load
hooks install "$repo"
milliseconds() { # [GIT OPTION]...: of one commit
  local begin
  begin=$(date +%s%N)
  git -C "$repo" "$@" commit -q --allow-empty -m timed
  echo "$((($(date +%s%N) - begin) / 1000))"
}
for _ in $(seq 41); do
  milliseconds -c core.hooksPath=/nowhere >>"$work/without"
  milliseconds >>"$work/with"
  sleep 0.03 # its background part is no part of the next commit
done
hooks uninstall "$repo"
median() { sort -n "$1" | sed -n 21p; }
without=$(median "$work/without")
with=$(median "$work/with")
echo "a commit takes $without us without the hook, $with us with it and no broker (medians of 41)"
# What a loaded machine does to a commit it does to the hook's shell as well.
limit=$((without > 10000 ? without : 10000))
[ $((with - without)) -le $limit ] || fail "the hook slows a commit by $((with - without)) us"

# --- core.hooksPath, worktrees, bare repositories, things that are no repository
mkdir "$work/shared-hooks"
git -C "$repo" config core.hooksPath "$work/shared-hooks"
hooks install "$repo" || fail "core.hooksPath: $(cat "$work/out")"
[ -x "$work/shared-hooks/post-commit" ] && [ ! -e "$post_commit" ] || fail "core.hooksPath was not respected"
hooks uninstall "$repo"
[ -z "$(ls "$work/shared-hooks")" ] || fail "left behind in core.hooksPath"
git -C "$repo" config core.hooksPath .my-hooks
hooks install "$repo" || fail "a relative core.hooksPath: $(cat "$work/out")"
[ -x "$repo/.my-hooks/post-commit" ] || fail "a relative core.hooksPath was not respected"
hooks uninstall "$repo"
git -C "$repo" config --unset core.hooksPath
rm -rf "$repo/.my-hooks"
git -C "$repo" worktree add -q "$work/code/linked" -b linked
hooks install "$work/code/linked" || fail "a worktree: $(cat "$work/out")"
[ -x "$post_commit" ] || fail "a worktree's hooks are not where git looks for them"
git init -q --bare "$work/bare.git"
hooks install "$work/bare.git" || fail "a bare repository: $(cat "$work/out")"
[ -x "$work/bare.git/hooks/post-receive" ] || fail "no hook for a push"
rc=0
hooks install "$work/home" || rc=$?
[ $rc = 2 ] && grep -q 'git repository' "$work/out" || fail "no repository: exit code $rc, $(cat "$work/out")"
git clone -q --bare "$repo" "$work/code/inside.git"
hooks install "$work/code/inside.git" || fail "a bare repository below the root: $(cat "$work/out")"
grep -q -- "--path '$work/code' " "$work/code/inside.git/hooks/post-receive" || fail "a push does not publish the root"
echo "ok core.hooksPath, worktree, bare repositories"

# --- with a broker, and no monitor: the commit alone brings the edit over
port=22960
while (exec 3<>"/dev/tcp/127.0.0.9/$port") 2>/dev/null; do port=$((port + 1)); done
bash "$top/tests/support/sshd.sh" start "$work/server" 127.0.0.9 "$port"
echo "SSH_PORT=$port" >>"$work/conf.sh"
mkdir -p "$work/state/keys"
chmod 700 "$work/state" "$work/state/keys"
cp "$work/server/known_hosts" "$work/state/keys/known_hosts"
for role in broker scanner resolver transfer; do
  "$bin/twsync-$role" "${options[@]}" --log-stderr >"$work/$role.log" 2>&1 &
  pids[$role]=$!
done
served() { "$bin/twsync" sync "${options[@]}" --no-wait >/dev/null 2>&1; }
eventually "the broker's answer" served
"$bin/twsync" sync "${options[@]}" --quiet || fail "the first sync"
same "$repo/file" "$work/deploy/repo/file" || fail "the first sync carried nothing over"
: >"$hook_log"
commit "$repo" "with a broker"
eventually "the commit's edit" same "$repo/file" "$work/deploy/repo/file"
eventually "its line" exactly 1 "$hook_log" "published .*repo"
commit "$work/code/linked" "in the worktree"
eventually "the worktree's edit" same "$work/code/linked/file" "$work/deploy/linked/file"
# What a push brings is checked out by a hook that was there, as deployments do.
printf '#!/bin/sh\ngit --work-tree="%s" checkout -qf main -- file\n' "$work/code/checked-out" >"$work/bare.git/hooks/post-receive.before-twsync"
chmod 755 "$work/bare.git/hooks/post-receive.before-twsync"
mkdir "$work/code/checked-out"
git -C "$repo" push -q "$work/bare.git" linked:main
[ -s "$work/code/checked-out/file" ] || fail "the hook that was there did not run"
eventually "what a push brought" same "$work/code/checked-out/file" "$work/deploy/checked-out/file"
echo "not committed" >"$repo/untouched"
git -C "$repo" checkout -q main
eventually "what a checkout changed" same "$repo/untouched" "$work/deploy/repo/untouched"
eventually "the checkout's file" same "$repo/file" "$work/deploy/repo/file"
[ ! -e "$work/deploy/repo/.git" ] && [ ! -e "$work/deploy/linked/.git" ] || fail "version-control state travelled"
echo "ok a commit, a worktree's commit, a push and a checkout arrive with the monitor stopped"
