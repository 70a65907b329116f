#pragma once
// Inside producers/inotify only: the state of one WatchTree's thread.

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>

#include "producers/inotify/directory_paths.h"
#include "producers/inotify/fanotify_fd.h"
#include "producers/inotify/inotify_fd.h"
#include "producers/inotify/watch_table.h"
#include "producers/inotify/watch_tree.h"

namespace twsync {

/// Everything but the mutex-guarded part belongs to the thread.
struct WatchTree::Impl {
  Impl(std::string root, WatchOptions options, WatchCallbacks callbacks, WatchedDir dir, int wake);
  ~Impl();

  // watch_tree.cc: the loop
  void run();
  void poll_once();
  int poll_timeout_ms();
  void flush(bool all);
  void take_commands();
  void set_state(WatchHealth::Kind kind, std::string text);
  void update_state();
  void check_root();
  void restart();

  // watch_source.cc: which of the kernel's interfaces
  Status open_source();
  void leave_inotify();
  void note_refusal(const Error& error);
  int source_fd() const { return fanotify ? fanotify->fd() : inotify->fd(); }
  void take_events();
  template <class Event, class Source>
  void take_events_of(Source& source);
  void forget_all();
  std::string in_full(std::string text) const;

  // fanotify_events.cc: what an event means
  void take(const FanotifyEvent& event);
  void take_rename(std::optional<std::string> from, std::optional<std::string> to, bool is_directory);
  void take_change(uint64_t mask, const std::string& path);
  std::optional<std::string> path_at(const FanotifyEvent::Place& place);

  // watch_events.cc: what an event of inotify means
  void take(const RawEvent& event);
  void take_named(const RawEvent& event, const std::string& path);
  void take_moved_to(const RawEvent& event, const std::string& path);
  void end_lone_moves(bool all);
  void drop_tree(const std::string& path);

  // watch_arming.cc: watches on what is there
  void begin_arming(const std::string& path);
  void arm_some();
  void arm(const std::string& path);
  void watch_directory(const std::string& path, WatchedDir& dir, bool& watched);
  void note_unwatched(const std::string& path);
  void retry_unwatched();
  bool skipped(const std::string& path, bool is_directory) const;

  // watch_cookies.cc
  void drop_cookie(const std::string& pair_id, const std::string& name);
  void take_cookie_event(const RawEvent& event);
  void answer_cookie(const std::string& name);
  void answer_all_cookies();

  const std::string root_path;
  WatchOptions options;
  const WatchCallbacks callbacks;
  // One of the two is open.
  std::optional<InotifyFd> inotify;
  std::optional<FanotifyFd> fanotify;
  DirectoryPaths paths;         // of fanotify's handles
  bool out_of_watches = false;  // inotify had too few
  std::string refused;          // why fanotify isn't used though it is wanted
  std::optional<WatchedDir> root;
  const int wake_fd;
  const UniqueFd mounts;  // readable, as an exception, when a mount came or went; -1 where nothing tells
  SystemClock clock;

  WatchTable table;
  HintBatch batch;
  struct LoneMove {
    std::string path;
    bool is_directory;
    int64_t at_ns;
  };
  std::map<uint32_t, LoneMove> lone_moves;  // MOVED_FROM that waits for its other half

  // Arming: a job is done, and its root hinted, when nothing below is left in the queue.
  struct Job {
    std::string path;
    size_t left = 0;
  };
  struct ToArm {
    std::string path;
    uint64_t job;
  };
  std::deque<ToArm> to_arm;
  std::map<uint64_t, Job> jobs;
  uint64_t next_job = 1;
  uint64_t root_job = 0;  // the last one over the whole root; 0 = done
  std::set<std::string> unwatched;
  int64_t retry_at = 0;
  int64_t check_root_at = 0;
  bool root_gone = false;
  bool overflowed = false;

  std::map<int, std::string> cookie_dirs;      // wd -> pair id
  std::map<std::string, std::string> cookies;  // name -> pair id

  struct Command {
    std::string pair_id, cookie;
    std::optional<IgnoreFilter> ignore;
  };
  mutable std::mutex mutex;
  std::vector<Command> commands;
  WatchHealth state;
  std::atomic<bool> stop{false};
  std::thread thread;
};

}  // namespace twsync
