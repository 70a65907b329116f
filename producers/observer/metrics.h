#pragma once
// What Prometheus is told: counters from events, gauges from the broker's status.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/wire/messages.h"

namespace twsync {

/// How one pair stands.
struct PairHealth {
  PairStatus status;
  bool stale = false;
};

/// Values of one name, each for other labels.
struct MetricFamily {
  struct Value {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
  };
  std::string name;
  std::string help;
  bool counter = false;  ///< else a gauge
  std::vector<Value> values;
};

/// Any thread.
class Metrics {
 public:
  /// Pairs that nothing was heard of are shown with zeros.
  explicit Metrics(std::vector<std::string> pairs);
  void take(const Event& event);
  /// The broker's answer; `broker` false = it gave none.
  void take(bool broker, std::vector<PairHealth> pairs, std::vector<WorkerStatus> workers);
  std::vector<MetricFamily> families() const;

 private:
  struct Totals {
    uint64_t cycles = 0, failed_cycles = 0, operations = 0, failed = 0, conflicts = 0, bytes_sent = 0,
             bytes_received = 0;
    double cycle_seconds = 0;
    uint64_t pending = 0, parked = 0;
    bool in_sync = false;
    PairHealth health;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Totals> pairs_;
  std::vector<WorkerStatus> workers_;
  bool broker_ = false;
};

}  // namespace twsync
