#!/usr/bin/env bash
# The other server lies: an agent whose listings, facts, digests and results are edited on their way (lies.cc). Whatever
# it says, nothing outside of the code root changes, and everything that a person wrote there still exists.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"
helpers=${TWSYNC_HELPERS:-$bin/../tests}
[ -x "$helpers/hostile_agent" ] || { echo "no hostile_agent in $helpers: build it, or set TWSYNC_HELPERS"; exit 2; }
real=$bin
rounds=${GARBAGE_ROUNDS:-12}

lying_twsync() { # the program beside an "agent" that lies while the file `lie` says what
  mkdir bin
  ln "$real/twsync" bin/twsync 2>/dev/null || cp "$real/twsync" bin/twsync
  cat >bin/twsync-agent <<SCRIPT
#!/bin/sh
[ "\$1" != --version ] && [ -s "$W/lie" ] || exec "$real/twsync-agent" "\$@"
HOSTILE_AGENT="$real/twsync-agent" HOSTILE_LIE=\$(cat "$W/lie") HOSTILE_CANARY="$W/canary" HOSTILE_SEED=\$(cat "$W/seed") exec "$helpers/hostile_agent" "\$@"
SCRIPT
  chmod 755 bin/twsync-agent
  bin=$W/bin
  echo 1 >seed
}

trees() {
  local n
  mkdir -p code/{half,rest,esc} deploy canary
  for n in 1 2 3 4 5 6; do echo "half $n" >"code/half/$n"; done
  for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "rest $n" >"code/rest/$n"; done
  echo "esc file" >code/esc/file
  echo "canary secret" >canary/file
  ln -s ../rest code/rest/link
}

user_edits() { # so that every kind of operation is in the next run, both ways
  echo "second half 1" >deploy/half/1; echo "second rest 1" >code/rest/1
  echo "new deploy" >deploy/new-d; echo "new code" >code/new-c
  rm deploy/rest/2 code/rest/3; mv code/rest/4 code/rest/4-renamed; chmod 600 deploy/rest/5
  echo "both code" >code/rest/6; echo "both deploy" >deploy/rest/6
}

# What a person wrote on the code server (the deploy server's own content is the liar's to lose).
contents() { printf '%s\n' "half "{2,3,4,5,6} "rest "{5,7,8,9,10,11,12} "second rest 1" "new code" "both code" "esc file"; }

nothing_lost() {
  find code -type f ! -name index -exec cat {} + >have
  local line
  while IFS= read -r line; do grep -qaxF -- "$line" have || die "lost on the code server: $line"; done < <(contents)
}

outside() { # everything of the case but the roots, what the case itself writes, and the honest state directory
  find . -path ./code -prune -o -path ./deploy -prune -o -path ./S -prune -o -path ./canary -printf '%p|%y|%m|%C@\n' \
    -o -path './canary/*' -printf '%p|%y|%m|%s|%T@|%C@\n' -o -maxdepth 1 ! -name out ! -name err ! -name . ! -name 'case.log' ! -name have ! -name '*.before' ! -name '*.after' -printf '%p|%y|%m\n' | sort
}

told() { # told LIE ALLOWED-EXIT-CODES: synced, edited, then lied to
  lying_twsync; trees
  in_sync
  user_edits
  touch out.before have lie; : >err
  outside >outside.before
  echo "$1" >lie
  sync_now
  [[ " $2 " = *" $rc "* ]] || die "exit code $rc: $(tail -1 err) $(tail -1 out)"
  ! grep -q $'\x1b' out err || die "a control sequence reached the terminal"
  nothing_lost
  sync_now
  [ "$rc" -lt 128 ] && [ "$rc" != 4 ] || die "the second run ended with $rc"
  "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" >text 2>&1 || [ $? -lt 128 ]
  ! grep -q $'\x1b' text || die "a control sequence reached the terminal"
  rm text
  nothing_lost
  : >lie
  local n
  for n in 1 2 3; do sync_now; done
  nothing_lost
  [ "$(cat canary/file)" = "canary secret" ] || die "written through"
  outside >outside.after
  unchanged outside.before outside.after
  [ -z "$(find / -xdev -maxdepth 1 -name 'escape*')" ] || die "escaped"
  [ "$rc" -le 1 ] || [ "$rc" = 5 ] || die "no way back to honesty: exit code $rc: $(tail -1 err)"
  if [ "$rc" = 0 ]; then equal_trees; fi
}

# First a link to the outside, then files below the name: they must not be written through it.
written_through() {
  lying_twsync; trees
  mkdir -p deploy/esc; echo "payload" >deploy/esc/evil; rm -r code/esc
  echo link_then_dir >lie
  sync_now
  [ "$rc" -lt 2 ] || die "exit code $rc: $(tail -1 err)"
  [ -L code/esc ] || die "the link was not carried: the case shows nothing"
  : >lie
  sync_now; sync_now
  expect 0
  [ ! -e canary/evil ] || die "written through the link"
  [ -d code/esc ] && [ ! -L code/esc ] && [ -f code/esc/evil ] || die "the directory did not replace the link"
}

garbage() { # garbage SEED
  lying_twsync; trees
  in_sync
  user_edits
  touch lie
  outside >outside.before
  echo "$1" >seed
  echo garbage >lie
  timeout 60 "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$W/deploy" --json >out 2>err || rc=$?
  [ "${rc:-0}" -lt 124 ] && [ "${rc:-0}" != 4 ] || die "seed $1: exit code $rc: $(tail -1 err)"
  nothing_lost
  : >lie; echo 1 >seed
  sync_now; sync_now; sync_now
  nothing_lost
  outside >outside.after
  unchanged outside.before outside.after
}

for lie in dotdot absolute state_dir doubled range_unasked; do test_case "lie_$lie" told $lie "3"; done
# In a listing of everything a path that was made up is just a file that cannot be read.
test_case lie_unasked told unasked "0 1 3"
test_case lie_vanish_half told vanish_half "0 1"
test_case lie_vanish_all told vanish_all "1 5"
for lie in link_with_children huge_size becomes_directory wrong_digest failed_as_done version_path result_entry; do
  test_case "lie_$lie" told $lie "0 1 3"
done
for lie in unasked_result double_result; do test_case "lie_$lie" told $lie "3"; done
test_case lie_terminal_name told terminal_name "0 1 3"
for lie in epoch markers; do test_case "lie_$lie" told $lie "0 1 3 5"; done
test_case link_then_files_below_it written_through
for seed in $(seq "$rounds"); do test_case "garbage_$seed" garbage "$seed"; done
finish
