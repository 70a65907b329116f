#include "workers/resolver/unclean.h"

#include <algorithm>
#include <string_view>

namespace twsync {

namespace {

bool differ(std::string_view a, std::string_view b) {
  return !a.empty() && !b.empty() && a != b;
}

/// Mount ids of different namespaces cannot be compared.
bool mounted_anew(const std::string& before, const std::string& now) {
  return differ(before, now) && before.substr(0, before.find(':')) == now.substr(0, now.find(':'));
}

const char* what_changed(const BaseMeta& base, Side side, const SideFacts& now) {
  const RootPlace& place = base.place(side);
  const bool same_boot = !now.boot_id.empty() && base.boot_id(side) == now.boot_id;
  if (base.root_inode(side) != 0 && base.root_inode(side) != now.root_inode) return "its root is another directory";
  if (differ(place.file_system_id, now.file_system_id)) return "its root lies on another file system";
  if (same_boot && place.device != 0 && place.device != now.root_device) return "its root lies on another device";
  // I15, as read here: a recorded clean close answers for a boot as well as for a mount. What was recorded is on both
  // disks then, and nobody can tell a power cut since from an ordinary reboot: with a doubt after each reboot, a file
  // that somebody had emptied on purpose between two runs (R104), or had written with its old time (R103), would be
  // undone. The price: what a program wrote between two runs without fsync, and a power cut emptied, goes on as an
  // edit; the good copy that it replaces is in the other side's version store.
  if (base.clean_close) return nullptr;
  if (differ(base.boot_id(side), now.boot_id)) return "its host was started anew";
  if (same_boot && mounted_anew(place.mount, now.mount)) return "its root was mounted anew";
  return nullptr;
}

}  // namespace

std::optional<UncleanStop> find_unclean_stop(const BaseMeta& base, Side side, const SideFacts& now) {
  const char* what = what_changed(base, side, now);
  if (what == nullptr) return std::nullopt;
  const bool rebooted = differ(base.boot_id(side), now.boot_id) && now.booted_ns != 0;
  const Doubt& before = base.recovery(side).doubt;
  Doubt doubt;
  doubt.active = true;
  doubt.fresh = true;
  doubt.after_round = before.active ? std::min(before.after_round, base.settled_round) : base.settled_round;
  doubt.up_to_round = base.round;
  doubt.stopped_before_ns = rebooted ? now.booted_ns : now.wall_ns;
  doubt.first_look_ns = now.wall_ns;
  return UncleanStop{what, doubt};
}

Doubt doubt_everything(const SideFacts& now) {
  return {true, true, 0, 0, now.wall_ns, now.wall_ns};
}

RootPlace place_of(const SideFacts& facts) {
  return {facts.root_device, facts.file_system_id, facts.mount};
}

}  // namespace twsync
