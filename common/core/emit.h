#pragma once
// From decisions to operations in the order of plan.h.

#include <vector>

#include "common/core/links.h"
#include "common/core/renames.h"

namespace twsync {

Plan emit_plan(const WorkTable& table, Reconciled all, const LinkPlan& links, Renames renames, const Policy& policy);

}  // namespace twsync
