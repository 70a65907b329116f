#pragma once
// Which of the broker's events become a line of the log: all that is news, and of what goes on, such as an outage, a
// reminder now and then. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/app/settings.h"
#include "common/wire/messages.h"

namespace twsync {

class EventLog {
 public:
  struct Line {
    LogLevel level = LogLevel::info;
    std::string text;
  };
  /// `now_ns`: steady.
  std::optional<Line> take(const Event& event, int64_t now_ns);

 private:
  struct Told {
    std::string text;
    int64_t at_ns = 0;
    uint64_t unsaid = 0;  // the same again since then
  };
  std::map<std::string, Told> failures_;  // pair -> why its cycles fail
  std::map<std::string, Told> parked_;    // pair and item
};

}  // namespace twsync
