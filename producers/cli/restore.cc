// twsync restore

#include "common/app/exit_codes.h"
#include "common/app/installation.h"
#include "common/base/text.h"
#include "producers/cli/kept_versions.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/path_argument.h"

namespace twsync {

namespace {

struct Found {
  PairConfig pair;
  Side side = Side::code;
  std::string path, id;
};

Result<std::optional<Found>> find_in(CliContext& context, const RestoreCommand& command, PairConfig pair) {
  SYNC_TRY(prepare_pair(context.config, pair));
  const auto path = relative_argument(command.path, pair.code_path);
  if (!path) {
    if (command.pair.empty() && command.path.starts_with("/")) return std::optional<Found>();
    return path.error();
  }
  for (const Side side : {Side::code, Side::deploy}) {
    auto versions = kept_versions(context, pair, side, *path);
    if (!versions) {
      context.err(str("twsync: ", to_string(side), " side of ", pair.name, ": ", describe(versions.error()), "\n"));
      continue;
    }
    for (const auto& version : *versions) {
      if (version.path == *path && (command.version.empty() || version.id == command.version)) {
        return std::optional<Found>(Found{pair, side, *path, version.id});
      }
    }
  }
  return std::optional<Found>();
}

Result<Found> find_version(CliContext& context, const RestoreCommand& command) {
  SYNC_ASSIGN(const auto pairs, select_pairs(context.config, command.pair));
  for (const auto& pair : pairs) {
    SYNC_ASSIGN(auto found, find_in(context, command, pair));
    if (found) return std::move(*found);
  }
  return Error{ErrorCode::usage, "no such version is kept of this path; see twsync history", command.path, 0};
}

}  // namespace

Result<int> run_restore(CliContext& context, const RestoreCommand& command) {
  SYNC_ASSIGN(const Found found, find_version(context, command));
  if (!command.to.empty()) {
    if (found.side == Side::deploy) {
      return Error{ErrorCode::unsupported,
                   "this version lies on the deploy side: restore it without --to, or copy it there", found.path, 0};
    }
    SYNC_TRY(copy_version(found.pair, found.id, absolute_path(command.to)));
    context.out(str("version ", found.id, " written to ", escape_bytes(command.to), "\n"));
    return kExitDone;
  }
  SYNC_TRY(restore_version(context, found.pair, found.side, found.id, found.path));
  context.out(str("version ", found.id, " of ", escape_bytes(found.path), " is back on the ", to_string(found.side),
                  " side as a new edit; the next sync carries it over\n"));
  return kExitDone;
}

}  // namespace twsync
