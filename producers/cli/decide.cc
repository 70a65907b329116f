// twsync resolve, approve, reject

#include <optional>

#include "common/app/exit_codes.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/beside.h"
#include "producers/cli/context.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/parked_commands.h"
#include "producers/cli/request_runner.h"

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
    SYNC_TRY(check_verb(command.verb, pair, record));
    return true;
  }
  return false;
}

Result<PairConfig> owner_of(const Config& config, const DecideCommand& command) {
  SYNC_ASSIGN(const auto pairs, select_pairs(config, command.pair));
  std::vector<PairConfig> owners;
  for (const auto& pair : pairs) {
    SYNC_ASSIGN(const bool found, holds(pair, command));
    if (found) owners.push_back(pair);
  }
  if (owners.size() == 1) return owners.front();
  const std::string item = str("with the id '", escape_bytes(command.id), "'");
  if (owners.empty())
    return Error{ErrorCode::usage, str("nothing ", item, " waits for a decision; see twsync conflicts"), {}, 0};
  // Such as r-code, when the disk of several pairs is not mounted: a decision about one is none about the others.
  std::string names;
  for (const auto& pair : owners) names += str(names.empty() ? "" : "|", pair.name);
  return Error{ErrorCode::usage, str("several pairs have an item ", item, ": say which with --pair ", names), {}, 0};
}

Result<std::optional<ConflictRecord>> conflict_of(const PairConfig& pair, const std::string& id) {
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base) return std::optional<ConflictRecord>{};
  return (*base)->conflict(id);
}

/// `--take both`: the code server's version stands under the name; the deploy server's comes back beside it.
Status bring_back_other(CliContext& context, const PairConfig& pair, const DecideCommand& command,
                        const std::string& beside) {
  SYNC_ASSIGN(const auto decided, conflict_of(pair, command.id));
  if (!decided || decided->open) return {};
  Status back = bring_back(context, pair, decided->path, decided->loser_version, beside);
  if (!back.ok()) {
    Error error = back.error();
    error.message =
        str("the code server's version stands; the other is kept, but did not come back beside it: ", error.message);
    return error;
  }
  if (command.json) {
    JsonObject line;
    line.text("event", "restored").text("pair", pair.name).text("side", "deploy").path("path", beside);
    context.out(line.text("id", decided->loser_version).str_value() + "\n");
    return {};
  }
  context.out(str("the deploy server's version is ", escape_bytes(beside), " there; the next sync carries it over\n"));
  return {};
}

/// Where `--take both` is going to put the other version; empty = there is none, or it isn't asked for.
Result<std::string> place_of_other(const CliContext& context, const PairConfig& pair, const DecideCommand& command) {
  if (command.take != "both") return std::string();
  SYNC_ASSIGN(const auto conflict, conflict_of(pair, command.id));
  return conflict ? free_name_beside(context, pair, conflict->path) : Result<std::string>(std::string());
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
  request.choice = command.take == "both" ? "code" : command.take;
  SYNC_ASSIGN(const std::string beside, place_of_other(context, pair, command));
  PrinterOptions shown;
  shown.pair = pair.name;
  shown.json = command.json;
  shown.colours = context.colours;
  const auto printer = make_printer(shown, context.out);
  SYNC_ASSIGN(const Summary summary,
              run_request(context, pair, std::move(request), {}, [&](const Event& event) { printer->event(event); }));
  if (!beside.empty() && summary.error.code == ErrorCode::ok)
    SYNC_TRY(bring_back_other(context, pair, command, beside));
  return end_of_run(context, *printer, summary, command.json);
}

}  // namespace twsync
