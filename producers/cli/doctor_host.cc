// twsync doctor: this host.

#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/app/own_address.h"
#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "common/ssh/bootstrap.h"
#include "common/ssh/handshake.h"
#include "producers/cli/doctor.h"

namespace twsync {

namespace {

constexpr uint64_t kWatches = 65'536;
constexpr uint64_t kInstances = 64;
constexpr uint64_t kOpenFiles = 1024;
constexpr uint64_t kLittleSpace = uint64_t{1} << 30U;

uint64_t number_in(const char* file) {
  uint64_t out = 0;
  std::ifstream(file) >> out;
  return out;
}

std::string sysctl_mend(const std::string& setting) {
  return str("echo ", setting, " >>/etc/sysctl.d/60-twsync.conf && sysctl -q -w ", setting);
}

void check_configuration(const Config& config, Examination& exam) {
  if (config.file.empty()) {
    return exam.good("configuration", "none; pairs are given on the command line");
  }
  exam.good("configuration", str(config.file, ", ", config.pairs.size(), " pairs"));
  const std::string directory = str(config.file.substr(0, config.file.rfind('/')), "/pairs.d");
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string path = it->path().string();
    if (path.ends_with(".sh") && it->path().filename().string()[0] != '.') continue;
    exam.warn("pairs-directory", str(path, " is not read: a pair's file is named NAME.sh"),
              str("mv ", shell_word(path), " ", shell_word(str(directory, "/", it->path().stem().string(), ".sh"))));
  }
}

/// Two pairs that write below the same directory would undo each other's work.
void check_overlap(const Config& config, Examination& exam) {
  const auto below = [](const std::string& path, const std::string& ancestor) {
    return path == ancestor || path.starts_with(ancestor == "/" ? ancestor : ancestor + "/");
  };
  for (size_t i = 0; i < config.pairs.size(); ++i) {
    for (size_t j = i + 1; j < config.pairs.size(); ++j) {
      const DeployTarget& a = config.pairs[i].deploy;
      const DeployTarget& b = config.pairs[j].deploy;
      if (a.host != b.host || a.port != b.port || !(below(a.path, b.path) || below(b.path, a.path))) continue;
      exam.bad("pairs-apart",
               str("the pairs ", config.pairs[i].name, " and ", config.pairs[j].name, " both write ", a.host, ":",
                   below(a.path, b.path) ? a.path : b.path),
               str("editor ", config_file_of(config, config.pairs[j].name), "  # give it a DEPLOY_PATH of its own"));
      return;
    }
  }
  if (config.pairs.size() > 1) exam.good("pairs-apart", "no two pairs write the same directory");
}

void check_role(const Config& config, const Led& led, Examination& exam) {
  if (config.pairs.empty() || led.here.empty()) return;
  const DeployTarget& deploy = config.pairs.front().deploy;
  const auto role = check_not_deploy_server(config, deploy);
  if (!role) {
    exam.bad("role", role.error().message,
             str("ssh ", config.settings.code_server, " ", config.prefix, "/scripts/ssh_key_exchange.sh"));
  } else if (config.settings.code_server == deploy.host) {
    exam.warn("role", str("CODE_SERVER and DEPLOY_SERVER are both ", deploy.host),
              str("editor ", config_file_of(config, ""), "  # the two addresses"));
  } else {
    exam.good("role", str("code server of ", deploy.host));
  }
}

void check_directories(const Config& config, Examination& exam) {
  const auto state = make_private_directory(config.state_dir);
  const std::string directory = shell_word(config.state_dir);
  if (state) {
    exam.good("state-directory", config.state_dir);
  } else {
    exam.bad("state-directory", describe(state.error()),
             str("chown ", ::geteuid(), " ", directory, " && chmod go-w ", directory));
  }
  struct statvfs info {};
  if (::statvfs(config.state_dir.c_str(), &info) == 0) {
    const uint64_t free_bytes = info.f_bavail * info.f_frsize;
    const std::string text = str(human_bytes(free_bytes), " free");
    if (free_bytes < kLittleSpace) {
      exam.warn("state-space", str(text, ": the queue and the base need room"), str("du -xsh ", directory, "/*"));
    } else {
      exam.good("state-space", text);
    }
  }
  // Root's services open their logs there by name: nobody else may make names in it.
  struct stat logs {};
  if (::stat(config.log_dir.c_str(), &logs) == 0 && (logs.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    exam.warn("log-directory", str(config.log_dir, " may be written by others: they could put links there"),
              str("chmod go-w ", shell_word(config.log_dir)));
  } else {
    exam.good("log-directory", config.log_dir);
  }
}

/// Started as a local target starts it.
void check_agent(const CliContext& context, Examination& exam) {
  const std::string again = "apt-get install --reinstall twsync-agent  # or cmake --install again";
  if (::access(context.agent_path.c_str(), X_OK) != 0)
    return exam.bad("agent-binary", str(context.agent_path, " is not there"), again);
  auto connection = connect_local_agent(context.agent_path);
  if (!connection) return exam.bad("agent-binary", describe(connection.error()), again);
  Hello request;
  request.root = context.config.state_dir;
  const auto greeting = hello(**connection, request);
  if (!greeting) return exam.bad("agent-binary", describe(greeting.error()), again);
  if (greeting->reply.build != TWSYNC_VERSION) {
    return exam.warn("agent-version",
                     str("the agent is of version ", greeting->reply.build, ", this program of " TWSYNC_VERSION),
                     again);
  }
  exam.good("agent-binary", context.agent_path);
  exam.good("agent-version", greeting->reply.build);
}

void check_limits(Examination& exam) {
  const uint64_t watches = number_in("/proc/sys/fs/inotify/max_user_watches");
  const std::string watch_text =
      str(watches, " directories can be watched; more take fanotify, or are scanned every 30 s instead");
  if (watches < kWatches) {
    exam.warn("watch-limit", watch_text, sysctl_mend("fs.inotify.max_user_watches=1048576"));
  } else {
    exam.good("watch-limit", watch_text);
  }
  const uint64_t instances = number_in("/proc/sys/fs/inotify/max_user_instances");
  if (instances < kInstances) {
    exam.warn("watch-instances", str(instances, " watches a user"), sysctl_mend("fs.inotify.max_user_instances=512"));
  } else {
    exam.good("watch-instances", str(instances, " watches a user"));
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < kOpenFiles) {
    exam.warn("open-files", str(files.rlim_cur, " files can be open at once"), "ulimit -n 4096");
  } else {
    exam.good("open-files", str(files.rlim_cur, " files can be open at once"));
  }
}

void check_clock(Examination& exam) {
  timex state{};
  if (::adjtimex(&state) < 0) return;
  if ((state.status & STA_UNSYNC) != 0) {
    exam.warn("clock", "nothing sets this host's clock; `newer` depends on it", "timedatectl set-ntp true");
  } else {
    exam.good("clock", "is set by NTP");
  }
}

}  // namespace

void check_host(const CliContext& context, const Led& led, Examination& exam) {
  check_configuration(context.config, exam);
  check_overlap(context.config, exam);
  check_role(context.config, led, exam);
  check_directories(context.config, exam);
  check_agent(context, exam);
  check_limits(exam);
  check_clock(exam);
}

}  // namespace twsync
