#include "workers/agent/remote_side.h"

#include <algorithm>
#include <deque>
#include <iterator>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "workers/agent/listing_check.h"
#include "workers/agent/packed.h"

namespace twsync {
namespace {

constexpr size_t kRequestBytes = 1U << 20U;  // of paths in one request: far below a frame
constexpr size_t kDigestPaths = 512;         // per request: the reply stays below a frame also with large xattrs
constexpr size_t kDigestWindow = 2;          // requests under way: no round trip is waited for, no queue can fill
constexpr size_t kSmallFile = 1U << 20U;
constexpr size_t kMaxOwnPaths = 16;
constexpr size_t kRestoreItems = 2'000;  // per request: a few seconds' work, and a reply far below a frame
constexpr size_t kReadWindow = 32;       // pieces of stored files under way

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// The end of the piece that starts at `from`: at most `count` items and about kRequestBytes of paths.
template <class T, class PathOf>
size_t piece_end(const std::vector<T>& items, size_t from, size_t count, const PathOf& path_of) {
  size_t bytes = 0;
  size_t end = from;
  while (end < items.size() && end - from < count && bytes < kRequestBytes) bytes += path_of(items[end++]).size() + 8;
  return end;
}

template <class T>
Result<T> unpack_message(const Frame& frame) {
  SYNC_ASSIGN(const std::string raw, unpack_payload(frame.payload, kMaxFrame));
  SYNC_ASSIGN(T message, decode<T>(raw));
  if constexpr (requires { message.error.message; }) make_printable(message.error.message);
  if constexpr (requires { message.failed.front().message; }) {
    for (Error& error : message.failed) make_printable(error.message);
  }
  if constexpr (requires { message.unreadable.front().message; }) {
    for (Error& error : message.unreadable) make_printable(error.message);
  }
  return message;
}

}  // namespace

RemoteSide::RemoteSide(std::unique_ptr<Connection> connection, HelloReply hello, WatchSinks sinks)
    : hello_(std::move(hello)), router_(std::move(connection), std::move(sinks)) {}

RemoteSide::~RemoteSide() = default;

template <class Answer, class Ask>
Result<Answer> RemoteSide::ask(FrameType type, const Ask& question, FrameType answer_type) {
  const uint32_t stream = next_stream_++;
  SYNC_TRY(router_.send(type, stream, encode(question)));
  SYNC_ASSIGN(Frame frame, router_.reply(stream, {answer_type}));
  Result<Answer> answer = unpack_message<Answer>(frame);
  if (!answer.ok()) return router_.fail(answer.error());
  return answer;
}

Result<SideFacts> RemoteSide::facts() {
  SYNC_ASSIGN(FactsReply reply, ask<FactsReply>(FrameType::facts, Reply{}, FrameType::facts_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  const auto& own = reply.facts.own_paths;
  const bool possible = own.size() <= kMaxOwnPaths && std::all_of(own.begin(), own.end(), [](const std::string& path) {
                          return is_valid_rel_path(path) && base_name(path) == "twsync";
                        });
  if (!possible) return router_.fail({ErrorCode::peer_violation, "impossible paths of its own", {}, 0});
  return std::move(reply.facts);
}

Status RemoteSide::claim(const Claim& claim) {
  SYNC_ASSIGN(Reply reply, ask<Reply>(FrameType::claim, claim, FrameType::claim_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  return {};
}

Result<ListEnd> RemoteSide::list(const ListRequest& request, const EntrySink& sink) {
  SYNC_TRY(check_scopes(request.scopes));
  ListEnd whole;
  for (size_t from = 0; from < request.scopes.size();) {
    const size_t end =
        piece_end(request.scopes, from, SIZE_MAX, [](const Scope& s) { return std::string_view(s.path); });
    ListRequest part = request;
    part.scopes.assign(request.scopes.begin() + static_cast<ptrdiff_t>(from),
                       request.scopes.begin() + static_cast<ptrdiff_t>(end));
    SYNC_ASSIGN(ListEnd told, list_part(part, sink));
    append(whole.unreadable, std::move(told.unreadable));
    append(whole.ignored, std::move(told.ignored));
    if (from == 0) whole.started_ns = told.started_ns;
    whole.error = told.error;
    if (whole.error.code != ErrorCode::ok) return whole;
    from = end;
  }
  return whole;
}

Result<ListEnd> RemoteSide::list_part(const ListRequest& request, const EntrySink& sink) {
  const uint32_t stream = next_stream_++;
  SYNC_TRY(router_.send(FrameType::list, stream, encode(request)));
  ListingCheck check(request.scopes);
  ListEnd notes;
  Status taken;  // the first refusal of the sink: the rest of the stream is drained, so that the session stays usable
  for (;;) {
    SYNC_ASSIGN(Frame frame,
                router_.reply(stream, {FrameType::list_chunk, FrameType::list_notes, FrameType::list_end}));
    if (frame.type == FrameType::list_chunk) {
      Result<ListChunk> chunk = unpack_message<ListChunk>(frame);
      if (!chunk.ok()) return router_.fail(chunk.error());
      Status honest = check_known(request, chunk->known);
      if (honest.ok()) honest = check.entries(chunk->entries);
      if (!honest.ok()) return router_.fail(honest.error());
      for (size_t i = 0; i < chunk->known.size() && taken.ok(); ++i) taken = sink.known(chunk->known[i]);
      if (taken.ok() && !chunk->entries.empty()) taken = sink(std::move(chunk->entries));
      continue;
    }
    Result<ListEnd> told = unpack_message<ListEnd>(frame);
    if (!told.ok()) return router_.fail(told.error());
    const Status honest = check.notes(*told);
    if (!honest.ok()) return router_.fail(honest.error());
    append(notes.unreadable, std::move(told->unreadable));
    append(notes.ignored, std::move(told->ignored));
    if (frame.type == FrameType::list_notes) continue;
    if (!taken.ok()) return taken.error();
    notes.error = std::move(told->error);
    notes.started_ns = told->started_ns;
    return notes;
  }
}

Result<DigestReply> RemoteSide::digest(const DigestRequest& request) {
  struct Asked {
    uint32_t stream;
    std::vector<std::string> paths;
  };
  std::deque<Asked> under_way;
  DigestReply whole;
  for (size_t from = 0; from < request.paths.size() || !under_way.empty();) {
    if (from < request.paths.size() && under_way.size() < kDigestWindow) {
      const size_t end =
          piece_end(request.paths, from, kDigestPaths, [](const std::string& p) { return std::string_view(p); });
      DigestRequest part;
      part.paths.assign(request.paths.begin() + static_cast<ptrdiff_t>(from),
                        request.paths.begin() + static_cast<ptrdiff_t>(end));
      const uint32_t stream = next_stream_++;
      SYNC_TRY(router_.send(FrameType::digest, stream, encode(part)));
      under_way.push_back({stream, std::move(part.paths)});
      from = end;
      continue;
    }
    SYNC_ASSIGN(DigestReply part, take_digests(under_way.front().stream, under_way.front().paths));
    under_way.pop_front();
    append(whole.entries, std::move(part.entries));
    append(whole.failed, std::move(part.failed));
  }
  return whole;
}

Result<DigestReply> RemoteSide::take_digests(uint32_t stream, const std::vector<std::string>& asked) {
  SYNC_ASSIGN(Frame frame, router_.reply(stream, {FrameType::digest_reply}));
  Result<DigestReply> reply = unpack_message<DigestReply>(frame);
  if (!reply.ok()) return router_.fail(reply.error());
  if (reply->error.code != ErrorCode::ok) return std::move(reply->error);
  const Status honest = check_digest_reply(asked, *reply);
  if (!honest.ok()) return router_.fail(honest.error());
  return reply;
}

Result<std::string> RemoteSide::read_small(const std::string& path) {
  SYNC_ASSIGN(BytesReply reply, ask<BytesReply>(FrameType::read_small, PathRequest{path}, FrameType::read_small_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  if (reply.bytes.size() > kSmallFile)
    return router_.fail({ErrorCode::peer_violation, "a small file that isn't", path, 0});
  return std::move(reply.bytes);
}

Status RemoteSide::flush() {
  SYNC_TRY(can("flush"));
  SYNC_ASSIGN(Reply reply, ask<Reply>(FrameType::flush, Reply{}, FrameType::flush_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  return {};
}

Result<RestoreTreeReply> RemoteSide::restore_tree(const RestoreTreeRequest& request) {
  SYNC_TRY(can("restore-tree"));
  RestoreTreeReply whole;
  for (size_t from = 0; from < request.items.size();) {
    const size_t end = piece_end(request.items, from, kRestoreItems,
                                 [](const RestoreItem& item) { return std::string_view(item.path); });
    RestoreTreeRequest part{request.step, request.only_missing, {}};
    part.items.assign(request.items.begin() + static_cast<ptrdiff_t>(from),
                      request.items.begin() + static_cast<ptrdiff_t>(end));
    SYNC_ASSIGN(RestoreTreeReply told,
                ask<RestoreTreeReply>(FrameType::restore_tree, part, FrameType::restore_tree_reply));
    if (told.error.code != ErrorCode::ok) return std::move(told.error);
    append(whole.done, std::move(told.done));
    append(whole.failed, std::move(told.failed));
    from = end;
  }
  return whole;
}

Status RemoteSide::read_versions(const std::vector<StoredFile>& files, const PieceSink& sink) {
  SYNC_TRY(can("restore-tree"));
  struct Asked {
    uint32_t stream;
    size_t file;
  };
  std::deque<Asked> under_way;
  size_t next = 0;
  uint64_t offset = 0;
  while (next < files.size() || !under_way.empty()) {
    if (next < files.size() && under_way.size() < kReadWindow) {
      const StoredFile& file = files[next];
      const auto size = static_cast<uint32_t>(std::min<uint64_t>(file.size - offset, kSmallFile));
      const uint32_t stream = next_stream_++;
      SYNC_TRY(router_.send(FrameType::read_version, stream, encode(ReadVersionRequest{file.version, offset, size})));
      under_way.push_back({stream, next});
      offset += size;
      if (offset < file.size) continue;
      offset = 0;
      ++next;
      continue;
    }
    SYNC_ASSIGN(const Frame frame, router_.reply(under_way.front().stream, {FrameType::read_version_reply}));
    Result<BytesReply> reply = unpack_message<BytesReply>(frame);
    if (!reply.ok()) return router_.fail(reply.error());
    if (reply->error.code != ErrorCode::ok) return std::move(reply->error);
    if (reply->bytes.size() > kSmallFile)
      return router_.fail({ErrorCode::peer_violation, "more of a version than was asked for", {}, 0});
    SYNC_TRY(sink(under_way.front().file, reply->bytes));
    under_way.pop_front();
  }
  return {};
}

Result<TendReply> RemoteSide::tend(const TendRequest& request) {
  SYNC_TRY(can("tend"));
  SYNC_ASSIGN(TendReply reply, ask<TendReply>(FrameType::tend, request, FrameType::tend_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  SYNC_TRY(check_versions(reply.late));
  return reply;
}

Status RemoteSide::can(std::string_view feature) const {
  const auto& all = hello_.features;
  if (std::find(all.begin(), all.end(), feature) != all.end()) return {};
  return Error{ErrorCode::unsupported,
               str("the agent there is too old for this (it cannot '", feature, "'): install the same version on both"),
               {},
               0};
}

/// What an agent says of its versions is shown and used as paths.
Status RemoteSide::check_versions(const std::vector<VersionInfo>& versions) {
  for (const VersionInfo& version : versions) {
    if (!is_peer_path(version.path) || !is_version_id(version.id))
      return router_.fail({ErrorCode::peer_violation, "an invalid version", version.path, 0});
  }
  return {};
}

Status RemoteSide::watch(const WatchRequest& request) {
  SYNC_ASSIGN(Reply reply, ask<Reply>(FrameType::watch, request, FrameType::watch_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  return {};
}

Status RemoteSide::cookie() {
  SYNC_ASSIGN(Reply reply, ask<Reply>(FrameType::cookie, Reply{}, FrameType::cookie_seen));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  return {};
}

Result<VersionsReply> RemoteSide::versions(const VersionsRequest& request) {
  SYNC_ASSIGN(VersionsReply reply, ask<VersionsReply>(FrameType::versions, request, FrameType::versions_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  SYNC_TRY(check_versions(reply.versions));
  return reply;
}

Result<RestoreReply> RemoteSide::restore(const RestoreRequest& request) {
  SYNC_ASSIGN(RestoreReply reply, ask<RestoreReply>(FrameType::restore, request, FrameType::restore_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  return reply;
}

Status RemoteSide::forget() {
  SYNC_ASSIGN(Reply reply, ask<Reply>(FrameType::forget, Reply{}, FrameType::forget_reply));
  if (reply.error.code != ErrorCode::ok) return reply.error;
  return {};
}

}  // namespace twsync
