#!/bin/sh
# Makes SSH keys for both directions and puts them in place on both servers: a thin wrapper of `twsync keys exchange`.
# Run again, it makes new keys and replaces the old ones.
#   ssh_key_exchange.sh [--accept-fingerprint SHA256:...] [any option of twsync keys exchange]
prefix=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 2
exec "$prefix/bin/twsync" keys exchange "$@"
