#include "producers/cli/restore_steps.h"

#include <algorithm>

namespace twsync {

namespace {

RestoreTreeRequest request_of(const RestoreChoice& choice, Side side, RestoreStep step) {
  RestoreTreeRequest request;
  request.step = step;
  request.only_missing = choice.only_missing;
  for (const KeptVersion& kept : choice.versions) {
    const bool directory = kept.version.entry.is_directory();
    if (kept.side != side || directory != (step != RestoreStep::contents)) continue;
    request.items.push_back({kept.version.id, kept.version.path});
  }
  return request;
}

Status run_step(SideVersions& side, const RestoreTreeRequest& request, Restored& restored,
                std::vector<std::string>& done) {
  if (request.items.empty()) return {};
  SYNC_ASSIGN(RestoreTreeReply reply, side.restore_tree(request));
  done = std::move(reply.done);
  for (Error& error : reply.failed) restored.failed.push_back(std::move(error));
  return {};
}

}  // namespace

Status restore_side(SideVersions& side, const RestoreChoice& choice, Side which, Restored& restored) {
  std::vector<std::string> done;
  SYNC_TRY(run_step(side, request_of(choice, which, RestoreStep::directories), restored, done));
  restored.directories += done.size();
  std::sort(done.begin(), done.end());
  std::vector<std::string> files;
  SYNC_TRY(run_step(side, request_of(choice, which, RestoreStep::contents), restored, files));
  restored.files += files.size();
  RestoreTreeRequest finish = request_of(choice, which, RestoreStep::finish);
  std::erase_if(finish.items,
                [&](const RestoreItem& item) { return !std::binary_search(done.begin(), done.end(), item.path); });
  std::reverse(finish.items.begin(), finish.items.end());
  return run_step(side, finish, restored, files);
}

}  // namespace twsync
