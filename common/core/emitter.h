#pragma once
// The inside of emit_plan(): emit.cc, emit_links.cc for what hard links need, emit_units.cc for what goes together.

#include <array>
#include <deque>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/core/links.h"
#include "common/core/metadata.h"

namespace twsync {

/// A rename of this plan moves the inode's ctime on, so it cannot be compared any more.
void forget_ctime(Stamp& stamp, const Row& row, Side side);

/// Row after row, in order; finish() once. Everything is borrowed.
class Emitter {
 public:
  Emitter(const WorkTable& table, const Reconciled& all, const LinkPlan& links, Plan& plan, const Policy& policy)
      : rows_(table.rows),
        all_(all),
        decisions_(all.decisions),
        links_(links),
        plan_(plan),
        policy_(policy),
        next_group_(links.groups) {
    find_anchors();
  }

  void structure(std::vector<Operation> operations) {
    stage(OpStage::structure)
        .assign(std::make_move_iterator(operations.begin()), std::make_move_iterator(operations.end()));
  }
  void row(size_t i);
  void finish();

 private:
  static constexpr std::array kSides{Side::code, Side::deploy};

  std::deque<Operation>& stage(OpStage s) { return stages_[static_cast<size_t>(s)]; }
  Operation& add(OpKind kind, OpStage at, Side side, const Row& row);
  void report(const Row& row, const Decision& d);
  void agree(const Row& row);
  void merge(size_t i);
  void take(size_t i);
  void remove(const Row& row, const Decision& d, const Entry& expected);
  void make_directory(const Row& row, const Decision& d, const Entry& expected, const Entry& desired);
  void set_metadata(const Row& row, Side side, const Entry& expected, const Entry& desired);
  void put_anew(size_t i, Side side, const LinkStep& step, const Entry& expected, const Entry& source);
  void link(size_t i, Side side, const LinkStep& step, const Entry& expected, const Entry& source);
  MergedMetadata merged(size_t i) const;
  MergedMetadata own_merged(size_t i) const;
  void find_anchors();
  uint32_t group_of(Side side, const Entry& entry);
  OpStage stage_of(OpStage at, const Row& row, bool directory) const;
  void join_units();
  const Membership& member_of(const Operation& op) const;
  void sort_unit(std::vector<Operation*>& group) const;
  void bring_groups_together(OpStage at);

  const std::vector<Row>& rows_;
  const Reconciled& all_;
  const std::vector<Decision>& decisions_;
  const LinkPlan& links_;
  Plan& plan_;
  const Policy& policy_;
  uint32_t next_group_;
  std::set<std::pair<Side, uint64_t>> anchors_;  // inodes that get new names
  std::map<std::pair<Side, uint64_t>, uint32_t> metadata_groups_;
  std::map<std::pair<Side, uint32_t>, uint32_t> unit_groups_;
  std::array<std::deque<Operation>, kOpStages> stages_;  // a first sync has one for each file: no copy to grow them
};

}  // namespace twsync
