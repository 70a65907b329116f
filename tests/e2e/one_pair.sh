#!/usr/bin/env bash
# One pair's trouble is that pair's alone: a slip in its file, a root that isn't the one that was synced. And a root that
# a sync stops at stays as it is.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"

ends() { # CODE COMMAND...
  local rc=0
  "${@:2}" >"$work/out" 2>"$work/err" || rc=$?
  [ $rc = "$1" ] || fail "'${*:2}' ended with $rc instead of $1: $(cat "$work/out" "$work/err")"
}
ts() { local command=$1; shift; "$bin/twsync" "$command" "${options[@]}" "$@"; }
says() { grep -q -- "$1" "$2"; }

# --- a slip in one pair's file
mkdir -p "$work/pairs.d" "$work/docs" "$work/docs-there"
pair_docs() { printf 'CODE_PATH=%s\nDEPLOY_PATH=%s\n%s' "$work/docs" "$work/docs-there" "$1" >"$work/pairs.d/docs.sh"; }
pair_docs $'CONFLICT_RESOLUTION=newerr\n'
slip='docs.sh:3: CONFLICT_RESOLUTION'
echo one >"$work/code/one"
ends 0 ts sync main
same "$work/code/one" "$work/deploy/one" || fail "main is not synced"
ends 2 ts sync docs
says "$slip" "$work/err" || fail "no file and line: $(cat "$work/err")"
ends 1 ts sync
says "$slip" "$work/err" || fail "a sync of all pairs does not say that it left one out: $(cat "$work/err")"
ends 0 ts status main
ends 1 ts status
says "pair docs: misconfigured: .*$slip" "$work/out" || fail "status: $(cat "$work/out")"
ts status --json >"$work/out" || true
says '"pair":"docs","state":"misconfigured","stale":true' "$work/out" || fail "status --json: $(cat "$work/out")"
for role in "${roles[@]}"; do start_role "$role"; done
echo two >"$work/code/two"
eventually "an edit, beside a misconfigured pair" same "$work/code/two" "$work/deploy/two"
for role in "${roles[@]}"; do says "pair docs is misconfigured and not served: .*$slip" "$work/$role.log" || fail "$role does not say it"; done
pair_docs ''
echo three >"$work/docs/three"
for role in "${roles[@]}"; do kill -HUP "${pids[$role]}"; done
eventually "the mended pair" same "$work/docs/three" "$work/docs-there/three"
pair_docs $'CONFLICT_RESOLUTION=newerr\n'
for role in "${roles[@]}"; do
  kill -HUP "${pids[$role]}"
  eventually "$role keeps a pair whose file goes bad" says "stays as it was: .*$slip" "$work/$role.log"
done
echo four >"$work/docs/four"
eventually "an edit of the pair whose file went bad" same "$work/docs/four" "$work/docs-there/four"
echo "ok a slip in one pair's file"

# --- a root that is not the one that was synced
eventually "quiet" quiet
for role in "${roles[@]}"; do stop_role "$role" TERM; done
rm "$work/pairs.d/docs.sh"
mv "$work/code/.twsync" "$work/marker"
for role in "${roles[@]}"; do start_role "$role"; done
stopped_code() { ts conflicts --json | grep -q '"id":"r-code"'; }
eventually "the stop at the root" stopped_code
echo five >"$work/code/five"
sleep 5
[ ! -e "$work/code/.twsync" ] || fail "below a root that nobody approved there is now: $(cd "$work/code/.twsync" && find .)"
ends 5 ts sync main
[ ! -e "$work/code/.twsync" ] || fail "a sync made: $(cd "$work/code/.twsync" && find .)"
mv "$work/marker" "$work/code/.twsync"
eventually "the edit, once the root is right again" same "$work/code/five" "$work/deploy/five"
for role in "${roles[@]}"; do stop_role "$role" TERM; done
mv "$work/deploy/.twsync" "$work/marker"
for role in "${roles[@]}"; do start_role "$role"; done
stopped_deploy() { ts conflicts --json | grep -q '"id":"r-deploy"'; }
eventually "the stop at the deploy root" stopped_deploy
ts history one --pair main >"$work/out" 2>&1 || true
[ ! -e "$work/deploy/.twsync" ] || fail "below the deploy root there is now: $(cd "$work/deploy/.twsync" && find .)"
mv "$work/marker" "$work/deploy/.twsync"
echo "ok nothing is made below a root that a sync stops at"
