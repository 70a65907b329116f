#!/usr/bin/env bash
# Directories swapped for symlinks that lead outside, as fast as one core can, on both sides, while syncs scan, read,
# stage, swap, delete and set metadata there: nothing outside is read or written (I12). FLIP_SECONDS: how long (10).
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"
seconds=${FLIP_SECONDS:-10}
helpers=${TWSYNC_HELPERS:-$bin/../tests}
[ -x "$helpers/flipper" ] || { echo "no flipper in $helpers: build it, or set TWSYNC_HELPERS"; exit 2; }

# The same names below the canary as below the flipped directories: whatever goes astray meets something.
make_canary() {
  mkdir -p canary/sub canary/old
  local name
  for name in f1 f2 f3 sub/x old/y; do echo "canary secret" >"canary/$name"; chmod 600 "canary/$name"; done
}

side_tree() { # side_tree SIDE
  mkdir -p "$1"/{flip,deep/flip}/{sub,old} "$1/rest" "$W/outside"
  local name
  for name in f1 f2 f3 sub/x old/y; do echo "first $name of $1" | tee "$1/flip/$name" >"$1/deep/flip/$name"; done
  ln -s "$W/canary" "$1/flip-link"
  ln -s "$W/canary" "$W/outside/$1-link"
}

# Works in the directory itself, wherever its name is: `cd` is done once, before the flipping.
user_of() { # user_of DIR STOP-FILE
  local n=0
  cd "$1"
  echo x >>"$W/ready"
  # Syncs carry what the flipping looks like: whatever a user works on may be gone at any moment.
  set +e
  trap - ERR
  exec 2>/dev/null
  until [ -e "$2" ]; do
    n=$((n + 1))
    mkdir -p sub; echo "edit $n" >f1; echo "new $n" >"sub/n$((n % 5))"; chmod $((n % 2 ? 640 : 604)) f2
    rm -f f3; echo "back $n" >f3
    mv sub "moved$((n % 2))" && mv "moved$((n % 2))" sub
    rm -rf old; mkdir old; echo "old $n" >old/y
    sleep 0.03
  done
}

flipped() { # flipped [OPTION]...: until the flippers have ended, one sync after the other
  make_canary; side_tree code; side_tree deploy
  sync_now "$@"
  find canary -printf '%P|%y|%m|%U|%s|%T@|%C@|%i\n' | sort >before
  find canary -type f -exec sha256sum {} + | sort >>before
  : >ready
  local side users=() flippers=()
  for side in code deploy; do
    (user_of "$W/$side/flip" "$W/stop") & users+=($!)
    (user_of "$W/$side/deep/flip" "$W/stop") & users+=($!)
  done
  users_ready() { [ "$(wc -l <ready)" = 4 ]; }
  until_true 10 users_ready || die "the users did not begin"
  for side in code deploy; do
    "$helpers/flipper" "$seconds" "$side/flip" "$side/flip-link" "$side/deep/flip" "outside/$side-link" >"flips.$side" & flippers+=($!)
  done
  local runs=0 codes=
  while kill -0 "${flippers[@]}" 2>/dev/null; do
    sync_now "$@"
    [ "$rc" -lt 128 ] && [ "$rc" != 4 ] || die "exit code $rc: $(tail -1 err)"
    runs=$((runs + 1)); codes="$codes $rc"
  done
  wait "${flippers[@]}"
  touch stop; wait "${users[@]}"
  echo "$runs runs with exit codes$codes; $(cat flips.*) flips"
  [ "$(cat flips.code)" -gt 1000 ] && [ "$(cat flips.deploy)" -gt 1000 ] || die "hardly anything was flipped"
  [ $runs -gt 2 ] || die "hardly anything was synced"
  find canary -printf '%P|%y|%m|%U|%s|%T@|%C@|%i\n' | sort >after
  find canary -type f -exec sha256sum {} + | sort >>after
  unchanged before after
  [ -z "$(grep -rlF 'canary secret' code deploy | head -1)" ] || die "read from outside: $(grep -rlF 'canary secret' code deploy | head -1)"
  sync_now "$@"; sync_now "$@"; sync_now "$@"
  [ "$rc" -le 1 ] || [ "$rc" = 5 ] || die "no sync after the flipping: exit code $rc: $(tail -1 err)"
  if [ "$(summary in_sync)" = true ]; then equal_trees; else [ "$(summary parked)" != 0 ] || die "not in sync: $(tail -1 out)"; fi
}

flipped_over_ssh() { TARGET="$(id -un)@$server_address:$W/deploy"; flipped "${ssh_options[@]}"; }

# Everything that `twsync` keeps below a root, swapped for a look-alike outside while versions are listed and come back.
state_swapped() { # state_swapped [OPTION]...
  echo one >code/f; in_sync "$@"
  echo two >code/f; in_sync "$@"
  local side id flippers=() runs=0
  id=$(find deploy/.twsync/*/versions -name '????????????????-*' -printf '%f\n')
  for side in code deploy; do
    mkdir -p "outside/$side" links
    cp -r "$side"/.twsync/* "outside/$side/"
    for version in "outside/$side"/*/versions/????????????????-*; do [ ! -f "$version" ] || echo "canary secret" >"$version"; done
    ln -s "$W/outside/$side" "links/$side"
  done
  find outside -printf '%P|%y|%m|%U|%s|%T@|%C@|%i\n' | sort >before
  for side in code deploy; do
    "$helpers/flipper" "$seconds" "$side/.twsync" "links/$side" >"flips.$side" & flippers+=($!)
  done
  while kill -0 "${flippers[@]}" 2>/dev/null; do
    ts history f "$@"; [ "$rc" -lt 128 ] && [ "$rc" != 4 ] || die "history: exit code $rc: $(tail -1 err)"
    echo "edit $runs" >deploy/f
    ts restore f --version "$id" "$@"; echo "$rc $(tail -1 err)" >>codes; [ "$rc" -lt 128 ] || die "restore: exit code $rc: $(tail -1 err)"
    runs=$((runs + 1))
  done
  wait "${flippers[@]}"
  echo "$runs rounds; $(cat flips.*) flips"
  find outside -printf '%P|%y|%m|%U|%s|%T@|%C@|%i\n' | sort >after
  unchanged before after
  [ -z "$(grep -rlF 'canary secret' code deploy ./*.out | head -1)" ] || die "read from outside"
}

state_swapped_over_ssh() { TARGET="$(id -un)@$server_address:$W/deploy"; state_swapped "${ssh_options[@]}"; }

start_server 127.0.0.9
test_case both_sides_local flipped
test_case both_sides_over_ssh flipped_over_ssh
test_case state_swapped_local state_swapped
test_case state_swapped_over_ssh state_swapped_over_ssh
finish
