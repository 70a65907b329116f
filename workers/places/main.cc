// twsync-places: opens of the transfer worker's protected places those that its configuration needs, by a drop-in below
// /run. ExecStartPre= and ExecReload= of its unit: systemd reads the drop-in before it starts the worker itself.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/app/run_main.h"
#include "common/base/text.h"
#include "workers/places/places.h"

namespace {

using namespace twsync;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

Status put(const std::string& path, const std::string& text) {
  std::error_code error;
  if (text.empty()) {
    std::filesystem::remove(path, error);
    return error ? error_from_errno(error.value(), "cannot remove the drop-in", path) : Status{};
  }
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const std::string fresh = path + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << text;
  out.close();
  if (!out || ::rename(fresh.c_str(), path.c_str()) != 0) return error_from_errno(errno, "cannot write", path);
  return {};
}

Status systemctl(std::vector<std::string> words) {
  words.insert(words.begin(), "systemctl");
  std::vector<char*> args;
  for (auto& word : words) args.push_back(word.data());
  args.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, "systemctl", nullptr, nullptr, args.data(), environ);
  if (failed != 0) return error_from_errno(failed, "cannot run systemctl");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return error_from_errno(errno, "cannot wait for systemctl");
  }
  if (status == 0) return {};
  return Error{ErrorCode::io, str("'systemctl ", words[1], "' failed"), {}, 0};
}

/// true: the unit is another one now.
Result<bool> bring_up_to_date(const std::string& unit) {
  SYNC_ASSIGN(const Config config, load_config({}));
  const std::string path = str("/run/systemd/system/", unit, ".d/20-places.conf");
  const std::string wanted = lifting_drop_in(places_of(config)), before = text_of(path);
  if (wanted == before) return false;
  SYNC_TRY(put(path, wanted));
  auto reloaded = systemctl({"daemon-reload"});
  if (reloaded) return true;
  // The next start tries again.
  (void)put(path, before).ok();
  return std::move(reloaded).error();
}

Result<int> serve(const std::vector<std::string>& args) {
  if (args.size() == 1 && args[0] == "--version") {
    std::printf("twsync-places %s\n", TWSYNC_VERSION);
    return kExitDone;
  }
  pid_t worker = 0;
  if (args.size() == 2) std::from_chars(args[1].data(), args[1].data() + args[1].size(), worker);
  if (args.empty() || args.size() > 2 || args[0].find('/') != std::string::npos || (args.size() == 2 && worker <= 1)) {
    return Error{ErrorCode::usage,
                 "usage: twsync-places UNIT [PID] | --version\nThe unit runs it before it starts, and with its process "
                 "to reload it",
                 {},
                 0};
  }
  const auto changed = bring_up_to_date(args[0]);
  // What is wrong in the configuration says the worker, with file and line.
  if (!changed && changed.error().code != ErrorCode::usage)
    std::fprintf(stderr, "<4>twsync-places: %s\n", describe(changed.error()).c_str());
  if (worker == 0) return kExitDone;
  if (changed && *changed) {
    SYNC_TRY(systemctl({"--no-block", "try-restart", args[0]}));
  } else if (::kill(worker, SIGHUP) != 0) {
    return error_from_errno(errno, "cannot reload the worker");
  }
  return kExitDone;
}

}  // namespace

int main(int argc, char** argv) {
  return run_main(argc, argv, [](const std::vector<std::string>& args, Signals&) { return serve(args); });
}
