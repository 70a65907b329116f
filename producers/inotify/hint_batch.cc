#include "producers/inotify/hint_batch.h"

#include <algorithm>

namespace twsync {

namespace {
// As many as one save makes: written beside, renamed over, backup removed.
constexpr size_t kSmall = 4;
}  // namespace

Hint HintBatch::hint(const std::string& path, bool recursive) const {
  Hint out;
  out.source = HintSource::inotify;
  out.side = side_;
  out.path = path;
  out.recursive = recursive;
  return out;
}

void HintBatch::note(int64_t now_ns, Haste haste) {
  if (batch_empty()) {
    first_ns_ = now_ns;
    all_done_ = true;
  }
  last_ns_ = now_ns;
  all_done_ = all_done_ && haste == Haste::done;
}

void HintBatch::changed(const std::string& path, bool recursive, Haste haste, int64_t now_ns) {
  if (haste == Haste::done && changed_.size() == 1 && moves_.empty() && changed_.begin()->first == path)
    all_done_ = true;
  note(now_ns, haste);
  if (haste == Haste::done) modified_.erase(path);
  bool& all_below = changed_[path];
  all_below = all_below || recursive;
  if (changed_.size() + moves_.size() > options_.limit) {
    changed_.clear();
    moves_.clear();
    modified_.clear();
    changed_[""] = true;
  }
}

void HintBatch::modified(const std::string& path, int64_t now_ns) {
  modified_.try_emplace(path, now_ns + options_.modify_ns);
}

void HintBatch::moved(const std::string& from, const std::string& to, bool recursive, int64_t now_ns) {
  note(now_ns, Haste::done);
  Hint out = hint(to, recursive);
  out.moved_from = from;
  out.is_move = true;
  moves_.push_back(std::move(out));
}

void HintBatch::rename_below(const std::string& from, const std::string& to) {
  std::map<std::string, int64_t, PathLess> renamed;
  for (auto it = modified_.begin(); it != modified_.end();) {
    if (is_at_or_below(it->first, from)) {
      renamed.emplace(replace_prefix(it->first, from, to), it->second);
      it = modified_.erase(it);
    } else {
      ++it;
    }
  }
  modified_.merge(renamed);
}

int64_t HintBatch::batch_due() const {
  const bool rested = first_ns_ - last_taken_ns_ >= 2 * options_.quiet_ns;
  if (rested && all_done_ && changed_.size() + moves_.size() <= kSmall) return first_ns_;
  return std::min(last_ns_ + options_.quiet_ns, first_ns_ + options_.longest_ns);
}

std::optional<int64_t> HintBatch::due() const {
  std::optional<int64_t> out;
  if (!batch_empty()) out = batch_due();
  for (const auto& [path, when] : modified_) {
    if (!out || when < *out) out = when;
  }
  return out;
}

std::vector<Hint> HintBatch::take(int64_t now_ns, bool all) {
  std::vector<Hint> out;
  for (auto it = modified_.begin(); it != modified_.end();) {
    if (all || it->second <= now_ns) {
      changed_.try_emplace(it->first, false);
      if (changed_.size() == 1 && moves_.empty()) first_ns_ = last_ns_ = now_ns - options_.longest_ns;
      it = modified_.erase(it);
    } else {
      ++it;
    }
  }
  if (batch_empty() || (!all && batch_due() > now_ns)) return out;
  out = std::move(moves_);
  moves_.clear();
  for (const auto& [path, recursive] : changed_) out.push_back(hint(path, recursive));
  changed_.clear();
  last_taken_ns_ = now_ns;
  return out;
}

}  // namespace twsync
