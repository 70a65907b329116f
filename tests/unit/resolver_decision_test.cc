// Decisions of a person, accepted but not carried out yet.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

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

}  // namespace
}  // namespace twsync
