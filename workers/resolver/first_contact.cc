#include "workers/resolver/first_contact.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/core/units.h"

namespace twsync {

namespace {

bool has_names(const Entry* entry) {
  return entry != nullptr && entry->is_file() && entry->links > 1;
}

/// Both sides' pending entries side by side, in order, from a path on.
class BothSides {
 public:
  BothSides(const PendingTree& pending, const std::optional<std::string>& from)
      : code_(from ? pending.side(Side::code).lower_bound(*from) : pending.side(Side::code).begin()),
        deploy_(from ? pending.side(Side::deploy).lower_bound(*from) : pending.side(Side::deploy).begin()),
        code_end_(pending.side(Side::code).end()),
        deploy_end_(pending.side(Side::deploy).end()) {
    settle();
  }

  bool at_end() const { return path_ == nullptr; }
  const std::string& path() const { return *path_; }
  const Entry* code() const { return here_[0] ? &code_->second : nullptr; }
  const Entry* deploy() const { return here_[1] ? &deploy_->second : nullptr; }
  bool has_names() const { return twsync::has_names(code()) || twsync::has_names(deploy()); }
  void step() {
    if (here_[0]) ++code_;
    if (here_[1]) ++deploy_;
    settle();
  }

 private:
  void settle() {
    const bool more[2] = {code_ != code_end_, deploy_ != deploy_end_};
    const auto order = more[0] && more[1] ? compare_paths(code_->first, deploy_->first)
                       : more[0]          ? std::strong_ordering::less
                                          : std::strong_ordering::greater;
    here_[0] = more[0] && order <= 0;
    here_[1] = more[1] && order >= 0;
    path_ = here_[0] ? &code_->first : here_[1] ? &deploy_->first : nullptr;
  }

  PendingTree::Map::const_iterator code_, deploy_, code_end_, deploy_end_;
  bool here_[2] = {false, false};
  const std::string* path_ = nullptr;
};

PathState state_at(const BothSides& at) {
  PathState state;
  state.path = at.path();
  if (at.code() != nullptr) state.code = *at.code();
  if (at.deploy() != nullptr) state.deploy = *at.deploy();
  return state;
}

}  // namespace

Result<std::optional<FirstContact>> FirstContact::of(const PendingTree& pending, BaseStore& base,
                                                     size_t entries_a_piece, const Policy& policy) {
  std::optional<FirstContact> contact;
  if (std::max(pending.side(Side::code).size(), pending.side(Side::deploy).size()) <= entries_a_piece) return contact;
  contact = FirstContact(pending, entries_a_piece, policy);
  SYNC_ASSIGN(const bool suits, contact->survey(base));
  if (!suits) contact.reset();
  return contact;
}

Result<bool> FirstContact::survey(BaseStore& base) {
  SYNC_ASSIGN(const auto rows, base.rows({"", true}));
  BaseRow row;
  SYNC_ASSIGN(bool have_row, rows->next(row));
  for (BothSides at(*pending_, std::nullopt); !at.at_end(); at.step()) {
    while (have_row && compare_paths(row.path, at.path()) < 0) {
      SYNC_ASSIGN(have_row, rows->next(row));
    }
    if (have_row && row.path == at.path()) return false;
    const Entry* code = at.code();
    const Entry* deploy = at.deploy();
    if (code != nullptr && deploy != nullptr && code->kind != deploy->kind) return false;
    if (code == nullptr || deploy == nullptr) {
      const Entry& alone = code != nullptr ? *code : *deploy;
      operations_ += alone.is_directory() ? 2 : 1;
      content_ += alone.size;
    }
    if (!at.has_names()) continue;
    if (unit_of(*policy_, at.path())) return false;
    linked_.insert(at.path());
    linked_above_.emplace(parent_path(at.path()));
  }
  return true;
}

bool FirstContact::next() {
  if (last_) return false;
  // The first is a short one: sooner there is something to carry.
  const size_t most = began_ ? most_ : std::max<size_t>(most_ / 8, 1);
  first_ = began_ ? std::exchange(after_, std::nullopt) : std::string{};
  began_ = true;
  if (!first_) {
    last_ = true;
    return !linked_.empty();
  }
  size_t count = 0;
  for (BothSides at(*pending_, first_); !at.at_end(); at.step()) {
    if (at.has_names()) continue;
    if (count++ < most || is_inside_unit(*policy_, at.path())) continue;
    after_ = at.path();
    break;
  }
  return true;
}

std::vector<PathState> FirstContact::states() const {
  std::vector<PathState> out;
  if (!first_) {
    for (const std::string& path : linked_) {
      const BothSides at(*pending_, path);
      if (!at.at_end() && at.path() == path) out.push_back(state_at(at));
    }
    return out;
  }
  for (BothSides at(*pending_, first_); !at.at_end(); at.step()) {
    if (after_ && compare_paths(at.path(), *after_) >= 0) break;
    if (!at.has_names()) out.push_back(state_at(at));
  }
  return out;
}

bool FirstContact::grows_later(const std::string& directory) const {
  return (after_ && is_below(*after_, directory)) || (first_ && linked_above_.contains(directory));
}

void FirstContact::hold_back(Plan& plan) {
  const auto later = [this](const Operation& op) {
    return op.stage == OpStage::directory_metadata && grows_later(op.path);
  };
  for (const Operation& op : plan.operations) {
    if (later(op)) held_.push_back(op);
  }
  std::erase_if(plan.operations, later);
  for (size_t i = 0; i < plan.operations.size(); ++i) plan.operations[i].id = static_cast<uint32_t>(i);
}

Plan FirstContact::held_back() {
  Plan plan;
  plan.operations = std::exchange(held_, {});
  std::sort(plan.operations.begin(), plan.operations.end(),
            [](const Operation& a, const Operation& b) { return compare_paths(a.path, b.path) > 0; });
  for (size_t i = 0; i < plan.operations.size(); ++i) plan.operations[i].id = static_cast<uint32_t>(i);
  return plan;
}

}  // namespace twsync
