#pragma once
// What the resolver asks of a transfer worker: body of a task for the service "transfer" (PROTOCOL.md, "Tasks").
// task_done carries an encoded BatchResult: one OpResult for each operation, `last` set. task_failed carries an Error:
// nothing is known of what was applied, plan again from fresh scans.

#include <string>

#include "common/wire/apply_messages.h"

namespace twsync {

constexpr std::string_view kTransferService = "transfer";

struct TransferTask {
  std::string pair_id;
  HashKey hash_key{};
  bool preserve_owner = false;  ///< decided by the resolver once both sides are known
  bool preserve_xattrs = false;
  Batch batch;  ///< batch.side is where it is applied
  bool preserve_setuid = false;
  template <class F>
  void fields(F&& f) {
    f(pair_id, hash_key, preserve_owner, preserve_xattrs, batch, preserve_setuid);
  }
};

/// task_data of a transfer, at most five a second and without credit: for people, and lost without harm.
struct TransferProgress {
  uint64_t wire_bytes = 0;  ///< that this batch has carried so far
  template <class F>
  void fields(F&& f) {
    f(wire_bytes);
  }
};

}  // namespace twsync
