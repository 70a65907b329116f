#pragma once
// What `twsync doctor` looks at: each check has a name that stays, and every finding that is not good says what mends
// it.

#include <memory>
#include <string>
#include <vector>

#include "producers/cli/broker_access.h"
#include "producers/cli/context.h"
#include "producers/cli/printer.h"
#include "producers/cli/ways_back.h"

namespace twsync {

/// Prints findings as they come: text, or one JSON object a line (DOCTOR.md).
class Examination {
 public:
  Examination(TextSink out, bool json, bool colours) : out_(std::move(out)), json_(json), colours_(colours) {}

  /// What follows is about this pair; "" = about this host.
  void about(const std::string& pair) { pair_ = pair; }
  void good(const char* check, const std::string& text) { say("ok", check, text, {}); }
  /// Works, but not as it should. `mend`: a command to run here, words after a '#'.
  void warn(const char* check, const std::string& text, const std::string& mend) { say("warning", check, text, mend); }
  void bad(const char* check, const std::string& text, const std::string& mend);
  bool found_bad() const { return found_bad_; }

 private:
  void say(const char* result, const char* check, const std::string& text, const std::string& mend);

  TextSink out_;
  bool json_, colours_;
  bool found_bad_ = false;
  std::string pair_;
};

/// This host: configuration, directories, agent, kernel limits, clock, which of the two servers it is.
void check_host(const CliContext& context, const Led& led, Examination& exam);
/// Broker and workers, and what starts them: units; and their backup.
void check_service(const CliContext& context, const std::vector<PairConfig>& pairs, Examination& exam);
/// What syncs where hints were missed: cron's entry or the timer.
void check_backup(const Config& config, Examination& exam);
/// The code side's root and base.
void check_code_side(const CliContext& context, const PairConfig& pair, Examination& exam);
/// Repositories below a root of this host whose hooks are ours.
void check_hooks(const CliContext& context, const Led& led, const std::string& root, Examination& exam);
/// Our key, the other server from its name to its agent, and its root.
void check_deploy_side(const CliContext& context, const PairConfig& pair, Examination& exam);
/// On the code server: whether the deploy server can reach it.
void check_way_in(const CliContext& context, const PairConfig& pair, Examination& exam);
/// On the deploy server: whether it reaches the code server.
void check_way_back(CliContext& context, const WayBack& way, Examination& exam);

/// The file that a pair (or "" = the host) is configured in, for what to edit.
std::string config_file_of(const Config& config, const std::string& pair);
/// True where systemd runs this host.
bool has_systemd();

}  // namespace twsync
