#include "producers/cli/version_export.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "common/base/clock.h"
#include "common/base/rel_path.h"
#include "common/fs/dir_handle.h"
#include "common/fs/file_io.h"

namespace twsync {

namespace {

struct timespec to_timespec(int64_t ns) {
  const int64_t rest = ((ns % kSecond) + kSecond) % kSecond;
  return {(ns - rest) / kSecond, rest};
}

/// One directory on this host that is being filled; every name below it is made by us and never followed.
class Export {
 public:
  explicit Export(const RootDir& root) : root_(root), parents_(root) {}

  Status make_directories(const std::set<std::string, PathLess>& paths) {
    for (const std::string& path : paths) {
      SYNC_ASSIGN(const int parent, parents_.parent_of(path));
      if (::mkdirat(parent, std::string(base_name(path)).c_str(), 0700) != 0)
        return error_from_errno(errno, "cannot make the directory", path);
    }
    return {};
  }

  Result<UniqueFd> create(const std::string& path) {
    SYNC_ASSIGN(const int parent, parents_.parent_of(path));
    UniqueFd fd(::openat(parent, std::string(base_name(path)).c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return error_from_errno(errno, "cannot make the copy", path);
    return fd;
  }

  Status link(const std::string& path, const Entry& entry) {
    SYNC_ASSIGN(const int parent, parents_.parent_of(path));
    const std::string name(base_name(path));
    if (::symlinkat(entry.target.c_str(), parent, name.c_str()) != 0)
      return error_from_errno(errno, "cannot make the link", path);
    const struct timespec times[2] = {{0, UTIME_OMIT}, to_timespec(entry.mtime_ns)};
    (void)::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
    return {};
  }

  Status finish_directory(const std::string& path, const Entry& entry) {
    SYNC_ASSIGN(const UniqueFd fd, root_.open_dir(path, O_RDONLY));
    return set_metadata(fd.get(), entry, path);
  }

  static Status set_metadata(int fd, const Entry& entry, const std::string& path) {
    const struct timespec times[2] = {{0, UTIME_OMIT}, to_timespec(entry.mtime_ns)};
    // The bits of another user's rights don't belong to a copy of ours.
    if (::fchmod(fd, entry.mode & 0777U) != 0 || ::futimens(fd, times) != 0)
      return error_from_errno(errno, "cannot set mode and time of the copy", path);
    return {};
  }

 private:
  const RootDir& root_;
  DirCache parents_;
};

struct Copied {
  std::string path;  // below the export's directory
  Entry entry;
};

// The files of one side, in one stream.
Status copy_files(Export& out, SideVersions& side, const std::vector<SideVersions::StoredFile>& files,
                  const std::vector<Copied>& copies) {
  UniqueFd fd;
  size_t open = SIZE_MAX;
  const auto close_current = [&]() -> Status {
    return fd ? Export::set_metadata(fd.get(), copies[open].entry, copies[open].path) : Status{};
  };
  SYNC_TRY(side.read(files, [&](size_t file, std::string_view bytes) -> Status {
    if (file != open) {
      SYNC_TRY(close_current());
      SYNC_ASSIGN(fd, out.create(copies[file].path));
      open = file;
    }
    return write_all(fd.get(), bytes);
  }));
  return close_current();
}

std::set<std::string, PathLess> directories_of(const std::vector<std::pair<std::string, const KeptVersion*>>& all) {
  std::set<std::string, PathLess> out;
  for (const auto& [path, kept] : all) {
    std::string_view above = kept->version.entry.is_directory() ? std::string_view(path) : parent_path(path);
    for (; !above.empty() && out.emplace(above).second; above = parent_path(above)) {
    }
  }
  return out;
}

Status fill(Export& out, const std::vector<std::pair<std::string, const KeptVersion*>>& all,
            const std::map<Side, SideVersions*>& sides) {
  SYNC_TRY(out.make_directories(directories_of(all)));
  for (const auto& [side, versions] : sides) {
    std::vector<SideVersions::StoredFile> files;
    std::vector<Copied> copies;
    for (const auto& [path, kept] : all) {
      const VersionInfo& version = kept->version;
      if (kept->side != side || !version.entry.is_file()) continue;
      files.push_back({version.id, version.entry.size});
      copies.push_back({path, version.entry});
    }
    if (!files.empty()) SYNC_TRY(copy_files(out, *versions, files, copies));
  }
  for (const auto& [path, kept] : all) {
    if (kept->version.entry.is_symlink()) SYNC_TRY(out.link(path, kept->version.entry));
  }
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    const Entry& entry = one->second->version.entry;
    if (entry.is_directory()) SYNC_TRY(out.finish_directory(one->first, entry));
  }
  return {};
}

Status flush(const RootDir& root) {
  SYNC_ASSIGN(const UniqueFd fd, root.open_dir("", O_RDONLY));
  if (::syncfs(fd.get()) != 0) return error_from_errno(errno, "cannot flush the copy", root.path());
  return {};
}

}  // namespace

Status export_versions(const RestoreChoice& choice, const std::string& path, const std::string& to,
                       const std::map<Side, SideVersions*>& sides) {
  std::vector<std::pair<std::string, const KeptVersion*>> all;
  if (!choice.tree) {
    const size_t slash = to.rfind('/');
    char resolved[PATH_MAX];
    if (::realpath(slash == 0 ? "/" : to.substr(0, slash).c_str(), resolved) == nullptr)
      return error_from_errno(errno, "cannot open the directory of", to);
    SYNC_ASSIGN(const auto root, RootDir::open(resolved));
    all.emplace_back(to.substr(slash + 1), &choice.versions.front());
    Export out(*root);
    SYNC_TRY(fill(out, all, sides));
    return flush(*root);
  }
  if (::mkdir(to.c_str(), 0700) != 0) return error_from_errno(errno, "cannot make the directory", to);
  SYNC_ASSIGN(const auto root, RootDir::open(to));
  const KeptVersion* itself = nullptr;
  for (const KeptVersion& kept : choice.versions) {
    const std::string& full = kept.version.path;
    if (full == path) {
      itself = &kept;
    } else {
      all.emplace_back(path.empty() ? full : full.substr(path.size() + 1), &kept);
    }
  }
  Export out(*root);
  SYNC_TRY(fill(out, all, sides));
  if (itself != nullptr && itself->version.entry.is_directory())
    SYNC_TRY(out.finish_directory("", itself->version.entry));
  return flush(*root);
}

}  // namespace twsync
