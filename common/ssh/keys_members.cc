#include "common/ssh/keys_members.h"

#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "common/ssh/keys_login.h"
#include "common/ssh/keys_reverse.h"
#include "common/ssh/remote_files.h"

namespace twsync {

namespace {

constexpr const char* kNoMembers = "no-members";

std::string tag_of(const KeyOptions& options) {
  return options.tag + "/members";
}

/// $p, the ways of the members, and $d, this one. Nobody but root writes there, so that no link can stand in the way.
std::string places(const ReverseKeys& reverse) {
  return str("umask 077; p=", shell_word(reverse.members_place), "; d=\"$p/\"",
             shell_word(way_back_name(reverse.pair, reverse.code.host)), "\n");
}

/// Also $g; ends where there can be none.
std::string begin(const ReverseKeys& reverse) {
  return str(places(reverse), "g=", shell_word(reverse.members_group),
             "\nif [ \"$(id -u)\" != 0 ] || ! getent group \"$g\" >/dev/null; then echo ", kNoMembers,
             "; exit 0; fi\n");
}

std::string make_key(const ReverseKeys& reverse, const std::string& tag) {
  return str(begin(reverse), "mkdir -p \"$d\" && chmod a+x \"$(dirname \"$p\")\" && chgrp \"$g\" \"$p\" \"$d\" &&\n",
             "chmod 750 \"$p\" \"$d\" && cd \"$d\" && rm -f ", kWayBackKey, ".new ", kWayBackKey, ".new.pub &&\n",
             "ssh-keygen -q -t ed25519 -N '' -C ", shell_word(tag), " -f ", kWayBackKey, ".new </dev/null && cat ",
             kWayBackKey, ".new.pub\n");
}

/// The key last: without it the way does not exist. A file gets its group before its mode.
std::string put_in_place(const ReverseKeys& reverse) {
  const std::string files =
      str(kWayBackHosts, " ", kWayBackFile, " ", kWayBackKey, ".new ", kWayBackKey, ".new.pub ", kWayBackTurn);
  return str(begin(reverse), "w=", way_directory(reverse), "\ncd \"$d\" && cp \"$w/", kWayBackHosts, "\" \"$w/",
             kWayBackFile, "\" . && : >>", kWayBackTurn, " && chgrp \"$g\" ", files, " && chmod 640 ", files,
             " &&\nchmod 660 ", kWayBackTurn, " && mv -f ", kWayBackKey, ".new.pub ", kWayBackKey, ".pub && mv -f ",
             kWayBackKey, ".new ", kWayBackKey, "\n");
}

}  // namespace

Status share_with_members(SshSession& session, const KeyOptions& options) {
  const ReverseKeys& reverse = *options.reverse;
  if (reverse.members_command.empty()) return {};
  const std::string tag = tag_of(options);
  SYNC_ASSIGN(const std::string made, run_script(session, "making the members' key there", make_key(reverse, tag)));
  if (made.find(kNoMembers) != std::string::npos) return {};
  SYNC_ASSIGN(const std::string key, tagged_key(made, tag, session));
  SYNC_ASSIGN(const std::string line, authorized_line(reverse.members_command, key));
  const auto with_new = [&](const std::string& text) { return with_line(text, line); };
  const auto without_old = [&](const std::string& text) { return without_tagged(text, tag, line); };
  SYNC_TRY(edit_authorized(reverse.authorized_keys, with_new));
  SYNC_TRY(run_script(session, "putting the members' key in place there", put_in_place(reverse)));
  log_step(options, str("members of the group ", reverse.members_group, " there may publish and ask for the status"));
  return edit_authorized(reverse.authorized_keys, without_old);
}

Status remove_members(SshSession& session, const KeyOptions& options) {
  const ReverseKeys& reverse = *options.reverse;
  const std::string tag = tag_of(options);
  SYNC_TRY(
      edit_authorized(reverse.authorized_keys, [&](const std::string& text) { return without_tagged(text, tag, ""); }));
  // Also where the group is gone by now. A member's command that is just being run may put a file there meanwhile.
  const auto removed = run_script(session, "removing the members' key there",
                                  str(places(reverse), "[ \"$(id -u)\" = 0 ] || exit 0\n",
                                      "rm -rf \"$d\" || rm -rf \"$d\" || exit 1; rmdir \"$p\" 2>/dev/null; exit 0\n"));
  return removed ? Status() : Status(removed.error());
}

}  // namespace twsync
