// One remote command from start to end: input in, output and exit code out.

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/ssh/ssh_internal.h"
#include "common/ssh/tail_text.h"

namespace twsync {

namespace {

constexpr size_t kMaxOutput = 1U << 20U;
constexpr int kStepMs = 100;
constexpr uint32_t kChunk = 64U << 10U;

int64_t now_ms() {
  return SystemClock().steady_ns() / kMillisecond;
}

class RemoteRun {
 public:
  RemoteRun(SshSession& session, ssh_channel channel, const std::string& input, int64_t timeout_ms)
      : session_(session), channel_(channel), input_(input), deadline_(now_ms() + timeout_ms) {
    ssh_set_blocking(session_.raw(), 0);
  }
  ~RemoteRun() {
    ssh_channel_free(channel_);
    ssh_set_blocking(session_.raw(), 1);
  }

  Result<RemoteOutput> run() {
    while (!finished()) {
      if (now_ms() >= deadline_) {
        return Error{ErrorCode::timeout, str(session_.name(), ": the remote command did not end in time"), {}, 0};
      }
      if (ssh_is_connected(session_.raw()) == 0)
        return ssh_error(session_.raw(), session_.name(), "the connection was lost");
      SYNC_TRY(feed());
      SYNC_TRY(collect());
    }
    result_.err = stderr_.text();
    result_.exit_code = ssh_channel_get_exit_status(channel_);
    return std::move(result_);
  }

 private:
  bool finished() const {
    return ssh_channel_is_eof(channel_) != 0 && ssh_channel_poll(channel_, 0) <= 0 &&
           ssh_channel_poll(channel_, 1) <= 0 &&
           (ssh_channel_is_closed(channel_) != 0 || ssh_channel_get_exit_status(channel_) != -1);
  }

  Status feed() {
    while (fed_ < input_.size() && ssh_channel_is_eof(channel_) == 0 && ssh_channel_is_closed(channel_) == 0) {
      const auto n =
          static_cast<uint32_t>(std::min<size_t>({input_.size() - fed_, ssh_channel_window_size(channel_), kChunk}));
      const int put = n == 0 ? 0 : ssh_channel_write(channel_, input_.data() + fed_, n);
      if (put == 0 || put == SSH_AGAIN) return {};
      if (put < 0) return {};  // the command stopped reading; its exit code and stderr say why
      fed_ += static_cast<size_t>(put);
    }
    if (fed_ == input_.size() && !eof_sent_) {
      ssh_channel_send_eof(channel_);
      eof_sent_ = true;
    }
    return {};
  }

  Status collect() {
    char buffer[16384];
    for (const int is_stderr : {1, 0}) {
      // Waits on stdout only, which also lets libssh take in everything else.
      const int wait_ms = is_stderr == 1 || fed_ < input_.size() ? (is_stderr == 1 ? 0 : 1) : kStepMs;
      const int got = ssh_channel_read_timeout(channel_, buffer, sizeof buffer, is_stderr, wait_ms);
      if (got <= 0) continue;
      const std::string_view text(buffer, static_cast<size_t>(got));
      if (is_stderr == 1) {
        stderr_.add(text);
        continue;
      }
      result_.out += text;
      if (result_.out.size() > kMaxOutput) {
        return Error{
            ErrorCode::peer_violation, str(session_.name(), ": the remote command says more than it may"), {}, 0};
      }
    }
    return {};
  }

  SshSession& session_;
  ssh_channel channel_;
  const std::string& input_;
  const int64_t deadline_;
  size_t fed_ = 0;
  bool eof_sent_ = false;
  TailText stderr_;
  RemoteOutput result_;
};

}  // namespace

Result<RemoteOutput> SshSession::run(const std::string& command, const std::string& input, int64_t timeout_ms) {
  const SigpipeBlocked no_sigpipe;
  SYNC_ASSIGN(ssh_channel channel, open_exec_channel(*this, command));
  return RemoteRun(*this, channel, input, timeout_ms).run();
}

}  // namespace twsync
