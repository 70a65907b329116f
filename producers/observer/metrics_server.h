#pragma once
// GET /metrics on the loopback interface. The only user of cpp-httplib.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"

namespace twsync {

/// Serves from start() to its destruction on threads of its own; `text` is called from them.
class MetricsServer {
 public:
  /// On 127.0.0.1:`port`, never on another address. Errors: the port is taken.
  static Result<std::unique_ptr<MetricsServer>> start(uint16_t port, std::function<std::string()> text);
  ~MetricsServer();

 private:
  struct Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twsync
