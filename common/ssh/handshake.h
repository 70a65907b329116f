#pragma once
// The first exchange of a session: hello and its reply, versions and clocks.

#include <cstdint>

#include "common/ssh/connection.h"

namespace twsync {

struct Greeting {
  HelloReply reply;
  int64_t skew_ns = 0;  ///< the agent's wall clock minus ours, measured at the middle of the round trip
  int64_t rtt_ns = 0;
};

/// Client side. unsupported when the protocols differ (names both versions); the agent's own refusal as it sent it;
/// timeout or the session's error otherwise. Must be the first exchange on the connection.
Result<Greeting> hello(Connection& connection, const Hello& request, int64_t timeout_ms = 15'000);

}  // namespace twsync
