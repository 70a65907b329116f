#pragma once
// One scan of one side: list, join with the base, read what a decision needs, report.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/core/ignore.h"
#include "common/fs/side_root.h"
#include "common/store/base_store.h"
#include "workers/scanner/early_listing.h"
#include "workers/scanner/scan_task.h"

namespace twsync {

/// Everything a side's scan depends on but that both sides share.
struct ScanRules {
  std::vector<std::string> exclude;      ///< EXCLUDE and what was asked for in addition
  std::vector<std::string> code_ignore;  ///< lines of .twsyncignore there
  std::vector<std::string> deploy_ignore;
  std::vector<std::string> never[2];  ///< per side
  Policy policy;
  std::string base_path;   ///< base.db, opened read-only for this scan
  int64_t now_ns = 0;      ///< wall clock
  std::string ranges_dir;  ///< where the scanner remembers ranges (known_ranges.h); empty = it doesn't
};

struct SideScanOutcome {
  SideScan summary;
  std::vector<std::string> ignored_rows;
  std::vector<std::string> bad_patterns;
};

/// What scan_side() asks `side` for, as long as the base does not change.
ListRequest list_request(const std::vector<Scope>& scopes, const ScanRules& rules, Side side);

using ChunkOut = std::function<Status(const ScanChunk&)>;

/// Streams ScanChunks of `side` to `output`. Blocks; one thread. `scopes` ordered and disjoint; none = nothing to do.
/// `early` is used up in place of a listing by `reader` if it was asked for the same, else it ends first.
Result<SideScanOutcome> scan_side(Side side, SideReader& reader, const std::vector<Scope>& scopes,
                                  const ScanRules& rules, const ChunkOut& output,
                                  std::unique_ptr<EarlyListing> early = nullptr);

/// Reads the named files and reports each with its digest (kind none when it could not be read).
Status digest_paths(Side side, SideReader& reader, const std::vector<std::string>& paths, const ChunkOut& output);

}  // namespace twsync
