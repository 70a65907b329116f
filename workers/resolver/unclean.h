#pragma once
// Did a side stop without a clean close (I15)? Pure.

#include <optional>
#include <string>

#include "common/store/base_store.h"
#include "common/wire/agent_messages.h"

namespace twsync {

/// A side stopped uncleanly since the base was written: its host booted anew or its root was mounted anew without a
/// recorded clean close, or the root lies on another file system or has another inode, closed or not.
struct UncleanStop {
  std::string what;  ///< for people: "its boot id changed"
  Doubt doubt;
};
std::optional<UncleanStop> find_unclean_stop(const BaseMeta& base, Side side, const SideFacts& now);

/// Of a base that was lost nobody knows how the sides stopped.
Doubt doubt_everything(const SideFacts& now);

RootPlace place_of(const SideFacts& facts);

}  // namespace twsync
