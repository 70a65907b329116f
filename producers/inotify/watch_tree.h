#pragma once
// Changes below a root as hints, by inotify or fanotify. Knows no broker: the monitor and the agent use it alike.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/fs/dir_handle.h"
#include "common/core/ignore.h"
#include "common/model/hint.h"
#include "common/model/watch_source.h"
#include "producers/inotify/hint_batch.h"

namespace twsync {

struct WatchOptions {
  Side side = Side::code;
  IgnoreFilter ignore;  ///< ignored directories are not watched, ignored paths give no hint
  SettleOptions settle;
  size_t watch_limit = 0;  ///< directories at most; 0 = what the kernel allows
  ResolveMode resolve = ResolveMode::automatic;
  int64_t retry_ns = 30 * kSecond;  ///< how often unwatched directories are hinted and tried again
  WatchSource source = WatchSource::automatic;
  std::string fanotify_mend;  ///< the command that lets this process use fanotify, for the state's text
};

struct WatchHealth {
  enum class Kind : uint8_t { catching_up, live, degraded } kind = Kind::catching_up;
  std::string text;  ///< "live (inotify)", "live (fanotify)", "catching up", "degraded: 3 directories unwatched"
};

/// All are called from the tree's own thread, one at a time, and must not block for long nor destroy the tree.
struct WatchCallbacks {
  std::function<void(std::vector<Hint>)> hints;   ///< Hint::pair is empty
  std::function<void(const WatchHealth&)> state;  ///< on every change of it
  /// Every event before cookie(name) was given to `hints`. `whole`: nothing below the root is unwatched.
  std::function<void(const std::string& name, bool whole)> cookie;
};

/// Watches from start() to destruction. Guarantee: of every change that is made after the first `live` state, the path
/// or a directory above it (recursive) comes as a hint, or a recursive hint on the root follows; and the same for what
/// changed before `live`, by the recursive hint on the root that goes with it. Directories are armed before they are
/// listed. `.twsync` below the root is never watched but for cookies. Nothing is followed out of the root; other file
/// systems mounted below are not entered.
class WatchTree {
 public:
  /// unsupported/io when there can be no watching here at all (no inotify instance left); not_found without the root.
  static Result<std::unique_ptr<WatchTree>> start(const std::string& root, WatchOptions options,
                                                  WatchCallbacks callbacks);
  ~WatchTree();  ///< joins the thread; what was not given out is lost

  /// Drops a marker into <root>/.twsync/<pair_id>/cookies (which must exist) and answers through callbacks.cookie once
  /// its event came. Where that cannot work, a recursive hint on the root precedes the answer instead. Any thread.
  void cookie(const std::string& pair_id, const std::string& name);
  /// Other ignore rules from now on; everything is armed again and hinted. Any thread.
  void set_ignore(IgnoreFilter ignore);
  WatchHealth state() const;  ///< any thread

 private:
  struct Impl;
  explicit WatchTree(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twsync
