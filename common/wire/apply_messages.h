#pragma once
// What a batch is and what came of it: shared by transfer worker, agent and applier (PROTOCOL.md, "Bulk").

#include <cstdint>
#include <string>
#include <vector>

#include "common/wire/model_codec.h"

namespace twsync {

/// A file that may hold what an operation puts: by the base it stands on the target, or the batch puts it before. What
/// is really there shows when it was copied: a wrong one costs bytes.
struct Twin {
  uint32_t op = 0;   ///< a put_file of the batch
  std::string path;  ///< below the target's root
  Digest digest;     ///< by the base; unknown: of what the sender sent for that path in this batch
  template <class F>
  void fields(F&& f) {
    f(op, path, digest);
  }
};

/// Asks what is there of a file that is about to be put.
struct PartialQuery {
  uint32_t op = 0;
  std::string path;
  template <class F>
  void fields(F&& f) {
    f(op, path);
  }
};

/// What arrived of a file whose transfer was cut, as the side says that has it. The sender compares with its own bytes:
/// a wrong one costs bytes.
struct Partial {
  uint32_t op = 0;   ///< a put_file
  std::string list;  ///< its chunks (format_chunks() in common/fs/chunk_store.h)
  template <class F>
  void fields(F&& f) {
    f(op, list);
  }
};

/// Operations that travel and become durable together; all on one side, all of one stage.
struct Batch {
  uint64_t id = 0;
  uint64_t epoch = 0;  ///< controller epoch: an applier refuses one older than its root's marker
  uint64_t cycle = 0;
  Side side = Side::code;
  bool ordered = false;  ///< apply strictly in order (structure, directory removal, directory metadata)
  int64_t scanned_ns =
      0;  ///< target host's clock when the expected entries were scanned (20 ms rule); 0 = not in this cycle
  std::vector<Operation> operations;
  uint64_t room_bytes = UINT64_MAX;  ///< on the target's file system as far as known: what is larger isn't sent
  std::vector<Twin> twins = {};
  std::vector<Partial> partials = {};  ///< on the target; from a transfer worker to the sender
  template <class F>
  void fields(F&& f) {
    f(id, epoch, cycle, side, ordered, scanned_ns, operations, room_bytes, twins, partials);
  }
};

/// How the message begins of an operation that only failed with another one of its group.
constexpr std::string_view kGoesTogether = "not done, as it goes together with ";

/// What came of one operation.
struct OpResult {
  uint32_t id = 0;
  ErrorCode code = ErrorCode::ok;  ///< stale = hint the path and plan again; exists = directory kept, not empty
  std::string message;             ///< for people, when not ok
  int32_t sys_errno = 0;
  Entry target;          ///< what stands at `path` on the applied side now (with stamp and digest); kind none = nothing
  Entry source;          ///< put_file only: what the source side sent (stamp from fstat before = after reading)
  std::string version;   ///< id in the version store of the displaced entry; empty = nothing displaced
  uint64_t bytes = 0;    ///< content bytes carried
  bool apart = false;    ///< link: the file system refused it, so a copy stands there; `message` says why
  uint64_t resumed = 0;  ///< of `bytes`, those that stood there from a transfer that was cut
  template <class F>
  void fields(F&& f) {
    f(id, code, message, sys_errno, target, source, version, bytes, apart, resumed);
  }
};

struct BatchResult {
  uint64_t batch = 0;
  bool last = true;  ///< more results of this batch follow when false
  std::vector<OpResult> results;
  uint64_t wire_bytes = 0;  ///< compressed bytes that travelled
  template <class F>
  void fields(F&& f) {
    f(batch, last, results, wire_bytes);
  }
};

/// How content of a batch travels: a sequence of these in ContentBlock payloads, for each put_file of the batch in
/// order: Begin, Data*, End. Raw little-endian, packed back to back, may straddle block boundaries
/// (PROTOCOL.md, "Content stream").

}  // namespace twsync
