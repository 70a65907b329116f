#include "common/fs/state_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <cstdio>

#include "common/base/flush.h"
#include "common/base/hasher.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/file_io.h"
#include "common/fs/rename.h"

namespace twsync {

namespace {

constexpr size_t kMarkerLimit = 4096;
constexpr const char* kMarker = "marker";
constexpr const char* kLock = "lock";
constexpr const char* kSpareMarker = "marker.spare";

/// In place, so that a file that has its block needs no other: the end moves last. Not durable, not atomic.
Status overwrite(int fd, std::string_view text) {
  if (::lseek(fd, 0, SEEK_SET) != 0) return error_from_errno(errno, "cannot write");
  SYNC_TRY(write_all(fd, text));
  if (::ftruncate(fd, static_cast<off_t>(text.size())) != 0) return error_from_errno(errno, "cannot write");
  return {};
}

Status write_spare(int dir, std::string_view text, int flags) {
  const UniqueFd fd(::openat(dir, kSpareMarker, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600));
  if (!fd) return error_from_errno(errno, "no place for another marker");
  SYNC_TRY(overwrite(fd.get(), text));
  return flush_fd(fd.get()) == 0 ? Status{} : error_from_errno(errno, "cannot flush the marker");
}

/// `flags`: O_CREAT where it may be made.
Result<UniqueFd> take_lock(int pair, int flags, const std::string& holder) {
  UniqueFd fd(::openat(pair, kLock, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600));
  if (!fd) return error_from_errno(errno, "cannot open the lock");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return error_from_errno(errno, "cannot take the lock");
    const auto text = read_file_at(pair, kLock, kMarkerLimit);
    const std::string who = text && !text->empty() ? escape_bytes(*text) : "unknown";
    return Error{ErrorCode::busy, "another controller holds this root: " + who, {}, 0};
  }
  // Who holds it is for people only: on a full disk it is taken without a name rather than not at all.
  if (!overwrite(fd.get(), std::string_view(holder).substr(0, kMarkerLimit)).ok() && ::ftruncate(fd.get(), 0) != 0)
    return error_from_errno(errno, "cannot write the lock");
  return fd;
}

std::string value_of(std::string_view text, std::string_view key) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.size() > key.size() && line[key.size()] == '=' && line.starts_with(key)) {
      return std::string(line.substr(key.size() + 1));
    }
    at = end + 1;
  }
  return {};
}

std::optional<uint64_t> number(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

bool is_state_path(std::string_view rel) {
  return is_at_or_below(rel, kStateName);
}

bool is_valid_pair_id(std::string_view id) {
  if (id.empty() || id.size() > 64 || id[0] == '.' || id[0] == '-') return false;
  return id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
         std::string_view::npos;
}

std::string format_marker(const Marker& marker) {
  return str("schema=1\npair_id=", marker.pair_id, "\nrole=", to_string(marker.role), "\nepoch=", marker.epoch, "\n");
}

Result<Marker> parse_marker(std::string_view text) {
  const Error corrupt{ErrorCode::corrupt, "the marker cannot be read", {}, 0};
  if (text.empty() || text.back() != '\n' || value_of(text, "schema") != "1") return corrupt;
  Marker marker;
  marker.pair_id = value_of(text, "pair_id");
  const std::string role = value_of(text, "role");
  const auto epoch = number(value_of(text, "epoch"));
  if (!is_valid_pair_id(marker.pair_id) || !epoch || (role != "code" && role != "deploy")) return corrupt;
  marker.role = role == "code" ? Side::code : Side::deploy;
  marker.epoch = *epoch;
  return marker;
}

Result<StateDir> StateDir::open(const RootDir& root, const std::string& pair_id) {
  if (!is_valid_pair_id(pair_id)) return Error{ErrorCode::usage, "not a pair id", pair_id, 0};
  SYNC_ASSIGN(const UniqueFd top, root.open_dir("", O_RDONLY));
  SYNC_ASSIGN(const UniqueFd state, ensure_directory(top.get(), std::string(kStateName)));
  StateDir dir;
  SYNC_ASSIGN(dir.pair_, ensure_directory(state.get(), pair_id));
  SYNC_ASSIGN(dir.stage_, ensure_directory(dir.pair(), "stage"));
  SYNC_ASSIGN(dir.versions_, ensure_directory(dir.pair(), "versions"));
  SYNC_ASSIGN(dir.cookies_, ensure_directory(dir.pair(), "cookies"));
  SYNC_ASSIGN(dir.chunks_, ensure_directory(dir.pair(), "chunks"));
  SYNC_ASSIGN(dir.partial_, ensure_directory(dir.pair(), "partial"));
  return dir;
}

Result<Marker> StateDir::read_marker() const {
  SYNC_ASSIGN(const std::string text, read_file_at(pair(), kMarker, kMarkerLimit));
  return parse_marker(text);
}

Status StateDir::write_marker(const Marker& marker) {
  const std::string text = format_marker(marker);
  if (write_spare(pair(), text, 0).ok() && rename_exchange(pair(), kSpareMarker, pair(), kMarker).ok())
    return flush_fd(pair()) == 0 ? Status{} : error_from_errno(errno, "cannot flush the directory of the marker");
  SYNC_TRY(replace_file_at(pair(), kMarker, text));
  // Only for the next time; without it that needs room.
  (void)write_spare(pair(), text, O_CREAT).ok();
  return {};
}

Result<UniqueFd> StateDir::lock(const std::string& holder) {
  return take_lock(pair(), O_CREAT, holder);
}

Result<UniqueFd> lock_other_pair(const RootDir& root, const std::string& pair_id, const std::string& holder) {
  if (!is_valid_pair_id(pair_id)) return Error{ErrorCode::usage, "not a pair id", pair_id, 0};
  const auto pair = root.open_dir(str(kStateName, "/", pair_id), O_RDONLY);
  if (!pair) return pair.error().code == ErrorCode::not_found ? Result<UniqueFd>(UniqueFd()) : pair.error();
  auto lock = take_lock(pair->get(), 0, holder);
  if (lock || lock.error().sys_errno != ENOENT) return lock;
  // Of a state that is being removed the marker goes first: nothing may be made there any more.
  if (!read_file_at(pair->get(), kMarker, kMarkerLimit)) return UniqueFd();
  return take_lock(pair->get(), O_CREAT, holder);
}

void remove_marker(int state, const std::string& pair_id) {
  const UniqueFd pair(::openat(state, pair_id.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (pair) ::unlinkat(pair.get(), kMarker, 0);
}

bool StateDir::probe_exchange() const {
  const std::string names[] = {"probe-" + random_hex(8), "probe-" + random_hex(8)};
  for (const std::string& name : names) {
    const UniqueFd fd(::openat(pair(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  }
  const bool can = ::renameat2(pair(), names[0].c_str(), pair(), names[1].c_str(), RENAME_EXCHANGE) == 0;
  const bool known_missing = !can && (errno == EINVAL || errno == ENOSYS || errno == ENOTTY || errno == EOPNOTSUPP);
  for (const std::string& name : names) ::unlinkat(pair(), name.c_str(), 0);
  return !known_missing;
}

std::vector<Marker> read_markers(const RootDir& root) {
  std::vector<Marker> markers;
  auto state = root.open_dir(kStateName, O_RDONLY);
  if (!state) return markers;
  DIR* listing = ::fdopendir(::fcntl(state->get(), F_DUPFD_CLOEXEC, 0));
  if (listing == nullptr) return markers;
  while (const dirent* entry = ::readdir(listing)) {
    if (!is_valid_pair_id(entry->d_name)) continue;
    const UniqueFd pair(::openat(state->get(), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!pair) continue;
    const auto text = read_file_at(pair.get(), kMarker, kMarkerLimit);
    if (!text) continue;
    if (auto marker = parse_marker(*text)) markers.push_back(std::move(marker).value());
  }
  ::closedir(listing);
  return markers;
}

}  // namespace twsync
