# shellcheck shell=bash disable=SC2154
# Sourced by vs_peers.sh: one tool after another. A tool NAME is
#   NAME_has            succeeds when it can be measured here
#   NAME_does WORK      succeeds when it takes part in that work
#   NAME_run TARGET     brings $source to TARGET on the server (the timed part; the caller flushes)
# Given: $source, $work (scratch), $server_user, $server_address, $line_port, $ssh (words of the client's command line).
# Every tool leaves /.twsync of the source alone, preserves modes, owners, mtimes in ns and links, and deletes what is gone.

twsync_has() { [ -x "$bin/twsync" ] && [ -x "$bin/twsync-agent" ]; }
twsync_does() { true; }
twsync_run() {
  "$bin/twsync" sync "$source" "$server_user@$server_address:$1" --state-dir "$1.state" --ssh-port "$line_port" \
    --ssh-key "$work/server/client_key" --known-hosts "$work/server/known_hosts" --quiet
}

rsync_has() { command -v rsync >/dev/null; }
rsync_does() { true; }
rsync_run() { rsync -a --delete --exclude=/.twsync -e "${ssh[*]}" "$source/" "$server_user@$server_address:$1/"; }

# pax headers: the default format cuts mtimes to seconds.
tar_has() { command -v tar >/dev/null; }
tar_does() { [ "$1" = first ]; }
tar_run() {
  tar -C "$source" --format=posix --exclude=./.twsync -cf - . | "${ssh[@]}" "$server_user@$server_address" "tar -C '$1' -xpf -"
}

unison_has() { command -v unison >/dev/null; }
unison_does() { true; }
unison_run() {
  UNISON="$1.state" unison "$source" "ssh://$server_user@$server_address/$1" -batch -silent -times -owner -group -perms -1 \
    -ignore 'Path .twsync' -sshargs "${ssh[*]:1}"
}
