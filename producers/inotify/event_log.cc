#include "producers/inotify/event_log.h"

#include <utility>

#include "common/app/event_text.h"
#include "common/base/clock.h"
#include "common/base/text.h"

namespace twsync {

namespace {

constexpr int64_t kReminderNs = 600 * kSecond;
constexpr size_t kMostItems = 10'000;

}  // namespace

std::optional<EventLog::Line> EventLog::take(const Event& event, int64_t now_ns) {
  std::string line = event_line(event);
  if (line.empty()) return std::nullopt;
  if (event.kind == EventKind::conflict) return Line{LogLevel::warn, std::move(line)};
  const bool parked = event.kind == EventKind::parked;
  const bool failed = event.summary && event.summary->error.code != ErrorCode::ok;
  if (!parked && !failed) {
    failures_.erase(event.pair);
    for (const char* root : {"r-code", "r-deploy"}) parked_.erase(str(event.pair, " ", root));
    return Line{LogLevel::info, std::move(line)};
  }
  if (parked_.size() > kMostItems) parked_.clear();
  Told& told = parked ? parked_[str(event.pair, " ", event.item)] : failures_[event.pair];
  if (told.text == line && now_ns - told.at_ns < kReminderNs) {
    ++told.unsaid;
    return std::nullopt;
  }
  const uint64_t unsaid = told.text == line ? told.unsaid : 0;
  told = {line, now_ns, 0};
  if (unsaid > 0) line += str(" (", unsaid, " times more since the last line)");
  return Line{LogLevel::warn, std::move(line)};
}

}  // namespace twsync
