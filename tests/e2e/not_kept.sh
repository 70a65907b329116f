#!/usr/bin/env bash
# What the other side cannot keep as it is: told once, counted by status as long as it is so, and no reason to write
# again and again.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

config() { printf '%s\n' "CODE_PATH=$W/code" "DEPLOY_PATH=$W/deploy" "$@" >"$W/conf.sh"; chmod 600 "$W/conf.sh"; }
needs_root() { [ "$(id -u)" = 0 ] || { echo "SKIPPED: needs root"; exit 0; }; }
# mounted_on DIR MOUNT-ARGUMENT...: a file system of its own there, until the case ends.
mounted_on() {
  needs_root
  local dir=$1; shift
  mount "$@" "$dir"
  echo "$dir" >>"$W.mounts"
  # shellcheck disable=SC2064
  trap "tac '$W.mounts' | xargs -d '\n' -n 1 umount -l" EXIT
}
attribute() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())' "$@"; }
value_of() { python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], sys.argv[2]).decode())' "$@"; }
counted() { # counted WHAT NUMBER
  ts status --json
  grep -q "\"$1\":$2[,}]" out || die "status counts another number of $1 than $2: $(grep -o '"unkept":{[^}]*}' out)"
}
told_once() { # told_once WHAT PATTERN OPTION...: after the run that met it
  local what=$1 pattern=$2; shift 2
  events skipped | grep -q "$pattern" || die "not told: $(cat out)"
  counted "$what" 1
  ts conflicts; grep -q "not kept.*deploy" out || die "not listed: $(cat out)"
  sync_now "$@"; expect 0
  ! events skipped | grep -q . || die "told again: $(events skipped)"
  [ "$(summary operations)" = 0 ] || die "written again: $(events operation)"
  [ "$(summary in_sync)" = true ] || die "not in sync: $(tail -1 out)"
}

special_files() {
  echo x >code/a; mkfifo code/pipe
  sync_now; expect 0
  events skipped | grep -q pipe || die "$(cat out)"
  counted special 1
  ts status; grep -q 'not kept' out || die "$(cat out)"
  rm code/pipe; in_sync
  counted special 0
}

setuid() {
  echo x >code/a; chmod 4755 code/a
  sync_now; expect 0
  [ "$(stat -c %a deploy/a)" = 755 ] || die "$(stat -c %a deploy/a)"
  told_once mode '"path":"a".*mode 4755'
  echo y >code/a; chmod 4755 code/a; sync_now; expect 0
  ! events skipped | grep -q . || die "told again after an edit: $(events skipped)"
  chmod 0755 code/a; in_sync
  counted mode 0
}

refused_attributes() { # a file system without attributes at all
  mounted_on "$W/deploy" -t ramfs ramfs
  config PRESERVE_XATTRS=yes
  echo x >code/a; attribute code/a user.a one
  sync_now --config "$W/conf.sh"; expect 0
  [ "$(cat deploy/a)" = x ] || die "the content is not there"
  told_once xattrs '"path":"a".*attributes' --config "$W/conf.sh"
  python3 -c 'import os; os.removexattr("code/a", "user.a")'; sync_now --config "$W/conf.sh"; expect 0
  counted xattrs 0
}

too_large_attribute() { # one that this file system has no room for: the others are kept
  mounted_on "$W/code" -t tmpfs tmpfs
  truncate -s 32M image; mkfs.ext4 -q -F image
  mounted_on "$W/deploy" -o loop "$W/image"
  rmdir deploy/lost+found
  config PRESERVE_XATTRS=yes
  echo x >code/a
  attribute code/a user.large "$(head -c 20000 /dev/zero | tr '\0' l)"
  attribute code/a user.small s
  sync_now --config "$W/conf.sh"; expect 0
  [ "$(value_of deploy/a user.small)" = s ] || die "the small one is not there"
  told_once xattrs '"path":"a".*attributes' --config "$W/conf.sh"
  [ "$(value_of code/a user.large | wc -c)" = 20001 ] || die "it came back as a deletion"
}

coarse_times() { # inodes that hold whole seconds
  needs_root
  truncate -s 32M image; mkfs.ext4 -q -F -I 128 image 2>/dev/null
  mounted_on "$W/deploy" -o loop "$W/image"
  rmdir deploy/lost+found
  echo x >code/a; touch -d '2024-01-02 03:04:05.678' code/a
  sync_now; expect 0
  told_once time '"path":"a".*time'
  [ "$(stat -c %.3Y code/a)" = "$(date -d '2024-01-02 03:04:05.678' +%s.678)" ] || die "the time came back rounded"
}

far_time() { # one that no number here holds
  echo x >code/a; touch -d '2300-01-02 03:04:05' code/a
  [ "$(date -d "@$(stat -c %Y code/a)" +%Y)" = 2300 ] || { echo "SKIPPED: this file system has no such time"; exit 0; }
  sync_now; expect 0
  [ "$(date -d "@$(stat -c %Y deploy/a)" +%Y)" = 2262 ] || die "it arrived as $(stat -c %y deploy/a)"
  told_once time '"path":"a".*time'
  [ "$(date -d "@$(stat -c %Y code/a)" +%Y)" = 2300 ] || die "it came back"
  echo theirs >deploy/a; echo ours >code/a; touch -d '2300-01-02 03:04:05' deploy/a
  in_sync
  [ "$(cat deploy/a)" = ours ] || die "an implausible time won"
  counted time 0
}

unknown_owner() { # a name that only the code server knows
  needs_root
  if ! unshare --mount true 2>/dev/null; then echo "SKIPPED: needs mounts"; exit 0; fi
  grep -v '^games:' /etc/passwd >passwd
  TARGET="root@127.0.0.9:$W/deploy"
  local port=23990
  while (exec 3<>"/dev/tcp/127.0.0.9/$port") 2>/dev/null; do port=$((port + 1)); done
  unshare --mount --propagation private bash -ec "mount --bind '$W/passwd' /etc/passwd; bash '$support/sshd.sh' start '$W/server' 127.0.0.9 $port"
  # shellcheck disable=SC2064
  trap "bash '$support/sshd.sh' stop '$W/server'" EXIT
  local ssh=(--ssh-port "$port" --ssh-key "$W/server/client_key" --known-hosts "$W/server/known_hosts")
  echo x >code/a; chown games:root code/a
  sync_now "${ssh[@]}"; expect 0
  told_once owner '"path":"a".*owner games:root' "${ssh[@]}"
  [ "$(stat -c %U code/a)" = games ] || die "the owner changed at home"
}

test_case special_files special_files
test_case setuid setuid
test_case refused_attributes refused_attributes
test_case too_large_attribute too_large_attribute
test_case coarse_times coarse_times
test_case far_time far_time
test_case unknown_owner unknown_owner
finish
