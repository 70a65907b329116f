// twsync forget

#include <filesystem>

#include "common/app/exit_codes.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/context.h"
#include "producers/cli/key_setup.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/pair_sides.h"
#include "common/fs/remove_state.h"

namespace twsync {

namespace {

/// The other server first: while anything is left there, this server still knows how to reach it.
Status remove_kept(const CliContext& context, const PairConfig& pair, const BaseMeta& meta) {
  SystemClock clock;
  SystemHostFacts host;
  SYNC_ASSIGN(const auto local, claim_code_side(pair, meta, clock, host));
  SYNC_ASSIGN(const auto remote, claim_deploy_side(context, pair, meta));
  SYNC_TRY(remote->forget());
  return remove_pair_state(local->root(), meta.pair_id);
}

/// Only a configured pair has keys of its own exchange; an ad hoc pair may share them.
Status remove_pair_keys(const CliContext& context, const PairConfig& pair) {
  if (pair.deploy.local || context.config.find(pair.name) == nullptr) return {};
  SYNC_ASSIGN(const KeyOptions options, key_options(context.config, pair));
  const auto shown = show_keys(options);
  if (!shown.ok() && shown.error().code == ErrorCode::not_found) return {};
  return remove_keys(options);
}

}  // namespace

Result<int> run_forget(CliContext& context, const ForgetCommand& command) {
  SYNC_ASSIGN(PairConfig pair, find_pair(context.config, command.pair));
  SYNC_TRY(prepare_pair(context.config, pair));
  SYNC_ASSIGN(const auto base, open_base(pair));
  if (base) {
    SYNC_ASSIGN(const BaseMeta meta, (*base)->meta());
    if (!meta.pair_id.empty()) SYNC_TRY(remove_kept(context, pair, meta));
  }
  const Status keys = remove_pair_keys(context, pair);
  // Last, so that a forget that was interrupted can be run again by name.
  std::error_code error;
  std::filesystem::remove_all(pair.state_dir, error);
  if (error) return error_from_errno(error.value(), "cannot remove the pair's state", pair.state_dir);
  context.out(
      command.json
          ? JsonObject().text("event", "forgotten").text("pair", pair.name).flag("keys_stay", !keys.ok()).str_value() +
                "\n"
          : str("forgotten: ", pair.name, "; both trees stay as they are\n"));
  if (keys.ok()) return kExitDone;
  // The pair is gone all the same; without a login that may edit files over there, only a person can finish it.
  context.err(str("the keys stay: ", describe(keys.error()),
                  ". Remove the lines with twsync: from ~/.ssh/authorized_keys on ", pair.deploy.host,
                  " and on this server\n"));
  return kExitRemains;
}

}  // namespace twsync
