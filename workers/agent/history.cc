#include "workers/agent/history.h"

#include <algorithm>
#include <mutex>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/file_stat.h"
#include "workers/agent/listing_check.h"

namespace twsync {
namespace {

constexpr uint32_t kDirectoryMode = 0755;

constexpr size_t kReplyBytes = 4U << 20U;  // of one reply: far below a frame

size_t size_bound(const VersionRecord& record) {
  return 256 + record.path.size() + record.entry.target.size() + record.entry.xattrs.str().size();
}

std::vector<std::string> ancestors(std::string_view path) {
  std::vector<std::string> out;
  for (std::string_view above = parent_path(path); !above.empty(); above = parent_path(above)) out.emplace_back(above);
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

Result<std::unique_ptr<History>> History::open(const RootOptions& options, LocalSide& side, Clock& clock) {
  SYNC_ASSIGN(StateDir state, StateDir::open(side.root(), options.pair_id));
  std::unique_ptr<History> history(new History(options, side, clock, std::move(state)));
  SYNC_ASSIGN(history->store_, VersionStore::open(history->state_.versions(), clock));
  return history;
}

Result<VersionsReply> History::versions(const VersionsRequest& request) const {
  if (!is_peer_path(request.path)) return Error{ErrorCode::usage, "not a path that can have versions", request.path, 0};
  SYNC_ASSIGN(std::vector<VersionRecord> kept, store_->list(request.path));
  if (!request.before.empty())
    std::erase_if(kept, [&](const VersionRecord& record) { return record.id >= request.before; });
  VersionsReply reply;
  size_t bytes = 0;
  for (size_t i = kept.size(); i > 0 && reply.versions.size() < request.limit && bytes < kReplyBytes; --i) {
    bytes += size_bound(kept[i - 1]);
    reply.versions.push_back(to_info(kept[i - 1]));
  }
  reply.more = reply.versions.size() < kept.size();
  return reply;
}

Result<RestoreReply> History::restore(const RestoreRequest& request) {
  if (request.path.empty() || !is_peer_path(request.path)) {
    return Error{ErrorCode::usage, "not a path that a version can come back to", request.path, 0};
  }
  SYNC_ASSIGN(const VersionRecord version, store_->find(request.version));
  SYNC_ASSIGN(Batch parents, parents_batch(request.path));
  if (!parents.operations.empty()) {
    SYNC_ASSIGN(const OpResult made, apply(std::move(parents), nullptr));
    if (made.code != ErrorCode::ok) return Error{made.code, made.message, request.path, made.sys_errno};
  }
  Batch batch = new_batch();
  SYNC_ASSIGN(batch.operations.emplace_back(), restore_operation(version, request.path));
  SYNC_ASSIGN(OpResult done, apply(std::move(batch), &version));
  if (done.code != ErrorCode::ok) return Error{done.code, done.message, request.path, done.sys_errno};
  RestoreReply reply;
  reply.entry = std::move(done.target);
  return reply;
}

Batch History::new_batch() {
  Batch batch;
  batch.id = next_batch_++;
  const Result<Marker> marker = state_.read_marker();
  if (marker.ok()) batch.epoch = marker->epoch;
  batch.side = options_.side;
  batch.ordered = true;
  batch.scanned_ns = clock_.wall_ns();
  return batch;
}

/// Directories above `path` that are missing, top down.
Result<Batch> History::parents_batch(const std::string& path) {
  Batch batch = new_batch();
  SYNC_ASSIGN(const DigestReply present, side_.digest({ancestors(path)}));
  for (const PathEntry& above : present.entries) {
    if (above.entry.is_directory()) continue;
    if (above.entry.exists()) return Error{ErrorCode::exists, "not a directory", above.path, 0};
    Operation& op = batch.operations.emplace_back();
    op.id = static_cast<uint32_t>(batch.operations.size() - 1);
    op.kind = OpKind::make_directory;
    op.stage = OpStage::structure;
    op.side = options_.side;
    op.path = above.path;
    op.desired.kind = Kind::directory;
    op.desired.mode = kDirectoryMode;
    op.desired.mtime_ns = clock_.wall_ns();
  }
  return batch;
}

Result<Operation> History::restore_operation(const VersionRecord& version, const std::string& path) {
  Operation op;
  op.side = options_.side;
  op.path = path;
  op.desired = version.entry;
  op.desired.mtime_ns = clock_.wall_ns();  // a new edit: with its old time it would look like an old one
  op.desired.links = 1;
  op.desired.stamp = {};
  switch (version.entry.kind) {
    case Kind::file:
      op.kind = OpKind::put_file;
      break;
    case Kind::symlink:
      op.kind = OpKind::put_symlink;
      break;
    case Kind::directory:
      op.kind = OpKind::make_directory;
      op.stage = OpStage::structure;
      break;
    default:
      return Error{ErrorCode::unsupported, "this version cannot be brought back", path, 0};
  }
  SYNC_ASSIGN(DigestReply present, side_.digest({{path}}));
  if (!present.failed.empty()) return std::move(present.failed.front());
  op.expected = std::move(present.entries.at(0).entry);
  return op;
}

/// The first failure among the results, or the last result.
Result<OpResult> History::apply(Batch batch, const VersionRecord* content) {
  std::mutex mutex;
  std::vector<OpResult> results;
  SYNC_ASSIGN(const std::unique_ptr<Applier> applier, Applier::open(options_, clock_, [&](BatchResult result) {
                const std::lock_guard lock(mutex);
                for (OpResult& one : result.results) results.push_back(std::move(one));
              }));
  const bool has_content = content != nullptr && batch.operations.front().kind == OpKind::put_file;
  SYNC_TRY(applier->begin(batch));
  const Status fed = has_content ? feed(*applier, batch, *content) : Status();
  if (fed.ok()) {
    SYNC_TRY(applier->end());
  } else {
    applier->abort_content(fed.error());
  }
  SYNC_TRY(applier->drain());
  const std::lock_guard lock(mutex);
  if (results.empty()) return Error{ErrorCode::io, "nothing was reported", {}, 0};
  const auto failed =
      std::find_if(results.begin(), results.end(), [](const OpResult& r) { return r.code != ErrorCode::ok; });
  return failed != results.end() ? std::move(*failed) : std::move(results.back());
}

/// A stored version is a file named by its id in versions/: the sender reads it there, under the operation's number.
Status History::feed(Applier& applier, const Batch& batch, const VersionRecord& content) const {
  SYNC_ASSIGN(const UniqueFd stored, store_->open_source(content.id));
  FileStat stat;
  if (const int err = stat_fd(stored.get(), stat); err != 0) return error_from_errno(err, "cannot look at the version");
  RootOptions versions = options_;
  versions.root = str(side_.root().path(), "/", kStateName, "/", options_.pair_id, "/versions");
  SYNC_ASSIGN(const std::unique_ptr<Sender> sender, Sender::open(versions));
  Batch source = batch;
  source.operations.front().path = content.id;
  source.operations.front().desired.stamp =
      stat.stamp();  // as planned: the new time is the operation's, not the file's
  return sender->send(source, [&applier](std::string block) { return applier.content(block); });
}

}  // namespace twsync
