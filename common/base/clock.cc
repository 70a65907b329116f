#include "common/base/clock.h"

#include <ctime>

namespace twsync {

namespace {
int64_t read(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<int64_t>(t.tv_sec) * kSecond + t.tv_nsec;
}
}  // namespace

int64_t SystemClock::wall_ns() {
  return read(CLOCK_REALTIME);
}
int64_t SystemClock::steady_ns() {
  return read(CLOCK_MONOTONIC);
}

}  // namespace twsync
