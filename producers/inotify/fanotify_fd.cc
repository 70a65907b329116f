#include "producers/inotify/fanotify_fd.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "common/base/text.h"

namespace twsync {

namespace {

constexpr uint64_t kMask = FAN_CLOSE_WRITE | FAN_CREATE | FAN_DELETE | FAN_ATTRIB | FAN_MODIFY | FAN_ONDIR;
constexpr unsigned kMark = FAN_MARK_ADD | FAN_MARK_FILESYSTEM;
// One level above where paths become too long for the kernel, and no further than a path can be deep.
constexpr int kMostParents = PATH_MAX / 2;

Error cannot(int err, std::string_view what) {
  Error error = error_from_errno(err, str("cannot watch the file system (", what, ")"));
  if (err == EPERM || err == EACCES) {
    error.code = ErrorCode::denied;
    error.message = "this process lacks CAP_SYS_ADMIN or CAP_DAC_READ_SEARCH";
  } else if (err == EINVAL || err == ENOSYS || err == EXDEV || err == ENODEV || err == EOPNOTSUPP) {
    error.code = ErrorCode::unsupported;
    error.message = str("this kernel or file system cannot do it (", what, ": ", std::strerror(err), ")");
  }
  return error;
}

std::string own_fd_path(int fd) {
  return str("/proc/self/fd/", fd);
}

/// A handle as the kernel takes it, in aligned memory.
class KernelHandle {
 public:
  KernelHandle() { at()->handle_bytes = MAX_HANDLE_SZ; }
  explicit KernelHandle(std::string_view bytes) {
    std::memcpy(buffer_, bytes.data(), std::min(bytes.size(), sizeof buffer_));
  }
  file_handle* at() { return reinterpret_cast<file_handle*>(buffer_); }

 private:
  alignas(file_handle) char buffer_[sizeof(file_handle) + MAX_HANDLE_SZ] = {};
};

/// A system call filter or a missing capability shows here, not at the first event.
Status check_handles(int root_fd) {
  KernelHandle handle;
  int mount_id = 0;
  if (::name_to_handle_at(root_fd, "", handle.at(), &mount_id, AT_EMPTY_PATH) != 0)
    return cannot(errno, "name_to_handle_at");
  const UniqueFd again(::open_by_handle_at(root_fd, handle.at(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!again) return cannot(errno, "open_by_handle_at");
  return {};
}

FanotifyEvent::Place place_in(std::string_view record) {
  constexpr size_t kAt = offsetof(fanotify_event_info_fid, handle);
  FanotifyEvent::Place out;
  file_handle head;
  if (record.size() < kAt + sizeof head) return out;
  std::memcpy(&head, record.data() + kAt, sizeof head);
  const size_t size = sizeof head + head.handle_bytes;
  if (head.handle_bytes > MAX_HANDLE_SZ || record.size() < kAt + size) return out;
  out.directory = record.substr(kAt, size);
  const std::string_view rest = record.substr(kAt + size);
  out.name = rest.substr(0, rest.find('\0'));
  if (out.name == ".") out.name.clear();
  return out;
}

FanotifyEvent event_in(const fanotify_event_metadata& head, std::string_view records) {
  FanotifyEvent out;
  out.mask = head.mask;
  fanotify_event_info_header info;
  for (; records.size() >= sizeof info; records.remove_prefix(info.len)) {
    std::memcpy(&info, records.data(), sizeof info);
    if (info.len < sizeof info || info.len > records.size()) break;
    if (info.info_type == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME) {
      out.to = place_in(records.substr(0, info.len));
    } else if (info.info_type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME || info.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME ||
               info.info_type == FAN_EVENT_INFO_TYPE_DFID) {
      out.at = place_in(records.substr(0, info.len));
    }
  }
  return out;
}

}  // namespace

Result<FanotifyFd> FanotifyFd::open(int root_fd) {
  UniqueFd fd(::fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK,
                              O_RDONLY | O_CLOEXEC | O_LARGEFILE));
  if (!fd) return cannot(errno, "fanotify_init");
  int failed = ::fanotify_mark(fd.get(), kMark, kMask | FAN_RENAME, root_fd, nullptr);
  // Before Linux 5.17 the two halves of a rename come on their own.
  if (failed != 0 && errno == EINVAL)
    failed = ::fanotify_mark(fd.get(), kMark, kMask | FAN_MOVED_FROM | FAN_MOVED_TO, root_fd, nullptr);
  if (failed != 0) return cannot(errno, "fanotify_mark");
  SYNC_TRY(check_handles(root_fd));
  return FanotifyFd(std::move(fd));
}

Result<bool> FanotifyFd::read(std::vector<FanotifyEvent>& out) {
  alignas(fanotify_event_metadata) char buffer[64 * 1024];
  const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0) return error_from_errno(errno, "cannot read changes (fanotify)");
  std::string_view left(buffer, static_cast<size_t>(got));
  fanotify_event_metadata head;
  for (; left.size() >= sizeof head; left.remove_prefix(head.event_len)) {
    std::memcpy(&head, left.data(), sizeof head);
    const bool sound = head.vers == FANOTIFY_METADATA_VERSION && head.metadata_len >= sizeof head &&
                       head.event_len >= head.metadata_len && head.event_len <= left.size();
    if (!sound) return Error{ErrorCode::unsupported, "the kernel tells changes in an unknown form (fanotify)", {}, 0};
    out.push_back(event_in(head, left.substr(head.metadata_len, head.event_len - head.metadata_len)));
  }
  return got > 0;
}

Result<HandlePath> path_of_directory(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return error_from_errno(errno, "cannot look at a directory");
  if (info.st_nlink == 0) return Error{ErrorCode::stale, "the directory was removed", {}, ESTALE};
  HandlePath out;
  UniqueFd above;
  for (int i = 0; i < kMostParents; ++i) {
    char path[PATH_MAX];
    const int at = above ? above.get() : fd;
    const ssize_t size = ::readlink(own_fd_path(at).c_str(), path, sizeof path);
    if (size >= 0 && static_cast<size_t>(size) < sizeof path) {
      out.path.assign(path, static_cast<size_t>(size));
      return out;
    }
    if (size < 0 && errno != ENAMETOOLONG) break;
    out.exact = false;
    UniqueFd parent(::openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!parent) break;
    above = std::move(parent);
  }
  return error_from_errno(errno, "cannot tell where a directory is");
}

Result<HandlePath> path_of_handle(int mount_fd, const std::string& handle) {
  KernelHandle kernel_handle(handle);
  const UniqueFd fd(::open_by_handle_at(mount_fd, kernel_handle.at(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == ESTALE) return Error{ErrorCode::stale, "the directory was removed", {}, ESTALE};
  if (!fd) return error_from_errno(errno, "cannot open a directory by its handle");
  return path_of_directory(fd.get());
}

}  // namespace twsync
