#pragma once
// GET /metrics on the loopback interface. The only user of prometheus-cpp.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "producers/observer/metrics.h"

namespace twsync {

/// As Prometheus reads it: text format 0.0.4.
std::string exposition_text(const std::vector<MetricFamily>& families);

/// Serves from start() to its destruction on threads of its own; `families` is called from them.
class MetricsServer {
 public:
  using Families = std::function<std::vector<MetricFamily>()>;
  /// On 127.0.0.1:`port`, never on another address. Errors: the port is taken.
  static Result<std::unique_ptr<MetricsServer>> start(uint16_t port, Families families);
  ~MetricsServer();

 private:
  struct Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twsync
