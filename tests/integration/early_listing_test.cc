// What is listed before its scan begins: complete, bounded, given up at once, and under the root's lock.
#include "workers/scanner/early_listing.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/fs/local_side.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

class EarlyListingTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<LocalSide>> open() {
    RootOptions options;
    options.root = dir_ / "root";
    return LocalSide::open(options, clock_, host_);
  }
  static Claim claim_by(const std::string& holder) { return {{"0123456789abcdef", Side::code, 1}, holder, {}}; }
  static ListRequest everything() {
    ListRequest request;
    request.scopes = {{"", true}};
    return request;
  }
  void SetUp() override { ASSERT_EQ(std::system(str("mkdir '", dir_ / "root", "'").c_str()), 0); }
  void make_files(int count) {
    const std::string script = str("cd '", dir_ / "root", "' && seq ", std::to_string(count), " | xargs touch");
    ASSERT_EQ(std::system(script.c_str()), 0);
  }

  TempDir dir_;
  SystemClock clock_;
  SystemHostFacts host_;
};

TEST_F(EarlyListingTest, GivesWhatAListingGives) {
  make_files(3000);
  auto reader = open();
  auto side = open();
  ASSERT_TRUE(reader.ok() && side.ok());
  std::vector<std::string> early, usual;
  EarlyListing listing(std::move(reader).value(), everything());
  const auto into = [](std::vector<std::string>& paths) {
    return [&paths](std::vector<PathEntry>&& entries) -> Status {
      for (const auto& e : entries) paths.push_back(e.path);
      return {};
    };
  };
  const auto end = listing.take(into(early));
  ASSERT_TRUE(end.ok());
  EXPECT_GT(end->started_ns, 0);
  ASSERT_TRUE((*side)->list(everything(), into(usual)).ok());
  EXPECT_EQ(early, usual);
  EXPECT_GE(early.size(), 3000U);
}

TEST_F(EarlyListingTest, IsForTheSameRulesAlone) {
  auto reader = open();
  ASSERT_TRUE(reader.ok());
  const EarlyListing listing(std::move(reader).value(), everything());
  EXPECT_TRUE(listing.is_for(everything()));
  ListRequest other = everything();
  other.ignore_lines = {"*.o"};
  EXPECT_FALSE(listing.is_for(other));
  other = everything();
  other.scopes = {{"a", true}};
  EXPECT_FALSE(listing.is_for(other));
}

TEST_F(EarlyListingTest, OneThatNobodyTakesEndsWithItsOwner) {
  make_files(60'000);
  auto reader = open();
  ASSERT_TRUE(reader.ok());
  const EarlyListing listing(std::move(reader).value(), everything());
}

TEST_F(EarlyListingTest, TellsOfARootThatWentAway) {
  auto reader = open();
  ASSERT_TRUE(reader.ok());
  ASSERT_EQ(::rename((dir_ / "root").c_str(), (dir_ / "elsewhere").c_str()), 0);
  EarlyListing listing(std::move(reader).value(), everything());
  const auto end = listing.take([](std::vector<PathEntry>&&) -> Status { return {}; });
  EXPECT_FALSE(end.ok());
}

TEST_F(EarlyListingTest, NothingIsReservedWhereNoMarkerStands) {
  auto side = open();
  ASSERT_TRUE(side.ok());
  EXPECT_EQ((*side)->reserve("0123456789abcdef", "me").error().code, ErrorCode::not_found);
  EXPECT_FALSE(stands(dir_ / "root/.twsync"));
}

TEST_F(EarlyListingTest, AReservedRootIsNobodyElsesUntilItIsClaimed) {
  auto before = open();
  ASSERT_TRUE(before.ok());
  ASSERT_TRUE((*before)->claim(claim_by("before")).ok());
  auto side = open();
  auto other = open();
  ASSERT_TRUE(side.ok() && other.ok());
  EXPECT_EQ((*side)->reserve("0123456789abcdef", "me").error().code, ErrorCode::busy);
  before->reset();
  ASSERT_TRUE((*side)->reserve("0123456789abcdef", "me").ok());
  EXPECT_EQ((*other)->claim(claim_by("another")).error().code, ErrorCode::busy);
  EXPECT_TRUE((*side)->claim(claim_by("me")).ok());
}

}  // namespace
}  // namespace twsync
