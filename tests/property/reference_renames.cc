// The renames of the reference planner: each accepted one is done to the other side's tree and to the base at once.

#include <optional>
#include <vector>

#include "common/base/text.h"
#include "tests/property/reference_trees.h"

namespace twsync::testing {

namespace {

struct Candidate {
  Side side;
  std::string from, to;
};

template <class Map>
void move_tree(Map& map, const std::string& from, const std::string& to) {
  Map moved;
  for (const auto& [path, value] : map) {
    if (is_at_or_below(path, from)) moved.emplace(replace_prefix(path, from, to), value);
  }
  std::erase_if(map, [&](const auto& item) { return is_at_or_below(item.first, from); });
  map.merge(moved);
}

class Renames {
 public:
  explicit Renames(ReferenceTrees& t) : t_(t) {}

  void follow(Kind kind) {
    open_ = candidates(kind);
    for (bool progress = true; progress;) {
      progress = false;
      for (size_t i = 0; i < open_.size();) {
        const Candidate c = open_[i];
        const bool came_with_parent = c.from == c.to;  // R46
        if (!came_with_parent && !accept(c)) {
          ++i;
          continue;
        }
        progress = progress || !came_with_parent;
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }

 private:
  std::vector<Candidate> candidates(Kind kind) const {
    std::vector<Candidate> out;
    for (const Side s : kSides) {
      for (const auto& [to, node] : t_.tree(s)) {
        if (node.kind != kind || t_.row(to) != nullptr) continue;
        for (const auto& [from, b] : t_.base) {
          if (b.agreed.kind != kind || t_.at(s, from) != nullptr || b.side(s).stamp.inode != node.inode) continue;
          if (kind == Kind::directory || b.agreed.digest == digest_of(node.content)) out.push_back({s, from, to});
          break;
        }
      }
    }
    std::stable_sort(out.begin(), out.end(), [&](const Candidate& a, const Candidate& b) {
      const auto order = compare_paths(a.to, b.to);
      return order != 0 ? order < 0 : a.side == t_.preferred() && b.side != t_.preferred();
    });
    return out;
  }

  bool stands(const Candidate& c) const {
    const BaseRow* b = t_.row(c.from);
    return b && !t_.row(c.to) && !t_.at(c.side, c.from) && t_.is(c.side, c.to, b->agreed.kind);
  }

  bool children_came_along(const Candidate& c) const {  // R45
    if (t_.row(c.from)->agreed.kind != Kind::directory) return true;
    bool had = false;
    for (const auto& [path, b] : t_.base) {
      if (!is_below(path, c.from) || parent_path(path) != c.from) continue;
      had = true;
      const std::string place = replace_prefix(path, c.from, c.to);
      const BaseRow* known = t_.row(place);  // agreed on there before: it did not come along now
      if (t_.at(c.side, place) != nullptr && (known == nullptr || pending(place, *known))) return true;
    }
    return !had;
  }

  bool pending(const std::string& path, const BaseRow& b) const {
    return std::any_of(std::begin(kSides), std::end(kSides), [&](Side s) {
      if (t_.changed(s, path)) return true;
      const ModelNode& now = *t_.at(s, path);
      const SideRecord& was = b.side(s);
      const bool moved = now.inode != was.stamp.inode || now.mode != was.mode;
      return moved || (now.kind != Kind::directory && now.ctime_ns != was.stamp.ctime_ns);
    });
  }
  bool half_recorded(const std::string& path) const {  // R48
    return std::any_of(t_.base.begin(), t_.base.end(),
                       [&](const auto& b) { return is_at_or_below(b.first, path) && pending(b.first, b.second); });
  }

  /// Directories to make above `to`; nullopt = its place will not stand (R40, R41, R49).
  std::optional<std::vector<std::string>> missing_above(const Candidate& c) const {
    const Side there = other(c.side);
    std::vector<std::string> missing;
    for (std::string up(parent_path(c.to)); !up.empty() && !t_.is(there, up, Kind::directory); up = parent_path(up)) {
      const bool undecided = std::any_of(open_.begin(), open_.end(), [&](const Candidate& o) { return o.to == up; });
      if (t_.row(up) != nullptr || t_.at(there, up) != nullptr || undecided) return std::nullopt;
      missing.push_back(up);
    }
    return missing;
  }

  bool accept(const Candidate& c) {
    if (!stands(c) || !children_came_along(c) || half_recorded(c.to)) return false;
    const Side there = other(c.side);
    if (t_.at(there, c.from) == nullptr) return accept_with_twin(c);
    return t_.is(there, c.from, t_.row(c.from)->agreed.kind) && move(c, c.from);
  }

  /// The other side has left the old place as well.
  bool accept_with_twin(const Candidate& c) {
    const auto twin = std::find_if(open_.begin(), open_.end(),
                                   [&](const Candidate& o) { return o.side != c.side && o.from == c.from; });
    if (twin == open_.end() || !stands(*twin)) return false;
    const std::string place = twin->to;
    if (place == c.to) {  // R42
      t_.unseen = t_.unseen || std::any_of(t_.base.begin(), t_.base.end(), [&](const auto& b) {
                    return is_at_or_below(b.first, c.from) && t_.row(replace_prefix(b.first, c.from, c.to)) != nullptr;
                  });
      move_tree(t_.base, c.from, c.to);
      follow_along(c, c.from, false);
      return true;
    }
    const bool ours = t_.policy.conflicts != ConflictPolicy::manual && c.side == t_.preferred();  // R43
    const bool settled =
        std::any_of(placed_.begin(), placed_.end(), [&](const std::string& p) { return is_at_or_below(p, place); });
    if (!ours || settled || t_.at(c.side, place) != nullptr || half_recorded(place)) return false;
    return move(c, place);
  }

  bool move(const Candidate& c, const std::string& from) {
    const Side there = other(c.side);
    const auto missing = missing_above(c);
    if (t_.at(there, c.to) != nullptr || is_at_or_below(c.to, from) || !missing) return false;  // R44
    for (const std::string& up : *missing) {
      t_.tree(there)[up] = *t_.at(c.side, up);
      t_.made.emplace(up, there);
      placed_.insert(up);
    }
    t_.renames.insert(str(to_string(there), " ", from, " > ", c.to));
    move_tree(t_.base, c.from, c.to);
    move_tree(t_.tree(there), from, c.to);
    for (const auto& [path, node] : t_.tree(there)) {
      if (is_at_or_below(path, c.to)) placed_.insert(path);
    }
    follow_along(c, from, true);
    return true;
  }

  /// The candidates that are still open, in the new coordinates.
  void follow_along(const Candidate& c, const std::string& from, bool moved) {
    for (Candidate& o : open_) {
      const std::string& above = is_at_or_below(o.from, c.from) ? c.from : from;
      if (o.side == c.side && o.to == c.to) continue;
      if (is_at_or_below(o.from, above)) o.from = replace_prefix(o.from, above, c.to);
      if (moved && o.side != c.side && is_at_or_below(o.to, from)) o.to = replace_prefix(o.to, from, c.to);
    }
  }

  ReferenceTrees& t_;
  std::vector<Candidate> open_;
  std::set<std::string> placed_;  ///< moved or made there by an accepted rename
};

}  // namespace

void follow_reference_renames(ReferenceTrees& trees) {
  Renames renames(trees);
  renames.follow(Kind::directory);
  renames.follow(Kind::file);
}

}  // namespace twsync::testing
