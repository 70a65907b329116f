// twsync doctor: the backup of the service (cron's entry or the timer), and the scripts that it and people start.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "producers/cli/doctor.h"

namespace twsync {

namespace {

constexpr const char* kCronFile = "/etc/cron.d/sutazai-sync";
constexpr const char* kTimer = "twsync-cron.timer";

bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

bool can_start(const std::string& script) {
  return ::access(script.c_str(), X_OK) == 0;
}

/// The first script that the file runs and that cannot be started.
std::string broken_script(const std::string& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const size_t end = line.find("/two_way_sync.sh");
    if (line.starts_with('#') || end == std::string::npos) continue;
    const size_t start = line.rfind(' ', end) + 1;
    std::string script = line.substr(start, end - start) + "/two_way_sync.sh";
    if (!can_start(script)) return script;
  }
  return {};
}

bool timer_enabled() {
  return has_systemd() && exists(str("/etc/systemd/system/timers.target.wants/", kTimer));
}

/// Any program that reads /etc/cron.d.
bool cron_runs() {
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    std::string name;
    std::getline(std::ifstream(it->path() / "comm") >> std::ws, name);
    if (name == "cron" || name == "crond" || name == "fcron" || name == "bcron-sched") return true;
  }
  return false;
}

void check_scripts(const Config& config, Examination& exam) {
  for (const char* name : {"two_way_sync.sh", "ssh_key_exchange.sh"}) {
    const std::string script = str(config.prefix, "/scripts/", name);
    if (can_start(script)) continue;
    if (exists(script))
      return exam.bad("scripts", script + " may not be started", str("chmod +x ", shell_word(script)));
    return exam.bad("scripts", script + " is not there", "apt-get install --reinstall twsync  # or install it again");
  }
  exam.good("scripts", config.prefix + "/scripts");
}

void check_cron_file(const std::string& install, Examination& exam) {
  struct stat info {};
  if (::stat(kCronFile, &info) != 0) return exam.warn("cron", "the backup of the service is not installed", install);
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0 || info.st_uid != 0) {
    return exam.bad("cron", str("cron does not read ", kCronFile, ": others may write it"),
                    str("chown root ", kCronFile, " && chmod 644 ", kCronFile));
  }
  const std::string broken = broken_script(kCronFile);
  if (!broken.empty() && exists(broken))
    return exam.bad("cron", str(kCronFile, " runs ", broken, ", which may not be started"),
                    str("chmod +x ", shell_word(broken)));
  if (!broken.empty()) return exam.bad("cron", str(kCronFile, " runs ", broken, ", which is not there"), install);
  exam.good("cron", kCronFile);
}

void check_cron_daemon(Examination& exam) {
  if (cron_runs()) return exam.good("cron-daemon", "it runs");
  const char* mend =
      has_systemd() ? "systemctl enable --now cron  # or apt-get install cron" : "cron  # or install one";
  exam.warn("cron-daemon", str("no cron daemon runs: nobody reads ", kCronFile), mend);
}

}  // namespace

void check_backup(const Config& config, Examination& exam) {
  if (config.prefix.empty()) return;
  check_scripts(config, exam);
  const bool timer = timer_enabled();
  if (timer && exists(kCronFile))
    return exam.warn("cron", str("both ", kCronFile, " and ", kTimer, " are there: the timer does nothing"),
                     str("systemctl disable --now ", kTimer));
  if (timer) return exam.good("cron", kTimer);
  const std::string own = str(shell_word(config.prefix), "/share/twsync/cron.d/sutazai-sync");
  check_cron_file(str("install -m 644 ", own, " ", kCronFile), exam);
  if (exists(kCronFile)) check_cron_daemon(exam);
}

}  // namespace twsync
