// twsync-dial: makes one TCP connection for a worker that has no network, over the socket on stdin
// (twsync-dial@.service).

#include <unistd.h>

#include <cstdio>

#include "common/app/config.h"
#include "common/app/run_main.h"
#include "common/base/text.h"
#include "workers/dial/dial.h"

namespace {

using namespace twsync;

constexpr int64_t kConnectMs = 15'000;

Result<int> serve(const std::vector<std::string>& args) {
  Overrides overrides;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--version") {
      std::printf("twsync-dial %s\n", TWSYNC_VERSION);
      return kExitDone;
    }
    if (args[i] != "--config" || i + 1 == args.size()) {
      return Error{
          ErrorCode::usage,
          "usage: twsync-dial [--config FILE] | --version\nIt is started by twsync-dial.socket; nothing is to be "
          "done with it by hand",
          {},
          0};
    }
    overrides.config = args[++i];
  }
  const auto lookup = [&overrides](const std::string& name) -> Result<DialAddress> {
    SYNC_ASSIGN(const PairConfig pair, load_pair(overrides, name));
    return DialAddress{pair.deploy.host, pair.deploy.port};
  };
  SYNC_TRY(serve_dial(STDIN_FILENO, lookup, kConnectMs));
  return kExitDone;
}

}  // namespace

int main(int argc, char** argv) {
  return run_main(argc, argv, [](const std::vector<std::string>& args, Signals&) { return serve(args); });
}
