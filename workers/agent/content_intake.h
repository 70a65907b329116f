#pragma once
// Feeds one Applier from the frames of a bulk session: the same on either side.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "common/base/clock.h"
#include "common/fs/applier.h"
#include "common/ssh/connection.h"

namespace twsync {

/// begin(), content(), end() and abort() belong to one thread. An error they return ends the session: the stream is out
/// of step, possibly since a batch before. What goes wrong with a file or a batch is told through its results, which
/// come for everything begun; so drain() before the session goes.
class ContentIntake {
 public:
  /// The applier's thread; pieces of a batch until `last`, batches in order.
  using Results = std::function<void(uint32_t stream, BatchResult result)>;

  static Result<std::unique_ptr<ContentIntake>> open(const RootOptions& options, Clock& clock, Results results);
  ~ContentIntake();  ///< abandons what is not finished, joins the applier's threads

  /// REQUIRES: no batch is open (ended() is true).
  Status begin(uint32_t stream, Batch batch);
  Status content(uint32_t stream, std::string block);
  /// `payload` of the content_end frame: whether the sender as a whole got to the end.
  Status end(uint32_t stream, std::string_view payload);
  bool ended() const { return !open_; }
  /// The session is over: the open batch keeps what arrived whole, the rest of its files fail with `error`.
  void abort(const Error& error);
  /// Waits until everything begun was reported. REQUIRES: no batch is open.
  Status drain() { return applier_->drain(); }
  /// Any thread; see Applier.
  std::vector<Partial> partials(const std::vector<PartialQuery>& files, bool& busy) {
    return applier_->partials(files, busy);
  }

 private:
  struct Applying {
    uint32_t stream = 0;
    uint64_t batch = 0;
  };
  explicit ContentIntake(Results results) : results_(std::move(results)) {}
  void on_results(BatchResult result);

  const Results results_;
  bool open_ = false;
  uint32_t stream_ = 0;
  std::mutex mutex_;
  std::deque<Applying> applying_;     // guarded by mutex_: in the order of begin(), which is the order of results
  std::unique_ptr<Applier> applier_;  // last: its thread uses the rest
};

}  // namespace twsync
