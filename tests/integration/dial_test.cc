// The dialer: a descriptor that arrives, what it refuses, and a login over a connection that somebody else made.

#include <dirent.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "tests/support/sshd_fixture.h"
#include "workers/dial/dial.h"

namespace twsync {
namespace {

constexpr int64_t kLimitMs = 5'000;

/// Accepts one request and serves it, as systemd and twsync-dial would.
class Dialer {
 public:
  Dialer(std::string path, DialLookup lookup) : path_(std::move(path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 4) != 0)
      std::abort();
    thread_ = std::thread([this, lookup = std::move(lookup)] {
      const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      served_ = serve_dial(client.get(), lookup, kLimitMs);
    });
  }
  ~Dialer() { EXPECT_TRUE(finish().ok()); }
  Status finish() {
    if (thread_.joinable()) thread_.join();
    return served_;
  }

 private:
  std::string path_;
  UniqueFd listener_;
  Status served_;
  std::thread thread_;
};

class Dial : public ::testing::Test {
 protected:
  std::string socket() const { return sshd.dir() + "/dial.sock"; }
  DialRequest request() const { return {"web", sshd.address(), static_cast<uint16_t>(sshd.port())}; }
  DialLookup lookup() const {
    return [wanted = request()](const std::string& pair) -> Result<DialAddress> {
      if (pair != wanted.pair) return Error{ErrorCode::usage, "no pair '" + pair + "' is configured", {}, 0};
      return DialAddress{wanted.host, wanted.port};
    };
  }
  std::string refusal(const DialRequest& asked, const DialLookup& known) const {
    ::unlink(socket().c_str());
    Dialer dialer(socket(), known);
    const auto fd = dial_through(socket(), asked);
    EXPECT_FALSE(fd.ok());
    if (fd.ok()) return {};
    EXPECT_EQ(fd.error().code, ErrorCode::unreachable);
    EXPECT_TRUE(dialer.finish().ok());
    return fd.error().message;
  }
  SshdFixture sshd;
};

size_t open_descriptors() {
  size_t count = 0;
  DIR* listing = ::opendir("/proc/self/fd");
  while (::readdir(listing) != nullptr) ++count;
  ::closedir(listing);
  return count;
}

TEST_F(Dial, ALoginOverAConnectionThatTheDialerMade) {
  Dialer dialer(socket(), lookup());
  SshTarget target = sshd.target();
  target.port = 1;  // nobody listens there: without the dialer there is no way
  EXPECT_FALSE(SshSession::open(target).ok());
  target.port = static_cast<uint16_t>(sshd.port());
  target.connect = [this] { return dial_through(socket(), request()); };
  const auto output = run_remote(target, "cat", "hello", 10'000);
  ASSERT_TRUE(output.ok()) << describe(output.error());
  EXPECT_EQ(output->out, "hello");
  EXPECT_TRUE(dialer.finish().ok());
}

TEST_F(Dial, AnotherAddressThanTheConfiguredOneIsRefused) {
  DialRequest other = request();
  other.host = "127.0.0.77";
  EXPECT_NE(refusal(other, lookup()).find("systemctl reload"), std::string::npos);
  other = request();
  other.port = 1;
  EXPECT_NE(refusal(other, lookup()).find("systemctl reload"), std::string::npos);
}

TEST_F(Dial, AnUnknownPairIsRefusedByName) {
  DialRequest other = request();
  other.pair = "nobodys";
  EXPECT_NE(refusal(other, lookup()).find("no pair 'nobodys'"), std::string::npos);
}

TEST_F(Dial, WhyAHostCannotBeReachedArrivesAsText) {
  const auto any = [](const DialRequest& asked) {
    return [asked](const std::string&) -> Result<DialAddress> { return DialAddress{asked.host, asked.port}; };
  };
  const DialRequest closed{"web", "127.0.0.1", 1};
  EXPECT_NE(refusal(closed, any(closed)).find("Connection refused"), std::string::npos);
  const DialRequest nameless{"web", "no-such-host.invalid", 22};
  EXPECT_NE(refusal(nameless, any(nameless)).find("no-such-host.invalid"), std::string::npos);
}

TEST_F(Dial, ADeadSocketSaysWhatToDo) {
  const auto fd = dial_through(socket(), request());
  ASSERT_FALSE(fd.ok());
  EXPECT_EQ(fd.error().code, ErrorCode::unreachable);
  EXPECT_NE(fd.error().message.find("systemctl restart twsync-dial.socket"), std::string::npos);
}

// libssh closes what it was given on some ways out and not on others.
TEST_F(Dial, NoDescriptorStaysOpenAndNoneIsClosedTwice) {
  ASSERT_TRUE(SshSession::open(sshd.target()).ok());
  const size_t before = open_descriptors();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(SshSession::open(sshd.target()).ok());
  SshTarget no_server = sshd.target();
  no_server.connect_timeout_ms = 1'000;
  no_server.connect = []() -> Result<UniqueFd> {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) std::abort();
    ::close(ends[1]);
    return UniqueFd(ends[0]);
  };
  EXPECT_FALSE(SshSession::open(no_server).ok());
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace twsync
