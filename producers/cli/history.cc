// twsync history

#include "common/app/exit_codes.h"
#include "common/base/json_object.h"
#include "common/base/rel_path.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/path_argument.h"
#include "producers/cli/side_versions.h"

namespace twsync {

namespace {

const char* how_text(Displaced how) {
  return how == Displaced::removed ? "deleted  " : how == Displaced::replaced ? "replaced  " : "";
}

std::string version_text(Side side, const VersionInfo& version) {
  return str(version.id, "  ", to_string(side), side == Side::code ? "    " : "  ", utc_text(version.stored_ns), "  ",
             how_text(version.how), to_string(version.cause), "  ", to_string(version.entry.kind), "  ",
             human_bytes(version.entry.size), "  ",
             version.path.empty() ? "(path unknown)" : escape_bytes(version.path), "\n");
}

std::string version_json(const PairConfig& pair, Side side, const VersionInfo& version) {
  JsonObject out;
  out.text("pair", pair.name).text("id", version.id).text("side", to_string(side)).path("path", version.path);
  out.time("time", version.stored_ns)
      .text("cause", to_string(version.cause))
      .text("displaced", version.how == Displaced::removed    ? "deleted"
                         : version.how == Displaced::replaced ? "replaced"
                                                              : "")
      .text("kind", to_string(version.entry.kind));
  return out.number("size", version.entry.size).text("digest", to_string(version.entry.digest)).str_value() + "\n";
}

Status show_side(CliContext& context, const HistoryCommand& command, const PairConfig& pair, Side side,
                 const std::string& path, size_t& shown) {
  SYNC_ASSIGN(const auto versions, open_versions(context, pair, side));
  if (!versions) return {};
  return versions->for_each(path, [&](VersionInfo&& version) -> Status {
    if (context.stop) return Error{ErrorCode::cancelled, "stopped", {}, 0};
    context.out(command.json ? version_json(pair, side, version) : version_text(side, version));
    ++shown;
    return {};
  });
}

Result<size_t> show(CliContext& context, const HistoryCommand& command, PairConfig pair) {
  SYNC_TRY(prepare_pair(context.config, pair));
  const auto path = relative_argument(command.path, pair.code_path);
  if (!path) {
    // Of several pairs an absolute path belongs to one.
    if (command.pair.empty() && command.path.starts_with("/")) return size_t{0};
    return path.error();
  }
  size_t shown = 0;
  for (const Side side : {Side::code, Side::deploy}) {
    const Status told = show_side(context, command, pair, side, *path, shown);
    if (!told.ok())
      context.err(str("twsync: ", to_string(side), " side of ", pair.name, ": ", describe(told.error()), "\n"));
  }
  return shown;
}

}  // namespace

Result<int> run_history(CliContext& context, const HistoryCommand& command) {
  SYNC_ASSIGN(const auto pairs, select_pairs(context.config, command.pair));
  size_t shown = 0;
  for (const auto& pair : pairs) {
    SYNC_ASSIGN(const size_t count, show(context, command, pair));
    shown += count;
  }
  if (shown == 0 && !command.json) context.out("no version is kept of this path\n");
  return kExitDone;
}

}  // namespace twsync
