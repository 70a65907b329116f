#!/usr/bin/env bash
# change_tree.sh DIR SEED COUNT: makes about COUNT changes below DIR, the same for the same seed and tree: edits, appends,
# creates, deletes, renames of files and directories, mode changes, symlinks, files that become directories and back.
# Paths whose SHA-256 is even are left to the other side when PARITY=odd (and the reverse), so that two sides that are
# changed at once seldom touch the same path.
set -euo pipefail
cd "$1"
seed=$2 count=$3 parity=${PARITY:-any}

# A reproducible stream of random bytes for shuf.
stream() { openssl enc -aes-128-ctr -pass "pass:$seed-$1" -nosalt -pbkdf2 </dev/zero 2>/dev/null; }

mine() {
  if [ "$parity" = any ]; then cat; return; fi
  awk -v want="$parity" 'function h(s,  i,v){v=0; for(i=1;i<=length(s);i++) v=(v*31+index("abcdefghijklmnopqrstuvwxyz0123456789./_-ABCDEFGHIJKLMNOPQRSTUVWXYZ+",substr(s,i,1)))%65521; return v}
    { n=split($0,p,"/"); k=h(p[2] "/" p[3]); if ((k%2==0)==(want=="even")) print }'
}

pick() { # pick KIND N TAG
  find . -path ./.twsync -prune -o -type "$1" -print | LC_ALL=C sort | grep -v '[^A-Za-z0-9./_+-]' | mine |
    shuf -n "$2" --random-source=<(stream "$3") || true
}

share=$((count / 10 + 1))
pick f $((share * 3)) edit | while read -r f; do printf 'edited by %s\n' "$seed" >>"$f"; done
pick f "$share" replace | while read -r f; do printf 'replaced by %s in %s\n' "$seed" "$f" >"$f.tmp~" && mv "$f.tmp~" "$f"; done
pick f "$share" delete | while read -r f; do rm -f "$f"; done
pick d "$share" create | while read -r d; do printf 'new from %s\n' "$seed" >"$d/new-$seed.txt"; done
pick f "$share" rename | while read -r f; do mv "$f" "$f-renamed-$seed"; done
pick f "$share" mode | while read -r f; do chmod 0755 "$f"; done
pick d $((share / 4 + 1)) link | while read -r d; do ln -sfn "../target-$seed" "$d/link-$seed"; done
pick d $((share / 20 + 1)) newdir | while read -r d; do mkdir -p "$d/dir-$seed/deep/er" && echo "$seed" >"$d/dir-$seed/deep/er/file"; done
pick f $((share / 10 + 1)) todir | while read -r f; do rm -f "$f" && mkdir "$f" && echo "$seed" >"$f/inside"; done
find . -path ./.twsync -prune -o -mindepth 3 -type d -print | LC_ALL=C sort | grep -v '[^A-Za-z0-9./_+-]' | mine |
  shuf -n $((share / 20 + 2)) --random-source=<(stream dirs) | while read -r d; do [ -d "$d" ] && mv "$d" "$d-moved-$seed"; done || true
