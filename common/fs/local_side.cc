#include "common/fs/local_side.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/flush.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/file_io.h"
#include "common/fs/file_reader.h"
#include "common/fs/listed_ranges.h"
#include "common/fs/listing.h"
#include "common/fs/partial_store.h"
#include "common/fs/remove_state.h"
#include "common/fs/space.h"
#include "common/fs/stage_cleaning.h"
#include "common/fs/version_care.h"

namespace twsync {

namespace {

constexpr size_t kSmallFile = 1U << 20U;

struct FileSystemName {
  uint64_t magic;
  const char* name;
  bool exchange;
};

// From linux/magic.h and statfs(2); those whose RENAME_EXCHANGE is known to work.
constexpr FileSystemName kFileSystems[] = {
    {0xEF53, "ext4", true},       {0x58465342, "xfs", true},   {0x9123683E, "btrfs", true},
    {0x01021994, "tmpfs", true},  {0xF2F52010, "f2fs", true},  {0x794C7630, "overlayfs", true},
    {0x6969, "nfs", false},       {0x65735546, "fuse", false}, {0x2FC12FC1, "zfs", false},
    {0x4D44, "vfat", false},      {0xFF534D42, "cifs", false}, {0xFE534D42, "smb2", false},
    {0x2011BAB0, "exfat", false},
};

const FileSystemName* find_file_system(int fd, FileSystemName& unknown, std::string& text) {
  struct statfs st;
  if (::fstatfs(fd, &st) != 0) return &unknown;
  for (const FileSystemName& known : kFileSystems) {
    if (known.magic == (static_cast<uint64_t>(st.f_type) & 0xFFFFFFFFU)) return &known;
  }
  text = str("type ", static_cast<uint64_t>(st.f_type));
  unknown.name = text.c_str();
  return &unknown;
}

bool is_readable_path(const std::string& path) {
  return !path.empty() && is_valid_rel_path(path) && !is_state_path(path);
}

}  // namespace

Result<std::unique_ptr<LocalSide>> LocalSide::open(const RootOptions& options, Clock& clock, HostFacts& host) {
  SYNC_ASSIGN(auto root, RootDir::open(options.root));
  return std::unique_ptr<LocalSide>(new LocalSide(options, clock, host, std::move(root)));
}

LocalSide::LocalSide(const RootOptions& options, Clock& clock, HostFacts& host, std::unique_ptr<RootDir> root)
    : options_(options),
      clock_(clock),
      host_(host),
      root_(std::move(root)),
      reader_({.owner = options.preserve_owner, .xattrs = options.preserve_xattrs}, owners_, root_->device()),
      hasher_(options.hash_key) {}

// Tried where that can be done without anything new in the root; else by what is known of the type.
bool LocalSide::can_exchange(const std::vector<Marker>& markers, bool by_type) const {
  if (state_) return state_->probe_exchange();
  if (markers.empty()) return by_type;
  const auto state = StateDir::open(*root_, markers.front().pair_id);
  return state ? state->probe_exchange() : by_type;
}

Result<SideFacts> LocalSide::facts() {
  SYNC_TRY(root_->check_in_place());
  SideFacts facts;
  facts.host = host_.host_name();
  facts.boot_id = host_.boot_id();
  facts.root_device = root_->device();
  facts.root_inode = root_->inode();
  facts.root_path = root_->path();
  std::string canonical(4096, '\0');
  const ssize_t length = ::readlink(proc_fd_path(root_->fd()).c_str(), canonical.data(), canonical.size());
  if (length > 0 && static_cast<size_t>(length) < canonical.size()) {
    facts.root_path = canonical.substr(0, static_cast<size_t>(length));
  }
  facts.booted_ns = host_.booted_ns();
  MountFacts place = host_.mount_of(root_->fd());
  facts.file_system_id = std::move(place.file_system_id);
  facts.mount = std::move(place.mount);
  facts.markers = read_markers(*root_);
  facts.root_empty = root_is_empty();
  facts.wall_ns = clock_.wall_ns();
  facts.uid = ::geteuid();
  FileSystemName unknown{0, "unknown", true};
  std::string text;
  const FileSystemName* system = find_file_system(root_->fd(), unknown, text);
  facts.file_system = system->name;
  facts.rename_exchange = can_exchange(facts.markers, system->exchange);
  struct statvfs space;
  if (::fstatvfs(root_->fd(), &space) == 0) {
    facts.free_bytes = static_cast<uint64_t>(space.f_bavail) * space.f_frsize;
    facts.free_inodes = space.f_favail;
  }
  return facts;
}

bool LocalSide::root_is_empty() const {
  auto fd = root_->open_dir("", O_RDONLY);
  if (!fd) return false;
  DIR* listing = ::fdopendir(::dup(fd->get()));
  if (listing == nullptr) return false;
  bool empty = true;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && name != kStateName) {
      empty = false;
      break;
    }
  }
  ::closedir(listing);
  return empty;
}

Status LocalSide::take_lock(const std::string& pair_id, const std::string& holder) {
  if (!state_ || options_.pair_id != pair_id) {
    lock_.reset();
    state_.reset();
    SYNC_ASSIGN(StateDir opened, StateDir::open(*root_, pair_id));
    state_ = std::move(opened);
    options_.pair_id = pair_id;
  }
  if (lock_) return {};
  SYNC_ASSIGN(lock_, state_->lock(holder));
  clean_after_crash();
  return {};
}

Status LocalSide::reserve(const std::string& pair_id, const std::string& holder) {
  SYNC_TRY(root_->check_in_place());
  const auto markers = read_markers(*root_);
  const auto ours = [&pair_id](const Marker& marker) { return marker.pair_id == pair_id; };
  if (std::none_of(markers.begin(), markers.end(), ours))
    return Error{ErrorCode::not_found, "no marker of this pair", options_.root, 0};
  return take_lock(pair_id, holder);
}

Status LocalSide::lock(const std::string& pair_id, const std::string& holder) {
  SYNC_TRY(root_->check_in_place());
  return take_lock(pair_id, holder);
}

Status LocalSide::claim(const Claim& claim) {
  SYNC_TRY(root_->check_in_place());
  SYNC_TRY(take_lock(claim.marker.pair_id, claim.holder));
  const auto present = state_->read_marker();
  if (present && present->epoch > claim.marker.epoch) {
    return Error{ErrorCode::cancelled,
                 str("the marker holds a newer controller epoch: ", present->epoch, " > ", claim.marker.epoch),
                 {},
                 0};
  }
  if (claim.hash_key != HashKey{}) {
    options_.hash_key = claim.hash_key;
    hasher_ = Hasher(claim.hash_key);
  }
  if (present && present->epoch == claim.marker.epoch && present->role == claim.marker.role) return {};
  return state_->write_marker(claim.marker);
}

Status LocalSide::exclude(const std::string& pair_id, const std::string& holder) {
  if (excluded_.contains(pair_id)) return {};
  SYNC_ASSIGN(UniqueFd lock, lock_other_pair(*root_, pair_id, holder));
  if (lock) excluded_.emplace(pair_id, std::move(lock));
  return {};
}

Status LocalSide::forget() {
  if (!lock_) return Error{ErrorCode::usage, "only who holds the lock may remove a pair's state", {}, 0};
  return remove_pair_state(*root_, options_.pair_id);
}

// What a crash left between exchange and version store is found at once, also when nothing will be applied here.
// Whatever prevents it prevents the next applier too, which reports it.
void LocalSide::clean_after_crash() {
  auto store = VersionStore::open(state_->versions(), clock_);
  if (store) (void)clean_stage(*state_, **store);
}

Result<TendReply> LocalSide::tend(const TendRequest& request) {
  SYNC_TRY(root_->check_in_place());
  if (!state_ || !lock_) return Error{ErrorCode::usage, "only who holds the lock looks after the versions", {}, 0};
  SYNC_ASSIGN(const auto store, VersionStore::open(state_->versions(), clock_));
  VersionLimits limits;
  limits.keep_days = request.keep_days;
  limits.keep_bytes = request.keep_bytes;
  SYNC_ASSIGN(const CareReport report, VersionCare(*store, options_.hash_key, clock_).tend(limits));
  SYNC_ASSIGN(const Space space, space_of(state_->pair()));
  Room room = room_in(space);
  PartialStore partials(state_->partial(), options_.hash_key);
  partials.drop_old(clock_.wall_ns());
  // They go as soon as a file needs their room.
  if (room.bytes != UINT64_MAX) room.bytes += partials.bytes();
  TendReply reply;
  reply.facts = {report.versions,    report.kept_bytes,          report.precious_bytes,
                 report.limit_bytes, report.precious_over_limit, room.bytes,
                 room.inodes};
  reply.removed = report.removed;
  for (const VersionRecord& late : report.late) reply.late.push_back(to_info(late));
  if (report.next_look_ns != 0)
    reply.next_look_ms = std::max<int64_t>(0, (report.next_look_ns - clock_.wall_ns()) / kMillisecond);
  return reply;
}

Result<ListEnd> LocalSide::list(const ListRequest& request, const EntrySink& sink) {
  SYNC_TRY(root_->check_in_place());
  ListEnd end;
  end.started_ns = clock_.wall_ns();
  if (request.known.empty()) {
    SYNC_TRY(list_scopes(*root_, reader_, request, sink, end));
  } else {
    RangeFold fold(options_.hash_key, request.known, sink);
    const auto take = [&fold](std::vector<PathEntry>&& entries) { return fold.add(std::move(entries)); };
    SYNC_TRY(list_scopes(*root_, reader_, request, take, end));
    SYNC_TRY(fold.finish());
  }
  SYNC_TRY(root_->check_in_place());
  return end;
}

Result<DigestReply> LocalSide::digest(const DigestRequest& request) {
  SYNC_TRY(root_->check_in_place());
  DigestReply reply;
  DirCache parents(*root_);
  for (const std::string& path : request.paths) {
    auto item = digest_one(parents, path);
    if (item) {
      reply.entries.push_back(std::move(item).value());
      continue;
    }
    Error error = std::move(item).error();
    error.path = path;
    // What stands there is said as far as it is known: a failed read must not look like an absence.
    Result<int> parent = is_readable_path(path) ? parents.parent_of(path) : Result<int>(error);
    Result<Entry> entry = parent ? reader_.at(*parent, std::string(base_name(path)).c_str()) : Result<Entry>(error);
    reply.entries.push_back({path, entry ? std::move(entry).value() : Entry{}});
    reply.failed.push_back(std::move(error));
  }
  return reply;
}

Result<PathEntry> LocalSide::digest_one(DirCache& parents, const std::string& path) {
  if (!is_readable_path(path)) {
    return Error{ErrorCode::usage, "not a path that can be read", path, 0};
  }
  auto parent = parents.parent_of(path);
  if (!parent) {
    const int err = parent.error().sys_errno;
    if (err == ENOENT || err == ENOTDIR || err == ELOOP) return PathEntry{path, Entry{}};
    return std::move(parent).error();
  }
  const std::string name(base_name(path));
  FileStat stat;
  auto fd = open_regular(*parent, name.c_str(), stat);
  if (!fd) {
    if (fd.error().sys_errno == ENOENT) return PathEntry{path, Entry{}};
    if (fd.error().code != ErrorCode::unsupported) return std::move(fd).error();
    SYNC_ASSIGN(Entry entry, reader_.at(*parent, name.c_str()));
    return PathEntry{path, std::move(entry)};
  }
  SYNC_ASSIGN(const Digest digest, hash_file(fd->get(), hasher_, stat));
  Entry entry = entry_from_stat(stat);
  SYNC_TRY(reader_.complete(entry, reader_.preserves_xattrs() ? proc_fd_path(fd->get()) : std::string(), true));
  entry.digest = digest;
  return PathEntry{path, std::move(entry)};
}

Status LocalSide::flush() {
  SYNC_TRY(root_->check_in_place());
  // Kept from the first time on: a write that was lost since is reported on a descriptor that was open then.
  if (!flush_fd_) {
    SYNC_ASSIGN(flush_fd_, root_->open_dir("", O_RDONLY));
  }
  if (flush_file_system(flush_fd_.get()) != 0) return error_from_errno(errno, "flushing the file system failed");
  return {};
}

Result<std::string> LocalSide::read_small(const std::string& path) {
  SYNC_TRY(root_->check_in_place());
  if (!is_readable_path(path)) {
    return Error{ErrorCode::usage, "not a path that can be read", path, 0};
  }
  DirCache parents(*root_);
  SYNC_ASSIGN(const int parent, parents.parent_of(path));
  FileStat stat;
  SYNC_ASSIGN(const UniqueFd fd, open_regular(parent, std::string(base_name(path)).c_str(), stat));
  std::string bytes(kSmallFile + 1, '\0');
  SYNC_ASSIGN(const size_t size, read_full(fd.get(), bytes.data(), bytes.size()));
  if (size > kSmallFile) return Error{ErrorCode::unsupported, "the file is longer than 1 MiB", path, EFBIG};
  bytes.resize(size);
  return bytes;
}

}  // namespace twsync
