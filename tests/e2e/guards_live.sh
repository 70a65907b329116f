#!/usr/bin/env bash
# The guard (I6) with the services running: deletions that come as a stream of events count together, also over a
# restart of the resolver in their middle; what was shown is what is approved.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"

fill() { # FROM TO: directories of ten files
  for d in $(seq "$1" "$2"); do
    mkdir -p "$work/code/d$d"
    for n in $(seq 10); do echo "$d $n" >"$work/code/d$d/f$n"; done
  done
}
fill 1 20
for role in "${roles[@]}"; do start_role "$role"; done
eventually "the first sync" same "$work/code/d20/f10" "$work/deploy/d20/f10"
eventually "quiet after the first sync" quiet

left() { find "$work/deploy" -path "$work/deploy/.twsync" -prune -o -type f -print | wc -l; }
items() { "$bin/twsync" conflicts "${options[@]}" --json 2>/dev/null | grep '"type":"parked"' || true; }
set_id() { items | sed -n 's/.*"id":"\([^"]*\)".*/\1/p' | head -1; }
parked_paths() { items | grep -o '"path":"[^"]*"' | wc -l; }
has_parked() { [ "$(parked_paths)" -ge "$1" ]; }
no_items() { [ -z "$(items)" ]; }
kill_resolver() { stop_role resolver KILL; start_role resolver; }
decide() { # approve|reject ID
  local rc=0
  "$bin/twsync" "$1" "$2" "${options[@]}" >"$work/decided" 2>&1 || rc=$?
  [ $rc -le 1 ] || fail "$1 $2: exit code $rc: $(cat "$work/decided")"
}

# 20 of 200 at a time, each seen on the other side before the next: the window adds them up.
for d in 1 3 5 7; do
  rm -r "$work/code/d$d" "$work/code/d$((d + 1))"
  eventually "a deletion below the limit" gone "$work/deploy/d$((d + 1))"
done
[ "$(left)" = 120 ] || fail "$(left) files are left"
kill_resolver
rm -r "$work"/code/d{9..12}
eventually "the guard" has_parked 40
[ "$(left)" = 120 ] || fail "with the guard tripped $((120 - $(left))) were deleted"
echo "ok a stream of deletions trips the guard, also when the resolver was killed in its middle"

shown=$(set_id)
kill_resolver
rm -r "$work/code/d13"
echo flows >"$work/code/new"
echo edited >"$work/deploy/d9/f1"
eventually "the rest" same "$work/code/new" "$work/deploy/new"
eventually "the edit of what was deleted" same "$work/deploy/d9/f1" "$work/code/d9/f1"
joined() { [ "$(set_id)" != "$shown" ] && items | grep -q '"d13/f10"'; }
eventually "the further deletions in the set" joined
[ "$(left)" = 121 ] || fail "a further deletion went through"
echo "ok once tripped, further deletions of that side join the set, after a restart too; the rest flows"

decide approve "$shown"
eventually "the approved deletions" gone "$work/deploy/d12"
[ -e "$work/deploy/d13/f1" ] || fail "what was not shown was deleted"
same "$work/deploy/d9/f1" "$work/code/d9/f1" || fail "the edit is gone"
grep -rqlx "12 10" "$work"/deploy/.twsync/*/versions || fail "an approved deletion was not kept"
decide reject "$(set_id)"
eventually "the rejected deletions" same "$work/deploy/d13/f10" "$work/code/d13/f10"
eventually "no parked item" no_items
eventually "quiet" quiet
bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" >"$work/compare" || fail "$(cat "$work/compare")"
echo "ok approve does what was shown, reject brings the rest back"

# One rm -rf of more than half, on the other side this time: below the limit some may pass, no more than that.
fill 30 49
eventually "new files" same "$work/code/d49/f10" "$work/deploy/d49/f10"
eventually "quiet" quiet
before=$(find "$work/code" -path "$work/code/.twsync" -prune -o ! -path "$work/code" -print | wc -l)
rm -rf "$work"/deploy/d{14..20} "$work"/deploy/d{30..41}
eventually "the guard" has_parked 10
eventually "quiet" quiet
after=$(find "$work/code" -path "$work/code/.twsync" -prune -o ! -path "$work/code" -print | wc -l)
[ $((2 * (before - after))) -le "$before" ] || fail "$((before - after)) of $before were deleted"
decide reject "$(set_id)"
eventually "no parked item" no_items
eventually "quiet" quiet
bash "$top/tests/support/compare_trees.sh" "$work/code" "$work/deploy" >"$work/compare" || fail "$(cat "$work/compare")"
echo "ok rm -rf of 60 % on the deploy side is stopped"
