#include "producers/inotify/directory_paths.h"

#include "common/base/rel_path.h"
#include "producers/inotify/fanotify_fd.h"

namespace twsync {

namespace {
// Of the directories that change, not of all.
constexpr size_t kMost = 4096;
}  // namespace

void DirectoryPaths::forget() {
  known_.clear();
  root_.clear();
}

const DirectoryPaths::Found& DirectoryPaths::find(int root_fd, const std::string& handle) {
  const auto known = known_.find(handle);
  if (known != known_.end()) return known->second;
  if (known_.size() >= kMost) forget();
  return known_[handle] = look(root_fd, handle);
}

DirectoryPaths::Found DirectoryPaths::look(int root_fd, const std::string& handle) {
  using Where = Found::Where;
  if (root_.empty()) {
    const auto root = path_of_directory(root_fd);
    if (!root.ok()) return {Where::gone, {}};
    if (!root->exact) return {Where::above_it, {}};
    root_ = root->path;
  }
  const auto there = path_of_handle(root_fd, handle);
  if (!there.ok()) return {there.error().code == ErrorCode::stale ? Where::gone : Where::unknown, {}};
  const std::string above = root_ == "/" ? root_ : root_ + "/";
  if (there->path == root_) return {there->exact ? Where::below : Where::above_it, {}};
  if (!there->path.starts_with(above)) return {Where::outside, {}};
  return {there->exact ? Where::below : Where::above_it, there->path.substr(above.size())};
}

}  // namespace twsync
