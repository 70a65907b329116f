// twsync doctor: broker, workers, units.

#include <dirent.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/app/fanotify_right.h"
#include "common/app/installation.h"
#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "producers/cli/doctor.h"

namespace twsync {

namespace {

constexpr const char* kUnit = "sutazai-sync-monitor.service";
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

bool knows_unit(const std::string& name) {
  return exists(str("/etc/systemd/system/", name)) || exists(str("/usr/lib/systemd/system/", name));
}

/// Where no unit can be started: the program itself; "" = none alone is the matter.
std::string start_words(const Config& config, const std::string& verb, const std::string& unit,
                        const std::string& program) {
  const size_t instance = unit.find('@');
  const std::string file = instance == std::string::npos ? unit : unit.substr(0, instance) + "@.service";
  if (knows_unit(file) || (has_systemd() && !config.prefix.empty())) return str("systemctl ", verb, " ", unit);
  if (program.empty()) return "twsync sync  # no unit of the service is installed here: README.md";
  const std::string file_option = config.file.empty() ? "" : " --config " + shell_word(config.file);
  return str(shell_word(str(executable_directory(), "/", program)), file_option, " --state-dir ",
             shell_word(config.state_dir), " &");
}

void check_workers(const Config& config, const StatusReply& status, Examination& exam) {
  for (const char* role : {"scanner", "resolver", "transfer"}) {
    const bool there = std::any_of(status.workers.begin(), status.workers.end(),
                                   [&](const WorkerStatus& worker) { return worker.service == role; });
    if (!there)
      exam.bad("workers", str("no ", role, " works for the broker"),
               start_words(config, "restart", str("twsync-worker@", role, ".service"), str("twsync-", role)));
  }
  if (!status.workers.empty()) exam.good("workers", str(status.workers.size(), " work for the broker"));
  const auto other = std::find_if(status.workers.begin(), status.workers.end(),
                                  [](const WorkerStatus& worker) { return worker.version != TWSYNC_VERSION; });
  const bool broker = status.version != TWSYNC_VERSION;
  if (broker || other != status.workers.end()) {
    exam.warn("service-version",
              str("the ", broker ? "broker" : other->service, " is of version ",
                  broker ? status.version : other->version, ", this program of " TWSYNC_VERSION),
              start_words(config, "restart", kUnit, ""));
  } else {
    exam.good("service-version", status.version);
  }
}

void check_observer(const Config& config, const StatusReply& status, Examination& exam) {
  const bool wanted = config.settings.metrics_port != 0 ||
                      std::any_of(config.pairs.begin(), config.pairs.end(), [](const PairConfig& pair) {
                        return !pair.post_sync_command.empty() || !pair.on_conflict_command.empty();
                      });
  const bool there = std::any_of(status.workers.begin(), status.workers.end(),
                                 [](const WorkerStatus& worker) { return worker.service == "observer"; });
  if (wanted && !there)
    exam.warn("observer", "no observer asks the broker: no metrics, no commands on events",
              start_words(config, "restart", "twsync-observer.service", "twsync-observer"));
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

void check_served(const Config& config, const BrokerAccess& broker, const PairConfig& pair, Examination& exam) {
  exam.about(pair.name);
  const auto status = std::find_if(broker.status.pairs.begin(), broker.status.pairs.end(),
                                   [&](const PairStatus& known) { return known.pair == pair.name; });
  if (status == broker.status.pairs.end()) {
    exam.warn("served", "the service runs, but does not serve this pair", start_words(config, "restart", kUnit, ""));
  } else if (status->state == "buried" || status->state == "retrying") {
    exam.bad("served", str(status->state, " after ", status->attempt, " attempts: ", status->last_error),
             str("twsync sync ", pair.name));
  } else if (status->watch.starts_with("code: unwatched (no monitor)")) {
    exam.bad("watch", "no monitor works for the broker: edits of the code side wait for the next rescan",
             start_words(config, "restart", kUnit, "twsync-monitor"));
  } else if (status->watch.find("degraded") != std::string::npos) {
    exam.warn("watch", status->watch, watch_mend(status->watch, config.prefix));
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
    check_workers(context.config, (*broker)->status, exam);
    check_observer(context.config, (*broker)->status, exam);
    check_dialer(exam);
    for (const auto& pair : pairs) {
      if (context.config.find(pair.name) != nullptr) check_served(context.config, **broker, pair, exam);
    }
  } else if (broker.error().code == ErrorCode::denied || kept_out()) {
    exam.bad("service-rights", "this user may not reach the service",
             str("usermod -aG twsync ", user_name(), "  # then log in again"));
  } else {
    exam.warn("service", str("none answers, syncs run only when asked for: ", describe(broker.error())),
              start_words(context.config, "start", kUnit, ""));
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

}  // namespace

bool has_systemd() {
  return ::access("/run/systemd/system", F_OK) == 0;
}

void check_service(const CliContext& context, const std::vector<PairConfig>& pairs, Examination& exam) {
  check_broker(context, pairs, exam);
  check_units(context.config, exam);
  check_backup(context.config, exam);
}

}  // namespace twsync
