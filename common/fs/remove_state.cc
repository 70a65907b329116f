#include "common/fs/remove_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "common/fs/remove_tree.h"
#include "common/fs/state_dir.h"

namespace twsync {

Status remove_pair_state(const RootDir& root, const std::string& pair_id) {
  if (!is_valid_pair_id(pair_id)) return Error{ErrorCode::usage, "not a pair id", pair_id, 0};
  const Result<UniqueFd> state = root.open_dir(kStateName, O_RDONLY);
  if (!state.ok()) return state.error().code == ErrorCode::not_found ? Status() : Status(state.error());
  remove_marker(state->get(), pair_id);
  const Status removed = remove_tree_at(state->get(), pair_id);
  if (!removed.ok() && removed.error().code != ErrorCode::not_found) return removed;
  if (::fsync(state->get()) != 0) return error_from_errno(errno, "cannot flush", std::string(kStateName));
  SYNC_ASSIGN(const UniqueFd top, root.open_dir("", O_RDONLY));
  (void)::unlinkat(top.get(), std::string(kStateName).c_str(), AT_REMOVEDIR);  // not empty: another pair's
  return {};
}

}  // namespace twsync
