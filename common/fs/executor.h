#pragma once
// Makes a staged and flushed batch visible, one operation after the other, and says afterwards what came of each.

#include <span>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/fs/applier.h"
#include "common/fs/in_flight.h"
#include "common/fs/metadata.h"
#include "common/fs/swap.h"

namespace twsync {

/// One thread. Everything is borrowed.
class Executor {
 public:
  Executor(const RootDir& root, StageArea& stage, VersionStore& store, const EntryReader& reader,
           const MetadataWriter& metadata, const HashKey& key);

  /// Index lines for whatever the flights are going to displace; not durable yet (VersionStore::flush). Items whose
  /// line cannot be written fail.
  void reserve(const std::vector<std::unique_ptr<InFlight>>& flights);
  bool has_reserved() const { return has_reserved_; }
  /// The operations, in order. Notes in the flight what must be flushed before report().
  void make_visible(InFlight& flight);
  /// The results, each with what stands at its path now.
  BatchResult report(InFlight& flight);

 private:
  struct Member;

  Status apply(InFlight& flight, Item& item);
  void apply_group(InFlight& flight, std::span<Item> items);
  Status bring_in_all(InFlight& flight, std::vector<Member>& members, size_t& at);
  Status prepare(InFlight& flight, std::vector<Member>& members, Member& member);
  Status look(const Member& member, int parent) const;
  Status stage_link(std::vector<Member>& members, Member& member, int64_t scanned_ns);
  Status stage_name_of(int fd, int dir_fd, const std::string& name, Member& member);
  Status bring_in(InFlight& flight, Member& member);
  Status place(Member& member);
  static bool comes_below_new(const std::vector<Member>& members, const std::string& path);
  Status stage_group_directory(Member& member, int parent);
  Status take_directory(InFlight& flight, Member& member);
  void undo_directory(Member& member);
  Status keep_displaced(std::vector<Member>& members, size_t& at);
  void undo(Member& member);
  void note_result(Member& member);
  void set_metadata_of(InFlight& flight, Member& member);
  Status make_directory(InFlight& flight, Item& item, int parent, const std::string& name);
  Result<Staged> stage_directory(const Operation& op, int parent);
  Status put(InFlight& flight, Item& item, Staged& staged, int parent, const std::string& name);
  Status put_symlink(InFlight& flight, Item& item, int parent, const std::string& name);
  Status stage_symlink(Item& item);
  Status rename(InFlight& flight, Item& item, int parent, const std::string& name);
  Status set_metadata(InFlight& flight, Item& item, int parent, const std::string& name);
  Status remove(InFlight& flight, Item& item, int parent, const std::string& name);
  Status remove_directory(InFlight& flight, Item& item, int parent, const std::string& name);
  Status check_content(Item& item, const FileStat& before, int fd, bool time_was_set);
  void read_again(Item& item, int fd, bool in_doubt);
  void inherit_group(Item& item, Staged& staged, int parent);
  Result<int> parent_of(const std::string& path);
  Displacement displacement(const InFlight& flight, const Item& item, int parent, const std::string& name) const;
  bool is_untouched(const FileStat& now, const Entry& expected) const;
  bool is_as_we_left_it(const FileStat& now) const;
  void note_own(const FileStat& now);
  void fill_result(Item& item, DirCache& parents);
  void check_put(Item& item);
  void check_metadata(Item& item);

  const RootDir& root_;
  StageArea& stage_;
  VersionStore& store_;
  const EntryReader& reader_;
  const MetadataWriter& metadata_;
  Swapper swapper_;
  Expectation expectation_;
  Hasher hasher_;
  DirCache parents_;
  /// Files with several names as our last operation left them: what is done through one name is no surprise at another.
  std::unordered_map<uint64_t, FileStat> own_;
  bool has_reserved_ = false;
};

}  // namespace twsync
