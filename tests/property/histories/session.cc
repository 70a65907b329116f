#include "tests/property/histories/session.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

#include "common/base/clock.h"
#include "common/base/hasher.h"
#include "common/base/text.h"
#include "common/wire/codec.h"
#include "producers/cli/embedded_pipeline.h"

namespace twsync::testing {

namespace {

constexpr int kPatienceMs = 60'000;
constexpr int kQuietMs = 3000;  // what fails is tried again after three seconds: nobody waits for that here
constexpr size_t kMaxMessage = 1U << 20U;

class ShiftedClock final : public Clock {
 public:
  explicit ShiftedClock(int64_t shift_ns) : shift_ns_(shift_ns) {}
  int64_t wall_ns() override { return clock_.wall_ns() + shift_ns_; }
  int64_t steady_ns() override { return clock_.steady_ns(); }

 private:
  SystemClock clock_;
  const int64_t shift_ns_;
};

/// The child's end.
class Server {
 public:
  Server(int socket, const SessionOptions& options)
      : socket_(socket), options_(options), clock_(options.clock_shift_ns) {}

  void run() {
    auto started = start();
    auto client = started ? (*started)->connect() : Result<std::unique_ptr<BrokerClient>>(started.error());
    std::string message(kMaxMessage, '\0');
    for (;;) {
      const ssize_t n = ::recv(socket_, message.data(), message.size(), 0);
      if (n <= 0) return;
      const std::string_view body(message.data() + 1, static_cast<size_t>(n) - 1);
      // What fails is the answer; whoever asks again asks the same pipeline.
      Status done = client ? Status{} : Status(client.error());
      if (done) done = message[0] == 'r' ? request(**client, body) : hints(**client, body);
      if (!done) fail(done.error());
    }
  }

 private:
  /// A child that was between fork and exec when its parent was killed holds the parent's locks until it gets to run.
  Result<std::unique_ptr<EmbeddedPipeline>> start() {
    const int64_t give_up = clock_.steady_ns() + kPatienceMs / 2 * kMillisecond;
    for (;;) {
      PipelineOptions pipeline{options_.pair, options_.agent_path, "test", {}};
      pipeline.controller.live = options_.live;
      auto started = EmbeddedPipeline::start(std::move(pipeline), clock_, host_);
      if (started || started.error().code != ErrorCode::busy || clock_.steady_ns() > give_up) return started;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  void answer(const Summary& summary) {
    const std::string body = encode(summary);
    (void)!::send(socket_, body.data(), body.size(), MSG_NOSIGNAL);
  }
  void fail(const Error& error) {
    Summary summary;
    summary.error = error;
    answer(summary);
  }
  Status request(BrokerClient& client, std::string_view body) {
    SYNC_ASSIGN(const Request request, decode<Request>(body));
    SYNC_TRY(client.request(request, 10'000));
    for (;;) {
      SYNC_ASSIGN(const auto event, client.next_event(200));
      if (!event || event->kind != EventKind::summary || !event->summary) continue;
      answer(*event->summary);
      return {};
    }
  }
  Status hints(BrokerClient& client, std::string_view body) {
    SYNC_ASSIGN(const Publish publish, decode<Publish>(body));
    if (!publish.hints.empty()) SYNC_TRY(client.publish(publish, random_hex(8), 10'000));
    const int64_t give_up = clock_.steady_ns() + kQuietMs * kMillisecond;
    while (clock_.steady_ns() < give_up) {
      SYNC_ASSIGN(const StatusReply status, client.status({options_.pair.name}, 10'000));
      if (status.pairs.size() == 1 && status.pairs[0].state == "idle") break;
      if (status.pairs.size() == 1 && status.pairs[0].state == "retrying") break;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    answer(Summary{});
    return {};
  }

  const int socket_;
  const SessionOptions& options_;
  ShiftedClock clock_;
  SystemHostFacts host_;
};

}  // namespace

Session::Session(const SessionOptions& options) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  pid_ = ::fork();
  if (pid_ < 0) std::abort();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    Server(ends[1], options).run();
    ::_exit(0);
  }
  ::close(ends[1]);
  socket_ = ends[0];
}

Session::~Session() {
  kill(Who::all);
}

void Session::send(char kind, const std::string& body) {
  const std::string message = kind + body;
  (void)!::send(socket_, message.data(), message.size(), MSG_NOSIGNAL);
}

void Session::ask(const Request& request) {
  send('r', encode(request));
}

void Session::hint(const std::vector<Hint>& hints) {
  Publish publish;
  publish.hints = hints;
  send('h', encode(publish));
}

Answer Session::wait() {
  Answer out;
  struct pollfd ready {
    socket_, POLLIN, 0
  };
  if (::poll(&ready, 1, kPatienceMs) <= 0) {
    out.hung = true;
    return out;
  }
  std::string body(kMaxMessage, '\0');
  const ssize_t n = ::recv(socket_, body.data(), body.size(), 0);
  if (n <= 0) {
    out.ended = true;
    out.how = reap();
    return out;
  }
  if (auto summary = decode<Summary>(std::string_view(body.data(), static_cast<size_t>(n)))) out.summary = *summary;
  return out;
}

bool Session::close() {
  ::shutdown(socket_, SHUT_WR);
  const Answer last = wait();
  if (last.hung) return false;
  reap();
  return true;
}

std::vector<pid_t> Session::agents() const {
  std::vector<pid_t> out;
  std::error_code ec;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", ec)) {
    std::ifstream children(task.path() / "children");
    for (pid_t child = 0; children >> child;) out.push_back(child);
  }
  return out;
}

void Session::kill(Who who) {
  if (pid_ < 0) return;
  const auto others = who == Who::controller ? std::vector<pid_t>{} : agents();
  if (who != Who::agents) ::kill(pid_, SIGKILL);
  for (const pid_t agent : others) ::kill(agent, SIGKILL);
  if (who != Who::agents) reap();
}

std::string Session::reap() {
  int status = 0;
  if (pid_ > 0) ::waitpid(pid_, &status, 0);
  pid_ = -1;
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  return WIFSIGNALED(status) ? str("by signal ", WTERMSIG(status)) : str("with exit code ", WEXITSTATUS(status));
}

}  // namespace twsync::testing
