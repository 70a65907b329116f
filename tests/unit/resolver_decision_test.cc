// Decisions of a person, accepted but not carried out yet.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "workers/resolver/decisions.h"
#include "workers/resolver/resolve_request.h"

namespace twsync {
namespace {

TEST(Decision, of_a_conflict_leaves_it_open_until_the_cycle_has_done_it) {
  char dir[] = "/tmp/twsync-decision-XXXXXX";
  ASSERT_NE(mkdtemp(dir), nullptr);
  PairWork work;
  work.base = std::move(BaseStore::open(std::string(dir) + "/base.db", BaseStore::Mode::read_write)).value();
  ConflictRecord conflict;
  conflict.id = "c123";
  conflict.path = "f";
  conflict.open = true;
  ASSERT_TRUE(work.base->add_conflict(conflict).ok());
  Request request;
  request.kind = RequestKind::resolve;
  request.item = "c123";
  request.choice = "code";
  for (const char* attempt : {"first", "after a kill"}) {
    CycleOrder order;
    ASSERT_TRUE(prepare_decision(request, work, order).ok()) << attempt;
    EXPECT_EQ(order.decided, "f");
    EXPECT_EQ(order.policy, ConflictPolicy::code_server);
  }
  ASSERT_TRUE(work.base->close_conflict("f").ok());
  CycleOrder order;
  const Status again = prepare_decision(request, work, order);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::usage);
  work.base.reset();
  std::filesystem::remove_all(dir);
}

/// A run that decides a conflict at "f" for the code server's version.
class DecidingRun : public testing::Test {
 protected:
  void SetUp() override {
    char dir[] = "/tmp/twsync-deciding-XXXXXX";
    ASSERT_NE(mkdtemp(dir), nullptr);
    dir_ = dir;
    work_.base = std::move(BaseStore::open(dir_ + "/base.db", BaseStore::Mode::read_write)).value();
    Conflict& conflict = plan_.conflicts.emplace_back();
    conflict.path = "f";
    conflict.rule = "R20";
    conflict.winner = ConflictWinner::code;
    Operation& op = batch_.operations.emplace_back();
    op.path = "f";
    op.side = Side::deploy;
  }
  void TearDown() override {
    work_.base.reset();
    std::filesystem::remove_all(dir_);
  }
  void announce() {
    Decisions decisions(work_);
    decisions.add(plan_.conflicts);
    ASSERT_TRUE(decisions.announce(batch_, 1'000).ok());
  }
  std::vector<ConflictRecord> all() { return *work_.base->conflicts(100); }
  void open_conflict() {
    ConflictRecord open;
    open.id = "c123";
    open.path = "f";
    open.rule = "R23";
    open.open = true;
    ASSERT_TRUE(work_.base->add_conflict(open).ok());
  }

  std::string dir_;
  PairWork work_;
  Plan plan_;
  Batch batch_;
};

TEST_F(DecidingRun, that_is_killed_leaves_its_record) {
  announce();
  ASSERT_EQ(all().size(), 1U) << "before anything is displaced";
  EXPECT_FALSE(all()[0].open) << "nobody is asked";
  Plan next;
  next.agreements.push_back({AgreementKind::same, "f", {}});
  const auto told = settle_cut_decisions(work_, next);
  ASSERT_TRUE(told.ok());
  ASSERT_EQ(told->size(), 1U);
  EXPECT_EQ(all()[0].winner, ConflictWinner::code);
  EXPECT_NE(all()[0].text.find("twsync history"), std::string::npos);
  EXPECT_TRUE(settle_cut_decisions(work_, next)->empty()) << "told once";
}

TEST_F(DecidingRun, that_did_nothing_leaves_none) {
  announce();
  EXPECT_TRUE(settle_cut_decisions(work_, plan_)->empty());
  EXPECT_TRUE(all().empty()) << "it is planned again, and told then";
}

TEST_F(DecidingRun, whose_operation_failed_leaves_what_was) {
  for (const bool was_open : {false, true}) {
    if (was_open) open_conflict();
    Decisions decisions(work_);
    decisions.add(plan_.conflicts);
    ASSERT_TRUE(decisions.announce(batch_, 1'000).ok());
    OpResult failed;
    failed.code = ErrorCode::stale;
    ASSERT_TRUE(decisions.settle(batch_.operations[0], failed).ok());
    ASSERT_EQ(all().size(), was_open ? 1U : 0U);
    for (const auto& one : all()) EXPECT_TRUE(one.open && one.winner == ConflictWinner::none);
  }
}

TEST_F(DecidingRun, of_an_open_conflict_keeps_its_id_and_says_who_won) {
  open_conflict();
  Decisions decisions(work_);
  decisions.add(plan_.conflicts);
  ASSERT_TRUE(decisions.announce(batch_, 1'000).ok());
  EXPECT_TRUE(all().at(0).open) << "until it is done";
  OpResult done;
  done.version = "0123456789abcdef-0123456789abcdef";
  ASSERT_TRUE(decisions.settle(batch_.operations[0], done).ok());
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(all()[0].id, "c123");
  EXPECT_FALSE(all()[0].open);
  EXPECT_EQ(all()[0].winner, ConflictWinner::code);
  EXPECT_EQ(all()[0].loser_version, done.version);
  ConflictRecord again = *conflict_record(*work_.base, plan_.conflicts[0], 2'000);
  EXPECT_NE(again.id, "c123") << "the next one is another";
}

TEST_F(DecidingRun, of_an_open_conflict_that_is_killed_says_who_won) {
  open_conflict();
  announce();
  Plan next;
  next.agreements.push_back({AgreementKind::same, "f", {}});
  ASSERT_EQ(settle_cut_decisions(work_, next)->size(), 1U);
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(all()[0].id, "c123");
  EXPECT_FALSE(all()[0].open);
  EXPECT_EQ(all()[0].winner, ConflictWinner::code);
}

}  // namespace
}  // namespace twsync
