#include "producers/observer/metrics.h"

#include <functional>

namespace twsync {

namespace {

/// Those that should be there are shown with 0 when they are not.
MetricFamily worker_counts(const std::vector<WorkerStatus>& workers) {
  std::map<std::string, int> counts = {{"monitor", 0}, {"resolver", 0}, {"scanner", 0}, {"transfer", 0}};
  for (const WorkerStatus& worker : workers) ++counts[worker.service];
  MetricFamily family{"twsync_workers", "Workers of each service that the broker hears.", false, {}};
  for (const auto& [service, count] : counts) family.values.push_back({{{"service", service}}, double(count)});
  return family;
}

}  // namespace

Metrics::Metrics(std::vector<std::string> pairs) {
  for (auto& pair : pairs) pairs_[std::move(pair)];
}

void Metrics::take(const Event& event) {
  const std::lock_guard lock(mutex_);
  const auto found = pairs_.find(event.pair);
  if (found == pairs_.end()) return;
  Totals& totals = found->second;
  if (event.kind == EventKind::conflict) ++totals.conflicts;
  if ((event.kind != EventKind::summary && event.kind != EventKind::cycle) || !event.summary || event.summary->dry_run)
    return;
  const Summary& summary = *event.summary;
  ++totals.cycles;
  if (summary.error.code != ErrorCode::ok) ++totals.failed_cycles;
  totals.operations += summary.operations;
  totals.failed += summary.failed;
  totals.bytes_sent += summary.bytes_sent;
  totals.bytes_received += summary.bytes_received;
  totals.cycle_seconds += static_cast<double>(summary.duration_ns) / 1e9;
  totals.pending = summary.pending;
  totals.parked = summary.parked;
  totals.in_sync = summary.in_sync;
}

void Metrics::take(bool broker, std::vector<PairHealth> pairs, std::vector<WorkerStatus> workers) {
  const std::lock_guard lock(mutex_);
  broker_ = broker;
  workers_ = std::move(workers);
  for (PairHealth& health : pairs) {
    const auto found = pairs_.find(health.status.pair);
    if (found == pairs_.end()) continue;
    Totals& totals = found->second;
    // What was published before this process began: the last summary says how the pair stands.
    if (totals.cycles == 0 && health.status.last_summary) {
      totals.in_sync = health.status.last_summary->in_sync;
      totals.pending = health.status.last_summary->pending;
      totals.parked = health.status.last_summary->parked;
    }
    totals.health = std::move(health);
  }
}

std::vector<MetricFamily> Metrics::families() const {
  struct Family {
    const char* name;
    bool counter;
    const char* help;
    std::function<double(const Totals&)> value;
  };
  static const std::vector<Family> kFamilies = {
      {"twsync_cycles_total", true, "Cycles that ended.", [](const Totals& t) { return double(t.cycles); }},
      {"twsync_failed_cycles_total", true, "Cycles that ended early.",
       [](const Totals& t) { return double(t.failed_cycles); }},
      {"twsync_cycle_seconds_total", true, "Time spent in cycles.", [](const Totals& t) { return t.cycle_seconds; }},
      {"twsync_operations_total", true, "Operations applied.", [](const Totals& t) { return double(t.operations); }},
      {"twsync_failed_operations_total", true, "Operations that failed.",
       [](const Totals& t) { return double(t.failed); }},
      {"twsync_conflicts_total", true, "Conflicts met.", [](const Totals& t) { return double(t.conflicts); }},
      {"twsync_sent_bytes_total", true, "Bytes to the deploy server, compressed.",
       [](const Totals& t) { return double(t.bytes_sent); }},
      {"twsync_received_bytes_total", true, "Bytes from the deploy server, compressed.",
       [](const Totals& t) { return double(t.bytes_received); }},
      {"twsync_in_sync", false, "1 when the last cycle left nothing to do.",
       [](const Totals& t) { return t.in_sync ? 1.0 : 0.0; }},
      {"twsync_stale", false, "1 when nothing came of what waits for longer than STALE_MINUTES.",
       [](const Totals& t) { return t.health.stale ? 1.0 : 0.0; }},
      {"twsync_pending_paths", false, "Paths that the last cycle left different.",
       [](const Totals& t) { return double(t.pending); }},
      {"twsync_parked_items", false, "Items that wait for a person or better times.",
       [](const Totals& t) { return double(t.parked); }},
      {"twsync_waiting_hints", false, "Hints in the queue.",
       [](const Totals& t) { return double(t.health.status.hints_waiting); }},
      {"twsync_waiting_requests", false, "Requests in the queue.",
       [](const Totals& t) { return double(t.health.status.requests_waiting); }},
      {"twsync_last_done_timestamp_seconds", false, "When a cycle last ended well; 0 = never.",
       [](const Totals& t) { return double(t.health.status.last_done_ns) / 1e9; }},
  };
  const std::lock_guard lock(mutex_);
  std::vector<MetricFamily> out;
  out.push_back({"twsync_broker_up", "1 when the broker answers.", false, {{{}, broker_ ? 1.0 : 0.0}}});
  for (const Family& one : kFamilies) {
    MetricFamily& family = out.emplace_back(MetricFamily{one.name, one.help, one.counter, {}});
    for (const auto& [pair, totals] : pairs_) family.values.push_back({{{"pair", pair}}, one.value(totals)});
  }
  MetricFamily watches{"twsync_watch_live", "1 when every side of the pair is watched wholly.", false, {}};
  for (const auto& [pair, totals] : pairs_) {
    const std::string& watch = totals.health.status.watch;
    const bool live = watch.find("code: live") != std::string::npos && watch.find("deploy: live") != std::string::npos;
    watches.values.push_back({{{"pair", pair}}, live ? 1.0 : 0.0});
  }
  out.push_back(std::move(watches));
  out.push_back(worker_counts(workers_));
  return out;
}

}  // namespace twsync
