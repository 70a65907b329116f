// A tiny agent for transport tests: greets, then sends every content frame back. It counts what it echoed on `facts`.

#include <unistd.h>

#include <cstdio>
#include <string>

#include "common/base/clock.h"
#include "common/ssh/connection.h"
#include "common/ssh/fd_stream.h"

using namespace twsync;

namespace {

Status answer(Connection& connection, const Frame& frame) {
  if (frame.type == FrameType::hello) {
    SYNC_ASSIGN(const Hello request, decode<Hello>(frame.payload));
    HelloReply reply;
    reply.build = "echo";
    reply.wall_ns = SystemClock().wall_ns();
    reply.uid = ::getuid();
    if (request.root == "/protocol-99") reply.protocol = 99;
    if (request.root == "/refused") reply.error = Error{ErrorCode::denied, "not this root", request.root, 0};
    return connection.send(FrameType::hello_reply, 0, encode(reply));
  }
  return connection.send(frame.type, frame.stream, frame.payload);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string option = argc > 1 ? argv[1] : "";
  if (option == "--version") {
    std::puts("twsync-agent echo");
    return 0;
  }
  if (option != "--stdio") return 2;
  ConnectionOptions options;
  options.send_magic = true;
  options.ping_interval_ms = 0;
  Connection connection(make_fd_stream(0, 1, FdOwner::caller, "stdio"), options);
  for (;;) {
    auto frame = connection.receive(-1);
    if (!frame || !answer(connection, *frame)) return 0;
  }
}
