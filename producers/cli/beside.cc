#include "producers/cli/beside.h"

#include <algorithm>
#include <set>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/host_facts.h"
#include "producers/cli/pair_sides.h"
#include "producers/cli/restore_steps.h"

namespace twsync {

namespace {

constexpr size_t kNameMax = 255;  // bytes of one name, on every file system that Linux has
constexpr unsigned kTried = 20;

/// Those of `paths` at which something stands.
Result<std::set<std::string>> standing(SideReader& side, std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end(), PathLess{});
  ListRequest request;
  for (std::string& path : paths) request.scopes.push_back({std::move(path), false});
  std::set<std::string> out;
  SYNC_ASSIGN(const ListEnd end, side.list(request, [&](std::vector<PathEntry>&& entries) -> Status {
    for (PathEntry& one : entries) out.insert(std::move(one.path));
    return {};
  }));
  if (end.error.code != ErrorCode::ok) return end.error;
  // What cannot be looked at may be anything.
  for (const Error& unreadable : end.unreadable) out.insert(unreadable.path);
  return out;
}

void move_beside(RestoreChoice& choice, const std::string& path, const std::string& beside) {
  std::erase_if(choice.versions, [&](const KeptVersion& kept) { return !is_at_or_below(kept.version.path, path); });
  for (KeptVersion& kept : choice.versions) kept.version.path.replace(0, path.size(), beside);
  choice.only_missing = true;
}

}  // namespace

std::string name_beside(const std::string& path, unsigned n) {
  const std::string end = n == 1 ? ".from-deploy-server" : str(".from-deploy-server-", n);
  std::string name(base_name(path));
  const std::string_view parent = std::string_view(path).substr(0, path.size() - name.size());
  if (name.size() + end.size() > kNameMax) {
    size_t cut = kNameMax - end.size();
    while (cut > 1 && (static_cast<unsigned char>(name[cut]) & 0xC0U) == 0x80U) --cut;  // within a character
    name.resize(cut);
  }
  return str(parent, name, end);
}

Result<std::string> free_name_beside(const CliContext& context, const PairConfig& pair, const std::string& path) {
  SYNC_ASSIGN(const BaseMeta meta, pair_facts(pair));
  std::vector<std::string> asked{path};
  for (unsigned n = 1; n <= kTried; ++n) asked.push_back(name_beside(path, n));
  SYNC_ASSIGN(const auto deploy, open_deploy_side(context, pair, meta));
  SYNC_ASSIGN(const auto there, standing(*deploy, asked));
  if (!there.contains(path)) return std::string();
  SystemClock clock;
  SystemHostFacts host;
  SYNC_ASSIGN(const auto code, open_code_side(pair, meta, clock, host));
  SYNC_ASSIGN(const auto here, standing(*code, asked));
  for (unsigned n = 1; n <= kTried; ++n) {
    if (!there.contains(asked[n]) && !here.contains(asked[n])) return std::string(asked[n]);
  }
  return Error{ErrorCode::usage,
               "nothing was decided: no name beside it is free for the deploy server's version; take one side, or move "
               "the earlier ones away",
               path, 0};
}

Status bring_back(const CliContext& context, const PairConfig& pair, const std::string& path, const std::string& loser,
                  const std::string& beside) {
  SYNC_ASSIGN(const auto versions, open_versions(context, pair, Side::deploy));
  if (!versions) return {};
  std::vector<KeptVersion> kept;
  SYNC_TRY(versions->for_each(path, [&](VersionInfo&& version) -> Status {
    if (context.stop) return Error{ErrorCode::cancelled, "stopped", {}, 0};
    kept.push_back({Side::deploy, std::move(version)});
    return {};
  }));
  SYNC_ASSIGN(RestoreChoice choice, choose_versions(std::move(kept), path, loser));
  move_beside(choice, path, beside);
  Restored restored;
  SYNC_TRY(restore_side(*versions, choice, Side::deploy, restored));
  return restored.failed.empty() ? Status{} : Status(std::move(restored.failed.front()));
}

}  // namespace twsync
