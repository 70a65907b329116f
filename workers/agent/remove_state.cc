#include "workers/agent/remove_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "common/fs/state_dir.h"

namespace twsync {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kMaxDepth = 1024;  // descriptors: what we make ourselves is a few levels deep

Result<std::vector<std::string>> names_in(int dir_fd) {
  const int copy = ::openat(dir_fd, ".", kDirectory);
  if (copy < 0) return error_from_errno(errno, "cannot read a state directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(copy), ::closedir);
  if (!dir) {
    ::close(copy);
    return error_from_errno(ENOMEM, "cannot read a state directory");
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
  }
  return names;
}

Status remove_tree(int parent, const std::string& name, int depth) {
  if (depth > kMaxDepth) return Error{ErrorCode::unsupported, "the state directory is too deep", name, 0};
  const UniqueFd dir(::openat(parent, name.c_str(), kDirectory));
  if (dir.get() < 0) {
    if (errno == ENOENT) return {};
    if (errno != ENOTDIR && errno != ELOOP) return error_from_errno(errno, "cannot remove", name);
    if (::unlinkat(parent, name.c_str(), 0) != 0 && errno != ENOENT) return error_from_errno(errno, "cannot remove", name);
    return {};
  }
  // A stored directory may have come without write permission.
  (void)::fchmod(dir.get(), 0700);
  SYNC_ASSIGN(const std::vector<std::string> names, names_in(dir.get()));
  for (const std::string& child : names) SYNC_TRY(remove_tree(dir.get(), child, depth + 1));
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return error_from_errno(errno, "cannot remove", name);
  return {};
}

}  // namespace

Status remove_pair_state(const RootDir& root, const std::string& pair_id) {
  if (!is_valid_pair_id(pair_id)) return Error{ErrorCode::usage, "not a pair id", pair_id, 0};
  Result<UniqueFd> state = root.open_dir(kStateName, O_RDONLY);
  if (!state.ok()) return state.error().code == ErrorCode::not_found ? Status() : Status(state.error());
  SYNC_TRY(remove_tree(state->get(), pair_id, 0));
  if (::fsync(state->get()) != 0) return error_from_errno(errno, "cannot flush", std::string(kStateName));
  SYNC_ASSIGN(const UniqueFd top, root.open_dir("", O_RDONLY));
  (void)::unlinkat(top.get(), std::string(kStateName).c_str(), AT_REMOVEDIR);  // not empty: another pair's
  return {};
}

}  // namespace twsync
