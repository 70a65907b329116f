#pragma once
// One scan of one side: list, join with the base, read what a decision needs, report.

#include <string>
#include <vector>

#include "common/core/ignore.h"
#include "common/fs/side_root.h"
#include "common/store/base_store.h"
#include "workers/scanner/early_listing.h"
#include "workers/scanner/scan_task.h"
#include "workers/task_output.h"

namespace twsync {

/// Everything a side's scan depends on but that both sides share.
struct ScanRules {
  std::vector<std::string> exclude;      ///< EXCLUDE and what was asked for in addition
  std::vector<std::string> code_ignore;  ///< lines of .twsyncignore there
  std::vector<std::string> deploy_ignore;
  std::vector<std::string> never[2];  ///< per side
  Policy policy;
  std::string base_path;  ///< base.db, opened read-only for this scan
};

struct SideScanOutcome {
  SideScan summary;
  std::vector<std::string> ignored_rows;
  std::vector<std::string> bad_patterns;
};

/// What scan_side() asks a side for.
ListRequest list_request(const std::vector<Scope>& scopes, const ScanRules& rules);

/// Streams ScanChunks of `side` to `output`. Blocks; one thread. `scopes` ordered and disjoint; none = nothing to do.
/// `early` is used up in place of a listing by `reader` if it was asked for the same.
Result<SideScanOutcome> scan_side(Side side, SideReader& reader, const std::vector<Scope>& scopes,
                                  const ScanRules& rules, TaskOutput& output, EarlyListing* early = nullptr);

/// Reads the named files and reports each with its digest (kind none when it could not be read).
Status digest_paths(Side side, SideReader& reader, const std::vector<std::string>& paths, TaskOutput& output);

}  // namespace twsync
