#pragma once
// One operation of a group on its way in: executor_group.cc, and executor_group_directories.cc for directories.

#include "common/fs/executor.h"

namespace twsync {

struct Executor::Member {
  enum class State { waiting, placed, swapped, removed, taken, kept };
  Item* item = nullptr;
  Staged staged;
  Displacement what;
  State state = State::waiting;

  const Operation& op() const { return *item->op; }
};

}  // namespace twsync
