#pragma once
// Directories that must stay because something below them does (R30-R32).

#include <vector>

#include "common/core/reconcile.h"
#include "common/core/relations.h"

namespace twsync {

void keep_survivors(const std::vector<Row>& rows, const Relations& relations, std::vector<Decision>& decisions);

}  // namespace twsync
