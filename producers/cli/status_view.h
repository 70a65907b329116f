#pragma once
// What `twsync status` shows: values, and their text for people and programs (JSON.md). Pure.

#include <map>
#include <string>
#include <vector>

#include "common/app/pair_config.h"
#include "common/store/base_store.h"
#include "common/wire/messages.h"

namespace twsync {

/// A pair as the broker, or without one its base, describes it.
struct PairView {
  PairConfig config;
  PairStatus status;
  bool served = false;
  bool stale = false;
  uint64_t entries = 0, open_conflicts = 0, parked = 0;
  Recovery recovery[2];
  std::map<Unkept, uint64_t> unkept;
  uint64_t bytes_per_second = 0;  ///< of what runs; known after a second look
};

struct View {
  bool service = false;
  std::string service_error;
  StatusReply reply;
  std::vector<PairView> pairs;
  bool stale = false;
};

/// Lines for people; `now_ns` is the wall clock.
std::string view_text(const View& view, int64_t now_ns, bool colours);
/// One line.
std::string view_json(const View& view);

}  // namespace twsync
