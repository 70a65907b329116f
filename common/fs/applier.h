#pragma once
// Reading content out of one root (Sender) and applying batches to the other (Applier). Used alike by the transfer
// worker for the code side and by the bulk agent for the deploy side.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hasher.h"
#include "common/wire/apply_messages.h"

namespace twsync {

struct RootOptions {
  std::string root;     ///< absolute
  std::string pair_id;  ///< names <root>/.twsync/<pair_id>
  Side side = Side::code;
  HashKey hash_key{};
  bool preserve_owner = false;
  bool preserve_xattrs = false;
  bool preserve_setuid = false;  ///< only where `preserve_owner` is
};

/// Reads the files of a batch's put_file operations from `root` and emits the content stream (PROTOCOL.md, "Content
/// stream") in compressed blocks of at most 256 KiB raw. One thread at a time; blocks in read and in `emit`.
/// A file that cannot be read, or that keeps changing while it is read, is sent as a failed item: the rest goes on
/// (I13).
class Sender {
 public:
  using Emit = std::function<Status(std::string block)>;
  static Result<std::unique_ptr<Sender>> open(const RootOptions& options);
  /// Reads from an open directory (borrowed for the call) instead of `options.root`, and makes nothing in it: every
  /// file travels whole.
  static Result<std::unique_ptr<Sender>> open_at(int dir_fd, const RootOptions& options);
  virtual ~Sender() = default;
  virtual Status send(const Batch& batch, const Emit& emit) = 0;
};

/// Applies batches to a root: stage, flush in groups, I7 into place, directories durable, results. Pipelined: begin()
/// and content() of the next batch may be called while the last one is being flushed; results arrive in batch order on
/// an internal thread.
/// Crash: a file is the old or the new one; stage/ is cleaned by the next open(); displaced versions are in the store's
/// index before they are displaced.
class Applier {
 public:
  using Results = std::function<void(BatchResult)>;
  /// Cleans stage/ (foreign inodes go to the version store). `results` is called from the applier's own thread.
  static Result<std::unique_ptr<Applier>> open(const RootOptions& options, Clock& clock, Results results);
  virtual ~Applier() = default;  ///< abandons what was not finished; joins the threads
  /// A batch begins; its content blocks follow, then end(). Blocks when too much is in flight.
  virtual Status begin(Batch batch) = 0;
  virtual Status content(std::string block) = 0;
  virtual Status end() = 0;
  /// The sender died: put_files not yet complete fail with unreachable; what is whole is still applied.
  virtual void abort_content(const Error& error) = 0;
  /// Waits until the results of everything begun were reported.
  virtual Status drain() = 0;
  /// What stands here of files whose transfer was cut: a sender that is told need not send it again
  /// (`Batch::partials`). At most 4 MiB together. Any thread; `busy` is set where another session still has one.
  virtual std::vector<Partial> partials(const std::vector<PartialQuery>& files, bool& busy) = 0;
};

/// The files of a batch of which something may stand on the target.
std::vector<PartialQuery> partial_queries(const Batch& batch);

}  // namespace twsync
