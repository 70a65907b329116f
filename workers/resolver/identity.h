#pragma once
// Root identity (DESIGN.md section 7): may this controller work on these two roots, and how. Pure.

#include <string>

#include "common/store/base_store.h"
#include "common/wire/agent_messages.h"

namespace twsync {

struct IdentityDecision {
  enum class Action : uint8_t {
    proceed,      ///< markers and base belong together
    union_merge,  ///< the base says nothing (new, lost or old): its rows go, nothing is deleted (I4)
    stop          ///< a root was replaced, emptied or rolled back: a person decides (`approve`)
  };
  Action action = Action::stop;
  std::string pair_id;     ///< empty with union_merge = make a new one
  uint64_t epoch = 0;      ///< to be claimed
  Side side = Side::code;  ///< stop: which root
  std::string reason;      ///< for people. stop: what is wrong and what to do; union_merge: why the base says nothing
};

/// `rehome`: a person approved a stop: go on by union merge.
IdentityDecision decide_identity(const BaseMeta& base, const SideFacts& code, const SideFacts& deploy, bool rehome);

}  // namespace twsync
