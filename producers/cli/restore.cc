// twsync restore

#include <algorithm>
#include <map>

#include "common/app/exit_codes.h"
#include "common/app/installation.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/base/json_object.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/path_argument.h"
#include "producers/cli/request_runner.h"
#include "producers/cli/restore_steps.h"
#include "producers/cli/side_versions.h"
#include "producers/cli/version_export.h"

namespace twsync {

namespace {

constexpr size_t kShownFailures = 20;

/// What one pair keeps of the path, and the sessions that it was asked over.
struct Kept {
  PairConfig pair;
  std::string path;
  std::map<Side, std::unique_ptr<SideVersions>> sides;
  std::vector<KeptVersion> versions;
};

/// Of a version that is named by its id alone it is not known where it stood: the path of the command is as good as
/// any.
Status gather_nameless(CliContext& context, SideVersions& versions, const std::string& id, Kept& kept, Side side) {
  return versions.for_each("", [&](VersionInfo&& version) -> Status {
    if (context.stop) return Error{ErrorCode::cancelled, "stopped", {}, 0};
    if (version.id != id || !version.path.empty()) return {};
    version.path = kept.path;
    kept.versions.push_back({side, std::move(version)});
    return {};
  });
}

Status gather_side(CliContext& context, const std::string& named, Kept& kept, Side side) {
  SYNC_ASSIGN(auto versions, open_versions(context, kept.pair, side));
  if (!versions) return {};
  SYNC_TRY(versions->for_each(kept.path, [&](VersionInfo&& version) -> Status {
    if (context.stop) return Error{ErrorCode::cancelled, "stopped", {}, 0};
    kept.versions.push_back({side, std::move(version)});
    return {};
  }));
  const auto is_named = [&named](const KeptVersion& k) { return k.version.id == named; };
  if (!named.empty() && !kept.path.empty() && std::none_of(kept.versions.begin(), kept.versions.end(), is_named))
    SYNC_TRY(gather_nameless(context, *versions, named, kept, side));
  kept.sides[side] = std::move(versions);
  return {};
}

Result<std::optional<Kept>> gather(CliContext& context, const RestoreCommand& command, PairConfig pair) {
  SYNC_TRY(prepare_pair(context.config, pair));
  const auto path = relative_argument(command.path, pair.code_path);
  if (!path) {
    // Of several pairs an absolute path belongs to one.
    if (command.pair.empty() && command.path.starts_with("/")) return std::optional<Kept>();
    return path.error();
  }
  Kept kept;
  kept.pair = std::move(pair);
  kept.path = *path;
  for (const Side side : {Side::code, Side::deploy}) {
    const Status gathered = gather_side(context, command.version, kept, side);
    if (!gathered.ok())
      context.err(
          str("twsync: ", to_string(side), " side of ", kept.pair.name, ": ", describe(gathered.error()), "\n"));
  }
  if (kept.versions.empty()) return std::optional<Kept>();
  return std::optional<Kept>(std::move(kept));
}

Result<Kept> find(CliContext& context, const RestoreCommand& command) {
  SYNC_ASSIGN(const auto pairs, select_pairs(context.config, command.pair));
  for (const auto& pair : pairs) {
    SYNC_ASSIGN(auto kept, gather(context, command, pair));
    if (kept) return std::move(*kept);
  }
  return Error{ErrorCode::usage, "no such version is kept of this path; see twsync history", command.path, 0};
}

void tell(CliContext& context, const Kept& kept, const RestoreChoice& choice, const Restored& restored) {
  for (size_t i = 0; i < restored.failed.size() && i < kShownFailures; ++i)
    context.err(str("twsync: not restored: ", describe(restored.failed[i]), "\n"));
  if (restored.failed.size() > kShownFailures)
    context.err(str("twsync: and ", restored.failed.size() - kShownFailures, " more not restored\n"));
  if (choice.tree) {
    context.out(str(restored.files, " files and links and ", restored.directories, " directories of ",
                    escape_bytes(kept.path.empty() ? "." : kept.path), " are back as they were before ",
                    utc_text(choice.as_of_ns), ", as new edits\n"));
  } else if (restored.failed.empty()) {
    const KeptVersion& one = choice.versions.front();
    context.out(str("version ", one.version.id, " of ", escape_bytes(kept.path), " is back on the ",
                    to_string(one.side), " side as a new edit\n"));
  }
}

/// An edit on one server is wanted on both: the path is synced at once.
Result<Summary> carry_over(CliContext& context, const Kept& kept) {
  Request request;
  request.kind = RequestKind::sync;
  request.paths.push_back(kept.path);
  return run_request(context, kept.pair, std::move(request), {}, [](const Event&) {});
}

int end_text(CliContext& context, const Result<Summary>& summary) {
  const Error* error = !summary ? &summary.error() : summary->error.code != ErrorCode::ok ? &summary->error : nullptr;
  if (error != nullptr) {
    context.out(str("the next sync carries it over (", describe(*error), ")\n"));
    return kExitDone;
  }
  context.out(summary->parked + summary->failed == 0 ? "and on both servers\n"
                                                     : "something of it waits: see twsync conflicts\n");
  return summary_exit_code(*summary);
}

int end_json(CliContext& context, const Kept& kept, const Restored& restored, const Result<Summary>& summary) {
  for (const Error& error : restored.failed) {
    JsonObject line;
    line.text("event", "failed").path("path", error.path).text("code", to_string(error.code));
    context.out(line.text("text", describe(error)).str_value() + "\n");
  }
  const bool carried = restored.files + restored.directories > 0 && summary && summary->error.code == ErrorCode::ok;
  JsonObject line;
  line.text("event", "restored").text("pair", kept.pair.name).path("path", kept.path).number("files", restored.files);
  line.number("directories", restored.directories).number("failed", restored.failed.size());
  context.out(line.flag("carried_over", carried && summary_exit_code(*summary) == kExitDone).str_value() + "\n");
  return carried ? summary_exit_code(*summary) : kExitDone;
}

std::string written_json(const Kept& kept, const RestoreChoice& choice, const std::string& file) {
  JsonObject line;
  line.text("event", "written").text("pair", kept.pair.name).path("path", kept.path).path("file", file);
  return line.number("versions", choice.versions.size()).str_value() + "\n";
}

}  // namespace

Result<int> run_restore(CliContext& context, const RestoreCommand& command) {
  SYNC_ASSIGN(Kept kept, find(context, command));
  SYNC_ASSIGN(const RestoreChoice choice, choose_versions(std::move(kept.versions), kept.path, command.version));
  if (!command.to.empty()) {
    std::map<Side, SideVersions*> sides;
    for (const auto& [side, versions] : kept.sides) sides[side] = versions.get();
    SYNC_TRY(export_versions(choice, kept.path, absolute_path(command.to), sides));
    if (command.json) {
      context.out(written_json(kept, choice, absolute_path(command.to)));
      return kExitDone;
    }
    context.out(
        str(choice.tree ? str(choice.versions.size(), " versions") : "version " + choice.versions.front().version.id,
            " written to ", escape_bytes(command.to), "\n"));
    return kExitDone;
  }
  Restored restored;
  for (const auto& [side, versions] : kept.sides) SYNC_TRY(restore_side(*versions, choice, side, restored));
  if (!choice.tree && !restored.failed.empty()) return std::move(restored.failed.front());
  if (!command.json) tell(context, kept, choice, restored);
  kept.sides.clear();
  const bool any = restored.files + restored.directories > 0;
  const Result<Summary> summary = any ? carry_over(context, kept) : Result<Summary>(Summary{});
  const int carried = command.json ? end_json(context, kept, restored, summary)
                      : any        ? end_text(context, summary)
                                   : static_cast<int>(kExitDone);
  return restored.failed.empty() ? carried : std::max<int>(carried, kExitRemains);
}

}  // namespace twsync
