#include "common/core/relations.h"

#include "common/base/rel_path.h"

namespace twsync {

bool has_own_content(const Row& row, Side side, const Policy& policy) {
  const EntryDiff diff = diff_of(row, side, policy);
  return (diff.kind || diff.content || diff.content_unknown) && !holds_nothing(row, side) && !is_suspect(row, side);
}

Relations relate(const WorkTable& table, const Policy& policy) {
  const size_t count = table.rows.size();
  Relations out;
  out.parent.assign(count, kNoParent);
  out.below.resize(count);
  std::vector<size_t> stack;
  for (size_t i = 0; i < count; ++i) {
    while (!stack.empty() && !is_below(table.rows[i].path, table.rows[stack.back()].path)) stack.pop_back();
    if (!stack.empty()) out.parent[i] = stack.back();
    stack.push_back(i);
  }
  for (size_t i = count; i-- > 0;) {
    if (out.parent[i] == kNoParent) continue;
    Below& above = out.below[out.parent[i]];
    for (const Side s : {Side::code, Side::deploy}) {
      const size_t k = index(s);
      above.changed[k] = above.changed[k] || out.below[i].changed[k] || has_own_content(table.rows[i], s, policy);
      above.unsupported[k] =
          above.unsupported[k] || out.below[i].unsupported[k] || kind_of(table.rows[i], s) == Kind::other;
    }
  }
  return out;
}

}  // namespace twsync
