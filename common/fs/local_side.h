#pragma once
// A root on this host, as a scanner sees it: listing, digests, facts, lock and marker.

#include <map>
#include <memory>
#include <optional>

#include "common/base/clock.h"
#include "common/fs/applier.h"
#include "common/fs/dir_handle.h"
#include "common/fs/entry_reader.h"
#include "common/fs/host_facts.h"
#include "common/fs/side_root.h"
#include "common/fs/state_dir.h"

namespace twsync {

/// One thread at a time. Writes only below <root>/.twsync, and only in reserve(), lock(), claim(), exclude() and
/// forget().
/// list() and digest() fail with ErrorCode::guard when the root's path leads elsewhere than when it was opened.
/// ListEnd.unreadable holds directories and entries that could not be read, and mounts (unsupported): of what is at or
/// below such a path nothing may be concluded.
class LocalSide final : public SideReader {
 public:
  /// `options.pair_id` and `hash_key` may be empty before the first claim. `clock` and `host` outlive it.
  static Result<std::unique_ptr<LocalSide>> open(const RootOptions& options, Clock& clock, HostFacts& host);

  Result<SideFacts> facts() override;
  Status reserve(const std::string& pair_id, const std::string& holder) override;
  Status lock(const std::string& pair_id, const std::string& holder) override;
  /// Again with a higher epoch: raises the marker, keeps the lock. cancelled when the marker holds a higher epoch.
  Status claim(const Claim& claim) override;
  Status exclude(const std::string& pair_id, const std::string& holder) override;
  Status forget() override;
  Result<ListEnd> list(const ListRequest& request, const EntrySink& sink) override;
  Result<DigestReply> digest(const DigestRequest& request) override;
  Result<std::string> read_small(const std::string& path) override;
  Status flush() override;
  Result<TendReply> tend(const TendRequest& request) override;

  const RootDir& root() const { return *root_; }

 private:
  LocalSide(const RootOptions& options, Clock& clock, HostFacts& host, std::unique_ptr<RootDir> root);
  bool root_is_empty() const;
  Status take_lock(const std::string& pair_id, const std::string& holder);
  bool can_exchange(const std::vector<Marker>& markers, bool by_type) const;
  void clean_after_crash();
  Result<PathEntry> digest_one(DirCache& parents, const std::string& path);

  RootOptions options_;
  Clock& clock_;
  HostFacts& host_;
  std::unique_ptr<RootDir> root_;
  OwnerNames owners_;
  EntryReader reader_;
  Hasher hasher_;
  std::optional<StateDir> state_;
  UniqueFd lock_;
  std::map<std::string, UniqueFd> excluded_;  // locks of other pairs
  UniqueFd flush_fd_;
};

}  // namespace twsync
