#include "producers/cli/parked_commands.h"

#include "common/base/text.h"

namespace twsync {

namespace {

Error usage(std::string message) {
  return Error{ErrorCode::usage, std::move(message), {}, 0};
}

}  // namespace

std::string parked_commands(const PairConfig& pair, const ParkedRecord& record) {
  const std::string what = str(" ", record.id, " --pair ", pair.name);
  const bool can_be_refused = record.reason == ParkedReason::mass_deletion;
  return str("twsync approve", what, can_be_refused ? str(" | twsync reject", what) : "");
}

Status check_verb(const std::string& verb, const PairConfig& pair, const ParkedRecord& record) {
  const std::string commands = parked_commands(pair, record);
  if (verb == "resolve" && record.reason != ParkedReason::manual_conflict)
    return usage(str("this is no conflict: ", commands));
  if (verb != "reject" || record.reason == ParkedReason::mass_deletion) return {};
  // As long as nobody approves it, nothing happens: that is all that refusing it could mean.
  if (record.reason == ParkedReason::root_identity)
    return usage(
        str("nothing was changed, so there is nothing to reject: mend the root and it goes on by itself, or "
            "if it is right as it is: ",
            commands));
  return usage("only parked deletions can be rejected; this item is tried again by itself");
}

}  // namespace twsync
