#include "producers/observer/event_commands.h"

#include "common/app/log.h"
#include "common/base/text.h"

namespace twsync {

namespace {

constexpr size_t kConflictsKept = 100;

ProgramRun post_sync(const std::string& pair, const std::vector<std::string>& command, const Summary& summary) {
  ProgramRun run;
  run.command = command;
  run.unit = "twsync-post-sync-" + pair;
  run.variables = {{"TWSYNC_EVENT", "sync"},
                   {"TWSYNC_PAIR", pair},
                   {"TWSYNC_OPERATIONS", std::to_string(summary.operations)},
                   {"TWSYNC_CONFLICTS", std::to_string(summary.conflicts)},
                   {"TWSYNC_PARKED", std::to_string(summary.parked)},
                   {"TWSYNC_FAILED", std::to_string(summary.failed)},
                   {"TWSYNC_IN_SYNC", summary.in_sync ? "yes" : "no"}};
  return run;
}

ProgramRun on_conflict(const std::string& pair, const std::vector<std::string>& command, const Event& event,
                       uint64_t more) {
  ProgramRun run;
  run.command = command;
  run.unit = "twsync-on-conflict-" + pair;
  run.variables = {{"TWSYNC_EVENT", "conflict"},
                   {"TWSYNC_PAIR", pair},
                   {"TWSYNC_PATH", escape_bytes(event.path)},
                   {"TWSYNC_ID", event.item},
                   {"TWSYNC_TEXT", escape_bytes(event.text)},
                   {"TWSYNC_MORE_CONFLICTS", std::to_string(more)}};
  return run;
}

}  // namespace

EventCommands::EventCommands(const PairConfig& pair, Run run)
    : pair_(pair.name),
      post_sync_(pair.post_sync_command),
      on_conflict_(pair.on_conflict_command),
      run_(std::move(run)),
      thread_([this] { work(); }) {}

EventCommands::~EventCommands() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void EventCommands::take(const Event& event) {
  if (event.pair != pair_) return;
  const std::lock_guard lock(mutex_);
  if (event.kind == EventKind::conflict && !on_conflict_.empty()) {
    if (conflicts_.size() < kConflictsKept) {
      conflicts_.push_back(event);
    } else {
      ++more_conflicts_;
    }
  }
  const bool ended = (event.kind == EventKind::cycle || event.kind == EventKind::summary) && event.summary;
  if (ended && !post_sync_.empty() && !event.summary->dry_run && event.summary->operations > 0) {
    Summary sum = *event.summary;
    if (synced_) {
      sum.operations += synced_->operations;
      sum.conflicts += synced_->conflicts;
    }
    synced_ = std::move(sum);
  }
  changed_.notify_all();
}

bool EventCommands::next(ProgramRun& out) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || synced_ || !conflicts_.empty(); });
  if (stop_) return false;
  if (!conflicts_.empty()) {
    const bool last = conflicts_.size() == 1;
    out = on_conflict(pair_, on_conflict_, conflicts_.front(), last ? std::exchange(more_conflicts_, 0) : 0);
    conflicts_.pop_front();
    return true;
  }
  out = post_sync(pair_, post_sync_, *synced_);
  synced_.reset();
  return true;
}

void EventCommands::told(const ProgramRun& program, const Result<int>& ended) const {
  const std::string what = str(pair_, ": ", escape_bytes(program.command[0]));
  if (!ended) {
    if (ended.error().code != ErrorCode::cancelled) log_error(what, ": ", describe(ended.error()));
  } else if (*ended != 0) {
    log_warn(what, " ended with ", *ended, "; systemctl status ", program.unit, " or its own log says more");
  } else {
    log_debug(what, " ran");
  }
}

void EventCommands::work() {
  for (ProgramRun program; next(program); program = ProgramRun{}) {
    told(program, run_(program, [this] {
           const std::lock_guard lock(mutex_);
           return stop_;
         }));
  }
}

}  // namespace twsync
