#include "common/ssh/handshake.h"

#include "common/base/clock.h"
#include "common/base/text.h"

namespace twsync {

Result<Greeting> hello(Connection& connection, const Hello& request, int64_t timeout_ms) {
  SYNC_TRY(connection.wait_started(timeout_ms));
  SystemClock clock;
  const int64_t wall_before = clock.wall_ns(), before = clock.steady_ns();
  SYNC_TRY(connection.send(FrameType::hello, 0, encode(request)));
  SYNC_ASSIGN(const Frame frame, connection.receive(timeout_ms));
  Greeting greeting;
  greeting.rtt_ns = clock.steady_ns() - before;
  if (frame.type == FrameType::error) {
    SYNC_ASSIGN(const Reply refusal, decode<Reply>(frame.payload));
    if (refusal.error.code != ErrorCode::ok) return refusal.error;
  }
  if (frame.type != FrameType::hello_reply) {
    return Error{
        ErrorCode::peer_violation, str(connection.describe(), ": the agent did not answer the greeting"), {}, 0};
  }
  SYNC_ASSIGN(greeting.reply, decode<HelloReply>(frame.payload));
  const HelloReply& reply = greeting.reply;
  if (reply.protocol != request.protocol) {
    return Error{ErrorCode::unsupported,
                 str(connection.describe(), ": the agent there speaks protocol ", reply.protocol, " (build ",
                     escape_bytes(reply.build), "), this twsync speaks protocol ", request.protocol, " (build ",
                     request.build, "). Install the same version on both servers"),
                 {},
                 0};
  }
  if (reply.error.code != ErrorCode::ok) return reply.error;
  connection.set_peer_features(reply.features);
  greeting.skew_ns = reply.wall_ns - (wall_before + greeting.rtt_ns / 2);
  return greeting;
}

}  // namespace twsync
