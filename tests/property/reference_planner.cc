#include "tests/property/reference_planner.h"

#include <functional>
#include <optional>

#include "common/base/text.h"
#include "tests/property/reference_trees.h"

namespace twsync::testing {

namespace {

/// How far the decision at a path reaches.
struct Scope {
  bool held = false;          ///< nothing below is touched
  std::optional<Side> whole;  ///< this side's version of all that is below stands
};

struct Below {
  bool lives = false;
  bool held = false;
};

struct Verdict {
  std::optional<Side> take;  ///< whose version stands
  bool held = false;
  bool same = false;
  bool contested = false;
  bool against_deletion = false;
  LoserCause cause = LoserCause::ordinary;
};

class Reference {
 public:
  explicit Reference(ReferenceTrees trees) : t_(std::move(trees)) {}

  ReferencePlan run() {
    follow_reference_renames(t_);
    out_.renames = t_.renames;
    out_.unseen = t_.unseen;
    for (const auto& [path, row] : t_.base) paths_.insert(path);
    for (const Side s : kSides) {
      end(s) = t_.tree(s);
      for (const auto& [path, node] : t_.tree(s)) paths_.insert(path);
    }
    for (const std::string& path : paths_) {
      if (nearest_above(path).empty()) visit(path, {});
    }
    return std::move(out_);
  }

 private:
  ModelTree& end(Side s) { return out_.end[static_cast<size_t>(s)]; }
  const ModelNode* at(Side s, const std::string& path) const { return t_.at(s, path); }
  bool has(Side s, const std::string& path, Kind kind) const { return t_.is(s, path, kind); }
  bool either(const std::string& path, Kind kind) const {
    return has(Side::code, path, kind) || has(Side::deploy, path, kind);
  }
  bool special_below(Side s, const std::string& path) const {
    return t_.any_below(s, path, [&](const auto& p) { return has(s, p, Kind::other); });
  }
  std::string nearest_above(std::string_view path) const {
    do {
      path = parent_path(path);
    } while (!path.empty() && !paths_.contains(path));
    return std::string(path);
  }

  Below visit(const std::string& path, Scope scope) {
    Verdict v = decide(path, scope);
    Below below;
    for (auto it = paths_.upper_bound(path); it != paths_.end() && is_below(*it, path); ++it) {
      if (nearest_above(*it) != path) continue;
      const Below one = visit(*it, scope);
      below.lives = below.lives || one.lives;
      below.held = below.held || one.held;
    }
    if (v.take && !scope.whole && !at(*v.take, path) && has(other(*v.take), path, Kind::directory)) {
      if (below.lives) {  // R30
        v.take = other(*v.take);
        v.cause = LoserCause::ordinary;
      } else if (below.held) {  // R31
        v.take.reset();
        v.held = true;
      }
    }
    if (v.against_deletion) out_.verdicts[path] += v.take ? str(to_string(*v.take), " ") : "none ";
    if (v.take) carry(path, v);
    if (v.same) merge_reference_metadata(t_, out_.end, path, {});
    const bool stays = v.same || (v.take && at(*v.take, path)) || (v.held && either(path, Kind::other));  // R32
    return {below.lives || stays, below.held || v.held};
  }

  Verdict decide(const std::string& path, Scope& scope) {
    Verdict v;
    const ModelNode* n[2] = {at(Side::code, path), at(Side::deploy, path)};
    const bool c[2] = {t_.changed(Side::code, path), t_.changed(Side::deploy, path)};
    if (scope.held) {
      v.held = true;
    } else if (scope.whole) {  // R28
      const Side loser = other(*scope.whole);
      if (n[0] || n[1]) v.take = scope.whole;
      if (at(loser, path) && t_.changed(loser, path)) v.cause = LoserCause::conflict;
    } else if (either(path, Kind::other)) {  // R03
      hold(path, v, scope, t_.row(path) != nullptr);
    } else if (t_.made.contains(path)) {  // R41
      v.take = other(t_.made.at(path));
    } else if ((!c[0] && !c[1]) || (n[0] && n[1] && same_content(*n[0], *n[1]))) {  // R10, R11
      v.same = n[0] && n[1];
    } else if (!n[0] && !n[1]) {  // R12
    } else if (c[0] != c[1]) {
      carry_over(path, v, scope, c[0] ? Side::code : Side::deploy);
    } else if (n[0] && n[1]) {
      contest(path, v, scope);
    } else if (t_.policy.conflicts == ConflictPolicy::manual) {  // R23
      park(path, v, scope);
    } else {  // R21, R22
      const Side editor = n[0] ? Side::code : Side::deploy;
      v.take = t_.policy.conflicts == ConflictPolicy::newer ? editor : t_.preferred();
      v.against_deletion = true;
      if (*v.take != editor) v.cause = LoserCause::edit_deleted;
      out_.verdicts[path] += *v.take == editor ? "R21 " : "R22 ";
    }
    return v;
  }
  static bool same_content(const ModelNode& a, const ModelNode& b) {
    return a.kind == b.kind && (a.kind == Kind::directory || a.content == b.content);
  }
  void hold(const std::string& path, Verdict& v, Scope& scope, bool told) {
    v.held = scope.held = true;
    v.take.reset();
    if (told) out_.verdicts[path] += "unsupported ";
  }
  void park(const std::string& path, Verdict& v, Scope& scope) {
    v.held = true;
    scope.held = either(path, Kind::directory);
    out_.verdicts[path] += "R23 none ";
  }
  /// R13-R17: only `from` changed it.
  void carry_over(const std::string& path, Verdict& v, Scope& scope, Side from) {
    const Side to = other(from);
    v.take = from;
    if (!at(from, path) || !has(to, path, Kind::directory)) return;
    if (special_below(to, path)) return hold(path, v, scope, true);
    if (t_.any_below(to, path, [&](const auto& p) { return t_.changed(to, p); })) return contest(path, v, scope);
    scope.whole = from;
  }
  /// R20, R26, R27: two different things.
  void contest(const std::string& path, Verdict& v, Scope& scope) {
    if (t_.policy.conflicts == ConflictPolicy::manual) {
      v.take.reset();
      return park(path, v, scope);
    }
    const bool directory = either(path, Kind::directory);
    const bool timed = t_.policy.conflicts == ConflictPolicy::newer && !directory;
    const Side winner = timed ? t_.later(path) : t_.preferred();
    if (directory && special_below(other(winner), path)) return hold(path, v, scope, true);
    if (directory) scope.whole = winner;
    v.take = winner;
    v.cause = LoserCause::conflict;
    v.contested = at(Side::code, path)->kind == at(Side::deploy, path)->kind;
    out_.verdicts[path] += str(directory ? "R27 " : v.contested ? "R20 " : "R26 ", to_string(winner), " ");
  }

  void carry(const std::string& path, const Verdict& v) {
    const Side to = other(*v.take);
    const ModelNode* source = at(*v.take, path);
    const ModelNode* target = at(to, path);
    if (target && target->kind != Kind::directory) out_.kept.emplace(target->content, v.cause);
    out_.verdicts[path] += str("to ", to_string(to), " ");
    if (source == nullptr) {
      end(to).erase(path);
      return;
    }
    end(to)[path] = *source;
    if (target && target->kind == source->kind && source->kind != Kind::directory)
      merge_reference_metadata(t_, out_.end, path, {v.take, v.contested});
  }

  ReferenceTrees t_;
  std::set<std::string, PathLess> paths_;
  ReferencePlan out_;
};

}  // namespace

ReferencePlan reference_plan(const std::map<std::string, BaseRow, PathLess>& base, const ModelTree& code,
                             const ModelTree& deploy, const Policy& policy) {
  return Reference({base, {code, deploy}, policy, {}, {}}).run();
}

}  // namespace twsync::testing
