#include "common/app/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "common/app/run_main.h"
#include "temp_dir.h"

namespace twsync {
namespace {

TEST(Notify, tells_the_socket) {
  TempDir dir;
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = dir / "notify";
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);

  EXPECT_TRUE(notify_ready("serving\nMAINPID=1"));

  char buffer[200];
  const ssize_t got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  ::unsetenv("NOTIFY_SOCKET");
  ::close(fd);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(buffer, static_cast<size_t>(got)), "READY=1\nSTATUS=serving\\nMAINPID=1");
  EXPECT_FALSE(notify_status("x"));
}

TEST(Notify, watchdog_interval_is_half) {
  ::setenv("WATCHDOG_USEC", "10000000", 1);
  EXPECT_EQ(watchdog_interval_ms(), 5000);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(watchdog_interval_ms(), 0);
  ::unsetenv("WATCHDOG_PID");
  ::unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(watchdog_interval_ms(), 0);
}

TEST(RunMain, errors_and_exceptions_become_exit_codes) {
  const auto run = [](auto body) { return run_main(0, nullptr, body); };
  EXPECT_EQ(run([](auto, auto&) -> Result<int> { return 1; }), 1);
  EXPECT_EQ(run([](auto, auto&) -> Result<int> { return Error{ErrorCode::usage, "x", {}, 0}; }), 2);
  EXPECT_EQ(run([](auto, auto&) -> Result<int> { return Error{ErrorCode::unreachable, "x", {}, 0}; }), 3);
  EXPECT_EQ(run([](auto, auto&) -> Result<int> { return Error{ErrorCode::guard, "x", {}, 0}; }), 5);
  for (const ErrorCode code : {ErrorCode::io, ErrorCode::no_space, ErrorCode::denied, ErrorCode::corrupt}) {
    EXPECT_EQ(run([&](auto, auto&) -> Result<int> { return Error{code, "x", {}, 0}; }), 1) << to_string(code);
  }
  EXPECT_EQ(run([](auto, auto&) -> Result<int> { return Error{ErrorCode::bug, "x", {}, 0}; }), 4);
  EXPECT_EQ(run([](auto, auto&) -> Result<int> { throw std::runtime_error("x"); }), 4);
}

TEST(Signals, become_flags) {
  Signals signals;
  EXPECT_FALSE(signals.stop());
  ::raise(SIGHUP);
  EXPECT_TRUE(signals.wait_for_reload());
  EXPECT_FALSE(signals.stop());
  ::raise(SIGTERM);
  EXPECT_TRUE(signals.stop());
  EXPECT_FALSE(signals.wait_for_reload());
}

}  // namespace
}  // namespace twsync
