#!/usr/bin/env bash
# Every kind of inode with every kind of metadata, both ways over sshd, judged by find, getfattr and getfacl alone: what
# differs afterwards is only what was reported.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

[ "$(id -u)" = 0 ] || { echo "SKIPPED: owners, devices and capabilities need root"; exit 0; }
for tool in setfacl getfacl setfattr getfattr strace python3; do command -v $tool >/dev/null || { echo "$tool is needed (tests/install.sh)"; exit 2; }; done
start_server 127.0.0.7

# No directory mtimes: they are no difference.
stat_facts() { find . -path ./.twsync -prune -o ! -path . \( -type d -printf '%P\0d %m %U:%G\n\0' -o -type l -printf '%P\0l %U:%G %T@ -> %l\n\0' \
  -o -type f -printf '%P\0f %m %U:%G %T@ %s\n\0' -o -printf '%P\0%y\n\0' \); }
link_facts() { find . -path ./.twsync -prune -o -type f -links +1 -printf '%i %P\n' | sort | awk '{if (!($1 in first)) first[$1] = $2; print $2, "=", first[$1]}' | sort; }
contents() { find . -path ./.twsync -prune -o -type f -print0 | sort -z | xargs -0r sha256sum -z -- | tr '\0' '\n'; }
attributes() { find . -path ./.twsync -prune -o ! -type l -print0 | sort -z | xargs -0r sh -c 'getfattr -h -d -m - -e hex -- "$@"; getfacl -n -p -s -- "$@"' sh | { grep -v '^# file: \./*$' || true; }; }

facts() { (cd "$1" && stat_facts | sort -z | tr '\0' '\n' && link_facts && contents && attributes); } # what is to be the same on both sides
same_facts() {
  facts code >facts.code; facts deploy >facts.deploy
  cmp -s facts.code facts.deploy || die "differs: $(diff facts.code facts.deploy | cat -v | head -6 | tr '\n' ' ')"
  [ "$(wc -l <facts.code)" -gt 20 ] || die "hardly anything was compared"
}
directory_times() { (cd "$1" && find . -path ./.twsync -prune -o -type d ! -path . -printf '%P %T@\n' | sort); }

carried() {
  ts --config "$W/conf" sync "$W/code" "root@$server_address:$W/deploy" "${ssh_options[@]}" --json
  expect 0; [ "$(summary in_sync)" = true ] || die "not in sync: $(tail -1 out)"
}
quiet() { carried; [ "$(summary operations)" = 0 ] || die "not quiet: $(operations | head -3)"; }
configure() { printf '%s\n' "PRESERVE_OWNER=yes" "PRESERVE_XATTRS=yes" >conf; }

every_kind() { # every_kind DIR
  local d=$1 mode
  mkdir -p "$d/dirs/a/b" "$d/dirs/"{setgid,sticky,both,private,acl,times}
  chmod 2775 "$d/dirs/setgid"; chmod 1777 "$d/dirs/sticky"; chmod 3770 "$d/dirs/both"; chmod 700 "$d/dirs/private"
  echo inherits >"$d/dirs/setgid/f"
  for mode in 000 400 444 600 640 664 755 2755 1644 777; do echo $mode >"$d/mode-$mode"; chmod $mode "$d/mode-$mode"; done
  : >"$d/empty"
  head -c 3000000 /dev/urandom >"$d/large"
  echo owned >"$d/owner-number"; chown 12345:54321 "$d/owner-number"
  echo owned >"$d/owner-name"; chown daemon:bin "$d/owner-name"; chown daemon:bin "$d/dirs/a"
  ln -s nowhere "$d/link-dangling"; ln -s /etc/passwd "$d/link-absolute"; ln -s dirs/a "$d/link-to-directory"; ln -s $'odd\n\e[1m' "$d/link-odd"
  chown -h 12345:54321 "$d/link-dangling"
  touch -h -d '2001-02-03 04:05:06.000000007' "$d/link-dangling"
  echo t >"$d/time-ns"; touch -d '2024-05-06 07:08:09.123456789' "$d/time-ns"
  echo t >"$d/time-before-1970"; touch -d '1950-01-02 03:04:05.5' "$d/time-before-1970"
  echo t >"$d/time-far"; touch -d '2100-01-02 03:04:05.5' "$d/time-far"
  echo x >"$d/xattr"; setfattr -n user.text -v value "$d/xattr"; setfattr -n user.bytes -v 0x00ff0a1b "$d/xattr"; setfattr -n user.none "$d/xattr"
  setfattr -n user.big -v "$(head -c 3000 /dev/zero | tr '\0' v)" "$d/xattr"; setfattr -n user.on-a-directory -v 1 "$d/dirs/a/b"
  echo x >"$d/capability"; setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 "$d/capability"
  echo x >"$d/acl"; setfacl -m u:12345:rw,g:54321:r,m::rw "$d/acl"; chmod 640 "$d/dirs/acl"; setfacl -m u:daemon:rwx,d:u:daemon:rx,d:g::- "$d/dirs/acl"
  mkdir "$d/dirs/acl/below"; echo inherits >"$d/dirs/acl/below/f"
  echo one >"$d/group-1"; ln "$d/group-1" "$d/dirs/a/group-2"; ln "$d/group-1" "$d/dirs/setgid/group-3"; setfattr -n user.of -v group "$d/group-1"
  echo two >"$d/pair-1"; ln "$d/pair-1" "$d/pair-2"
}

kinds() { # each made on one side
  configure
  mkdir code/c deploy/d
  every_kind code/c; every_kind deploy/d
  carried; same_facts
  [ "$(directory_times code)" = "$(directory_times deploy)" ] || die "times of directories: $(diff <(directory_times code) <(directory_times deploy) | head -4 | tr '\n' ' ')"
  quiet
  # The metadata alone, each changed on the side that didn't make it, and what was there taken away.
  local side of f
  for side in code deploy; do
    of=$side/d; [ $side = code ] || of=$side/c
    chmod 1750 $of/dirs/a; chmod 600 $of/mode-777; chmod 2700 $of/mode-000; chown 0:0 $of/owner-name; chown 777:888 $of/dirs/sticky
    setfattr -x user.text $of/xattr; setfattr -n user.new -v 0x00 $of/xattr; setfattr -n user.new -v 1 $of/empty; setfattr -x security.capability $of/capability
    setfacl -b $of/acl; setfacl -m u:1:r $of/large; setfacl -k $of/dirs/acl; setfacl -d -m u:2:rwx $of/dirs/setgid
    touch -d '1999-01-01 00:00:00.000000001' $of/mode-640; touch -h -d '1999-01-01 00:00:00.000000002' $of/link-odd; chown -h 5:6 $of/link-absolute
    chmod 604 $of/dirs/a/group-2; setfattr -n user.of -v names $of/dirs/setgid/group-3; rm $of/pair-1; ln $of/group-1 $of/group-4
  done
  carried; same_facts
  ! events operation | grep -q put-file || die "content was sent: $(events operation | grep put-file | head -2)"
  quiet
  # Everything moves, contents change under the metadata.
  for f in code/d deploy/c; do mv "$f" "$f-moved"; echo more >>"$f-moved/xattr"; echo more >>"$f-moved/mode-2755"; echo more >>"$f-moved/group-4"; done
  carried; same_facts; quiet
}

setuid() { # is not carried, and that is said once
  configure
  echo x >code/tool; chmod 4755 code/tool; echo x >code/plain
  carried
  [ "$(stat -c %a deploy/tool)" = 755 ] || die "setuid was carried: $(stat -c %a deploy/tool)"
  [ "$(stat -c %a code/tool)" = 4755 ] || die "the source was changed"
  events skipped | grep '"path":"tool"' | grep -q 4755 || die "not reported: $(cat out)"
  ! events skipped | grep -q plain || die "too much is reported"
  quiet
  ! events skipped | grep -q tool || die "reported again"
}

setuid_asked_for() { # is carried with its owner, as an edit of either side, and then all is quiet
  configure; echo PRESERVE_SETUID=yes >>conf
  echo x >code/tool; chown daemon:bin code/tool; chmod 6755 code/tool
  echo x >deploy/other; chmod 4711 deploy/other
  carried
  [ "$(stat -c '%a %U' deploy/tool)" = "6755 daemon" ] || die "not carried: $(stat -c '%a %U' deploy/tool)"
  [ "$(stat -c %a code/other)" = 4711 ] || die "not carried back: $(stat -c %a code/other)"
  ! events skipped | grep -q . || die "reported: $(events skipped)"
  quiet
  echo more >>code/tool; chmod 4750 code/tool; chmod u-s deploy/other
  carried
  [ "$(stat -c %a deploy/tool)" = 4750 ] && [ "$(stat -c %a code/other)" = 711 ] || die "the edit: $(stat -c %a deploy/tool code/other)"
  quiet
  echo PRESERVE_OWNER=no >>conf
  echo x >code/owned-by-nobody-known; chmod 4755 code/owned-by-nobody-known
  carried
  [ "$(stat -c %a deploy/owned-by-nobody-known)" = 755 ] || die "carried without its owner"
  events skipped | grep -q owned-by-nobody-known || die "not reported"
  quiet
}

specials() { # are listed, never opened, on neither side
  configure
  local side n
  for side in code deploy; do
    mkdir $side/$side
    for n in 1 2; do
      mkfifo $side/$side/fifo-$n; mknod $side/$side/null-$n c 1 3; mknod $side/$side/block-$n b 7 250
      python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $side/$side/socket-$n
    done
    echo f >$side/$side/f; ln -s null-1 $side/$side/link
  done
  strace -qq -f -y -o trace.server -e trace=open,openat,openat2,creat -p "$(cat "$tmp/server/sshd.pid")" & own $!
  local tracer=$!
  until_true 10 grep -q "^TracerPid:.$tracer" "/proc/$(cat "$tmp/server/sshd.pid")/status" || die "strace did not attach"
  rc=0
  strace -qq -f -o trace.client -e trace=open,openat,openat2,creat "$bin/twsync" --state-dir "$W/S" --config "$W/conf" sync "$W/code" "root@$server_address:$W/deploy" "${ssh_options[@]}" --json >out 2>err || rc=$?
  kill $tracer; wait $tracer 2>/dev/null || true
  expect 0
  local opened
  opened=$(cat trace.client trace.server | grep -E '(fifo|null|block|socket)-[12]"' | grep -v O_PATH || true)
  [ -z "$opened" ] || die "opened: $(head -2 <<<"$opened")"
  grep -q '"f"' trace.client && grep -q '"f"' trace.server || die "the trace shows nothing"
  for side in code deploy; do
    for n in fifo-1 fifo-2 null-1 null-2 block-1 block-2 socket-1 socket-2; do
      events skipped | grep -q "\"path\":\"$side/$n\"" || die "$side/$n is not listed"
    done
  done
  [ "$(summary skipped)" = 16 ] || die "$(summary skipped) skipped"
  [ ! -e deploy/code/fifo-1 ] && [ ! -e code/deploy/null-1 ] && cmp code/code/f deploy/code/f && [ -L deploy/code/link ] || die "not as it should be"
}

sparse() { # holes stay holes, both ways, also after an edit
  configure
  truncate -s 200M code/hole
  truncate -s 300M deploy/data; printf middle | dd of=deploy/data bs=1 seek=150000000 conv=notrunc status=none; printf end | dd of=deploy/data bs=1 seek=299000000 conv=notrunc status=none
  few_blocks() { local f; for f in code/hole code/data deploy/hole deploy/data; do [ "$(stat -c %b $f)" -le 1024 ] || die "$f takes $(stat -c %b $f) blocks"; done; }
  carried; same_size; few_blocks
  printf more | dd of=deploy/hole bs=1 seek=100000000 conv=notrunc status=none; printf more | dd of=code/data bs=1 seek=1 conv=notrunc status=none
  carried; same_size; few_blocks
  cmp code/hole deploy/hole && cmp code/data deploy/data || die "the contents differ"
  quiet
}
same_size() { [ "$(stat -c %s code/hole code/data)" = "$(stat -c %s deploy/hole deploy/data)" ] || die "sizes differ"; }

bytes_names() { # one a NUL
  printf '%s\0' $'new\nline' $'\e[31mred' $'\xff\xfe\x80' "$(head -c 255 /dev/zero | tr '\0' n)" "$(head -c 85 /dev/zero | sed 's/\x0/€/g')" -rf -- --help \
    $'caf\xc3\xa9' $'cafe\xcc\x81' 4711 new-0123456789abcdef s-0123456789abcdef 4711.1 copy-0123456789abcdef stage marker lock index $'\x01' $'\x7f' ' ' '\' '*'
}

names() { # as bytes, on files, directories and links, and our own stage names
  configure
  local side name inode
  for side in code deploy; do
    mkdir $side/$side
    while IFS= read -r -d '' name; do
      printf '%s' "$name" >"$side/$side/$name"; mkdir -p "$side/$side-dirs/$name"; echo below >"$side/$side-dirs/$name/$name"; ln -s -- "$name" "$side/$side-dirs/$name/link"
    done < <(bytes_names)
    # A name that is its own inode number is how a staged entry is known.
    echo own >$side/$side/x; inode=$(stat -c %i $side/$side/x); mv $side/$side/x "$side/$side/$inode"; ln "$side/$side/$inode" "$side/$side/$inode.1"
  done
  carried; same_facts; quiet
  while IFS= read -r -d '' name; do echo edited >>"code/deploy/$name"; mv -- "deploy/code-dirs/$name/$name" "deploy/code-dirs/$name/moved"; done < <(bytes_names)
  carried; same_facts; quiet
}

deep() { # paths beyond PATH_MAX
  configure
  python3 - <<'PY'
import os
for side in ("code", "deploy"):
    here = os.open(side, os.O_RDONLY)
    for n in range(30):
        name = "deep-" + side if n == 0 else "d" * 200
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        with os.fdopen(os.open("f", os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=below), "w") as f: f.write("%s %d" % (side, n))
        os.symlink("f", "link", dir_fd=below)
        os.close(here); here = below
    os.close(here)
PY
  # shellcheck disable=SC2016
  read_deepest() { python3 -c 'import os, sys
here = os.open(sys.argv[1], os.O_RDONLY)
for n in range(30): here = os.open("deep-" + sys.argv[2] if n == 0 else "d" * 200, os.O_RDONLY, dir_fd=here)
if len(sys.argv) > 3: os.write(os.open("f", os.O_WRONLY | os.O_TRUNC, dir_fd=here), sys.argv[3].encode())
print(os.fdopen(os.open("f", os.O_RDONLY, dir_fd=here)).read())' "$@"; }
  deep_facts() { (cd "$1" && stat_facts | sort -z | tr '\0' '\n'); }
  both_deep() { [ "$(deep_facts code)" = "$(deep_facts deploy)" ] || die "differs"; [ "$(deep_facts code | awk '{print length($0)}' | sort -n | tail -1)" -gt 5000 ] || die "not deep"; }
  carried; both_deep
  [ "$(read_deepest deploy code)" = "code 29" ] && [ "$(read_deepest code deploy)" = "deploy 29" ] || die "the deepest file"
  quiet
  read_deepest deploy code edited >/dev/null
  carried; both_deep
  [ "$(read_deepest code code)" = edited ] || die "the edit of the deepest file"
  rm -r code/deep-deploy
  carried
  [ ! -e deploy/deep-deploy ] && [ "$(summary operations)" = 90 ] || die "$(summary operations) operations"
  quiet
}

test_case kinds kinds
test_case setuid setuid
test_case setuid_asked_for setuid_asked_for
test_case specials specials
test_case sparse sparse
test_case names names
test_case deep deep
finish
