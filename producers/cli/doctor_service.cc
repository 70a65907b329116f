// twsync doctor: broker, workers, units, cron.

#include <dirent.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/app/fanotify_right.h"
#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "producers/cli/doctor.h"

namespace twsync {

namespace {

constexpr const char* kUnit = "sutazai-sync-monitor.service";
constexpr const char* kCronFile = "/etc/cron.d/sutazai-sync";
constexpr const char* kTimer = "twsync-cron.timer";
constexpr const char* kDialUnit = "twsync-dial.socket";
constexpr const char* kDialSocket = "/run/twsync-dial.sock";
constexpr int kBrokerMs = 2000;

std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : str(::geteuid());
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

void check_workers(const StatusReply& status, Examination& exam) {
  for (const char* role : {"scanner", "resolver", "transfer"}) {
    const bool there = std::any_of(status.workers.begin(), status.workers.end(),
                                   [&](const WorkerStatus& worker) { return worker.service == role; });
    if (!there)
      exam.bad("workers", str("no ", role, " works for the broker"),
               str("systemctl restart twsync-worker@", role, ".service"));
  }
  if (!status.workers.empty()) exam.good("workers", str(status.workers.size(), " work for the broker"));
  const auto other = std::find_if(status.workers.begin(), status.workers.end(),
                                  [](const WorkerStatus& worker) { return worker.version != TWSYNC_VERSION; });
  const bool broker = status.version != TWSYNC_VERSION;
  if (broker || other != status.workers.end()) {
    exam.warn("service-version",
              str("the ", broker ? "broker" : other->service, " is of version ",
                  broker ? status.version : other->version, ", this program of " TWSYNC_VERSION),
              str("systemctl restart ", kUnit));
  } else {
    exam.good("service-version", status.version);
  }
}

/// `watch` is one text for both sides. What the deploy side's says is the agent's word: it is shown, never made a
/// command.
std::string watch_mend(const std::string& watch, const std::string& prefix) {
  const std::string code = watch.substr(0, watch.find("; deploy: "));
  const auto tells = [](const std::string& text, const char* what) { return text.find(what) != std::string::npos; };
  if (tells(watch, " unwatched (") || !tells(watch, "instead of fanotify"))
    return "sysctl -w fs.inotify.max_user_watches=1048576  # see watch-limit";
  if (tells(code, "instead of fanotify")) return fanotify_right_command(prefix);
  return "twsync status  # says what lets the agent on the deploy server; or WATCH=auto";
}

void check_served(const BrokerAccess& broker, const PairConfig& pair, const std::string& prefix, Examination& exam) {
  exam.about(pair.name);
  const auto status = std::find_if(broker.status.pairs.begin(), broker.status.pairs.end(),
                                   [&](const PairStatus& known) { return known.pair == pair.name; });
  if (status == broker.status.pairs.end()) {
    exam.warn("served", "the service runs, but does not serve this pair", str("systemctl restart ", kUnit));
  } else if (status->state == "buried" || status->state == "retrying") {
    exam.bad("served", str(status->state, " after ", status->attempt, " attempts: ", status->last_error),
             str("twsync sync ", pair.name));
  } else if (status->watch.find("degraded") != std::string::npos) {
    exam.warn("watch", status->watch, watch_mend(status->watch, prefix));
  } else {
    exam.good("served", status->state);
    if (!status->watch.empty()) exam.good("watch", status->watch);
  }
  exam.about("");
}

/// A service that root runs is there, and only its group may reach it.
bool kept_out() {
  return ::access("/run/twsync/front.sock", R_OK | W_OK) != 0 && errno == EACCES;
}

bool knows_unit(const char* name) {
  return exists(str("/etc/systemd/system/", name)) || exists(str("/usr/lib/systemd/system/", name));
}

/// Workers of a unit have no network: without the dialer's socket they reach nobody.
void check_dialer(Examination& exam) {
  if (!has_systemd() || !knows_unit(kDialUnit)) return;
  if (exists(kDialSocket)) return exam.good("dialer", kDialSocket);
  exam.bad("dialer", str("the workers cannot connect to a deploy server: ", kDialSocket, " is not there"),
           str("systemctl restart ", kDialUnit));
}

void check_broker(const CliContext& context, const std::vector<PairConfig>& pairs, Examination& exam) {
  const auto broker = open_broker(context.config, kBrokerMs);
  if (broker) {
    exam.good("service", str("broker ", (*broker)->status.version, ", pid ", (*broker)->status.pid));
    check_workers((*broker)->status, exam);
    check_dialer(exam);
    for (const auto& pair : pairs) {
      if (context.config.find(pair.name) != nullptr) check_served(**broker, pair, context.config.prefix, exam);
    }
  } else if (broker.error().code == ErrorCode::denied || kept_out()) {
    exam.bad("service-rights", "this user may not reach the service",
             str("usermod -aG twsync ", user_name(), "  # then log in again"));
  } else {
    exam.warn("service", str("none answers, syncs run only when asked for: ", describe(broker.error())),
              str("systemctl start ", kUnit));
  }
}

void check_units(const Config& config, Examination& exam) {
  if (!has_systemd() || config.prefix.empty()) return;
  for (const char* unit : {kUnit, kDialUnit}) {
    const std::string units = shell_word(config.prefix) + "/share/twsync/systemd/*";
    if (knows_unit(unit)) continue;
    return exam.warn("unit", str("systemd does not know ", unit),
                     str("systemctl link ", units, ".service ", units, ".socket"));
  }
  if (exists(str("/etc/systemd/system/multi-user.target.wants/", kUnit))) {
    exam.good("unit", str(kUnit, " starts with the system"));
  } else {
    exam.warn("unit", str(kUnit, " does not start with the system"), str("systemctl enable ", kUnit));
  }
}

/// The first script that the file runs and that cannot be run.
std::string lost_script(const std::string& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const size_t end = line.find("/two_way_sync.sh");
    if (line.starts_with('#') || end == std::string::npos) continue;
    const size_t start = line.rfind(' ', end) + 1;
    std::string script = line.substr(start, end - start) + "/two_way_sync.sh";
    if (::access(script.c_str(), X_OK) != 0) return script;
  }
  return {};
}

bool has_cron_daemon() {
  const char* path = std::getenv("PATH");
  std::istringstream places(str("/usr/sbin:/usr/bin:", path == nullptr ? "" : path));
  for (std::string place; std::getline(places, place, ':');) {
    for (const char* daemon : {"cron", "crond", "anacron", "fcron"}) {
      if (exists(str(place, "/", daemon))) return true;
    }
  }
  return false;
}

void check_cron_file(const Config& config, Examination& exam) {
  const std::string own = str(shell_word(config.prefix), "/share/twsync/cron.d/sutazai-sync");
  const std::string install = str("install -m 644 ", own, " ", kCronFile);
  struct stat info {};
  if (::stat(kCronFile, &info) != 0) return exam.warn("cron", "the backup of the service is not installed", install);
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0 || info.st_uid != 0) {
    return exam.bad("cron", str("cron does not read ", kCronFile, ": others may write it"),
                    str("chown root ", kCronFile, " && chmod 644 ", kCronFile));
  }
  const std::string lost = lost_script(kCronFile);
  if (!lost.empty() && exists(lost))
    return exam.bad("cron", str(kCronFile, " runs ", lost, ", which may not be executed"),
                    str("chmod +x ", shell_word(lost)));
  if (!lost.empty()) return exam.bad("cron", str(kCronFile, " runs ", lost, ", which is not there"), install);
  if (!has_cron_daemon())
    return exam.warn("cron", "no cron is installed here: nothing reads its entry",
                     str("apt-get install cron  # or rm ", kCronFile, " && systemctl enable --now ", kTimer));
  exam.good("cron", kCronFile);
}

void check_cron(const Config& config, Examination& exam) {
  if (config.prefix.empty()) return;
  const bool timer = exists(str("/etc/systemd/system/timers.target.wants/", kTimer));
  if (!timer) return check_cron_file(config, exam);
  if (!exists(kCronFile)) return exam.good("cron", kTimer);
  exam.warn("cron", str(kTimer, " is enabled and does nothing while ", kCronFile, " is there"),
            str("systemctl disable --now ", kTimer));
}

void check_wrappers(const Config& config, Examination& exam) {
  if (config.prefix.empty()) return;
  for (const char* name : {"two_way_sync.sh", "ssh_key_exchange.sh"}) {
    const std::string script = str(config.prefix, "/scripts/", name);
    if (::access(script.c_str(), X_OK) == 0) continue;
    const bool there = exists(script);
    return exam.bad("scripts", str(script, there ? " may not be executed" : " is not there"),
                    there ? str("chmod +x ", shell_word(script)) : std::string("# install the package again"));
  }
  exam.good("scripts", config.prefix + "/scripts");
}

}  // namespace

bool has_systemd() {
  return ::access("/run/systemd/system", F_OK) == 0;
}

void check_service(const CliContext& context, const std::vector<PairConfig>& pairs, Examination& exam) {
  check_broker(context, pairs, exam);
  check_units(context.config, exam);
  check_wrappers(context.config, exam);
  check_cron(context.config, exam);
}

}  // namespace twsync
