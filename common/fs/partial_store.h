#pragma once
// <root>/.twsync/<pair-id>/partial/: what arrived of large files whose transfer was cut, so that the next one sends
// only the rest (FORMAT: partial_store.cc). For each file, by a keyed digest of its path: the bytes, each where it
// belongs, and a list of the chunks that were written.
//
// Nothing here is believed. The sender takes a chunk from here only where its own file has the same bytes at the same
// offset, by their keyed digest; the receiver reads that chunk back and compares before it counts; and the digest of
// the whole file decides as always. So a source that changed, a tail that a power cut took, a damaged or forged list
// cost bytes, never content. That is why the name binds the path alone: a file that was merely touched, or grew,
// goes on as well.

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/hasher.h"
#include "common/fs/chunker.h"
#include "common/fs/file_stat.h"
#include "common/fs/stage_area.h"
#include "common/fs/unique_fd.h"
#include "common/wire/apply_messages.h"

namespace twsync {

constexpr uint64_t kResumedFrom = 16U << 20U;  ///< bytes; what is smaller starts over

/// One file that arrives. One thread; no other session has it meanwhile (flock). Dropping it keeps what is listed; so
/// does a crash: the list follows the bytes it tells of, as far behind them as they may be written behind.
class PartialFile {
 public:
  ~PartialFile();
  int fd() const { return data_.get(); }             ///< read and write, position 0
  uint64_t allocated() const { return allocated_; }  ///< bytes that it took when it was opened
  /// These bytes are being written (WriteBehind). REQUIRES: by offset, since the last settle().
  void add(const Chunk& chunk);
  /// Whatever was added is written.
  void settle();
  /// `size` bytes from `offset` on were listed, chunk by chunk: those chunks. Empty when they were not.
  std::span<const Chunk> listed(uint64_t offset, uint64_t size) const;
  /// The bytes of a listed chunk, valid until the next call; false, and it is listed no more, when they are not what
  /// was written.
  bool read_back(const Chunk& chunk, std::string_view& bytes);
  /// Zeros where bytes of a former transfer may stand. They take no room.
  Status make_hole(uint64_t offset, uint64_t size);
  /// Complete: `staged`, the same open file, stands in the stage from now on, and nothing of it here.
  Status move_to(StageArea& stage, Staged& staged);
  /// Nothing stays of it.
  void drop();

 private:
  friend class PartialStore;
  PartialFile(int directory, std::string name, const HashKey& key)
      : directory_(directory), name_(std::move(name)), hasher_(key) {}

  void list(const Chunk& chunk);

  const int directory_;
  const std::string name_;
  Hasher hasher_;
  UniqueFd data_, list_;
  std::deque<Chunk> added_;  // and not listed yet
  uint64_t allocated_ = 0;
  uint64_t size_ = 0;  // when it was opened
  uint64_t list_size_ = 0;
  std::vector<Chunk> chunks_;  // as they were listed when it was opened, by offset
  std::string buffer_;
};

/// Any number of these, in any process, may share the directory; each belongs to one thread.
class PartialStore {
 public:
  /// `directory`: StateDir::partial(), which outlives it.
  PartialStore(int directory, const HashKey& key) : directory_(directory), key_(key), hasher_(key) {}

  /// What is listed for the file at `path`, by offset. not_found when there is nothing, busy while a session has it.
  Result<ChunkList> look(const std::string& path);
  /// Of several files, as a sender is told, at most 4 MiB together. `busy` is set when look() said so of one.
  std::vector<Partial> announce(const std::vector<PartialQuery>& files, bool& busy);
  /// For a file of `size` bytes that comes now; made when there is none. nullptr where that cannot be: then it is
  /// staged like any other.
  std::unique_ptr<PartialFile> open(const std::string& path, uint64_t size);
  /// That file came another way.
  void forget(const std::string& path) { (void)drop(name_of(path)); }
  /// Those that nobody touched for a day.
  void drop_old(int64_t now_ns);
  /// All but those that a session has: somebody needs the room.
  void drop_all();
  /// Room that they take.
  uint64_t bytes() const;

 private:
  std::string name_of(const std::string& path);
  bool drop(const std::string& name);

  const int directory_;
  const HashKey key_;
  Hasher hasher_;
};

/// The list as it stands in its file, up to the first entry that is torn; overwritten chunks left out. `good`: bytes of
/// it that can be read. nullopt when it is no list of `name`.
std::optional<ChunkList> parse_partial(std::string_view bytes, std::string_view name, size_t* good = nullptr);
std::string format_partial_head(std::string_view name);
std::string format_partial_entry(const Chunk& chunk);

}  // namespace twsync
