#include "workers/agent/control_session.h"

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "workers/agent/frame_split.h"
#include "workers/agent/listing_check.h"
#include "workers/agent/packed.h"

namespace twsync {
namespace {

Error error_of(const Status& status) {
  return status.ok() ? Error{} : status.error();
}

Error violation(const char* what, const std::string& path) {
  return Error{ErrorCode::peer_violation, what, path, 0};
}

Status check_paths(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (!is_peer_path(path)) return violation("asked for an invalid path", path);
  }
  return {};
}

}  // namespace

ControlSession::ControlSession(Connection& connection, RootOptions options, Clock& clock)
    : connection_(connection), options_(std::move(options)), clock_(clock) {}

Result<std::unique_ptr<ControlSession>> ControlSession::open(Connection& connection, const RootOptions& options,
                                                             Clock& clock, HostFacts& host,
                                                             std::vector<std::string> own_paths) {
  std::unique_ptr<ControlSession> session(new ControlSession(connection, options, clock));
  session->own_paths_ = std::move(own_paths);
  SYNC_ASSIGN(session->side_, LocalSide::open(options, clock, host));
  return session;
}

ControlSession::~ControlSession() {
  connection_.close();  // the watch may be waiting for room
}

template <class Message>
Status ControlSession::answer(FrameType type, const Frame& asked, const Message& message) {
  return connection_.send(type, asked.stream, pack_payload(encode(message)));
}

Status ControlSession::on_facts(Frame&& frame) {
  Result<SideFacts> facts = side_->facts();
  FactsReply reply;
  if (facts.ok()) {
    reply.facts = std::move(*facts);
    reply.facts.own_paths = own_paths_;
  } else {
    reply.error = facts.error();
  }
  return answer(FrameType::facts_reply, frame, reply);
}

Status ControlSession::on_claim(Frame&& frame) {
  SYNC_ASSIGN(const Claim claim, decode<Claim>(frame.payload));
  if (!is_valid_pair_id(claim.marker.pair_id)) return violation("invalid pair id", claim.marker.pair_id);
  if (claim.marker.role != Side::deploy) return violation("claimed as the wrong side", {});
  const Status claimed = side_->claim(claim);
  if (claimed.ok()) {
    claimed_ = true;
    options_.pair_id = claim.marker.pair_id;
    if (claim.hash_key != HashKey{}) options_.hash_key = claim.hash_key;
  }
  return answer(FrameType::claim_reply, frame, Reply{error_of(claimed)});
}

Status ControlSession::on_list(Frame&& frame) {
  SYNC_ASSIGN(const ListRequest request, decode<ListRequest>(frame.payload));
  SYNC_TRY(check_scopes(request.scopes));
  Status connected;
  ListChunker chunker([&](const ListChunk& chunk) {
    connected = answer(FrameType::list_chunk, frame, chunk);
    return connected;
  });
  const SideReader::EntrySink sink([&](std::vector<PathEntry>&& entries) { return chunker.add(std::move(entries)); },
                                   [&](uint32_t number) { return chunker.add_known(number); });
  Result<ListEnd> end = side_->list(request, sink);
  SYNC_TRY(connected);
  SYNC_TRY(chunker.flush());
  ListEnd told;
  if (end.ok()) {
    told = std::move(*end);
  } else {
    told.error = end.error();
  }
  return send_notes(frame, std::move(told));
}

Status ControlSession::send_notes(const Frame& asked, ListEnd&& end) {
  const std::vector<ListEnd> pieces = split_notes(std::move(end));
  for (size_t i = 0; i + 1 < pieces.size(); ++i) SYNC_TRY(answer(FrameType::list_notes, asked, pieces[i]));
  return answer(FrameType::list_end, asked, pieces.back());
}

Status ControlSession::on_digest(Frame&& frame) {
  SYNC_ASSIGN(const DigestRequest request, decode<DigestRequest>(frame.payload));
  SYNC_TRY(check_paths(request.paths));
  // A failure as a whole (the root went away) is one of every path: none was read.
  Result<DigestReply> read = side_->digest(request);
  DigestReply reply;
  if (read.ok()) {
    reply = std::move(*read);
  } else {
    reply.error = read.error();
  }
  return answer(FrameType::digest_reply, frame, reply);
}

Status ControlSession::on_read_small(Frame&& frame) {
  SYNC_ASSIGN(const PathRequest request, decode<PathRequest>(frame.payload));
  SYNC_TRY(check_paths({request.path}));
  Result<std::string> bytes = side_->read_small(request.path);
  BytesReply reply;
  if (bytes.ok()) {
    reply.bytes = std::move(*bytes);
  } else {
    reply.error = bytes.error();
  }
  return answer(FrameType::read_small_reply, frame, reply);
}

Status ControlSession::on_flush(Frame&& frame) {
  return answer(FrameType::flush_reply, frame, Reply{error_of(side_->flush())});
}

Status ControlSession::on_watch(Frame&& frame) {
  SYNC_ASSIGN(const WatchRequest request, decode<WatchRequest>(frame.payload));
  return answer(FrameType::watch_reply, frame, Reply{error_of(watch(request))});
}

Status ControlSession::watch(const WatchRequest& request) {
  if (watch_) {
    watch_->set_rules(request);
    return {};
  }
  SYNC_ASSIGN(watch_, AgentWatch::start(connection_, side_->root().path(), request));
  return {};
}

Status ControlSession::on_cookie(Frame&& frame) {
  const Error unwatched{ErrorCode::usage, "a cookie needs a watch and the lock", {}, 0};
  const Status seen = watch_ && claimed_ ? watch_->cookie(options_.pair_id) : Status(unwatched);
  return answer(FrameType::cookie_seen, frame, Reply{error_of(seen)});
}

Result<std::unique_ptr<History>> ControlSession::history() {
  // No lock: looking changes nothing, and a restore is an edit like any person's.
  if (options_.pair_id.empty()) return Error{ErrorCode::usage, "no pair was named whose versions are meant", {}, 0};
  return History::open(options_, *side_, clock_);
}

Status ControlSession::on_versions(Frame&& frame) {
  SYNC_ASSIGN(const VersionsRequest request, decode<VersionsRequest>(frame.payload));
  VersionsReply reply;
  Result<std::unique_ptr<History>> kept = history();
  Result<VersionsReply> found = kept.ok() ? (*kept)->versions(request) : Result<VersionsReply>(kept.error());
  if (found.ok()) {
    reply = std::move(*found);
  } else {
    reply.error = found.error();
  }
  return answer(FrameType::versions_reply, frame, reply);
}

Status ControlSession::on_restore(Frame&& frame) {
  SYNC_ASSIGN(const RestoreRequest request, decode<RestoreRequest>(frame.payload));
  RestoreReply reply;
  Result<std::unique_ptr<History>> kept = history();
  Result<RestoreReply> restored = kept.ok() ? (*kept)->restore(request) : Result<RestoreReply>(kept.error());
  if (restored.ok()) {
    reply = std::move(*restored);
  } else {
    reply.error = restored.error();
  }
  return answer(FrameType::restore_reply, frame, reply);
}

Status ControlSession::on_restore_tree(Frame&& frame) {
  SYNC_ASSIGN(const RestoreTreeRequest request, decode<RestoreTreeRequest>(frame.payload));
  Result<std::unique_ptr<History>> kept = history();
  Result<RestoreTreeReply> done = kept.ok() ? (*kept)->restore_tree(request) : Result<RestoreTreeReply>(kept.error());
  RestoreTreeReply reply;
  if (done.ok()) {
    reply = std::move(*done);
  } else {
    reply.error = done.error();
  }
  return answer(FrameType::restore_tree_reply, frame, reply);
}

Status ControlSession::on_read_version(Frame&& frame) {
  SYNC_ASSIGN(const ReadVersionRequest request, decode<ReadVersionRequest>(frame.payload));
  Result<std::unique_ptr<History>> kept = history();
  Result<std::string> bytes = kept.ok() ? (*kept)->read(request) : Result<std::string>(kept.error());
  BytesReply reply;
  if (bytes.ok()) {
    reply.bytes = std::move(*bytes);
  } else {
    reply.error = bytes.error();
  }
  return answer(FrameType::read_version_reply, frame, reply);
}

Status ControlSession::on_tend(Frame&& frame) {
  SYNC_ASSIGN(const TendRequest request, decode<TendRequest>(frame.payload));
  Result<TendReply> tended = side_->tend(request);
  TendReply reply;
  if (tended.ok()) {
    reply = std::move(*tended);
  } else {
    reply.error = tended.error();
  }
  return answer(FrameType::tend_reply, frame, reply);
}

Status ControlSession::on_forget(Frame&& frame) {
  return answer(FrameType::forget_reply, frame, Reply{error_of(forget())});
}

Status ControlSession::forget() {
  return side_->forget();
}

}  // namespace twsync
