#pragma once
// Hard links (R120-R129): which names are to be one file on a side, and what makes them so.

#include <cstdint>
#include <vector>

#include "common/core/reconcile.h"

namespace twsync {

/// What has to be done about the links of one row on one side.
struct LinkStep {
  enum class Act : uint8_t {
    none,
    link,  ///< it becomes a name of what stands at `lead`
    lead,  ///< it is put as a new file that the others of its group are linked to
    part,  ///< it is put as a new file because what it is linked to goes another way
  };
  Act act = Act::none;
  uint32_t group = 0;     ///< of the put and its links; 0 = the lead stands there already
  bool anchored = false;  ///< link: nothing is put at `lead`
  size_t lead = 0;        ///< link: row
};

struct LinkPlan {
  std::vector<LinkStep> steps[2];  ///< by row; empty = no file has several names
  std::vector<size_t> metadata;    ///< by row: the row whose metadata it shares, or itself (R126)
  uint32_t groups = 0;             ///< group numbers used: 1 … groups

  LinkStep step(Side side, size_t row) const {
    const auto& all = steps[index(side)];
    return all.empty() ? LinkStep{} : all[row];
  }
  size_t metadata_row(size_t row) const { return metadata.empty() ? row : metadata[row]; }
};

LinkPlan plan_links(const WorkTable& table, const Reconciled& all, const Policy& policy);

}  // namespace twsync
