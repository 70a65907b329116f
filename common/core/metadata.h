#pragma once
// Metadata merged apart from content (R50-R56).

#include <optional>

#include "common/core/work_table.h"

namespace twsync {

struct MergeInput {
  const Row& row;
  const Entry& code;  ///< what stands there; both of the same kind unless `content` says whose counts
  const Entry& deploy;
  std::optional<Side> content;  ///< whose content is carried; empty = both have the same
  bool contested = false;       ///< both changed the content: the winner's mtime belongs to it
};

struct MergedMetadata {
  Entry merged;                     ///< what stands there afterwards, where content is carried
  bool change[2] = {false, false};  ///< that side's metadata has to be set
  Entry desired[2];                 ///< and then this stands there
};

MergedMetadata merge_metadata(const MergeInput& input, const Policy& policy);

/// The fields of a file that `policy` preserves: mode, mtime, owner, xattrs.
bool same_metadata(const Entry& a, const Entry& b, const Policy& policy);
void copy_metadata(Entry& to, const Entry& from, const Policy& policy);

}  // namespace twsync
