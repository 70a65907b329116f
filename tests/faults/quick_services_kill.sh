#!/usr/bin/env bash
# kill -9 of one service after another in the middle of a first sync, then with the broker's journal and the base deleted,
# damaged or replaced by an old copy: it finishes, with the same end, and an edit made before the kill arrives.
set -euo pipefail
# shellcheck source=tests/support/services_lib.sh
source "$(dirname "$0")/../support/services_lib.sh"

cp -a /usr/include "$work/code/include"
find "$work/code" -xtype l -delete
total=$(find "$work/code" | wc -l)
arrived() { find "$work/deploy" -path "$work/deploy/.twsync" -prune -o -print | wc -l; }

for role in "${roles[@]}"; do start_role "$role"; done
share=0
for role in broker scanner resolver transfer transfer broker resolver scanner; do
  share=$((share + total / 12))
  reached() { [ "$(arrived)" -ge "$share" ]; }
  eventually "entry number $share" reached
  echo "before $role died at $share" >"$work/code/edit-$role-$share"
  stop_role "$role" KILL
  start_role "$role"
done
eventually "the end of the first sync" settled
[ "$(find "$work/deploy/.twsync" -path '*/stage/*' ! -type d | wc -l)" = 0 ] || fail "something is left in stage/"
echo "ok kill -9 of each service in the middle of the first sync"

stop_all() { for role in "${roles[@]}"; do stop_role "$role" KILL; done; }
spoil() { # HOW FILE
  case $1 in
    delete) rm -f "$2" "$2-wal" "$2-shm" ;;
    damage) dd if=/dev/urandom of="$2" bs=4096 count=4 conv=notrunc status=none; rm -f "$2-wal" "$2-shm" ;;
    old) rm -f "$2-wal" "$2-shm"; cp "$work/old/$(basename "$2")" "$2" ;;
  esac
}
mkdir "$work/old"
stop_all
find "$work/state" -name '*.db' -exec sh -c 'sqlite3 "$1" ".backup \"$2/$(basename "$1")\""' - {} "$work/old" \;
for how in delete damage old; do
  for file in $(find "$work/state" -name '*.db' | sort); do
    echo "$how $(basename "$file")" >"$work/code/edited-here-$how-$(basename "$file")"
    echo "$how $(basename "$file")" >"$work/deploy/edited-there-$how-$(basename "$file")"
    before=$(find "$work/code" -path "$work/code/.twsync" -prune -o -type f -print | wc -l)
    spoil "$how" "$file"
    for role in "${roles[@]}"; do start_role "$role"; done
    eventually "agreement after $how of $(basename "$file")" settled
    after=$(find "$work/code" -path "$work/code/.twsync" -prune -o -type f -print | wc -l)
    [ "$after" -ge "$before" ] || fail "$how of $(basename "$file"): $((before - after)) files are gone"
    cmp -s "$work/code/edited-there-$how-$(basename "$file")" "$work/deploy/edited-there-$how-$(basename "$file")" || fail "an edit was lost"
    stop_all
    echo "ok $how of $(basename "$file")"
  done
done
