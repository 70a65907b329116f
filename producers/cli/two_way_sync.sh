#!/bin/sh
# Two-way synchronisation by hand or from cron: a thin wrapper of `twsync sync`.
#   two_way_sync.sh [--to-deploy|--to-code] [--dry-run] [--from-cron] [any option of twsync sync]
prefix=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 2
exec "$prefix/bin/twsync" sync "$@"
