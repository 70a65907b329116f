// twsync resolve, approve, reject

#include "common/app/exit_codes.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/context.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/request_runner.h"
#include "producers/cli/side_versions.h"

namespace twsync {

namespace {

Result<bool> holds(const PairConfig& pair, const DecideCommand& command) {
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base) return false;
  SYNC_ASSIGN(const auto conflict, (*base)->conflict(command.id));
  if (conflict) {
    if (command.verb != "resolve") {
      return Error{
          ErrorCode::usage, str("this is a conflict: twsync resolve ", command.id, " --take code|deploy|both"), {}, 0};
    }
    if (!conflict->open)
      return Error{ErrorCode::usage, "this conflict is decided already; twsync restore brings the loser back",
                   conflict->path, 0};
    return true;
  }
  SYNC_ASSIGN(const auto parked, (*base)->parked());
  for (const auto& record : parked) {
    if (!record.is_named(command.id)) continue;
    if (command.verb == "resolve" && record.reason != ParkedReason::manual_conflict) {
      return Error{ErrorCode::usage,
                   str("this is no conflict: twsync approve ", command.id, " or twsync reject ", command.id),
                   {},
                   0};
    }
    return true;
  }
  return false;
}

Result<PairConfig> owner_of(const Config& config, const DecideCommand& command) {
  SYNC_ASSIGN(const auto pairs, select_pairs(config, command.pair));
  for (const auto& pair : pairs) {
    SYNC_ASSIGN(const bool found, holds(pair, command));
    if (found) return PairConfig(pair);
  }
  return Error{ErrorCode::usage,
               str("nothing with the id '", escape_bytes(command.id), "' waits for a decision; see twsync conflicts"),
               {},
               0};
}

/// The version that lost the conflict which `decided` closed, as the base has it now.
Result<std::string> loser_of(const PairConfig& pair, const std::string& path) {
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base) return std::string();
  SYNC_ASSIGN(const auto all, (*base)->conflicts(1000));
  const ConflictRecord* latest = nullptr;
  for (const auto& record : all) {
    const bool newer = record.path == path && !record.open && (latest == nullptr || record.at_ns > latest->at_ns);
    if (newer && !record.loser_version.empty()) latest = &record;
  }
  return latest == nullptr ? std::string() : latest->loser_version;
}

Result<std::string> conflict_path(const PairConfig& pair, const std::string& id) {
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base) return std::string();
  SYNC_ASSIGN(const auto record, (*base)->conflict(id));
  return record ? record->path : std::string();
}

/// `--take both`: the code server's version stands under the name; the deploy server's comes back beside it.
Status bring_back_other(CliContext& context, const PairConfig& pair, const std::string& path, bool json) {
  SYNC_ASSIGN(const std::string version, loser_of(pair, path));
  if (version.empty()) return {};
  const std::string beside = path + ".from-deploy-server";
  SYNC_ASSIGN(const auto versions, open_versions(context, pair, Side::deploy));
  if (!versions) return {};
  RestoreTreeRequest restore;
  restore.only_missing = false;
  restore.items.push_back({version, beside});
  SYNC_ASSIGN(RestoreTreeReply reply, versions->restore_tree(restore));
  if (!reply.failed.empty()) return std::move(reply.failed.front());
  if (json) {
    JsonObject line;
    line.text("event", "restored").text("pair", pair.name).text("side", "deploy").path("path", beside);
    context.out(line.text("id", version).str_value() + "\n");
    return {};
  }
  context.out(str("the deploy server's version is ", escape_bytes(beside), " there; the next sync carries it over\n"));
  return {};
}

}  // namespace

Result<int> run_decide(CliContext& context, const DecideCommand& command) {
  SYNC_ASSIGN(PairConfig pair, owner_of(context.config, command));
  SYNC_TRY(prepare_pair(context.config, pair));
  Request request;
  request.kind = command.verb == "resolve"   ? RequestKind::resolve
                 : command.verb == "approve" ? RequestKind::approve
                                             : RequestKind::reject;
  request.item = command.id;
  const bool both = command.take == "both";
  request.choice = both ? "code" : command.take;
  SYNC_ASSIGN(const std::string path, conflict_path(pair, command.id));
  PrinterOptions shown;
  shown.json = command.json;
  shown.colours = context.colours;
  const auto printer = make_printer(shown, context.out);
  SYNC_ASSIGN(const Summary summary,
              run_request(context, pair, std::move(request), {}, [&](const Event& event) { printer->event(event); }));
  if (both && summary.error.code == ErrorCode::ok) SYNC_TRY(bring_back_other(context, pair, path, command.json));
  return end_of_run(context, *printer, summary, command.json);
}

}  // namespace twsync
