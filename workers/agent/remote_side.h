#pragma once
// The deploy side as a scanner sees it: SideReader over a control session with an agent.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/fs/side_root.h"
#include "common/ssh/connection.h"
#include "workers/agent/frame_router.h"

namespace twsync {

/// Everything an agent says is checked: a path outside the scopes asked for, an order that isn't one, a kind we don't
/// know or an unexpected frame ends the session with peer_violation.
/// Calls block and belong to one thread at a time; close() may come from any. Error text of the agent (its last words)
/// is what a call returns when the session ends under it.
class RemoteSide final : public SideReader {
 public:
  using WatchSinks = FrameRouter::Sinks;

  /// `connection` has shaken hands (role control); `hello` is what the agent answered. `sinks` are called from an inner
  /// thread for what the agent's watch sees (pair empty, side deploy), and once, recursive on the root, when the
  /// session is lost; they must not call back into this object.
  RemoteSide(std::unique_ptr<Connection> connection, HelloReply hello, WatchSinks sinks = {});
  ~RemoteSide() override;  ///< ends the session: the agent gives the lock back

  Result<SideFacts> facts() override;
  Status claim(const Claim& claim) override;
  Result<ListEnd> list(const ListRequest& request, const EntrySink& sink) override;
  Result<DigestReply> digest(const DigestRequest& request) override;
  Result<std::string> read_small(const std::string& path) override;
  Status flush() override;

  Result<TendReply> tend(const TendRequest& request) override;

  /// Starts (or, with other rules, starts again) the watch of the whole root. Hints come until the session ends; an
  /// overflow or a restarted watch comes as a recursive hint. unsupported/no_space: no watch, poll instead.
  Status watch(const WatchRequest& request) override;
  /// "live (inotify)", "catching up", "degraded: …"; empty before the first word. Any thread.
  std::string watch_state() const { return router_.watch_state(); }
  /// The events are handed to the hint sink. REQUIRES: watch(), claim().
  Status cookie() override;

  Result<VersionsReply> versions(const VersionsRequest& request);
  Result<RestoreReply> restore(const RestoreRequest& request);
  /// One step of a tree's coming back; many items go in several frames. unsupported: the agent is too old.
  Result<RestoreTreeReply> restore_tree(const RestoreTreeRequest& request);
  /// Contents of stored files, in order, in pieces: `sink(file, bytes)`, where `file` is the position in `files`. Stops
  /// at the first failure, also of the sink. `size` is what is expected of each: an end before it is an end.
  struct StoredFile {
    std::string version;
    uint64_t size = 0;
  };
  using PieceSink = std::function<Status(size_t file, std::string_view bytes)>;
  Status read_versions(const std::vector<StoredFile>& files, const PieceSink& sink);
  /// Removes <root>/.twsync/<pair id> there; the session is of no further use.
  Status forget() override;

  const HelloReply& hello() const { return hello_; }
  std::string describe() const { return router_.connection().describe(); }
  void close() { router_.close(); }

 private:
  template <class Answer, class Ask>
  Result<Answer> ask(FrameType type, const Ask& question, FrameType answer_type);
  Status can(std::string_view feature) const;
  Status check_versions(const std::vector<VersionInfo>& versions);
  Result<ListEnd> list_part(const ListRequest& request, const EntrySink& sink);
  Result<DigestReply> take_digests(uint32_t stream, const std::vector<std::string>& asked);

  HelloReply hello_;
  uint32_t next_stream_ = 1;
  FrameRouter router_;
};

}  // namespace twsync
