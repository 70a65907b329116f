#!/usr/bin/env bash
# kill -9, EIO and ENOSPC at the Nth call of a kind, then run again: both sides end in the state that an undisturbed run
# reaches, every content that a person wrote still exists, nothing stays in the stage. Also with the base or the queue
# deleted, truncated or old before the second run: then nothing is deleted (union merge).
# A sample of points: nth_call.sh has them all. JOBS: how many at a time. SEED: which sample.
set -euo pipefail
. "$(dirname "$0")/../support/nth_call_lib.sh"

paths() { (cd "$1" && find . -path ./.twsync -prune -o -print | sort); }

tampered() { # tampered FILE HOW: the killed run's file is gone, cut, or an old one
  set_target local
  first_tree; note_contents
  in_sync
  cp "$(echo S/pairs/*/"$1")" old
  echo "second early" >code/early; note_contents
  in_sync
  edits; note_contents
  run_injected controller pwrite64 "$(awk '$1 == "controller" && $2 == "pwrite64" && $4 == "edits" && $3 > m { m = $3 } END { print int(m * 2 / 3) }' "$tmp/points")" KILL
  local file; file=$(echo S/pairs/*/"$1")
  case $2 in
    gone) rm -f "$file" "$file"-wal "$file"-shm ;;
    cut) rm -f "$file"-wal "$file"-shm; truncate -s 5000 "$file" ;;
    empty) rm -f "$file"-wal "$file"-shm; : >"$file" ;;
    garbage) rm -f "$file"-wal "$file"-shm; head -c 20000 /dev/urandom >"$file" ;;
    old) rm -f "$file"-wal "$file"-shm; cp old "$file" ;;
  esac
  { paths code; paths deploy; } | sort -u >before
  run_again
  judge
  paths code >after
  if [ "$1" = base.db ]; then
    # Nothing is deleted: not even what one side had deleted, for who deleted it is not known any more.
    [ -z "$(comm -23 before after | grep -v '^./tofile-.*/')" ] || die "deleted: $(comm -23 before after | tr '\n' ' ')"
  else
    manifest code | grep -v early >state
    unchanged "$tmp/expected.edits" state
  fi
}

sample() { # sample WHO PHASE COUNT: every kind of call comes in; the calls that change a name are preferred
  grep "^$1 .* $2\$" "$tmp/points" | grep -v ' write ' |
    shuf --random-source=<(yes "${SEED:-1}") | awk -v want="$3" '{ if (seen[$2]++ < 1 + int(want / 9) && n < want) { print; n++ } }'
}

start_server 127.0.0.8
test_case reference reference
test_case reference_many reference_many
[ $failures = 0 ] || finish
points >"$tmp/points"
{
  # Points that once went wrong come in always.
  printf 'local KILL %s edits\n' "controller fchmod 1" "controller fchmod 2" "agent fchmod 1" "controller renameat2 3" "controller unlink 1" "agent fsync 18"
  sample controller edits 18 | sed 's/^/local KILL /'; sample agent edits 16 | sed 's/^/local KILL /'
  sample controller first 5 | sed 's/^/local KILL /'; sample agent first 5 | sed 's/^/local KILL /'
  sample controller edits 8 | tail -4 | sed 's/^/ssh KILL /'; sample agent edits 8 | tail -4 | sed 's/^/ssh KILL /'
  sample controller edits 12 | sed 's/^/local EIO /'; sample agent edits 12 | sed 's/^/local ENOSPC /'
  grep ' syncfs .* many$' "$tmp/points" | sed 's/^/local EIO /'
} | sort -u >"$tmp/chosen"
{
  as_cases <"$tmp/chosen"
  for how in gone cut empty garbage old; do
    echo "base_$how tampered base.db $how"
    echo "queue_$how tampered queue.db $how"
  done
} | in_parallel
chosen=$(wc -l <"$tmp/chosen")
all_reached "$chosen" $((chosen / 3))
