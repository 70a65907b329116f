#pragma once
// Units: directories that are carried as a whole or not at all (R140-R148). What was decided path by path is made one
// decision for each unit; emit_units.cc makes one group of what follows from it.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "common/model/policy.h"

namespace twsync {

struct Reconciled;
struct Relations;
struct Row;

/// What one message can carry of a group: a unit with more to do is held (R147), links beyond it wait (R128).
constexpr size_t kGroupBytes = 3U << 20U;
constexpr size_t kOperationBytes = 400;

/// The index in `policy.units` of the one that `path` is or lies in.
std::optional<size_t> unit_of(const Policy& policy, std::string_view path);

/// Strictly below a unit: what has no place of its own (R140).
bool is_inside_unit(const Policy& policy, std::string_view path);

/// REQUIRES: a decision for each row. Fills in the rest of `all`.
void make_units_whole(const std::vector<Row>& rows, const Relations& relations, const Policy& policy, Reconciled& all);

}  // namespace twsync
