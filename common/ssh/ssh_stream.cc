// An exec channel as a byte stream, after the rules that libssh 0.10 needs to move data both ways at full speed.

#include <fcntl.h>
#include <libssh/callbacks.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/ssh/ssh_internal.h"
#include "common/ssh/tail_text.h"

namespace twsync {

namespace {

// A read whose count is larger than the window makes libssh 0.10 grow the window to it; there is no other handle.
constexpr uint32_t kWindow = 4U << 20U;
constexpr uint32_t kOrdinaryRead = 1U << 20U;
constexpr uint32_t kWriteChunk = 256U << 10U;
constexpr int64_t kEndWaitMs = 2'000;
constexpr int kOpenStepMs = 50;

int64_t now_ms() {
  return SystemClock().steady_ns() / kMillisecond;
}

class SshStream final : public ByteStream {
 public:
  SshStream(std::shared_ptr<SshSession> session, ssh_channel channel)
      : session_(std::move(session)), channel_(channel), event_(ssh_event_new()), buffer_(new char[kWindow]) {
    ssh_set_blocking(raw(), 0);
    ssh_event_add_session(event_, raw());
    fd_ = ssh_get_fd(raw());
    // libssh closes its own descriptor when it likes; interrupt() needs one that stays.
    shutdown_fd_ = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  }

  ~SshStream() override {
    ssh_channel_free(channel_);
    ssh_event_dopoll(event_, 0);
    ssh_event_remove_session(event_, raw());
    ssh_event_free(event_);
    ssh_set_blocking(raw(), 1);
    if (shutdown_fd_ >= 0) ::close(shutdown_fd_);
  }

  int read_fd() const override { return fd_; }
  int write_fd() const override { return fd_; }
  std::string describe() const override { return session_->name(); }
  bool write_waits_for_input() override { return true; }
  void interrupt() noexcept override { ::shutdown(shutdown_fd_, SHUT_RDWR); }

  Result<size_t> read_some(char* out, size_t size) override {
    if (begin_ == end_) SYNC_TRY(fill());
    const size_t n = std::min(size, end_ - begin_);
    std::memcpy(out, buffer_.get() + begin_, n);
    begin_ += n;
    return n;
  }

  Result<size_t> write_some(const char* data, size_t size) override {
    uint32_t window = ssh_channel_window_size(channel_);
    if (window == 0) {
      ssh_event_dopoll(event_, 0);
      window = ssh_channel_window_size(channel_);
    }
    if (ssh_channel_is_closed(channel_) != 0 || ssh_is_connected(raw()) == 0) return lost("the connection was closed");
    const auto n = static_cast<uint32_t>(std::min<size_t>({size, window, kWriteChunk}));
    if (n == 0) return size_t{0};
    const int written = ssh_channel_write(channel_, data, n);
    if (written == SSH_AGAIN) return size_t{0};
    if (written < 0) return ssh_error(raw(), session_->name(), "writing failed");
    return static_cast<size_t>(written);
  }

  bool flush_some() override {
    if ((ssh_get_poll_flags(raw()) & SSH_WRITE_PENDING) == 0) return true;
    if (ssh_event_dopoll(event_, 0) == SSH_ERROR) return true;  // the next read tells
    return (ssh_get_poll_flags(raw()) & SSH_WRITE_PENDING) == 0;
  }

  bool read_pending() override { return begin_ < end_ || ssh_channel_poll(channel_, 0) != 0; }

 private:
  ssh_session raw() const { return session_->raw(); }

  Status fill() {
    begin_ = end_ = 0;
    int got = read_channel(0);
    // One pass takes 4 KiB off the socket: go on while there is more, or a packet of 32 KiB costs eight turns.
    if (got == 0 && readable()) got = read_channel(1);
    if (got > 0) {
      end_ = static_cast<size_t>(got);
      since_grown_ += static_cast<uint32_t>(got);
      return {};
    }
    if (got != 0 && got != SSH_AGAIN) return lost(ssh_get_error(raw()));
    drain_stderr();
    acknowledge_at_once(raw());
    if (ssh_is_connected(raw()) == 0) return lost("the connection was closed");
    if (ssh_channel_is_eof(channel_) == 0) return {};
    return ended();
  }

  int read_channel(int timeout_ms) {
    const bool grow = since_grown_ >= kWindow / 2;
    if (grow) since_grown_ = 0;
    return ssh_channel_read_timeout(channel_, buffer_.get(), grow ? kWindow : kOrdinaryRead, 0, timeout_ms);
  }

  bool readable() const {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
  }

  void drain_stderr() {
    char text[4096];
    while (ssh_channel_poll(channel_, 1) > 0) {
      const int got = ssh_channel_read_timeout(channel_, text, sizeof text, 1, 0);
      if (got <= 0) return;
      since_grown_ += static_cast<uint32_t>(got);
      stderr_.add({text, static_cast<size_t>(got)});
    }
  }

  /// End of stdout: waits a moment for the exit code and the last words.
  Error ended() {
    const int64_t deadline = now_ms() + kEndWaitMs;
    int code = ssh_channel_get_exit_status(channel_);
    while (code == -1 && ssh_channel_is_closed(channel_) == 0 && ssh_is_connected(raw()) != 0 && now_ms() < deadline) {
      ssh_event_dopoll(event_, 50);
      code = ssh_channel_get_exit_status(channel_);
    }
    drain_stderr();
    Error error = lost(code == -1 ? std::string("the command there ended")
                                  : str("the command there ended with exit code ", code));
    if (code == 127) error.code = ErrorCode::not_found;
    return error;
  }

  Error lost(const std::string& why) const {
    return Error{ErrorCode::unreachable, str(session_->name(), ": ", escape_bytes(why), stderr_.quoted()), {}, 0};
  }

  std::shared_ptr<SshSession> session_;
  ssh_channel channel_;
  ssh_event event_;
  std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0, end_ = 0;
  uint32_t since_grown_ = kWindow;  ///< bytes taken since the window was last grown; at first: grow at once
  int fd_ = -1;
  int shutdown_fd_ = -1;
  TailText stderr_;
};

int open_channel(SshSession& session, ssh_channel channel) {
  const int64_t deadline = now_ms() + session.phase_timeout_ms();
  ssh_set_blocking(session.raw(), 0);
  int opened = ssh_channel_open_session(channel);
  while (opened == SSH_AGAIN && now_ms() < deadline) {
    acknowledge_at_once(session.raw());
    pollfd waiting{ssh_get_fd(session.raw()), POLLIN, 0};
    ::poll(&waiting, 1, kOpenStepMs);
    opened = ssh_channel_open_session(channel);
  }
  ssh_set_blocking(session.raw(), 1);
  return opened;
}

}  // namespace

Result<ssh_channel> open_exec_channel(SshSession& session, const std::string& command) {
  ssh_channel channel = ssh_channel_new(session.raw());
  if (channel == nullptr) return ssh_error(session.raw(), session.name(), "cannot open a channel");
  if (open_channel(session, channel) == SSH_OK && ssh_channel_request_exec(channel, command.c_str()) == SSH_OK)
    return channel;
  Error error = ssh_error(session.raw(), session.name(), "cannot run a command there");
  ssh_channel_free(channel);
  return error;
}

Result<std::unique_ptr<ByteStream>> SshSession::exec(std::shared_ptr<SshSession> session, const std::string& command) {
  const SigpipeBlocked no_sigpipe;
  SYNC_ASSIGN(ssh_channel channel, open_exec_channel(*session, command));
  return std::unique_ptr<ByteStream>(std::make_unique<SshStream>(std::move(session), channel));
}

}  // namespace twsync
