#pragma once
// Child agents and trees for the tests of the agent and of transfers.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "common/ssh/child_stream.h"
#include "common/ssh/connection.h"
#include "common/ssh/fd_stream.h"
#include "common/ssh/handshake.h"

namespace twsync::agent_test {

/// A directory that goes away with the test. In memory where there is room: a disk takes far longer to delete thousands
/// of files that were just flushed than to write them.
class TempRoot {
 public:
  TempRoot() {
    std::error_code none;
    const bool room = std::filesystem::space("/dev/shm", none).available + 1 > (1ULL << 30U) && !none;
    std::string name = std::string(room ? "/dev/shm" : "/tmp") + "/twsync_agent_XXXXXX";
    path_ = std::filesystem::canonical(::mkdtemp(name.data())).string();
  }
  ~TempRoot() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempRoot(const TempRoot&) = delete;
  TempRoot& operator=(const TempRoot&) = delete;
  const std::string& path() const { return path_; }
  std::string at(const std::string& rel) const { return path_ + "/" + rel; }
  void write(const std::string& rel, const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(at(rel)).parent_path());
    std::ofstream(at(rel), std::ios::binary) << bytes;
  }
  std::string read(const std::string& rel) const {
    std::ifstream in(at(rel), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};

constexpr const char* kPair = "pair-1";

inline HashKey test_key() {
  HashKey key{};
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(i + 1);
  return key;
}

inline Hello test_hello(AgentRole role, const std::string& root) {
  Hello hello;
  hello.build = "test";
  hello.role = role;
  hello.root = root;
  hello.hash_key = test_key();
  if (role == AgentRole::bulk) hello.pair_id = kPair;
  return hello;
}

/// A child agent whose process id is known, so that it can be killed. Reaps it.
struct ChildAgent {
  pid_t pid = -1;
  std::unique_ptr<ByteStream> stream;

  explicit ChildAgent(const std::vector<std::string>& more = {}) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    std::vector<std::string> args{TWSYNC_AGENT, "--stdio"};
    args.insert(args.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    pid = ::fork();
    if (pid == 0) {
      ::dup2(fds[1], 0);
      ::dup2(fds[1], 1);
      ::dup2(::open("/dev/null", O_WRONLY), 2);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(fds[1]);
    stream = make_fd_stream(fds[0], fds[0], FdOwner::stream, "child agent");
  }
  ~ChildAgent() {
    if (pid > 0) wait();
  }
  ChildAgent(const ChildAgent&) = delete;
  ChildAgent& operator=(const ChildAgent&) = delete;

  void kill() const { ::kill(pid, SIGKILL); }
  /// The wait status once it has ended. REQUIRES: its stream is closed, or it ends by itself.
  int wait() {
    int status = 0;
    ::waitpid(pid, &status, 0);
    pid = -1;
    return status;
  }
};

inline std::unique_ptr<Connection> connect(std::unique_ptr<ByteStream> stream) {
  ConnectionOptions options;
  options.expect_magic = true;
  return std::make_unique<Connection>(std::move(stream), options);
}

struct Greeted {
  std::unique_ptr<Connection> connection;
  HelloReply reply;
};

/// A child agent that has shaken hands.
inline Result<Greeted> greet(const Hello& request, const std::vector<std::string>& more = {}) {
  std::vector<std::string> argv{TWSYNC_AGENT, "--stdio"};
  argv.insert(argv.end(), more.begin(), more.end());
  SYNC_ASSIGN(std::unique_ptr<ByteStream> stream, make_child_stream(argv));
  Greeted greeted{connect(std::move(stream)), {}};
  SYNC_ASSIGN(Greeting greeting, hello(*greeted.connection, request));
  greeted.reply = std::move(greeting.reply);
  return greeted;
}

}  // namespace twsync::agent_test
