// twsync doctor

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "common/app/exit_codes.h"
#include "common/base/text.h"
#include "common/ssh/handshake.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/broker_access.h"
#include "producers/cli/context.h"
#include "producers/cli/json_object.h"
#include "producers/cli/pair_memory.h"
#include "workers/agent/remote_side.h"
#include "workers/connector.h"

namespace twsync {

namespace {

enum class Verdict : uint8_t { good, warning, bad };

class Examination {
 public:
  Examination(CliContext& context, bool json) : context_(context), json_(json) {}

  void say(Verdict verdict, std::string_view what, const std::string& text) {
    static constexpr const char* kNames[] = {"ok", "warning", "problem"};
    const char* name = kNames[static_cast<size_t>(verdict)];
    bad_ = bad_ || verdict == Verdict::bad;
    if (json_) {
      context_.out(JsonObject().text("check", what).text("result", name).text("text", text).str_value() + "\n");
    } else {
      std::string line = str(name, ":");
      line.resize(10, ' ');
      context_.out(str(line, what, ": ", text, "\n"));
    }
  }
  void say(std::string_view what, const Status& status, const std::string& good) {
    say(status.ok() ? Verdict::good : Verdict::bad, what, status.ok() ? good : describe(status.error()));
  }
  bool bad() const { return bad_; }

 private:
  CliContext& context_;
  bool json_;
  bool bad_ = false;
};

uint64_t number_in(const char* file) {
  uint64_t out = 0;
  std::ifstream(file) >> out;
  return out;
}

void check_host(CliContext& context, Examination& exam) {
  exam.say(
      Verdict::good, "configuration",
      context.config.file.empty() ? "none; pairs are given on the command line" : escape_bytes(context.config.file));
  exam.say("state directory", make_private_directory(context.config.state_dir), escape_bytes(context.config.state_dir));
  const uint64_t watches = number_in("/proc/sys/fs/inotify/max_user_watches");
  exam.say(watches < 65'536 ? Verdict::warning : Verdict::good, "watch limit",
           str(watches, " directories (fs.inotify.max_user_watches); more are scanned every 30 s instead of watched"));
  const auto broker = open_broker(context.config, 2000);
  exam.say(broker.ok() ? Verdict::good : Verdict::warning, "service",
           broker.ok() ? str("broker ", (*broker)->status.version, ", pid ", (*broker)->status.pid, ", ",
                             (*broker)->status.workers.size(), " workers")
                       : str("none answers: syncs run only when asked for (", describe(broker.error()), ")"));
  const bool agent = ::access(context.agent_path.c_str(), X_OK) == 0;
  exam.say(agent ? Verdict::good : Verdict::bad, "agent binary",
           str(escape_bytes(context.agent_path), agent ? "" : " is not there"));
}

void check_space(const PairConfig& pair, Examination& exam) {
  struct statvfs info {};
  if (::statvfs(pair.code_path.c_str(), &info) != 0) return;
  const uint64_t free_bytes = info.f_bavail * info.f_frsize;
  const bool low = free_bytes < (uint64_t{1} << 30U) || (info.f_files > 0 && info.f_favail < 10'000);
  exam.say(low ? Verdict::warning : Verdict::good, "space on the code side",
           str(human_bytes(free_bytes), " free, ", info.f_favail, " inodes free"));
  if (::access(pair.code_path.c_str(), R_OK | W_OK | X_OK) != 0) {
    exam.say(Verdict::bad, "rights on the code side", "this user cannot read and write the root");
  }
}

void check_keys(const PairConfig& pair, Examination& exam) {
  if (pair.deploy.local) return;
  if (pair.ssh_key.empty()) {
    exam.say(Verdict::warning, "key",
             "none of our own; the SSH agent and default keys are tried (twsync keys exchange makes one)");
  } else {
    struct stat info {};
    const bool there = ::stat(pair.ssh_key.c_str(), &info) == 0;
    const bool open_to_others = there && (info.st_mode & 077u) != 0;
    exam.say(there && !open_to_others ? Verdict::good : Verdict::bad, "key",
             str(escape_bytes(pair.ssh_key), !there           ? " is not there: twsync keys exchange"
                                             : open_to_others ? " can be read by others: chmod 600"
                                                              : ""));
  }
  const bool known = ::access(pair.known_hosts.c_str(), R_OK) == 0;
  exam.say(known ? Verdict::good : Verdict::warning, "known hosts",
           str(escape_bytes(pair.known_hosts), known ? "" : " is not there yet: twsync keys exchange"));
}

/// Host key, login, agent, its clock, its root: all by one session that changes nothing.
Status check_deploy(CliContext& context, const PairConfig& pair, Examination& exam) {
  Hello request;
  SYNC_ASSIGN(auto connection, make_agent_connector(context.agent_path)(pair, AgentRole::control, request));
  RemoteSide remote(std::move(connection), HelloReply{});
  SYNC_ASSIGN(const SideFacts facts, remote.facts());
  SystemClock clock;
  const int64_t skew = facts.wall_ns - clock.wall_ns();
  const bool apart = std::abs(skew) > 2 * kSecond;
  exam.say(
      Verdict::good, "deploy side",
      str("agent on ", escape_bytes(facts.host), ", root ", escape_bytes(facts.root_path), " on ", facts.file_system));
  exam.say(apart ? Verdict::warning : Verdict::good, "clocks",
           apart ? str("they are ", human_duration(std::abs(skew)), " apart: set both by NTP; `newer` depends on them")
                 : std::string("less than 2 s apart"));
  exam.say(facts.free_bytes < (uint64_t{1} << 30U) ? Verdict::warning : Verdict::good, "space on the deploy side",
           str(human_bytes(facts.free_bytes), " free, ", facts.free_inodes, " inodes free"));
  if (!facts.rename_exchange)
    exam.say(Verdict::warning, "deploy side",
             "its file system has no atomic exchange: replacing a file has a short gap");
  return {};
}

void check_pair(CliContext& context, PairConfig pair, Examination& exam) {
  const auto prepared = prepare_pair(context.config, pair);
  exam.say(str("pair ", pair.name), prepared, escape_bytes(pair.code_path));
  if (!prepared.ok()) return;
  check_space(pair, exam);
  check_keys(pair, exam);
  const auto deploy = check_deploy(context, pair, exam);
  if (!deploy.ok()) exam.say("deploy side", deploy, "");
  const auto base = open_base(pair);
  if (!base.ok()) exam.say(Verdict::bad, "base", describe(base.error()));
}

}  // namespace

Result<int> run_doctor(CliContext& context, const DoctorCommand& command) {
  SYNC_ASSIGN(const auto pairs, select_pairs(context.config, command.pair));
  Examination exam(context, command.json);
  check_host(context, exam);
  for (const auto& pair : pairs) check_pair(context, pair, exam);
  return exam.bad() ? kExitRemains : kExitDone;
}

}  // namespace twsync
