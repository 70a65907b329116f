#pragma once
// The deploy server's end of the way back: a request to the code server, and what comes of it there.

#include <atomic>
#include <functional>
#include <memory>

#include "common/wire/messages.h"
#include "producers/cli/printer.h"
#include "producers/cli/ways_back.h"

namespace twsync {

struct AnswerSinks {
  std::function<void(const Event&)> event;  ///< the summary included
  TextSink out, err;                        ///< control characters taken out
};

/// One login; requests one after the other. Not thread-safe.
class CodeServer {
 public:
  /// unreachable within `timeout_ms` for each phase of the login.
  static Result<std::unique_ptr<CodeServer>> open(const WayBack& way, int64_t timeout_ms);

  /// Asks and follows the answer to its end; the exit code there. Errors: what the command there failed with;
  /// unreachable when the code server refuses the request or is lost (what its service took over goes on); cancelled
  /// after `stop`.
  Result<int> ask(const std::vector<std::string>& words, const AnswerSinks& sinks, const std::atomic<bool>& stop);

 private:
  CodeServer(const WayBack& way, int64_t timeout_ms) : way_(way), timeout_ms_(timeout_ms) {}

  WayBack way_;
  int64_t timeout_ms_;
  std::shared_ptr<SshSession> session_;
};

}  // namespace twsync
