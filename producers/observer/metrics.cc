#include "producers/observer/metrics.h"

#include <array>
#include <cstdio>
#include <functional>

#include "common/base/clock.h"
#include "common/base/text.h"

namespace twsync {

namespace {

std::string number(double value) {
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.17g", value);
  return buffer.data();
}

std::string label(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

void family(std::string& out, const char* name, const char* type, const char* help) {
  out += str("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
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

std::string Metrics::text() const {
  struct Family {
    const char* name;
    const char* type;
    const char* help;
    std::function<double(const Totals&)> value;
  };
  static const std::vector<Family> kFamilies = {
      {"twsync_cycles_total", "counter", "Cycles that ended.", [](const Totals& t) { return double(t.cycles); }},
      {"twsync_failed_cycles_total", "counter", "Cycles that ended early.",
       [](const Totals& t) { return double(t.failed_cycles); }},
      {"twsync_cycle_seconds_total", "counter", "Time spent in cycles.",
       [](const Totals& t) { return t.cycle_seconds; }},
      {"twsync_operations_total", "counter", "Operations applied.",
       [](const Totals& t) { return double(t.operations); }},
      {"twsync_failed_operations_total", "counter", "Operations that failed.",
       [](const Totals& t) { return double(t.failed); }},
      {"twsync_conflicts_total", "counter", "Conflicts met.", [](const Totals& t) { return double(t.conflicts); }},
      {"twsync_sent_bytes_total", "counter", "Bytes to the deploy server, compressed.",
       [](const Totals& t) { return double(t.bytes_sent); }},
      {"twsync_received_bytes_total", "counter", "Bytes from the deploy server, compressed.",
       [](const Totals& t) { return double(t.bytes_received); }},
      {"twsync_in_sync", "gauge", "1 when the last cycle left nothing to do.",
       [](const Totals& t) { return t.in_sync ? 1.0 : 0.0; }},
      {"twsync_stale", "gauge", "1 when nothing came of what waits for longer than STALE_MINUTES.",
       [](const Totals& t) { return t.health.stale ? 1.0 : 0.0; }},
      {"twsync_pending_paths", "gauge", "Paths that the last cycle left different.",
       [](const Totals& t) { return double(t.pending); }},
      {"twsync_parked_items", "gauge", "Items that wait for a person or better times.",
       [](const Totals& t) { return double(t.parked); }},
      {"twsync_waiting_hints", "gauge", "Hints in the queue.",
       [](const Totals& t) { return double(t.health.status.hints_waiting); }},
      {"twsync_waiting_requests", "gauge", "Requests in the queue.",
       [](const Totals& t) { return double(t.health.status.requests_waiting); }},
      {"twsync_last_done_timestamp_seconds", "gauge", "When a cycle last ended well; 0 = never.",
       [](const Totals& t) { return double(t.health.status.last_done_ns) / 1e9; }},
  };
  const std::lock_guard lock(mutex_);
  std::string out;
  family(out, "twsync_broker_up", "gauge", "1 when the broker answers.");
  out += str("twsync_broker_up ", broker_ ? 1 : 0, "\n");
  for (const Family& one : kFamilies) {
    family(out, one.name, one.type, one.help);
    for (const auto& [pair, totals] : pairs_)
      out += str(one.name, "{pair=\"", label(pair), "\"} ", number(one.value(totals)), "\n");
  }
  family(out, "twsync_watch_live", "gauge", "1 when every side of the pair is watched wholly.");
  for (const auto& [pair, totals] : pairs_) {
    const std::string& watch = totals.health.status.watch;
    const bool live = watch.find("code: live") != std::string::npos && watch.find("deploy: live") != std::string::npos;
    out += str("twsync_watch_live{pair=\"", label(pair), "\"} ", live ? 1 : 0, "\n");
  }
  family(out, "twsync_worker_up", "gauge", "1 for each worker that the broker hears.");
  for (const WorkerStatus& worker : workers_)
    out += str("twsync_worker_up{service=\"", label(worker.service), "\",pid=\"", worker.pid, "\"} 1\n");
  return out;
}

}  // namespace twsync
