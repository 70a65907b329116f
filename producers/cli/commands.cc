#include <set>
#include <string>
#include <variant>

#include "producers/cli/context.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/ways_back.h"

namespace twsync {

namespace {

struct Runner {
  CliContext& context;
  Result<int> operator()(const SyncCommand& c) const { return run_sync(context, c); }
  Result<int> operator()(const StatusCommand& c) const { return run_status(context, c); }
  Result<int> operator()(const EventsCommand& c) const { return run_events(context, c); }
  Result<int> operator()(const ConflictsCommand& c) const { return led_here(run_conflicts, c, c.pair, "conflicts"); }
  Result<int> operator()(const DecideCommand& c) const { return led_here(run_decide, c, c.pair, c.verb); }
  Result<int> operator()(const HistoryCommand& c) const { return led_here(run_history, c, c.pair, "history"); }
  Result<int> operator()(const RestoreCommand& c) const { return led_here(run_restore, c, c.pair, "restore"); }
  Result<int> operator()(const PublishCommand& c) const { return run_publish(context, c); }
  Result<int> operator()(const KeysCommand& c) const { return run_keys(context, c); }
  Result<int> operator()(const HooksCommand& c) const { return run_hooks(context, c); }
  Result<int> operator()(const DoctorCommand& c) const { return run_doctor(context, c); }
  Result<int> operator()(const InitCommand& c) const { return run_init(context, c); }
  Result<int> operator()(const ForgetCommand& c) const { return led_here(run_forget, c, c.pair, "forget"); }
  Result<int> operator()(const ServeForcedCommand& c) const { return run_serve_forced(context, c); }
  Result<int> operator()(const RootsCommand&) const { return print_roots(); }
  Result<int> operator()(const TextCommand& c) const {
    context.out(c.text);
    return 0;
  }

  Result<int> print_roots() const {
    std::set<std::string> roots;
    // Either side of a configured pair may be this host's.
    for (const auto& pair : context.config.pairs) roots.insert({pair.code_path, pair.deploy.path});
    if (const auto all = select_pairs(context.config, "")) {
      for (const auto& pair : *all) {
        roots.insert(pair.code_path);
        if (pair.deploy.local) roots.insert(pair.deploy.path);
      }
    }
    if (const auto ways = ways_back()) {
      for (const auto& way : *ways) roots.insert(way.deploy_path);
    }
    for (const auto& root : roots) context.out(root + "\n");
    return 0;
  }

  /// What needs the pair's base, which only its code server has.
  template <class C>
  Result<int> led_here(Result<int> (*run)(CliContext&, const C&), const C& command, const std::string& pair,
                       const std::string& name) const {
    SYNC_TRY(check_led_here(context, pair, name));
    return run(context, command);
  }
};

}  // namespace

Result<int> run_command(CliContext& context, const Command& command) {
  return std::visit(Runner{context}, command);
}

}  // namespace twsync
