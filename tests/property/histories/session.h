#pragma once
// The embedded pipeline in a process of its own, which can be killed at any moment.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/app/pair_config.h"
#include "common/wire/messages.h"

namespace twsync::testing {

struct SessionOptions {
  PairConfig pair;
  std::string agent_path;
  int64_t clock_shift_ns = 0;  ///< of the code server
  bool live = false;           ///< as in a service: deletions wait for their other halves
};

/// What came of a command.
struct Answer {
  bool ended = false;  ///< the process is gone
  std::string how;     ///< it ended
  bool hung = false;   ///< nothing came for a minute
  std::optional<Summary> summary;
};

/// One thread, and no other threads in the calling process (it forks).
class Session {
 public:
  explicit Session(const SessionOptions& options);
  ~Session();  ///< kills what is left

  void ask(const Request& request);
  /// Publishes the hints; the answer comes when the broker has nothing more to do.
  void hint(const std::vector<Hint>& hints);
  Answer wait();
  /// In order; true = it went within a minute.
  bool close();
  enum class Who { controller, agents, all };
  void kill(Who who);

 private:
  void send(char kind, const std::string& body);
  std::vector<pid_t> agents() const;
  std::string reap();

  pid_t pid_ = -1;
  int socket_ = -1;
};

}  // namespace twsync::testing
