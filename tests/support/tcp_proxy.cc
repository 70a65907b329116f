// tcp_proxy LISTEN-ADDRESS:PORT TARGET-ADDRESS:PORT [--delay-ms N] [--bandwidth BYTES-PER-SECOND] [--cut-after BYTES
// [--cut-once]]
//
// A line with a delay, for tests and benchmarks: every byte leaves N ms (one way) after it came in; each direction
// carries at most so many bytes a second, all connections together. A connection that has carried BYTES (both
// directions) is reset; with --cut-once only the first to get there. Prints "ready" when it listens; ends on SIGTERM,
// SIGINT or with its input (so that it never outlives a killed test), after one line "UP-BYTES DOWN-BYTES". What it
// leaves out: the round trip of connect itself, losses, reordering.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr size_t kRead = 256 * 1024;
constexpr size_t kQueueMax = 64 * 1024 * 1024;

struct Options {
  sockaddr_in listen{}, target{};
  std::chrono::nanoseconds delay{0};
  uint64_t bandwidth = 0;  // 0 = no limit
  uint64_t cut_after = 0;  // 0 = never
  bool cut_once = false;
};

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "tcp_proxy: %s\n", what.c_str());
  std::exit(2);
}

[[noreturn]] void die_errno(const char* what) {
  die(std::string(what) + ": " + std::strerror(errno));
}

/// One direction of the line: paces all connections together.
struct Line {
  Time free_at{};
  uint64_t bytes = 0;

  Time due(size_t size, const Options& options) {
    const Time now = Clock::now();
    bytes += size;
    if (options.bandwidth == 0) return now + options.delay;
    const auto needs = std::chrono::nanoseconds(
        static_cast<int64_t>(static_cast<double>(size) * 1e9 / static_cast<double>(options.bandwidth)));
    free_at = std::max(free_at, now) + needs;
    return free_at + options.delay;
  }
};

struct Chunk {
  Time due;
  std::string data;
};

/// From one socket to the other. An empty chunk is the end of the stream.
struct Pipe {
  int from, to;
  Line& line;
  std::deque<Chunk> chunks;
  size_t queued = 0, sent_of_first = 0;
  bool ended = false, closed = false;
};

struct Link {
  Link(int client, int server, Line& up_line, Line& down_line)
      : up{client, server, up_line, {}, 0, 0, false, false}, down{server, client, down_line, {}, 0, 0, false, false} {}
  Pipe up, down;
  uint64_t carried = 0;
  bool dead = false;
};

void reset_on_close(int fd) {
  const linger hard{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

class Proxy {
 public:
  explicit Proxy(const Options& options) : options_(options), buffer_(kRead, '\0') {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&options_.listen), sizeof options_.listen) != 0)
      die_errno("bind");
    if (listen(listener_, 64) != 0) die_errno("listen");
  }

  void run(int signals, bool watch_input) {
    for (;;) {
      std::vector<pollfd> fds{{signals, POLLIN, 0}, {watch_input ? 0 : -1, POLLIN, 0}, {listener_, POLLIN, 0}};
      const Time now = Clock::now();
      std::optional<Time> wake;
      for (Link& link : links_) {
        add(fds, link.up, now, wake);
        add(fds, link.down, now, wake);
      }
      timespec wait{};
      if (wake) {
        const auto ns = std::max<int64_t>(0, std::chrono::nanoseconds(*wake - now).count());
        wait = {ns / 1'000'000'000, ns % 1'000'000'000};
      }
      if (ppoll(fds.data(), fds.size(), wake ? &wait : nullptr, nullptr) < 0 && errno != EINTR) die_errno("poll");
      if (fds[0].revents != 0 || (fds[1].revents != 0 && input_ended())) return;
      if (fds[2].revents != 0) accept_one();
      for (Link& link : links_) carry(link);
      links_.remove_if([](Link& link) {
        const bool over = link.dead || (link.up.closed && link.down.closed);
        if (!over) return false;
        if (link.dead) {
          reset_on_close(link.up.from);
          reset_on_close(link.down.from);
        }
        close(link.up.from);
        close(link.down.from);
        return true;
      });
    }
  }

  void report() const {
    std::printf("%llu %llu\n", static_cast<unsigned long long>(up_.bytes),
                static_cast<unsigned long long>(down_.bytes));
  }

 private:
  size_t queue_max() const {
    if (options_.bandwidth == 0) return kQueueMax;
    const double in_flight =
        static_cast<double>(options_.bandwidth) * std::chrono::duration<double>(options_.delay).count();
    return std::clamp(static_cast<size_t>(in_flight * 2), kRead, kQueueMax);
  }

  static bool input_ended() {
    char ignored[64];
    return read(0, ignored, sizeof ignored) <= 0;
  }

  void add(std::vector<pollfd>& fds, const Pipe& pipe, Time now, std::optional<Time>& wake) const {
    if (!pipe.ended && pipe.queued < queue_max()) fds.push_back({pipe.from, POLLIN, 0});
    if (pipe.chunks.empty()) return;
    const Time due = pipe.chunks.front().due;
    if (due <= now) {
      fds.push_back({pipe.to, POLLOUT, 0});
    } else if (!wake || due < *wake) {
      wake = due;
    }
  }

  void accept_one() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    set_no_delay(client);
    set_no_delay(server);
    if (connect(server, reinterpret_cast<const sockaddr*>(&options_.target), sizeof options_.target) != 0 &&
        errno != EINPROGRESS) {
      close(server);
      close(client);
      return;
    }
    links_.emplace_back(client, server, up_, down_);
  }

  void carry(Link& link) {
    take(link, link.up);
    take(link, link.down);
    give(link, link.up);
    give(link, link.down);
  }

  void take(Link& link, Pipe& pipe) {
    if (pipe.ended || link.dead || pipe.queued >= queue_max()) return;
    const ssize_t got = read(pipe.from, buffer_.data(), buffer_.size());
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN) link.dead = true;
      return;
    }
    const auto size = static_cast<size_t>(got);
    pipe.ended = size == 0;
    pipe.chunks.push_back({pipe.line.due(size, options_), buffer_.substr(0, size)});
    pipe.queued += size;
    link.carried += size;
    if (options_.cut_after != 0 && link.carried >= options_.cut_after) {
      link.dead = true;
      if (options_.cut_once) options_.cut_after = 0;
    }
  }

  static void give(Link& link, Pipe& pipe) {
    while (!link.dead && !pipe.chunks.empty() && pipe.chunks.front().due <= Clock::now()) {
      Chunk& chunk = pipe.chunks.front();
      if (chunk.data.empty()) {
        shutdown(pipe.to, SHUT_WR);
        pipe.closed = true;
        pipe.chunks.pop_front();
        return;
      }
      const ssize_t sent =
          send(pipe.to, chunk.data.data() + pipe.sent_of_first, chunk.data.size() - pipe.sent_of_first, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN) link.dead = true;
        return;
      }
      pipe.sent_of_first += static_cast<size_t>(sent);
      pipe.queued -= static_cast<size_t>(sent);
      if (pipe.sent_of_first < chunk.data.size()) return;
      pipe.sent_of_first = 0;
      pipe.chunks.pop_front();
    }
  }

  Options options_;
  std::string buffer_;
  int listener_ = -1;
  Line up_, down_;
  std::list<Link> links_;
};

uint64_t number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) die("not a number: " + std::string(text));
  return value;
}

sockaddr_in address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) die("not ADDRESS:PORT: " + text);
  sockaddr_in out{};
  out.sin_family = AF_INET;
  const uint64_t port = number(std::string_view(text).substr(colon + 1));
  if (port == 0 || port > 65535) die("not a port: " + text);
  out.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, text.substr(0, colon).c_str(), &out.sin_addr) != 1) die("not an address: " + text);
  return out;
}

Options parse(int argc, char** argv) {
  if (argc < 3)
    die("usage: tcp_proxy ADDRESS:PORT TARGET:PORT [--delay-ms N] [--bandwidth B/S] [--cut-after BYTES [--cut-once]]");
  Options options;
  options.listen = address(argv[1]);
  options.target = address(argv[2]);
  for (int i = 3; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--cut-once") {
      options.cut_once = true;
      continue;
    }
    if (i + 1 == argc) die("no value for " + std::string(word));
    const uint64_t value = number(argv[++i]);
    if (word == "--delay-ms") {
      options.delay = std::chrono::milliseconds(value);
    } else if (word == "--bandwidth") {
      options.bandwidth = value;
    } else if (word == "--cut-after") {
      options.cut_after = value;
    } else {
      die("unknown option " + std::string(word));
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Proxy proxy(parse(argc, argv));
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGINT);
  sigprocmask(SIG_BLOCK, &mask, nullptr);
  const int signals = signalfd(-1, &mask, SFD_CLOEXEC);
  if (signals < 0) die_errno("signalfd");
  // A pipe that its starter holds tells of the starter's end; a terminal, a file or /dev/null says nothing.
  const int flags = fcntl(0, F_GETFL);
  const bool watch_input = flags >= 0 && lseek(0, 0, SEEK_CUR) < 0 && errno == ESPIPE && isatty(0) == 0;
  std::printf("ready\n");
  std::fflush(stdout);
  proxy.run(signals, watch_input);
  proxy.report();
  return 0;
}
