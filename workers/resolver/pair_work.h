#pragma once
// What the resolver keeps of one pair between cycles.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/app/pair_config.h"
#include "common/base/clock.h"
#include "common/core/guard.h"
#include "common/store/base_store.h"
#include "common/wire/apply_messages.h"
#include "common/wire/messages.h"
#include "workers/resolver/flush_rounds.h"
#include "workers/resolver/pending.h"
#include "workers/resolver/task_client.h"
#include "workers/scanner/scan_task.h"

namespace twsync {

/// What is known of both sides' version stores and of the room beside them, and when they are looked after.
struct StoreWatch {
  int64_t tended_ns = 0;     ///< wall clock; 0 = never
  int64_t next_look_ns = 0;  ///< wall clock: something waits for its second look; 0 = nothing
  uint64_t displaced = 0;    ///< versions since then
  bool wants_room = false;   ///< something is parked because it does not fit
  StoreFacts facts[2];       ///< by side, as of tended_ns
};

struct PairWork {
  PairConfig config;
  std::unique_ptr<BaseStore> base;
  BaseMeta meta;
  OpenDone sides;  ///< facts of the last open
  PendingTree pending;
  DeletionWindow deletions;
  StoreWatch stores;
  std::set<std::string>
      kept[2];                 ///< directories a removal left standing (something ignored or mounted below): told once
  bool opened = false;         ///< both sides claimed under meta.epoch
  bool pending_known = false;  ///< a whole scan since open: pending is complete
  /// Nothing in that scan or later ones was unreadable and the broker was there all along: what changed since has been
  /// hinted, as far as the watches reach.
  bool hints_complete = false;
  std::set<std::string> special[2];     ///< not synced because of their kind, as of the last look; bounded by the scan
  std::set<std::string> unreadable[2];  ///< in units, as of the last look
  bool decisions_under_way = true;      ///< the base may have some of a run that was cut off
  bool special_news = false;            ///< the base does not hold them so yet
  std::set<std::string> unkept[2];      ///< paths of which the base says that the side cannot keep some metadata
  std::set<std::string> uncopied;       ///< files whose twin (Batch::twins) was not what it should be: they travel
  uint64_t cycle = 0;
  int64_t epoch_raised_ns = 0;  ///< steady
  FlushRounds rounds;
  Doubt doubt[2];  ///< of each side, as of the last open

  bool preserve_owner() const {
    return config.preserve_owner == 1 || (config.preserve_owner < 0 && sides.code.uid == 0 && sides.deploy.uid == 0);
  }
};

struct AppliedOperation {
  const Operation& operation;
  const OpResult& result;
  std::string rule;  ///< of the conflict that it decides; empty = of none
};

/// What a cycle needs from around it. Everything here outlives the cycle.
struct CycleServices {
  TaskClient& tasks;
  Clock& clock;
  std::function<void(Event)> emit;  ///< to the requester and all subscribers
  std::function<bool()> stop;
  /// The operations of a batch that were carried out; empty = nobody wants to know.
  std::function<void(const std::vector<AppliedOperation>&)> applied = {};
};

}  // namespace twsync
