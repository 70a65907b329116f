#include "workers/resolver/twins.h"

#include <algorithm>

#include "common/base/rel_path.h"

namespace twsync {

namespace {

constexpr size_t kRowsLooked = 64;             // of one size
constexpr size_t kTwinsOffered = 8;            // of one file, each of another content
constexpr size_t kMessageOfTwins = 1U << 20U;  // bytes, in one batch
constexpr size_t kMessageOfTwin = 64;          // numbers

bool may_have_twin(const Operation& op) {
  if (op.kind != OpKind::put_file || op.desired.size < kLargeFile) return false;
  // An edit in place: it travels as a difference to the version that stands there.
  return !op.expected.is_file() || op.expected.size != op.desired.size;
}

// The likeliest first: the same name, the same time.
int unlikeness(const BaseRow& row, const Operation& op) {
  return (base_name(row.path) == base_name(op.path) ? 0 : 2) + (row.agreed.mtime_ns == op.desired.mtime_ns ? 0 : 1);
}

}  // namespace

Status offer_twins(PairWork& work, Batch& batch) {
  size_t message = 0;
  for (const Operation& op : batch.operations) {
    if (!may_have_twin(op) || work.uncopied.contains(op.path)) continue;
    SYNC_ASSIGN(auto rows, work.base->large_files(op.desired.size, kRowsLooked));
    std::erase_if(rows, [&](const BaseRow& row) {
      const bool other = op.desired.digest.known() && op.desired.digest != row.agreed.digest;
      return other || !row.agreed.digest.known() || row.path == op.path || work.pending.find(batch.side, row.path);
    });
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const BaseRow& a, const BaseRow& b) { return unlikeness(a, op) < unlikeness(b, op); });
    size_t offered = 0;
    const size_t first = batch.twins.size();
    for (const BaseRow& row : rows) {
      message += kMessageOfTwin + row.path.size();
      if (offered == kTwinsOffered || message > kMessageOfTwins) break;
      const bool known = std::any_of(batch.twins.begin() + static_cast<std::ptrdiff_t>(first), batch.twins.end(),
                                     [&](const Twin& twin) { return twin.digest == row.agreed.digest; });
      if (known) continue;
      batch.twins.push_back({op.id, row.path, row.agreed.digest});
      ++offered;
    }
  }
  return {};
}

void note_uncopied(PairWork& work, const Operation& op, const OpResult& result) {
  if (result.code == ErrorCode::ok) {
    if (!work.uncopied.empty()) work.uncopied.erase(op.path);
  } else if (result.code == ErrorCode::stale && may_have_twin(op)) {
    work.uncopied.insert(op.path);
  }
}

}  // namespace twsync
