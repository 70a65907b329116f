#include "common/fs/listing.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/state_dir.h"

namespace twsync {

namespace {

constexpr size_t kChunk = 1000;

IgnoreFilter make_filter(const ListRequest& request) {
  const auto split = request.ignore_lines.begin() +
                     static_cast<std::ptrdiff_t>(std::min<size_t>(request.ignore_split, request.ignore_lines.size()));
  std::vector<IgnoreRules> sets;
  sets.emplace_back(request.exclude);
  sets.emplace_back(std::vector<std::string>(request.ignore_lines.begin(), split));
  sets.emplace_back(std::vector<std::string>(split, request.ignore_lines.end()));
  std::vector<std::string> never = request.never;
  never.emplace_back(kStateName);
  return {std::move(sets), std::move(never)};
}

bool is_absence(int err) {
  return err == ENOENT || err == ENOTDIR || err == ELOOP;
}

class Listing {
 public:
  Listing(const RootDir& root, const EntryReader& reader, const ListRequest& request, const SideReader::EntrySink& sink,
          ListEnd& end)
      : root_(root),
        reader_(reader),
        filter_(make_filter(request)),
        sink_(sink),
        end_(end),
        parents_(root),
        walker_(root, reader_, filter_) {}

  Status scope(const Scope& scope);
  Status flush();

 private:
  Status emit(PathEntry item);
  Status walk_below(const std::string& path, Entry entry);
  Status enter(TreeWalker::Node& node, const PathEntry& item, bool& descend);
  Result<Entry> look(const std::string& path, bool* is_mount = nullptr);
  void unreadable(Error error, const std::string& path);

  struct Level {
    TreeWalker::Node* node;
    size_t entry = 0;
    size_t child = 0;
  };

  const RootDir& root_;
  const EntryReader& reader_;
  const IgnoreFilter filter_;
  const SideReader::EntrySink& sink_;
  ListEnd& end_;
  DirCache parents_;
  TreeWalker walker_;
  std::vector<PathEntry> chunk_;
};

void Listing::unreadable(Error error, const std::string& path) {
  error.path = path;
  end_.unreadable.push_back(std::move(error));
}

Status Listing::emit(PathEntry item) {
  chunk_.push_back(std::move(item));
  return chunk_.size() >= kChunk ? flush() : Status{};
}

Status Listing::flush() {
  if (chunk_.empty()) return {};
  std::vector<PathEntry> full;
  full.reserve(kChunk);
  full.swap(chunk_);
  return sink_(std::move(full));
}

Result<Entry> Listing::look(const std::string& path, bool* is_mount) {
  if (path.empty()) return reader_.open_file(root_.fd());
  auto parent = parents_.parent_of(path);
  if (!parent) {
    if (is_absence(parent.error().sys_errno)) return Entry{};
    return std::move(parent).error();
  }
  return reader_.at(*parent, std::string(base_name(path)).c_str(), is_mount);
}

Status Listing::scope(const Scope& scope) {
  if (!is_valid_rel_path(scope.path)) return Error{ErrorCode::usage, "not a relative path", scope.path, 0};
  if (is_state_path(scope.path)) return {};
  bool is_mount = false;
  auto entry = look(scope.path, &is_mount);
  if (entry && is_mount) end_.unreadable.push_back(mount_error(scope.path));
  if (!entry) {
    unreadable(std::move(entry).error(), scope.path);
    return {};
  }
  if (!entry->exists()) return {};
  if (!scope.path.empty() && filter_.ignored(scope.path, entry->is_directory())) {
    end_.ignored.push_back(scope.path);
    return {};
  }
  if (entry->is_directory() && scope.recursive) return walk_below(scope.path, std::move(entry).value());
  return emit({scope.path, std::move(entry).value()});
}

// Decides what is emitted for the directory `item` now that it was (or could not be) opened.
Status Listing::enter(TreeWalker::Node& node, const PathEntry& item, bool& descend) {
  walker_.finish(node);
  DirListing& listing = node.listing;
  descend = listing.error.code == ErrorCode::ok;
  if (descend) {
    std::move(listing.ignored.begin(), listing.ignored.end(), std::back_inserter(end_.ignored));
    std::move(listing.unreadable.begin(), listing.unreadable.end(), std::back_inserter(end_.unreadable));
    return emit({item.path, listing.self});
  }
  if (is_absence(listing.error.sys_errno)) {
    // It vanished or was replaced since its parent was read. A new directory there is left to its own hint.
    auto now = look(item.path);
    parents_.clear();
    if (now && !now->exists()) return {};
    if (now && !now->is_directory()) return emit({item.path, std::move(now).value()});
    unreadable(Error{ErrorCode::stale, "the directory was replaced while it was read", {}, 0}, item.path);
    return emit(item);
  }
  if (listing.error.sys_errno == EXDEV) {
    PathEntry mount = item;
    mount.entry.kind = Kind::other;
    end_.unreadable.push_back(mount_error(item.path));
    return emit(std::move(mount));
  }
  unreadable(listing.error, item.path);
  return emit(item);
}

Status Listing::walk_below(const std::string& path, Entry entry) {
  TreeWalker::Node& top = walker_.start(path);
  std::vector<Level> levels;
  bool descend = false;
  SYNC_TRY(enter(top, {path, std::move(entry)}, descend));
  if (descend) levels.push_back({&top});
  while (!levels.empty()) {
    Level& level = levels.back();
    auto& entries = level.node->listing.entries;
    if (level.entry == entries.size()) {
      walker_.release(*level.node);
      levels.pop_back();
      if (!levels.empty()) levels.back().node->children[levels.back().child - 1].reset();
      continue;
    }
    DirEntry& found = entries[level.entry++];
    PathEntry item{join_path(level.node->listing.path, found.name), std::move(found.entry)};
    if (item.entry.is_directory()) {
      TreeWalker::Node& child = *level.node->children[level.child++];
      SYNC_TRY(enter(child, item, descend));
      if (descend) levels.push_back({&child});
      continue;
    }
    SYNC_TRY(emit(std::move(item)));
  }
  return {};
}

}  // namespace

Status list_scopes(const RootDir& root, const EntryReader& reader, const ListRequest& request,
                   const SideReader::EntrySink& sink, ListEnd& end) {
  Listing listing(root, reader, request, sink, end);
  for (const Scope& scope : request.scopes) SYNC_TRY(listing.scope(scope));
  return listing.flush();
}

}  // namespace twsync
