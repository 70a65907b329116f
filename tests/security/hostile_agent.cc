// An agent that lies: runs the real one and edits what it answers. Takes the arguments of twsync-agent.
//   HOSTILE_AGENT = the real agent   HOSTILE_LIE = the lie (lies.cc)   HOSTILE_CANARY = a path outside of both roots
//   HOSTILE_SEED = for "garbage"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "common/fs/file_io.h"
#include "tests/security/lies.h"

namespace twsync {
namespace {

constexpr size_t kHeader = 12;

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool read_exactly(int fd, char* to, size_t size) {
  const auto got = read_full(fd, to, size);
  return got && *got == size;
}

void pump(int from, int to) {
  char piece[1U << 16U];
  for (ssize_t got; (got = ::read(from, piece, sizeof piece)) > 0;) {
    if (!write_all(to, std::string_view(piece, static_cast<size_t>(got)))) break;
  }
  ::close(to);
}

bool relay_magic(int from) {
  std::string seen;
  while (!seen.ends_with(kAgentMagic)) {
    char one;
    if (!read_exactly(from, &one, 1)) return false;
    seen += one;
  }
  return write_all(STDOUT_FILENO, seen).ok();
}

bool relay_frame(int from, Liar& liar) {
  char header[kHeader];
  if (!read_exactly(from, header, kHeader)) return false;
  uint32_t size;
  RawFrame frame;
  std::memcpy(&size, header, sizeof size);
  std::memcpy(&frame.type, header + 4, 1);
  std::memcpy(&frame.stream, header + 8, sizeof frame.stream);
  frame.payload.resize(size);
  if (!read_exactly(from, frame.payload.data(), size)) return false;
  liar.twist(frame);
  size = static_cast<uint32_t>(frame.payload.size());
  std::memcpy(header, &size, sizeof size);
  return write_all(STDOUT_FILENO, std::string(header, kHeader) + frame.payload).ok();
}

int relay(int from, int to) {
  std::thread(pump, STDIN_FILENO, to).detach();
  const std::string seed = setting("HOSTILE_SEED");
  Liar liar(setting("HOSTILE_LIE"), setting("HOSTILE_CANARY"),
            seed.empty() ? 1 : static_cast<uint32_t>(std::stoul(seed)));
  if (relay_magic(from)) {
    while (relay_frame(from, liar)) {
    }
  }
  return 0;
}

int run(char** argv) {
  if (!Liar::knows(setting("HOSTILE_LIE"))) {
    std::fputs("hostile_agent: unknown lie\n", stderr);
    return 2;
  }
  int in[2];
  int out[2];
  if (::pipe(in) != 0 || ::pipe(out) != 0) return 2;
  const pid_t child = ::fork();
  if (child < 0) return 2;
  if (child == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
    const std::string real = setting("HOSTILE_AGENT");
    ::execv(real.c_str(), argv);
    std::_Exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  const int result = relay(out[0], in[1]);
  int status;
  ::waitpid(child, &status, 0);
  std::_Exit(result);  // the pump may still wait for the client
}

}  // namespace
}  // namespace twsync

int main(int, char** argv) {
  return twsync::run(argv);
}
