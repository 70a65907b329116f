#pragma once
// A batch on its way through the applier: begun, staged, flushed, visible, durable, reported.

#include <memory>
#include <unordered_set>
#include <vector>

#include "common/fs/stage_area.h"
#include "common/fs/unique_fd.h"
#include "common/wire/apply_messages.h"

namespace twsync {

/// One operation of it.
struct Item {
  const Operation* op = nullptr;
  OpResult result;              ///< code ok until something fails
  Staged staged;                ///< put_file: from the stager
  FileStat staged_stat;         ///< after its metadata was set
  Digest digest;                ///< of what was staged, or of what set_metadata read
  int64_t mtime_ns = 0;         ///< put_file: its source's
  bool same_content = false;    ///< put_file: what was sent is what stands there, so nothing is staged (R62)
  unsigned flush_failures = 0;  ///< Flusher::failures() when its staging began
  std::string reserved;         ///< id in the version store for what it displaces
  int64_t reserved_ns = 0;
  FileStat after;  ///< set_metadata and rename: right after the operation

  bool ok() const { return result.code == ErrorCode::ok; }
  /// The first failure counts.
  void fail(const Error& error) {
    if (!ok()) return;
    result.code = error.code == ErrorCode::ok ? ErrorCode::bug : error.code;
    result.message = error.message;
    result.sys_errno = error.sys_errno;
  }
};

/// R62: its content may turn out to be the one that stands there. Of a group all are staged: they come in together or
/// not at all.
inline bool may_be_same(const Operation& op) {
  return op.group == 0 && op.expected.is_file() && op.expected.links < 2 && op.expected.digest.known();
}

struct InFlight {
  Batch batch;
  std::vector<Item> items;   ///< as batch.operations
  std::vector<size_t> puts;  ///< items that content comes for, in order
  size_t next_put = 0;
  uint64_t wire_bytes = 0;

  // What must be flushed before the results go out.
  std::unordered_set<std::string> directories;  ///< relative paths
  std::vector<UniqueFd> inodes;
  bool store_touched = false;      ///< stage and version store directories
  bool directory_removed = false;  ///< its version is its line in the index alone
  bool whole_file_system = false;

  /// Takes a batch apart. Items with a path that must not be touched have failed already.
  static std::unique_ptr<InFlight> from(Batch batch);
  void fail_all(const Error& error) {
    for (Item& item : items) item.fail(error);
  }
};

}  // namespace twsync
