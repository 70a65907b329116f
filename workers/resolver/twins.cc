#include "workers/resolver/twins.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

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
int unlikeness(const std::string& path, int64_t mtime_ns, const Operation& op) {
  return (base_name(path) == base_name(op.path) ? 0 : 2) + (mtime_ns == op.desired.mtime_ns ? 0 : 1);
}

/// Files of one size that the batch puts, in its order.
using PutBySize = std::unordered_map<uint64_t, std::vector<const Operation*>>;

class Offer {
 public:
  Offer(PairWork& work, Batch& batch) : work_(work), batch_(batch) {}

  Status twins_of(const Operation& op) {
    const size_t first = batch_.twins.size();
    SYNC_TRY(add_agreed(op, first));
    add_of_this_batch(op, first);
    return {};
  }

 private:
  Status add_agreed(const Operation& op, size_t first) {
    SYNC_ASSIGN(auto rows, work_.base->large_files(op.desired.size, kRowsLooked));
    std::erase_if(rows, [&](const BaseRow& row) {
      const bool other = op.desired.digest.known() && op.desired.digest != row.agreed.digest;
      return other || !row.agreed.digest.known() || row.path == op.path || work_.pending.find(batch_.side, row.path);
    });
    std::stable_sort(rows.begin(), rows.end(), [&](const BaseRow& a, const BaseRow& b) {
      return unlikeness(a.path, a.agreed.mtime_ns, op) < unlikeness(b.path, b.agreed.mtime_ns, op);
    });
    for (const BaseRow& row : rows) {
      const bool known = std::any_of(batch_.twins.begin() + static_cast<std::ptrdiff_t>(first), batch_.twins.end(),
                                     [&](const Twin& twin) { return twin.digest == row.agreed.digest; });
      if (!known && !add(op, row.path, row.agreed.digest, first)) break;
    }
    return {};
  }

  void add_of_this_batch(const Operation& op, size_t first) {
    std::vector<const Operation*>& before = put_[op.desired.size];
    auto likely = before;
    std::stable_sort(likely.begin(), likely.end(), [&](const Operation* a, const Operation* b) {
      return unlikeness(a->path, a->desired.mtime_ns, op) < unlikeness(b->path, b->desired.mtime_ns, op);
    });
    for (const Operation* other : likely) {
      if (!add(op, other->path, {}, first)) break;
    }
    // The first ones of a size, and so those that a copy is most likely of.
    if (before.size() < kRowsLooked) before.push_back(&op);
  }

  bool add(const Operation& op, const std::string& path, const Digest& digest, size_t first) {
    message_ += kMessageOfTwin + path.size();
    if (batch_.twins.size() - first == kTwinsOffered || message_ > kMessageOfTwins) return false;
    batch_.twins.push_back({op.id, path, digest});
    return true;
  }

  PairWork& work_;
  Batch& batch_;
  PutBySize put_;
  size_t message_ = 0;
};

}  // namespace

CopiesLast copies_last(const std::vector<Operation>& operations, size_t begin, size_t end) {
  CopiesLast order;
  order.first.reserve(end - begin);
  std::unordered_set<uint64_t> sizes[2];
  for (size_t n = begin; n < end; ++n) {
    const Operation& op = operations[n];
    // What travels as a difference may still be another file's twin; a group stays together.
    const bool large = op.kind == OpKind::put_file && op.desired.size >= kLargeFile;
    const bool seen = large && !sizes[static_cast<size_t>(op.side)].insert(op.desired.size).second;
    const bool copy = seen && op.group == 0 && may_have_twin(op);
    (copy ? order.copies : order.first).push_back(&op);
    if (copy) order.copied_bytes += op.desired.size;
  }
  return order;
}

Status offer_twins(PairWork& work, Batch& batch) {
  Offer offer(work, batch);
  for (const Operation& op : batch.operations) {
    if (may_have_twin(op) && !work.uncopied.contains(op.path)) SYNC_TRY(offer.twins_of(op));
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
