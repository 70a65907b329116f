#include "workers/scanner/range_book.h"

#include <algorithm>
#include <utility>

#include "common/base/rel_path.h"
#include "common/base/text.h"

namespace twsync {

namespace {

/// To be raised whenever diff_entry(), needs_digest() or BaseJoin find more or less than before: what an older release
/// compared counts no more.
constexpr char kComparison = '1';

/// What the outcome of a comparison depends on, beside the base and what is listed.
Digest rules_digest(const HashKey& key, const ScanRules& rules, ListRequest request) {
  request.known.clear();
  std::string all = encode(request);
  all += kComparison;
  all += rules.policy.preserve_owner ? 'o' : '-';
  all += rules.policy.preserve_xattrs ? 'x' : '-';
  return Hasher(key).hash(all);
}

bool is_everything(const std::vector<Scope>& scopes) {
  return scopes.size() == 1 && scopes.front().path.empty() && scopes.front().recursive;
}

}  // namespace

RangeBook::RangeBook(Side side, const ScanRules& rules, const ListRequest& request, BaseStore& base)
    : file_(str(rules.ranges_dir, "/ranges-", to_string(side))) {
  if (rules.ranges_dir.empty() || !is_everything(request.scopes)) return;
  if (rules.policy.code_doubt.active || rules.policy.deploy_doubt.active) return;
  const auto meta = base.meta();
  const auto mark = base.rows_mark();
  if (!meta || !mark || mark->number == 0) return;
  key_ = meta->hash_key;
  counts_ = true;
  cutter_ = std::make_unique<RangeCutter>(key_);
  found_.rows = *mark;
  found_.rules = rules_digest(key_, rules, request);
  before_ = load_ranges(file_, key_);
  auto written = base.written_since(before_.rows);
  const int64_t age = rules.now_ns - before_.joined_ns;
  if (before_.rules != found_.rules || !written || !*written || age < 0 || age > kRangesCountFor) {
    before_ = {};
  } else {
    drop_written(before_.ranges, std::move(**written));
  }
  found_.joined_ns = before_.ranges.empty() ? rules.now_ns : before_.joined_ns;
}

std::string RangeBook::known() const {
  std::string out;
  for (const KnownRange& range : before_.ranges) append_known(out, range.digest);
  return out;
}

Result<const KnownRange*> RangeBook::repeated(uint32_t number) {
  const bool there = number >= 1 && number <= before_.ranges.size();
  if (!there || compare_paths(last_, before_.ranges[number - 1].first) >= 0)
    return Error{ErrorCode::peer_violation, "a range was listed out of order", {}, 0};
  const KnownRange& range = before_.ranges[number - 1];
  // Who repeats ranges has ended the one before.
  if (open_.entries > 0) end_range();
  last_ = range.last;
  keep(range);
  return &range;
}

Status RangeBook::listed(const PathEntry& entry) {
  if (!counts_) return {};
  if (compare_paths(last_, entry.path) >= 0)
    return Error{ErrorCode::peer_violation, "listed out of order", entry.path, 0};
  if (open_.entries++ == 0) {
    open_.first = entry.path;
    unchanged_ = true;
  }
  last_ = entry.path;
  cut_ = cutter_->add(entry);
  return {};
}

void RangeBook::joined(uint64_t departures) {
  if (!counts_) return;
  unchanged_ = unchanged_ && departures == departures_;
  departures_ = departures;
  if (cut_) end_range();
}

void RangeBook::end_range() {
  open_.digest = cutter_->take();
  open_.last = last_;
  if (unchanged_) keep(std::move(open_));
  open_ = {};
  cut_ = false;
}

void RangeBook::keep(KnownRange range) {
  if (found_.ranges.size() < kMaxRanges) found_.ranges.push_back(std::move(range));
}

void RangeBook::finish() {
  if (!counts_) return;
  if (open_.entries > 0) end_range();
  const auto same = [](const KnownRange& a, const KnownRange& b) { return a.digest == b.digest; };
  const bool news = found_.rows != before_.rows || !std::equal(found_.ranges.begin(), found_.ranges.end(),
                                                               before_.ranges.begin(), before_.ranges.end(), same);
  if (news && !(found_.ranges.empty() && before_.ranges.empty())) (void)store_ranges(file_, key_, found_).ok();
}

}  // namespace twsync
