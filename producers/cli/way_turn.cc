#include "producers/cli/way_turn.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include "common/base/clock.h"
#include "common/ssh/way_back.h"

namespace twsync {

UniqueFd wait_for_turn(const WayBack& way, int64_t timeout_ms) {
  constexpr int kLookAgainMs = 20;
  const std::string file = way.code.key_file.substr(0, way.code.key_file.rfind('/') + 1) + kWayBackTurn;
  UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  SystemClock clock;
  const int64_t until = clock.steady_ns() + timeout_ms * kMillisecond;
  while (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && clock.steady_ns() < until) {
    ::poll(nullptr, 0, kLookAgainMs);
  }
  return lock;
}

}  // namespace twsync
