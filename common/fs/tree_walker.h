#pragma once
// Reads directories below a root ahead of the one who consumes them, and gives them out in compare_paths order.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/core/ignore.h"
#include "common/fs/dir_handle.h"
#include "common/fs/entry_reader.h"

namespace twsync {

/// A directory's names, each with a NUL behind it, in one piece of memory that stays where it is when this is moved.
/// What a thread reads another one frees: a piece for each entry would have them meet in the allocator all the time.
class DirNames {
 public:
  Status read(int fd);
  const std::vector<std::string_view>& sorted() const { return names_; }

 private:
  std::vector<char> bytes_;
  std::vector<std::string_view> names_;
};

struct DirEntry {
  std::string_view name;  ///< within the listing's names
  Entry entry;
};

/// One directory's own entries, read in one go.
struct DirListing {
  std::string path;
  Entry self;  ///< the directory as opened
  DirNames names;
  std::vector<DirEntry> entries;  ///< sorted by name; without ignored ones
  std::vector<std::string> ignored;
  std::vector<Error> unreadable;  ///< entries of it that could not be looked at, and mounts
  Error error;                    ///< ok, or why the directory as a whole could not be read
};

/// Reads one directory. Never fails as a call: `error` says it. Any thread.
DirListing read_directory(const RootDir& root, const EntryReader& reader, const IgnoreFilter& filter, std::string path);

/// "Another file system is mounted here": of what is at or below `path` nothing may be concluded.
Error mount_error(std::string path);

/// The subtree below one directory, depth first. Two threads read ahead, at most kWindow entries; the caller's thread
/// reads what they have not begun. Use from one thread.
class TreeWalker {
 public:
  TreeWalker(const RootDir& root, const EntryReader& reader, const IgnoreFilter& filter);
  ~TreeWalker();
  TreeWalker(const TreeWalker&) = delete;
  TreeWalker& operator=(const TreeWalker&) = delete;

  struct Node {
    enum class State { waiting, reading, done };
    State state = State::waiting;
    DirListing listing;
    std::vector<std::unique_ptr<Node>> children;  ///< one for each directory in listing.entries, in order
  };

  /// The top of a walk; owned by the walker until the next start(). REQUIRES: the walk before was taken to its end.
  Node& start(std::string path);
  /// Makes sure that the node was read; its listing may then be taken apart by the caller.
  void finish(Node& node);
  /// The caller is through with the node's own entries: room for reading further ahead.
  void release(Node& node);

 private:
  static constexpr size_t kWindow = 16'384;
  static constexpr size_t kThreads = 2;
  static constexpr size_t kStartThreadsAt = 4;  ///< waiting directories; a small listing needs no threads

  void run();
  void read(Node& node);
  void push_children(Node& node);

  const RootDir& root_;
  const EntryReader& reader_;
  const IgnoreFilter& filter_;
  std::mutex mutex_;
  std::condition_variable work_;  // for the threads: something waits, and there is room ahead
  std::condition_variable done_;  // for the caller: `awaited_` was read
  const Node* awaited_ = nullptr;
  size_t idle_ = 0;            // threads that wait
  std::deque<Node*> waiting_;  // back = next in order
  size_t ahead_ = 0;           // entries read and not yet released
  bool stop_ = false;
  std::unique_ptr<Node> top_;
  std::vector<std::thread> threads_;
};

}  // namespace twsync
