#include <set>
#include <string>
#include <variant>

#include "producers/cli/context.h"

namespace twsync {

namespace {

struct Runner {
  CliContext& context;
  Result<int> operator()(const SyncCommand& c) const { return run_sync(context, c); }
  Result<int> operator()(const StatusCommand& c) const { return run_status(context, c); }
  Result<int> operator()(const ConflictsCommand& c) const { return run_conflicts(context, c); }
  Result<int> operator()(const DecideCommand& c) const { return run_decide(context, c); }
  Result<int> operator()(const HistoryCommand& c) const { return run_history(context, c); }
  Result<int> operator()(const RestoreCommand& c) const { return run_restore(context, c); }
  Result<int> operator()(const PublishCommand& c) const { return run_publish(context, c); }
  Result<int> operator()(const KeysCommand& c) const { return run_keys(context, c); }
  Result<int> operator()(const HooksCommand& c) const { return run_hooks(context, c); }
  Result<int> operator()(const DoctorCommand& c) const { return run_doctor(context, c); }
  Result<int> operator()(const ForgetCommand& c) const { return run_forget(context, c); }
  Result<int> operator()(const ServeForcedCommand&) const { return run_serve_forced(context); }
  Result<int> operator()(const RootsCommand&) const {
    std::set<std::string> roots;
    for (const auto& pair : context.config.pairs) roots.insert({pair.code_path, pair.deploy.path});
    for (const auto& root : roots) context.out(root + "\n");
    return 0;
  }
  Result<int> operator()(const TextCommand& c) const {
    context.out(c.text);
    return 0;
  }
};

}  // namespace

Result<int> run_command(CliContext& context, const Command& command) {
  return std::visit(Runner{context}, command);
}

}  // namespace twsync
