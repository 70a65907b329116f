#include "common/fs/listed_ranges.h"

#include <utility>

#include "common/fs/le_numbers.h"

namespace twsync {

namespace {

constexpr uint64_t kCutMask = 0xff;  // one entry in 256 ends a range
constexpr size_t kMaxEntries = 2048;

void put_text(std::string& out, std::string_view text) {
  put_number<uint64_t>(out, text.size());
  out += text;
}

void put_entry(std::string& out, const PathEntry& listed) {
  const Entry& e = listed.entry;
  put_text(out, listed.path);
  put_number<uint8_t>(out, static_cast<uint8_t>(e.kind));
  put_numbers<13>(out, {uint64_t{e.mode}, uint64_t{e.links}, uint64_t{e.uid}, uint64_t{e.gid}, e.size,
                        static_cast<uint64_t>(e.mtime_ns), e.stamp.inode, e.stamp.size,
                        static_cast<uint64_t>(e.stamp.mtime_ns), static_cast<uint64_t>(e.stamp.ctime_ns),
                        static_cast<uint64_t>(e.digest.algorithm), e.digest.high, e.digest.low});
  for (const std::string_view text : {std::string_view(e.owner.str()), std::string_view(e.group.str()),
                                      std::string_view(e.xattrs.str()), std::string_view(e.target)}) {
    put_text(out, text);
  }
}

}  // namespace

bool RangeCutter::add(const PathEntry& listed) {
  put_entry(bytes_, listed);
  ++entries_;
  return (stable_hash64(listed.path) & kCutMask) == 0 || entries_ == kMaxEntries;
}

Digest RangeCutter::take() {
  const Digest digest = hasher_.hash(bytes_);
  bytes_.clear();
  entries_ = 0;
  return digest;
}

void append_known(std::string& known, const Digest& range) {
  put_number<uint64_t>(known, range.high);
  put_number<uint64_t>(known, range.low);
}

RangeFold::RangeFold(const HashKey& key, std::string_view known, const SideReader::EntrySink& sink)
    : sink_(sink), cutter_(key) {
  const DigestAlgorithm algorithm = RangeCutter(key).take().algorithm;
  for (uint32_t number = 1; known.size() >= kKnownRangeBytes; ++number) {
    const auto high = take_number<uint64_t>(known);
    const auto low = take_number<uint64_t>(known);
    known_.emplace(Digest{algorithm, high, low}, number);
  }
}

Status RangeFold::add(std::vector<PathEntry>&& entries) {
  for (PathEntry& listed : entries) {
    if (listed.path.empty()) {
      // The root stands apart: no base knows it.
      std::vector<PathEntry> root;
      root.push_back(std::move(listed));
      SYNC_TRY(sink_(std::move(root)));
      continue;
    }
    const bool last = cutter_.add(listed);
    range_.push_back(std::move(listed));
    if (last) SYNC_TRY(end_range());
  }
  return {};
}

Status RangeFold::end_range() {
  const auto known = known_.find(cutter_.take());
  std::vector<PathEntry> range;
  range.reserve(range_.size());
  range.swap(range_);
  return known == known_.end() ? sink_(std::move(range)) : sink_.known(known->second);
}

Status RangeFold::finish() {
  return range_.empty() ? Status{} : end_range();
}

}  // namespace twsync
