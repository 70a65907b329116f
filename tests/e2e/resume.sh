#!/usr/bin/env bash
# Large transfers over a real sshd that are cut half way, both ways: by the line, by the death of the agent, of twsync
# itself, and by a stop. The next run sends the rest, as the bytes on the line say, and the file is exact.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"
. "$(dirname "$0")/../support/line_lib.sh"

size=$((${RESUME_MIB:-256} << 20))
half=$((size / 2)) most=$((size * 6 / 10))
start_line_server 127.0.0.9

over_ssh() { # a pair whose agent is installed, with nothing large yet
  TARGET=$(id -un)@$server_address:$W/deploy
  rm -rf "$tmp/server/home/.local"
  echo small >code/small
  the_line
  in_sync "${line_options[@]}"
  end_line
}
large() { head -c "$size" /dev/urandom >"$1/big"; touch -d '2024-03-01 10:00' "$1/big"; }

partial_file() { find "$1"/.twsync/*/partial -type f ! -name '*.list' 2>/dev/null; }
half_there() { local file; file=$(partial_file "$1") && [ -n "$file" ] && [ "$(stat -c %s "$file" 2>/dev/null || echo 0)" -ge $half ]; }
nothing_left() { [ -z "$(find ./*/.twsync/*/partial ./*/.twsync/*/stage ! -type d)" ] || die "something is left: $(find ./*/.twsync/*/partial)"; }

# rest_is_sent FROM TO [REQUEST]: one more run, which sends less than 60 % and says that it went on; unless the request
# of the one before, which never heard an answer, is carried out first: of that this one's caller hears nothing.
rest_is_sent() {
  [ ! -e "$2/big" ] || die "a part of it is visible"
  [ -n "$(partial_file "$2")" ] || die "nothing was kept"
  [ "$(stat -c %a "$(partial_file "$2")" "$(dirname "$(partial_file "$2")")" | tr '\n' ' ')" = "600 700 " ] || die "others may read it"
  the_line
  rc=0; "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$TARGET" "${line_options[@]}" >text 2>&1 || rc=$?
  [ $rc = 0 ] || die "exit code $rc: $(tail -2 text)"
  end_line
  local carried=$up; [ "$1" = code ] || carried=$down
  echo "of $size bytes the second run sent $carried"
  [ "$carried" -lt $most ] || die "$carried bytes were sent again"
  [ -n "${3:-}" ] || grep -q 'big: .*went on: [0-9]* of '"$size" text || die "it does not say that it went on: $(cat text)"
  cmp "$1/big" "$2/big" || die "not the same content"
  nothing_left
}

line_cut() { # line_cut FROM TO
  over_ssh; large "$1"
  the_line --cut-after $((half + (4 << 20))) --cut-once
  sync_now "${line_options[@]}"
  end_line
  [ "$rc" != 0 ] || [ -e "$2/big" ] || die "exit code 0 without the file"
  if [ "$rc" = 0 ]; then # it tried again by itself
    echo "of $size bytes $up + $down were sent in all"
    [ $((up + down)) -lt $((size * 12 / 10)) ] || die "$((up + down)) bytes in all"
    cmp "$1/big" "$2/big"; nothing_left
    return
  fi
  rest_is_sent "$1" "$2"
}

# begin FROM TO: a run in the background that has carried half of the file; its process in `run`.
begin() {
  over_ssh; large "$1"
  the_line --bandwidth $((size / 4))
  "$bin/twsync" --state-dir "$W/S" sync "$W/code" "$TARGET" "${line_options[@]}" >first 2>&1 &
  run=$!
  own $run
  until_true 60 half_there "$2" || die "never half way: $(cat first)"
}

# Agents of this suite's own sshd.
agents() {
  local exe
  for exe in /proc/[0-9]*/exe; do
    case "$(readlink "$exe" 2>/dev/null || true)" in "$tmp"/server/home/*twsync-agent*) echo "${exe//[!0-9]/}" ;; esac
  done
}

# One that was listed may have ended meanwhile.
kill_agents() {
  # shellcheck disable=SC2046
  kill -9 $(agents) 2>/dev/null
}

killed_agent() {
  begin code deploy
  until_true 10 kill_agents || die "there is no agent to kill"
  rc=0; wait $run || rc=$?
  end_line
  [ $rc != 0 ] || { cmp code/big deploy/big; nothing_left; return; }
  rest_is_sent code deploy
}

killed_worker() {
  begin deploy code
  kill -9 $run
  wait $run 2>/dev/null || true
  end_line
  rest_is_sent deploy code killed
}

stopped() { # stopped FROM TO
  begin "$1" "$2"
  kill -TERM $run
  wait $run || true
  end_line
  rest_is_sent "$1" "$2" stopped
}

changed_source() {
  begin code deploy
  kill -9 $run
  wait $run 2>/dev/null || true
  end_line
  head -c 1000000 /dev/urandom | dd of=code/big bs=1000000 seek=5 conv=notrunc status=none
  { head -c $((half + half / 2)) code/big; printf inserted; tail -c $((half / 2)) code/big; } >new; mv new code/big
  size=$((size + 8))
  rest_is_sent code deploy killed
}

damaged() {
  begin code deploy
  kill -9 $run
  wait $run 2>/dev/null || true
  end_line
  until_true 30 test -z "$(agents)" || die "the agents outlive their client"
  printf 'damage' | dd of="$(partial_file deploy)" bs=1 seek=5000000 conv=notrunc status=none
  rest_is_sent code deploy killed
}

test_case line_cut_to_deploy line_cut code deploy
test_case line_cut_to_code line_cut deploy code
test_case killed_agent killed_agent
test_case killed_worker killed_worker
test_case stopped_to_deploy stopped code deploy
test_case stopped_to_code stopped deploy code
test_case changed_source changed_source
test_case damaged damaged
finish
