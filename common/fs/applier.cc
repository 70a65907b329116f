#include "common/fs/applier.h"

#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>

#include "common/base/spare_blocks.h"
#include "common/fs/executor.h"
#include "common/fs/flusher.h"
#include "common/fs/partial_store.h"
#include "common/fs/stager.h"

namespace twsync {

namespace {

constexpr size_t kQueuedBytes = 8U << 20U;  // content handed in and not yet staged
constexpr size_t kStagedBatches = 4;        // staged and not yet made visible
constexpr auto kNextBatchWait = std::chrono::milliseconds(50);

// Raised to what is allowed; returns how many descriptors staged files may hold.
size_t raise_descriptor_limit() {
  struct rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 128;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  return std::min<size_t>(static_cast<size_t>(limit.rlim_cur) / 2, 8192);
}

struct BatchEnd {};
using Input = std::variant<std::unique_ptr<InFlight>, std::string, BatchEnd, Error>;

// Two threads: one stages what comes in, the other flushes, makes visible and reports. begin(), content() and end()
// only put into a bounded queue.
class RootApplier final : public Applier {
 public:
  RootApplier(const RootOptions& options, Clock&, Results results, std::unique_ptr<RootDir> root, StateDir state,
              std::unique_ptr<VersionStore> store)
      : options_(options),
        results_(std::move(results)),
        root_(std::move(root)),
        state_(std::move(state)),
        store_(std::move(store)),
        reader_(metadata_options(), owners_, root_->device()),
        metadata_(metadata_options(), owners_),
        max_open_(raise_descriptor_limit()) {}

  Status start() {
    SYNC_ASSIGN(stage_, StageArea::open(state_, *store_));
    SYNC_ASSIGN(flusher_, Flusher::open(*root_, state_));
    stager_thread_ = std::thread([this] { run_stager(); });
    finisher_thread_ = std::thread([this] { run_finisher(); });
    return {};
  }

  ~RootApplier() override {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    if (stager_thread_.joinable()) stager_thread_.join();
    if (finisher_thread_.joinable()) finisher_thread_.join();
  }

  Status begin(Batch batch) override {
    if (batch.side != options_.side) return Error{ErrorCode::peer_violation, "a batch for the other side", {}, 0};
    auto flight = InFlight::from(std::move(batch));
    std::lock_guard lock(mutex_);
    if (violation_) return *violation_;
    if (open_) return Error{ErrorCode::peer_violation, "a batch within a batch", {}, 0};
    open_ = true;
    ++unreported_;
    input_.emplace_back(std::move(flight));
    changed_.notify_all();
    return {};
  }

  Status content(std::string block) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stop_ || violation_ || queued_bytes_ < kQueuedBytes; });
    if (violation_) return *violation_;
    if (!open_) return Error{ErrorCode::peer_violation, "content outside of a batch", {}, 0};
    queued_bytes_ += block.size();
    input_.emplace_back(std::move(block));
    changed_.notify_all();
    return {};
  }

  Status end() override { return close(BatchEnd{}); }
  void abort_content(const Error& error) override { (void)close(error); }

  Status drain() override {
    std::unique_lock lock(mutex_);
    if (open_) return Error{ErrorCode::bug, "drain within a batch", {}, 0};
    changed_.wait(lock, [&] { return stop_ || unreported_ == 0; });
    return violation_ ? Status(*violation_) : Status{};
  }

  std::vector<Partial> partials(const std::vector<PartialQuery>& files, bool& busy) override {
    return PartialStore(state_.partial(), options_.hash_key).announce(files, busy);
  }

 private:
  MetadataOptions metadata_options() const {
    return {options_.preserve_owner, options_.preserve_xattrs, options_.preserve_setuid};
  }

  Status close(Input how) {
    std::lock_guard lock(mutex_);
    if (open_) input_.push_back(std::move(how));  // after a violation the stager may have closed the batch already
    open_ = false;
    changed_.notify_all();
    return violation_ ? Status(*violation_) : Status{};
  }

  void run_stager() {
    std::unique_ptr<InFlight> flight;  // outlives the stager, which may still write to its files
    Stager stager(*root_, state_, *stage_, metadata_, options_.hash_key, open_files_, max_open_,
                  [this] { return flusher_->failures(); });
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stop_ || !input_.empty(); });
      if (stop_) return;
      Input input = std::move(input_.front());
      input_.pop_front();
      if (const auto* block = std::get_if<std::string>(&input)) {
        queued_bytes_ -= block->size();
        changed_.notify_all();
      }
      lock.unlock();
      const bool closed = stage(stager, flight, input);
      if (auto* block = std::get_if<std::string>(&input)) SpareBlocks::shared().give(std::move(*block));
      lock.lock();
      if (!closed) continue;
      changed_.wait(lock, [&] { return stop_ || staged_.size() < kStagedBatches; });
      if (stop_) return;
      staged_.push_back(std::move(flight));
      --staging_;
      changed_.notify_all();
    }
  }

  // Takes one input in; true when it closed the batch.
  bool stage(Stager& stager, std::unique_ptr<InFlight>& flight, Input& input) {
    if (auto* begun = std::get_if<std::unique_ptr<InFlight>>(&input)) {
      flight = std::move(*begun);
      ++staging_;
      stager.begin(*flight);
      return false;
    }
    if (!flight) return false;  // what follows a violation
    Status status;
    if (const auto* block = std::get_if<std::string>(&input)) {
      status = stager.block(*block);
      if (status.ok()) return false;
    } else if (const auto* error = std::get_if<Error>(&input)) {
      stager.abort(*error);
    } else {
      status = stager.end();
    }
    if (!status.ok()) refuse(stager, status.error());
    return true;
  }

  // The stream is out of step: what is whole is still applied, nothing more is taken.
  void refuse(Stager& stager, const Error& error) {
    stager.abort(error);
    std::lock_guard lock(mutex_);
    // The caller still closes what it opened: the open batch may be one after the bad one, waiting in the queue.
    if (!violation_) violation_ = error;
    changed_.notify_all();
  }

  void run_finisher() {
    Executor executor(*root_, *stage_, *store_, reader_, metadata_, options_.hash_key);
    std::vector<std::unique_ptr<InFlight>> visible;  // not yet durable in their directories
    for (;;) {
      std::vector<std::unique_ptr<InFlight>> group = next_group(!visible.empty());
      if (group.empty() && (visible.empty() || stopping())) return;
      check_authority(group);
      executor.reserve(group);
      const bool whole = !group.empty() && flush_group(executor, group);
      // A flush of everything did for the directories of the group before as well.
      for (auto& flight : visible) finish(executor, *flight, whole);
      visible.clear();
      for (auto& flight : group) {
        executor.make_visible(*flight);
        close_files(*flight);
      }
      visible = std::move(group);
    }
  }

  // Whatever is staged. With something visible that waits for its flush: does not wait longer than a moment, and only
  // if a batch is being staged.
  std::vector<std::unique_ptr<InFlight>> next_group(bool something_visible) {
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return stop_ || !staged_.empty(); };
    if (!something_visible) {
      changed_.wait(lock, ready);
    } else {
      changed_.wait_for(lock, kNextBatchWait, [&] { return ready() || (staging_ == 0 && input_.empty()); });
    }
    std::vector<std::unique_ptr<InFlight>> group;
    if (stop_) return group;
    while (!staged_.empty()) {
      group.push_back(std::move(staged_.front()));
      staged_.pop_front();
    }
    changed_.notify_all();
    return group;
  }

  // Being destroyed: what is not reported by now is abandoned.
  bool stopping() {
    std::lock_guard lock(mutex_);
    return stop_;
  }

  // Still our root, and nobody newer in charge of it?
  void check_authority(std::vector<std::unique_ptr<InFlight>>& group) {
    if (group.empty()) return;
    const Status in_place = root_->check_in_place();
    const auto marker = state_.read_marker();
    for (auto& flight : group) {
      if (!in_place.ok()) flight->fail_all(in_place.error());
      if (marker && marker->epoch > flight->batch.epoch) {
        flight->fail_all(Error{ErrorCode::cancelled, "a newer controller has taken this root over", {}, 0});
      }
    }
  }

  bool flush_group(Executor& executor, std::vector<std::unique_ptr<InFlight>>& group) {
    if (executor.has_reserved()) {
      if (const Status status = store_->flush(); !status.ok()) {
        for (auto& flight : group) {
          for (Item& item : flight->items) {
            if (!item.reserved.empty()) item.fail(status.error());
          }
        }
      }
    }
    return flusher_->flush_staged(group);
  }

  void finish(Executor& executor, InFlight& flight, bool durable) {
    if (!durable) {
      flusher_->flush_visible(flight);
      if (flight.directory_removed) {
        if (const Status status = store_->flush(); !status.ok()) flight.fail_all(status.error());
      }
    }
    BatchResult result = executor.report(flight);
    results_(std::move(result));
    std::lock_guard lock(mutex_);
    --unreported_;
    changed_.notify_all();
  }

  void close_files(InFlight& flight) {
    for (Item& item : flight.items) {
      if (!item.staged.fd) continue;
      item.staged.fd.reset();
      --open_files_;
    }
  }

  const RootOptions options_;
  const Results results_;
  std::unique_ptr<RootDir> root_;
  StateDir state_;
  std::unique_ptr<VersionStore> store_;
  OwnerNames owners_;
  EntryReader reader_;
  MetadataWriter metadata_;
  std::unique_ptr<StageArea> stage_;
  std::unique_ptr<Flusher> flusher_;
  const size_t max_open_;
  std::atomic<size_t> open_files_{0};
  std::atomic<size_t> staging_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Input> input_;
  size_t queued_bytes_ = 0;
  std::deque<std::unique_ptr<InFlight>> staged_;
  size_t unreported_ = 0;
  bool open_ = false;  // between begin() and end()
  bool stop_ = false;
  std::optional<Error> violation_;
  std::thread stager_thread_;
  std::thread finisher_thread_;
};

}  // namespace

std::vector<PartialQuery> partial_queries(const Batch& batch) {
  std::vector<PartialQuery> queries;
  for (const Operation& op : batch.operations) {
    if (op.kind == OpKind::put_file && op.desired.size >= kResumedFrom) queries.push_back({op.id, op.path});
  }
  return queries;
}

Result<std::unique_ptr<Applier>> Applier::open(const RootOptions& options, Clock& clock, Results results) {
  SYNC_ASSIGN(auto root, RootDir::open(options.root));
  SYNC_ASSIGN(StateDir state, StateDir::open(*root, options.pair_id));
  SYNC_ASSIGN(auto store, VersionStore::open(state.versions(), clock));
  auto applier = std::make_unique<RootApplier>(options, clock, std::move(results), std::move(root), std::move(state),
                                               std::move(store));
  SYNC_TRY(applier->start());
  return std::unique_ptr<Applier>(std::move(applier));
}

}  // namespace twsync
