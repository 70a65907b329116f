#include "workers/agent/restorer.h"

#include <algorithm>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/file_stat.h"
#include "workers/agent/listing_check.h"

namespace twsync {

namespace {

constexpr uint32_t kDirectoryMode = 0755;  // where nothing is known of a directory
constexpr size_t kBatch = 500;

// It is the same host: ids mean what they meant.
void own(Entry& desired, uint32_t uid, uint32_t gid) {
  desired.owner = Name(str('#', uid));
  desired.group = Name(str('#', gid));
}

}  // namespace

Restorer::Restorer(const RootOptions& options, LocalSide& side, const StateDir& state, const VersionStore& store,
                   Clock& clock)
    : options_(options), side_(side), state_(state), store_(store), clock_(clock), now_ns_(clock.wall_ns()) {}

Result<RestoreTreeReply> Restorer::restore(const RestoreTreeRequest& request) {
  SYNC_ASSIGN(const std::vector<Wanted> wanted, look_up(request.items));
  for (const Wanted& one : wanted) told_.insert(one.path);
  switch (request.step) {
    case RestoreStep::directories:
      SYNC_TRY(directories(wanted, request.only_missing));
      break;
    case RestoreStep::contents:
      SYNC_TRY(contents(wanted, request.only_missing));
      break;
    case RestoreStep::finish:
      SYNC_TRY(finish(wanted));
      break;
    default:
      return Error{ErrorCode::usage, "not a step of a restore", {}, 0};
  }
  return std::move(reply_);
}

// In the order of the items.
Result<std::vector<Restorer::Wanted>> Restorer::look_up(const std::vector<RestoreItem>& items) {
  std::map<std::string, VersionRecord> asked;
  for (const RestoreItem& item : items) asked[item.version];
  SYNC_ASSIGN(std::vector<VersionRecord> kept, store_.list(""));
  for (VersionRecord& record : kept) {
    if (const auto found = asked.find(record.id); found != asked.end()) found->second = std::move(record);
  }
  std::vector<Wanted> wanted;
  for (const RestoreItem& item : items) {
    const VersionRecord& version = asked[item.version];
    if (item.path.empty() || !is_peer_path(item.path)) {
      fail(item.path, {ErrorCode::usage, "not a path that a version can come back to", {}, 0});
    } else if (version.id.empty()) {
      fail(item.path,
           {ErrorCode::not_found, str("no version ", escape_bytes(item.version), " is kept (any more)"), {}, 0});
    } else {
      wanted.push_back({item.path, version});
    }
  }
  return wanted;
}

Status Restorer::directories(const std::vector<Wanted>& wanted, bool only_missing) {
  std::map<std::string, const VersionRecord*, PathLess> shall_stand;
  for (const Wanted& one : wanted) {
    if (!one.version.entry.is_directory()) {
      fail(one.path, {ErrorCode::usage, "this version is no directory", {}, 0});
    } else {
      shall_stand[one.path] = &one.version;
    }
  }
  SYNC_TRY(make_parents(wanted));
  return make_directories(shall_stand, only_missing);
}

Status Restorer::make_parents(const std::vector<Wanted>& wanted) {
  std::map<std::string, const VersionRecord*, PathLess> shall_stand;
  std::set<std::string_view> asked;
  for (const Wanted& one : wanted) {
    if (one.version.entry.is_directory()) asked.insert(one.path);
  }
  for (const Wanted& one : wanted) {
    for (std::string_view above = parent_path(one.path); !above.empty(); above = parent_path(above)) {
      if (asked.contains(above) || !shall_stand.emplace(above, nullptr).second) break;
    }
  }
  return make_directories(shall_stand, true);
}

// Parents come before what is below them.
Status Restorer::make_directories(const std::map<std::string, const VersionRecord*, PathLess>& shall_stand,
                                  bool only_missing) {
  std::vector<std::string> paths;
  for (const auto& [path, version] : shall_stand) paths.push_back(path);
  SYNC_ASSIGN(const auto there, present(paths));
  Batch batch = new_batch(true);
  for (const auto& [path, version] : shall_stand) {
    const auto found = there.find(path);
    if (found == there.end() || found->second.is_directory()) continue;
    if (found->second.exists() && only_missing) {
      fail(path, {ErrorCode::exists, "something else stands there: not a directory", {}, 0});
      continue;
    }
    Operation op = operation(OpKind::make_directory, OpStage::structure, path, found->second);
    if (version != nullptr) op.desired = version->entry;
    op.desired.kind = Kind::directory;
    if (version == nullptr) op.desired.mode = kDirectoryMode;
    op.desired.stamp = {};
    batch.operations.push_back(std::move(op));
  }
  return apply(std::move(batch), {});
}

Status Restorer::contents(const std::vector<Wanted>& wanted, bool only_missing) {
  SYNC_TRY(make_parents(wanted));
  std::vector<std::string> paths;
  for (const Wanted& one : wanted) paths.push_back(one.path);
  SYNC_ASSIGN(const auto there, present(paths));
  Batch batch = new_batch(false);
  Batch source;
  for (const Wanted& one : wanted) {
    const auto found = there.find(one.path);
    if (found == there.end()) continue;
    if (is_there_already(found->second, one.version)) {
      reply_.done.push_back(one.path);
      continue;
    }
    if (found->second.exists() && only_missing) {
      fail(one.path, {ErrorCode::exists, "something stands there again", {}, 0});
      continue;
    }
    if (const Status added = add_content(batch, source, one, found->second); !added.ok()) fail(one.path, added.error());
    if (batch.operations.size() < kBatch) continue;
    SYNC_TRY(apply(std::move(batch), std::move(source)));
    batch = new_batch(false);
    source = Batch{};
  }
  return apply(std::move(batch), std::move(source));
}

Status Restorer::finish(const std::vector<Wanted>& wanted) {
  std::vector<std::string> paths;
  for (const Wanted& one : wanted) paths.push_back(one.path);
  SYNC_ASSIGN(const auto there, present(paths));
  Batch batch = new_batch(true);
  for (const Wanted& one : wanted) {
    const auto found = there.find(one.path);
    if (found == there.end() || !found->second.is_directory()) continue;
    Operation op = operation(OpKind::set_metadata, OpStage::directory_metadata, one.path, found->second);
    op.desired = one.version.entry;
    op.desired.stamp = {};
    own(op.desired, op.desired.uid, op.desired.gid);
    batch.operations.push_back(std::move(op));
  }
  return apply(std::move(batch), {});
}

/// What stands at each path now; those that cannot be looked at fail and are left out.
Result<std::map<std::string, Entry>> Restorer::present(const std::vector<std::string>& paths) {
  std::map<std::string, Entry> out;
  if (paths.empty()) return out;
  SYNC_ASSIGN(DigestReply reply, side_.digest({paths}));
  for (PathEntry& one : reply.entries) out.emplace(std::move(one.path), std::move(one.entry));
  for (Error& error : reply.failed) {
    out.erase(error.path);
    fail(error.path, error);
  }
  return out;
}

bool Restorer::is_there_already(const Entry& entry, const VersionRecord& version) const {
  const Entry& kept = version.entry;
  if (entry.kind != kept.kind) return false;
  if (entry.is_symlink()) return entry.target == kept.target;
  return entry.is_file() && kept.digest.known() && entry.digest == kept.digest && entry.mode == kept.mode;
}

Operation Restorer::operation(OpKind kind, OpStage stage, const std::string& path, const Entry& expected) const {
  Operation op;
  op.kind = kind;
  op.stage = stage;
  op.side = options_.side;
  op.path = path;
  op.expected = expected;
  return op;
}

// A stored version is a file named by its id in versions/: the sender reads it there, under the operation's number.
Status Restorer::add_content(Batch& batch, Batch& source, const Wanted& wanted, const Entry& expected) {
  const VersionRecord& version = wanted.version;
  const bool file = version.entry.is_file();
  if (!file && !version.entry.is_symlink())
    return Error{ErrorCode::unsupported, "a directory comes back in steps of its own", {}, 0};
  Operation op = operation(file ? OpKind::put_file : OpKind::put_symlink, OpStage::content, wanted.path, expected);
  op.desired = version.entry;
  op.desired.mtime_ns = now_ns_;  // a new edit: with its old time it would look like an old one
  op.desired.links = 1;
  op.desired.stamp = {};
  FileStat stat;
  if (const int err = stat_at(store_.dir_fd(), version.id.c_str(), stat); err != 0)
    return error_from_errno(err, "cannot look at the version");
  own(op.desired, stat.uid, stat.gid);
  if (file) {
    Operation read = op;
    read.id = static_cast<uint32_t>(batch.operations.size());
    read.path = version.id;
    read.desired.stamp = stat.stamp();  // as planned: the new time is the operation's, not the file's
    source.operations.push_back(std::move(read));
  }
  batch.operations.push_back(std::move(op));
  return {};
}

Batch Restorer::new_batch(bool ordered) {
  Batch batch;
  batch.id = next_batch_++;
  if (const Result<Marker> marker = state_.read_marker()) batch.epoch = marker->epoch;
  batch.side = options_.side;
  batch.ordered = ordered;
  batch.scanned_ns = clock_.wall_ns();
  return batch;
}

Status Restorer::apply(Batch batch, Batch source) {
  if (batch.operations.empty()) return {};
  if (!applier_) {
    SYNC_ASSIGN(applier_, Applier::open(options_, clock_, [this](BatchResult result) {
                  const std::lock_guard lock(mutex_);
                  for (OpResult& one : result.results) results_[one.id] = std::move(one);
                }));
    // By a path, a symlink swapped in for .twsync would lead it out of the root (I12).
    SYNC_ASSIGN(sender_, Sender::open_at(state_.versions(), options_));
  }
  for (size_t i = 0; i < batch.operations.size(); ++i) batch.operations[i].id = static_cast<uint32_t>(i);
  SYNC_TRY(applier_->begin(batch));
  const Status fed = source.operations.empty() ? Status() : sender_->send(source, [this](std::string block) {
    return applier_->content(std::move(block));
  });
  if (fed.ok()) {
    SYNC_TRY(applier_->end());
  } else {
    applier_->abort_content(fed.error());
  }
  SYNC_TRY(applier_->drain());
  const std::lock_guard lock(mutex_);
  for (const Operation& op : batch.operations) {
    const auto result = results_.find(op.id);
    if (result == results_.end()) {
      fail(op.path, {ErrorCode::io, "nothing was reported of it", {}, 0});
    } else if (result->second.code != ErrorCode::ok) {
      fail(op.path, {result->second.code, result->second.message, {}, result->second.sys_errno});
    } else if (told_.contains(op.path)) {
      reply_.done.push_back(op.path);
    }
  }
  results_.clear();
  return {};
}

void Restorer::fail(const std::string& path, Error error) {
  error.path = path;
  reply_.failed.push_back(std::move(error));
}

}  // namespace twsync
