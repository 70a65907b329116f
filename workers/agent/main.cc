// twsync-agent --stdio [--root DIR]: serves one session on stdin and stdout.
// In authorized_keys: restrict,command="…/twsync-agent --stdio --root /srv/app" ssh-ed25519 … (SSH_ORIGINAL_COMMAND is
// never looked at).

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/ssh/fd_stream.h"
#include "workers/agent/agent.h"
#include "workers/agent/process_setup.h"

namespace {

constexpr int kUsage = 2;
constexpr int kRefused = 3;

int usage() {
  std::fputs(
      "usage: twsync-agent --stdio [--root DIR] | --version\n"
      "It is started by twsync over SSH; nothing is to be done with it by hand.\n",
      stderr);
  return kUsage;
}

std::string home_directory() {
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') return home;
  return "/";
}

}  // namespace

int main(int argc, char** argv) {
  twsync::AgentOptions options;
  bool stdio = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--version") == 0) return std::puts(TWSYNC_VERSION) < 0 ? kUsage : 0;
    if (std::strcmp(argv[i], "--stdio") == 0) {
      stdio = true;
    } else if (std::strcmp(argv[i], "--root") == 0 && i + 1 < argc && argv[i + 1][0] == '/') {
      options.fixed_root = argv[++i];
    } else {
      return usage();
    }
  }
  if (!stdio) return usage();
  options.home = home_directory();
  twsync::set_up_agent_process();
  twsync::SystemClock clock;
  auto stream = twsync::make_fd_stream(STDIN_FILENO, STDOUT_FILENO, twsync::FdOwner::stream, "client");
  const twsync::Status served = twsync::serve_agent(std::move(stream), options, clock);
  if (served.ok()) return 0;
  std::fprintf(stderr, "twsync-agent: %s\n", twsync::describe(served.error()).c_str());
  return kRefused;
}
