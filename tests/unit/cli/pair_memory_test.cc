#include "producers/cli/pair_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../app/temp_dir.h"
#include "common/store/base_store.h"

namespace twsync {
namespace {

class PairMemory : public testing::Test {
 protected:
  PairMemory() {
    Overrides overrides;
    overrides.state_dir = dir_ / "state";
    overrides.config =
        dir_.write("c.sh", "CODE_PATH='" + dir_.make("configured") + "'\nDEPLOY_SERVER=h\nDEPLOY_PATH=/x\n");
    auto config = load_config(overrides);
    EXPECT_TRUE(config.ok());
    config_ = *config;
  }
  TempDir dir_;
  Config config_;
};

TEST_F(PairMemory, an_ad_hoc_pair_comes_back_by_name) {
  auto pair = ad_hoc_pair(config_, dir_.make("it's\n\"odd\""), "ssh://me@host:23/srv/x");
  ASSERT_TRUE(pair.ok());
  pair->policy = ConflictPolicy::manual;
  pair->exclude = {"*.o", "a'b c"};
  pair->known_hosts = "/k";
  ASSERT_TRUE(remember_pair(config_, *pair).ok());
  ASSERT_TRUE(remember_pair(config_, *pair).ok());

  auto back = find_pair(config_, pair->name);
  ASSERT_TRUE(back.ok()) << describe(back.error());
  EXPECT_EQ(back->code_path, pair->code_path);
  EXPECT_EQ(back->deploy.path, "/srv/x");
  EXPECT_EQ(back->deploy.host, "host");
  EXPECT_EQ(back->deploy.user, "me");
  EXPECT_EQ(back->deploy.port, 23);
  EXPECT_FALSE(back->deploy.local);
  EXPECT_EQ(back->policy, ConflictPolicy::manual);
  EXPECT_EQ(back->exclude, pair->exclude);
  EXPECT_EQ(back->known_hosts, "/k");
  EXPECT_EQ(back->state_dir, pair->state_dir);
}

TEST_F(PairMemory, a_pair_counts_once_it_reached_its_other_server) {
  const auto pair = ad_hoc_pair(config_, dir_.make("a"), "mistyped:/srv/x");
  ASSERT_TRUE(pair.ok());
  ASSERT_TRUE(remember_pair(config_, *pair).ok());
  EXPECT_EQ(select_pairs(config_, "")->size(), 1u);
  EXPECT_EQ(select_pairs(config_, pair->name)->size(), 1u);

  auto base = BaseStore::open(pair->state_dir + "/base.db", BaseStore::Mode::read_write);
  ASSERT_TRUE(base.ok()) << describe(base.error());
  EXPECT_EQ(select_pairs(config_, "")->size(), 1u) << "a run that reached nobody leaves such a base";
  BaseMeta meta;
  meta.pair_id = "0123456789abcdef";
  ASSERT_TRUE((*base)->begin(true).ok() && (*base)->set_meta(meta).ok() && (*base)->commit().ok());
  EXPECT_EQ(select_pairs(config_, "")->size(), 2u);
}

TEST_F(PairMemory, unknown_names_get_the_nearest) {
  auto missing = find_pair(config_, "maim");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::usage);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("did you mean 'main'?"));
  EXPECT_FALSE(find_pair(config_, "../../etc").ok());
}

TEST_F(PairMemory, the_same_roots_given_by_hand_are_the_configured_pair) {
  auto same = ad_hoc_pair(config_, dir_ / "configured", "h:/x");
  auto other = ad_hoc_pair(config_, dir_ / "configured", "h:/y");
  ASSERT_TRUE(same.ok() && other.ok());
  EXPECT_EQ(prefer_configured(config_, *same).name, kMainPair);
  EXPECT_EQ(prefer_configured(config_, *other).name, other->name);
}

}  // namespace
}  // namespace twsync
