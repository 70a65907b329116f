# shellcheck shell=bash disable=SC2154,SC2034
# Sourced after e2e_lib.sh: a line to the suite's sshd that counts, slows and cuts (tcp_proxy).

helpers=${TWSYNC_HELPERS:-$bin/../tests}
[ -x "$helpers/tcp_proxy" ] || { echo "no tcp_proxy in $helpers: build it, or set TWSYNC_HELPERS"; exit 2; }

# start_line_server ADDRESS: start_server, and `line_options` for what goes through the line.
start_line_server() {
  start_server "$1"
  line_port=$((server_port + 1000))
  printf '[%s]:%s %s\n' "$server_address" $line_port "$(cut -d' ' -f2- "$tmp/server/known_hosts")" >>"$tmp/server/known_hosts"
  line_options=(--ssh-port "$line_port" "${ssh_options[@]:2}")
}

# the_line [OPTION]...: in the case's directory, until end_line or the end of this shell, whose pipe is its input.
the_line() {
  rm -f line.in; mkfifo line.in
  "$helpers/tcp_proxy" "$server_address:$line_port" "$server_address:$server_port" "$@" <line.in >line.out 2>line.err &
  line=$!
  own $line
  exec 9>line.in
  until_true 20 grep -qs ready line.out || die "$(cat line.err)"
}
# end_line: what it carried, in `up` and `down`.
end_line() {
  exec 9>&-
  wait $line || die "the line: $(cat line.err)"
  read -r up down < <(tail -1 line.out)
}
