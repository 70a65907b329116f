#!/usr/bin/env bash
# `--json` of every command has the shape that tests/golden/json/ holds, and JSON.md names every member.
# UPDATE=1 writes the files anew: do that only for a new member, never for one that changed or went.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"
golden=$top/tests/golden/json
failures=0

# shape_of NAME COMMAND...: what it prints must have the shapes of golden/NAME.
shape_of() {
  local name=$1
  shift
  "$@" >"$work/$name.out" 2>"$work/$name.err" || true
  [ -s "$work/$name.out" ] || fail "$name printed nothing: $(cat "$work/$name.err")"
  python3 "$top/tests/support/json_shape.py" <"$work/$name.out" >"$work/$name"
  if [ -n "${UPDATE:-}" ]; then cp "$work/$name" "$golden/$name"; fi
  if diff "$golden/$name" "$work/$name"; then echo "ok $name"; else failures=$((failures + 1)); echo "FAIL $name"; fi
  seen="$seen $name"
}
seen=""
ts() { local command=$1; shift; "$bin/twsync" "$command" "${options[@]}" "$@"; }
first_id() { sed -n 's/.*"id":"\([^"]*\)".*/\1/p' "$1" | head -1; }

# --- without a service
shape_of status_not_served ts status --json
for i in $(seq 20); do echo "$i" >"$work/code/file$i"; done
mkfifo "$work/code/pipe"
printf 'x' >"$work/code/"$'not\xffutf8'
shape_of sync_dry_run ts sync --dry-run --json
shape_of sync ts sync --json
echo ours >"$work/code/both"
echo theirs, longer >"$work/deploy/both"
shape_of sync_manual ts sync --policy manual --json
id=$(sed -n 's/.*"event":"conflict".*"id":"\([^"]*\)".*/\1/p' "$work/sync_manual.out" | head -1)
shape_of conflicts ts conflicts --json
shape_of resolve ts resolve "$id" --take both --json
shape_of history ts history both --json
shape_of events ts events --json
ts sync --quiet >/dev/null
rm "$work"/code/file*
shape_of sync_guarded ts sync --json
shape_of conflicts_parked ts conflicts --json
shape_of reject ts reject "$(first_id "$work/conflicts_parked.out")" --json
rm "$work"/code/file*
ts sync --quiet >/dev/null || true
ts conflicts --json >"$work/parked"
shape_of approve ts approve "$(first_id "$work/parked")" --json
shape_of restore ts restore file1 --json
echo newer >"$work/deploy/kept"
ts sync --quiet >/dev/null || true
echo newest, and longer >"$work/deploy/kept"
ts sync --quiet >/dev/null || true
shape_of restore_to ts restore kept --to "$work/back" --json
shape_of doctor ts doctor --json
git init -q "$work/code/repository"
shape_of hooks_install ts hooks install "$work/code/repository" --json
shape_of hooks_uninstall ts hooks uninstall "$work/code/repository" --json
shape_of init "$bin/twsync" init --yes --config "$work/new.sh" --code-path "$work/code" --json
sed '/^SSH_KEY/d' "$work/conf.sh" >"$work/keys.sh"
chmod 600 "$work/keys.sh"
keys() { "$bin/twsync" keys "$1" --config "$work/keys.sh" --state-dir "$work/keys-state" --ssh-key "$work/server/client_key" "${@:2}"; }
shape_of keys_exchange keys exchange --one-way --accept-fingerprint "$(ssh-keygen -lf "$work/server/host_key.pub" | cut -d' ' -f2)" --json
shape_of keys_show keys show --json
shape_of keys_rotate keys rotate --one-way --json
sed 's/^SSH_PORT=.*/SSH_PORT=1/' "$work/conf.sh" >"$work/away.sh"
chmod 600 "$work/away.sh"
shape_of sync_no_such_root ts sync "$work/nowhere" "$work/deploy" --json
shape_of sync_unreachable "$bin/twsync" sync --config "$work/away.sh" --state-dir "$work/state" --json

# --- with the service
for role in "${roles[@]}"; do start_role "$role"; done
whole() { quiet && [ "$(grep -o '"service":"\(scanner\|resolver\|transfer\)"' "$work/status.json" | sort -u | wc -l)" = 3 ]; }
eventually "all workers at rest" whole
shape_of status ts status --json
rc=0
ts sync --ssh-port 1 >"$work/own-login" 2>&1 || rc=$?
[ $rc = 2 ] && grep -q 'the service syncs the pair main.*leave --ssh-port' "$work/own-login" || fail "an own login is ignored: $rc, $(cat "$work/own-login")"
shape_of publish ts publish --path file1 --json
followed() { # what comes of itself, such as progress, is not always there
  timeout 60 "$bin/twsync" events --follow --json "${options[@]}" >"$work/following" 2>&1 &
  local follower=$!
  until grep -q '"event":"summary"' "$work/following" && grep -q '"event":"cycle"' "$work/following"; do
    echo more >>"$work/code/followed"
    ts sync --quiet >/dev/null || return
  done
  kill $follower
  grep '"event":"\(cycle\|summary\)"' "$work/following"
}
shape_of events_follow followed
for role in "${roles[@]}"; do stop_role "$role" TERM; done
shape_of forget ts forget main --json

for file in "$golden"/*; do
  [[ " $seen " = *" $(basename "$file") "* ]] || fail "nothing prints golden/json/$(basename "$file") any more"
done
grep -rhoE '[{ ]\w+: ' "$golden" | tr -d '{: ' | sort -u | while read -r member; do
  grep -q "\`$member\`" "$top/producers/cli/JSON.md" || { echo "FAIL JSON.md does not name $member"; exit 1; }
done
[ "$failures" = 0 ] || fail "$failures commands changed what they print"
echo "ok JSON.md names every member"
