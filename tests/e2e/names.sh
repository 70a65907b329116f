#!/usr/bin/env bash
# Names and kinds of entries that break careless programs; what is skipped is said; no control byte reaches the terminal.
set -euo pipefail
. "$(dirname "$0")/../support/e2e_lib.sh"

hostile_names() { # one a NUL
  printf '%s\0' $'new\nline' $'esc\e[31mred\e]0;title\a' $'\xff\xfe bad utf-8' "$(head -c 255 /dev/zero | tr '\0' n)" '-rf' '--help' ' ' ' lead' 'trail ' \
    $'tab\there' '*' '?' '[a]' '$(touch pwned)' '`x`' "quote'\"" '\back\slash' '...' '.hidden' '~' '#x#' 'new-0123456789abcdef' 's-0123456789abcdef' \
    '4711' 'stage' 'versions' 'marker' 'lock' 'index' $'\x7f' $'\xc2\x9b31m' $'\xe2\x80\xaeexe.txt' 'äöü' $'a\xcc\x88' 'CON' 'x:y' 'user@host:path' 'a\nb' '%s%n' '!x'
}

make_names() { # make_names DIR CONTENT: a file of each name, a directory of each with one inside
  local name
  mkdir -p "$1/dirs"
  while IFS= read -r -d '' name; do
    printf '%s %s\n' "$2" "$name" >"$1/$name"
    mkdir "$1/dirs/$name"
    echo "$2" >"$1/dirs/$name/$name"
    ln -s -- "$name" "$1/dirs/$name/link"
  done < <(hostile_names)
}

count() { (cd "$1" && find . -path ./.twsync -prune -o -print0 | tr -cd '\0' | wc -c); }

names() {
  make_names code first
  mkdir -p code/below/.twsync/x; echo ordinary >code/below/.twsync/x/f
  local before; before=$(count code)
  in_sync; equal_trees
  [ "$(count deploy)" = "$before" ] || die "$(count deploy) entries instead of $before"
  [ "$(cat deploy/below/.twsync/x/f)" = ordinary ] || die ".twsync deeper in the tree was not synced"
  # Edit there, rename and delete here.
  local name
  while IFS= read -r -d '' name; do echo edited >>deploy/"$name"; done < <(hostile_names)
  mv code/dirs $'code/moved\n\e[1m'
  in_sync; equal_trees
  [ "$(grep -c edited code/-rf)" = 1 ] || die "the edit of -rf did not come back"
  while IFS= read -r -d '' name; do rm -- code/"$name"; done < <(hostile_names)
  in_sync; equal_trees
  [ ! -e pwned ] && [ ! -e code/pwned ] || die "a name was executed"
}

no_control_bytes() { # in anything printed for people, and JSON stays one object a line
  make_names code first
  in_sync
  local name
  while IFS= read -r -d '' name; do echo code >>code/"$name"; echo deploy longer >>deploy/"$name"; done < <(hostile_names)
  mkfifo $'code/fifo\e[2J'
  sync_now --policy manual; expect 1
  clean out
  ! grep -qv '^{.*}$' out || die "not one JSON object a line: $(grep -v '^{.*}$' out | head -1)"
  if command -v jq >/dev/null; then jq -e . out >/dev/null || die "not JSON"; fi
  local args
  for args in "sync $W/code $W/deploy --policy manual" "sync $W/code $W/deploy --policy manual --dry-run" "sync $W/code $W/deploy --dry-run" "conflicts" "conflicts --json" \
    "status" "sync $W/code $W/deploy"; do
    # shellcheck disable=SC2086
    ts $args
    [ $rc -le 1 ] || die "$args: exit code $rc: $(cat -v err)"
    clean out; clean err
  done
  ts history $'esc\e[31mred\e]0;title\a'; expect 0
  clean out; clean err
  ts restore $'no\e[31msuch'; clean err
  [ "$(wc -l <err)" = 1 ] || die "not one line: $(cat -v err)"
  find S -name '*.log' -exec cat {} + >logs
  clean logs
}
clean() { # no control byte but newline, no C1, no bidi override
  if LC_ALL=C grep -qaP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]' "$1"; then
    die "a raw control byte in $1: $(LC_ALL=C grep -aP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]' "$1" | head -1 | cat -v)"
  fi
}

deep() {
  local path=code n
  for n in $(seq 1 60); do path=$path/a-rather-long-directory-name-$n; done
  mkdir -p "$path"; echo deep >"$path/file"
  for n in $(seq 1 80); do echo "$n" >code/other$n; done  # so that the guard has nothing to say
  in_sync; equal_trees
  rm -r code/a-rather-long-directory-name-1
  in_sync; equal_trees
}

empty_directories() {
  mkdir -p code/e/{a,b/c/d} deploy/f/g
  in_sync; equal_trees
  [ -d deploy/e/b/c/d ] && [ -d code/f/g ] || die "an empty directory is missing"
  rm -r code/e/b
  in_sync
  [ ! -e deploy/e/b ] && [ -d deploy/e/a ] || die "the deletion did not arrive"
}

special_files() {
  echo a >code/a
  mkfifo code/fifo
  "$bin/twsync" --version >/dev/null
  if command -v python3 >/dev/null; then python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("code/socket")'; fi
  if [ "$(id -u)" = 0 ]; then mknod code/null c 1 3; fi
  sync_now
  [ "$(cat deploy/a)" = a ] || die "the rest did not flow"
  local name
  for name in fifo socket null; do
    [ ! -e code/$name ] || events skipped | grep -q "\"path\":\"$name\"" || die "$name is not reported: $(cat out)"
    [ ! -e deploy/$name ] || die "$name was made on the other side"
  done
  [ $rc -le 1 ] || die "exit code $rc"
  local first=$rc
  sync_now; [ $rc = $first ] || die "the next run ends with $rc instead of $first"
  # A FIFO in the way of a file is not replaced.
  mkfifo code/way; echo file >deploy/way
  sync_now; [ $rc -le 1 ] || die "exit code $rc"
  [ -p code/way ] && [ "$(cat deploy/way)" = file ] || die "the FIFO or the file went"
}

sparse() {
  truncate -s 200M code/sparse; printf data | dd of=code/sparse bs=1 seek=150000000 conv=notrunc status=none
  in_sync
  cmp code/sparse deploy/sparse || die "other bytes"
  [ "$(stat -c %b deploy/sparse)" -lt 4000 ] || die "the copy takes $(stat -c %b deploy/sparse) blocks"
}

modes() {
  mkdir code/{setgid,sticky,readonly,private}
  echo x >code/readonly/f; echo x >code/private/f; echo x >code/rofile; echo x >code/exec; echo x >code/none
  chmod 2775 code/setgid; chmod 1777 code/sticky; chmod 700 code/private; chmod 444 code/rofile; chmod 755 code/exec; chmod 000 code/none
  chmod 555 code/readonly
  sync_now; expect 0; equal_trees
  [ "$(stat -c %a deploy/readonly)" = 555 ] && [ "$(stat -c %a deploy/setgid)" = 2775 ] && [ "$(stat -c %a deploy/sticky)" = 1777 ] || die "directory modes"
  chmod 755 code/readonly; echo y >>code/readonly/f; chmod 555 code/readonly; chmod 644 code/rofile; echo y >>deploy/exec
  echo n >code/setgid/new
  in_sync; equal_trees
  [ "$(cat deploy/readonly/f)" = $'x\ny' ] || die "the edit in a read-only directory"
  [ "$(stat -c %a code/exec)" = 755 ] || die "an edit changed the mode"
  chmod -R u+w code/readonly; rm -r code/readonly
  in_sync; equal_trees
}

links() {
  mkdir code/d
  ln -s loop code/loop; ln -s two code/one; ln -s one code/two; ln -s . code/d/self; ln -s ../d code/d/up; ln -s /etc/passwd code/absolute
  ln -s ../../../../etc code/escape; ln -s missing code/dangling; ln -s "$(head -c 4000 /dev/zero | tr '\0' t)" code/longtarget; ln -s $'tar\nget\e' code/d/odd
  in_sync; equal_trees
  [ "$(readlink deploy/escape)" = ../../../../etc ] || die "the target was changed"
  # A directory that becomes a link to a directory outside: nothing may be written through it.
  mkdir outside code/sub; echo inside >code/sub/f
  in_sync
  rm -r deploy/sub; ln -s "$W/outside" deploy/sub; echo edited >>code/sub/f
  sync_now; [ $rc -le 1 ] || die "exit code $rc"
  [ -z "$(ls outside)" ] || die "written through the link: $(ls outside)"
}

hard_links() {
  echo shared >code/a; ln code/a code/b
  in_sync; equal_trees
  echo more >>code/a
  in_sync; equal_trees
  [ "$(cat deploy/b)" = $'shared\nmore' ] || die "the other name was not updated"
}

append_loop() { # files that change while they are read: never a mixture, the rest flows, and once quiet all agree
  local n
  for n in $(seq 1 40); do echo "still $n" >code/still$n; done
  head -c 3000000 /dev/urandom >code/log
  ( while [ ! -e stop ]; do echo "line" >>code/log; echo "v $RANDOM" >code/tmp~; mv code/tmp~ code/replaced; done ) &
  local writer=$!
  own "$writer"
  for n in 1 2 3; do
    sync_now; [ $rc -le 1 ] || die "exit code $rc: $(tail -1 out err)"
    [ -e deploy/still40 ] || die "the rest did not flow"
    if [ -e deploy/log ]; then cmp -n "$(stat -c %s deploy/log)" code/log deploy/log || die "a mixture"; fi
    if [ -e deploy/replaced ]; then grep -qx 'v [0-9]*' deploy/replaced || die "a part of a file"; fi
  done
  : >stop
  wait "$writer"
  in_sync; equal_trees
}

ignored() {
  mkdir -p code/{build,src/build,.git} deploy/keep
  echo x >code/build/x; echo x >code/src/build/x; echo x >code/.git/config; echo s >code/src/s; echo o >code/src/s.o; echo "*.o" >code/.twsyncignore
  in_sync --exclude /build
  [ ! -e deploy/build ] && [ ! -e deploy/.git ] && [ ! -e deploy/src/s.o ] || die "an ignored path was synced"
  [ -e deploy/src/build/x ] && [ -e deploy/.twsyncignore ] || die "too much was ignored"
  # A rule that begins to match deletes nothing.
  echo "s" >>code/.twsyncignore
  in_sync --exclude /build
  [ -e deploy/src/s ] && [ -e code/src/s ] || die "an ignore rule deleted a file"
}

special_names_there() { # what twsync itself keeps below the root is never taken for the tree
  echo a >code/a
  in_sync
  echo planted >code/.twsync/planted; mkdir -p deploy/.twsync/other/stage; echo planted >deploy/.twsync/other/stage/x
  in_sync
  [ ! -e deploy/.twsync/planted ] && [ ! -e code/.twsync/other ] || die ".twsync was synced"
}

odd_ignore_file() { # odd_ignore_file SIDE: what is no file holds no rules; what can't be read is no absence of rules
  told() { events skipped | grep -q "\"path\":\".twsyncignore\".*$1 side" || die "not told: $(cat out)"; }
  echo 1 >code/f
  ln -s elsewhere "$1/.twsyncignore"; sync_now; expect 0; told "$1"; [ "$(cat deploy/f)" = 1 ] || die "a link stops it"
  rm "$1/.twsyncignore"; mkdir "$1/.twsyncignore"; echo 2 >code/f; sync_now; expect 0; told "$1"; [ "$(cat deploy/f)" = 2 ] || die "a directory stops it"
  rmdir "$1/.twsyncignore"; in_sync; mkfifo "$1/.twsyncignore"; echo 3 >code/f; sync_now; told "$1"; [ "$(cat deploy/f)" = 3 ] || die "a FIFO stops it"
  rm "$1/.twsyncignore"; in_sync
  { echo '*.o'; head -c 1100000 /dev/zero | tr '\0' '#'; } >"$1/.twsyncignore"; echo 4 >"$1/x.o"
  sync_now; expect 5
  grep -q "in .twsyncignore cannot be read on the $1 side: the file is longer than 1 MiB" out err || die "$(tail -1 out) $(cat err)"
  echo '*.o' >"$1/.twsyncignore"; in_sync; [ ! -e deploy/x.o ] || [ ! -e code/x.o ] || die "synced by ignorance"
}

path_too_long() { # path_too_long SIDE: it is left out and told, the rest goes on
  (cd "$1" && name=$(printf 'd%.0s' $(seq 250)) && for _ in $(seq 280); do mkdir "$name"; cd "$name"; done)
  echo 1 >"$1/f"
  sync_now; expect 1
  [ "$(cat code/f)" = 1 ] && [ "$(cat deploy/f)" = 1 ] || die "the rest did not go on"
  events skipped | grep -q 'more than 65536 bytes' || die "not told: $(tail -1 out)"
  echo 2 >"$1/f"; sync_now; expect 1; [ "$(cat code/f)" = 2 ] && [ "$(cat deploy/f)" = 2 ] || die "the second time it did not go on"
  perl -e 'for my $s (@ARGV) { chdir $s or die; my $d = 0; while (chdir "d" x 250) { $d++ } while ($d--) { chdir ".."; rmdir "d" x 250 or last } chdir $ENV{W} }' "$W/code" "$W/deploy" || true
}

version_control() { # directories and files of these names stay where they are, at any depth, and status says so
  local name
  mkdir -p {code,deploy}/{work,gone}
  for name in .git .hg .svn .jj; do
    mkdir -p code/$name/hooks code/work/sub$name; echo "code $name" >code/$name/hooks/post-checkout; echo "gitdir: elsewhere" >code/work/sub$name/$name
    mkdir deploy/$name; echo "deploy $name" >deploy/$name/config
    echo "deploy gone" >deploy/gone/$name
  done
  echo source >code/work/main.c; echo kept >code/.gitignore
  (cd deploy && find . -path ./.twsync -prune -o \( -path '*/.git*' -o -path '*/.hg*' -o -path '*/.svn*' -o -path '*/.jj*' \) ! -name .gitignore -type f -print0 | sort -z | xargs -0 sha256sum) >deploy.before
  in_sync
  [ -d deploy/work/sub.git ] && [ ! -e deploy/work/sub.git/.git ] && [ ! -e deploy/.git/hooks ] && [ ! -e code/gone/.hg ] || die "version-control state was synced"
  cmp code/.gitignore deploy/.gitignore && cmp code/work/main.c deploy/work/main.c || die "the rest was not"
  # What is left alone also keeps its directory on the other side.
  rm -r code/gone code/work
  sync_now
  [ -d deploy/gone ] && [ "$(cat deploy/gone/.git)" = "deploy gone" ] || die "a directory with version-control state was removed"
  [ ! -e deploy/work ] || die "a directory without was not"
  (cd deploy && find . -path ./.twsync -prune -o \( -path '*/.git*' -o -path '*/.hg*' -o -path '*/.svn*' -o -path '*/.jj*' \) ! -name .gitignore -type f -print0 | sort -z | xargs -0 sha256sum) >deploy.after
  unchanged deploy.before deploy.after
  ts status; grep -q 'left alone.*: .git, .hg, .svn, .jj$' out || die "status does not say so: $(cat out)"
  ts status --json; grep -q '"exclude":\[".git",".hg",".svn",".jj"\]' out || die "status --json does not say so: $(cat out)"
}

test_case names names
test_case no_control_bytes no_control_bytes
test_case deep deep
test_case empty_directories empty_directories
test_case special_files special_files
test_case sparse sparse
test_case modes modes
test_case links links
test_case hard_links hard_links
test_case append_loop append_loop
test_case ignored ignored
test_case odd_ignore_file_code odd_ignore_file code
test_case odd_ignore_file_deploy odd_ignore_file deploy
test_case path_too_long_code path_too_long code
test_case path_too_long_deploy path_too_long deploy
test_case version_control version_control
test_case special_names_there special_names_there
finish
