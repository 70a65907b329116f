#!/bin/bash
# The agent needs nothing but libc (and libm, which belongs to it) of glibc 2.36 or older.
set -euo pipefail
agent=$1 sanitize=${2:-}
[ -z "$sanitize" ] || { echo "a sanitized agent links its runtime: not checked"; exit 0; }
needed=$(objdump -p "$agent" | awk '$1 == "NEEDED" { print $2 }')
for lib in $needed; do
  case $lib in
    libc.so.6|libm.so.6|ld-linux*) ;;
    *) echo "twsync-agent needs $lib"; exit 1 ;;
  esac
done
newest=$(objdump -T "$agent" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)
if [ "$(printf '%s\nGLIBC_2.36\n' "$newest" | sort -V | tail -1)" != GLIBC_2.36 ]; then
  echo "twsync-agent needs $newest"
  exit 1
fi
echo "needs: $needed, $newest"
