#!/usr/bin/env bash
# The Debian packages as cpack makes them: lintian has no errors, manual pages and completions are well-formed and tell
# what --help tells, and what belongs where is there. Installing them for real: compose/test.sh.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD_DIR:-$top/build}
case $build in /*) ;; *) build=$top/$build ;; esac
work=$(mktemp -d "${TMPDIR:-/tmp}/twsync-packages-XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL $* [line ${BASH_LINENO[0]}]"; exit 1; }
trap 'fail "stopped: $BASH_COMMAND"' ERR
prefix=/opt/sutazaiapp

cpack --config "$build/CPackConfig.cmake" -B "$work/packages" >"$work/cpack.log" 2>&1 || fail "cpack: $(tail -1 "$work/cpack.log")"
for package in twsync twsync-agent; do
  dpkg-deb -x "$work"/packages/${package}_*.deb "$work/$package"
  dpkg-deb -e "$work"/packages/${package}_*.deb "$work/$package.control"
done
lintian --fail-on error --tag-display-limit 0 --allow-root "$work"/packages/*.deb >"$work/lintian" 2>&1 || fail "lintian: $(grep '^[EW]:' "$work/lintian" | head -3)"
echo "ok lintian"

for file in usr/lib/systemd/system/{twsync-broker,sutazai-sync-monitor}.service usr/lib/sysusers.d/twsync.conf \
  usr/lib/systemd/system/twsync-cron.{service,timer} usr/lib/tmpfiles.d/twsync.conf etc/logrotate.d/twsync etc/cron.d/sutazai-sync usr/share/man/man1/twsync.1.gz \
  "${prefix#/}/share/twsync/sync_config.sh" "${prefix#/}/bin/twsync-broker"; do
  [ -s "$work/twsync/$file" ] || fail "not in the package: $file"
done
[ "$(readlink "$work/twsync/usr/bin/twsync")" = $prefix/bin/twsync ] || fail "/usr/bin/twsync"
[ -x "$work/twsync-agent$prefix/bin/twsync-agent" ] && [ ! -e "$work/twsync$prefix/bin/twsync-agent" ] || fail "the agent belongs to its own package"
grep -qx bin/twsync-agent "$work/twsync$prefix/share/twsync/installed-files" || fail "the agent would be synced"
[ ! -e "$work/twsync$prefix/scripts/config/sync_config.sh" ] && ! grep -q sync_config.sh "$work/twsync.control/conffiles" || fail "dpkg would ask about what twsync init writes"
if grep -v '^#' "$work/twsync/etc/logrotate.d/twsync" | grep -q 'sync/\|\*'; then fail "logrotate empties what twsync events reads, or what is rotated already"; fi
for script in postinst prerm postrm; do sh -n "$work/twsync.control/$script" && shellcheck -s sh "$work/twsync.control/$script"; done
find "$work/twsync$prefix/scripts" -name '*.sh' ! -path '*/config/*' -exec shellcheck {} + || fail "shellcheck"
if grep -rlE '@[A-Za-z_]+@' "$work/twsync/etc" "$work/twsync/usr/lib" "$work/twsync.control"; then fail "unreplaced names in the files above"; fi
[ "$(dpkg-deb -f "$work"/packages/twsync_*.deb Version)" = "$("$build/bin/twsync" --version | sed -n 's/^twsync \([^ ]*\).*/\1/p')" ] || fail "two versions"
echo "ok contents"

# postinst as on a server, below another prefix and without what it starts.
mkdir "$work/stubs"
for tool in systemd-sysusers systemd-tmpfiles systemctl; do ln -s /bin/true "$work/stubs/$tool"; done
sed "s|$prefix|$work/twsync$prefix|g" "$work/twsync.control/postinst" >"$work/postinst"
configured() { PATH=$work/stubs:$PATH sh "$work/postinst" configure "$@" >"$work/out" 2>&1 || fail "postinst: $(cat "$work/out")"; }
config=$work/twsync$prefix/scripts/config/sync_config.sh
configured
cmp "$config" "$work/twsync$prefix/share/twsync/sync_config.sh" && [ "$(stat -c %a "$config")" = 644 ] || fail "a first installation has no configuration"
echo "# written by twsync init" >>"$config"
configured 0.0.9
grep -q '^# written by' "$config" || fail "an upgrade replaced the configuration"
echo "ok the configuration is written once"

manual=$build/manual-pages
for page in "$manual"/*.[15]; do
  warnings=$(MANROFFSEQ='' MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 "$page" 2>&1 >"$work/page")
  [ -z "$warnings" ] || fail "man --warnings $(basename "$page"): $warnings"
done
bash -n "$manual/twsync.bash"
if command -v fish >/dev/null; then fish -n "$manual/twsync.fish"; fi
if command -v zsh >/dev/null; then zsh -n "$manual/_twsync"; fi
# completes WORD...: what bash offers for the last word
completes() {
  bash -c '. "$1"; shift; COMP_WORDS=(twsync "$@"); COMP_CWORD=$#; _twsync; printf "%s\n" "${COMPREPLY[@]}"' - "$manual/twsync.bash" "$@"
}
completes st | grep -qx status || fail "no completion of a command"
completes sync --to-d | grep -qx -- --to-deploy || fail "no completion of an option"
completes keys ex | grep -qx exchange || fail "no completion of a second word"
completes resolve x --take d | grep -qx deploy || fail "no completion of a value"
completes --config "$config" st | grep -qx status || fail "no completion of a command behind an option's value"
completes --policy c | grep -qx code-server || fail "no completion of a policy"
completes --config "$config" keys ex | grep -qx exchange || fail "no completion of a second word behind an option's value"
for word in $("$build/bin/twsync" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
  grep -q "twsync $word" "$manual/twsync.1" || fail "the manual does not know $word"
done
for variable in $(grep -oh 'TWSYNC_[A-Z_]*' "$top/producers/observer/event_commands.cc" | sort -u); do
  man -l -Tutf8 "$manual/twsync-config.5" 2>/dev/null | grep -q "$variable" || fail "the manual does not know $variable"
done
tr '\n' ' ' <"$manual/twsync.1" | grep -qF 'of \fBstatus\fR: a pair is stale' || fail "the manual tells something else of status"
echo "ok manual and completions"
