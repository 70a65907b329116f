#pragma once
// Makes a staged and flushed batch visible, one operation after the other, and says afterwards what came of each.

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
  Status apply(InFlight& flight, Item& item);
  Status make_directory(InFlight& flight, Item& item, int parent, const std::string& name);
  Status put(InFlight& flight, Item& item, Staged& staged, int parent, const std::string& name);
  Status put_symlink(InFlight& flight, Item& item, int parent, const std::string& name);
  Status rename(InFlight& flight, Item& item, int parent, const std::string& name);
  Status set_metadata(InFlight& flight, Item& item, int parent, const std::string& name);
  Status remove(InFlight& flight, Item& item, int parent, const std::string& name);
  Status remove_directory(InFlight& flight, Item& item, int parent, const std::string& name);
  Status read_again(Item& item, int parent, const std::string& name, bool in_doubt);
  void inherit_group(Item& item, Staged& staged, int parent);
  Result<int> parent_of(const std::string& path);
  Displacement displacement(const InFlight& flight, const Item& item, int parent, const std::string& name) const;
  void fill_result(Item& item, DirCache& parents);
  void check_put(Item& item);

  const RootDir& root_;
  StageArea& stage_;
  VersionStore& store_;
  const EntryReader& reader_;
  const MetadataWriter& metadata_;
  Swapper swapper_;
  Hasher hasher_;
  DirCache parents_;
  bool has_reserved_ = false;
};

}  // namespace twsync
