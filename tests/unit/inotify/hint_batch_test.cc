#include "producers/inotify/hint_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twsync {
namespace {

using Haste = HintBatch::Haste;
constexpr int64_t kMs = kMillisecond;

std::vector<std::string> text(const std::vector<Hint>& hints) {
  std::vector<std::string> out;
  for (const auto& h : hints)
    out.push_back((h.is_move ? h.moved_from + ">" : "") + h.path + (h.recursive ? "/**" : ""));
  return out;
}

using Texts = std::vector<std::string>;

TEST(HintBatch, a_single_edit_after_a_rest_is_due_at_once) {
  HintBatch batch(Side::deploy, {});
  batch.changed("a", false, Haste::done, 5 * kSecond);
  EXPECT_EQ(batch.due(), 5 * kSecond);
  const auto hints = batch.take(5 * kSecond);
  EXPECT_EQ(text(hints), Texts{"a"});
  EXPECT_EQ(hints[0].side, Side::deploy);
  EXPECT_EQ(hints[0].source, HintSource::inotify);
  EXPECT_FALSE(batch.due().has_value());
}

// Someone who saves every 50 ms is no storm.
TEST(HintBatch, single_edits_in_a_row_are_each_due_at_once) {
  HintBatch batch(Side::code, {});
  for (int64_t now = kSecond; now < 2 * kSecond; now += 50 * kMs) {
    batch.changed("a", false, Haste::done, now);
    EXPECT_EQ(batch.take(now).size(), 1u);
  }
}

TEST(HintBatch, created_and_closed_is_one_and_due_at_once) {
  HintBatch batch(Side::code, {});
  batch.changed("a", false, Haste::begun, kSecond);
  EXPECT_EQ(batch.due(), kSecond + 20 * kMs);
  EXPECT_TRUE(batch.take(kSecond).empty());
  batch.changed("a", false, Haste::done, kSecond + kMs);
  EXPECT_EQ(text(batch.take(kSecond + kMs)), Texts{"a"});
}

TEST(HintBatch, a_storm_is_collected_until_it_rests_or_lasts_too_long) {
  HintBatch batch(Side::code, {});
  batch.changed("first", false, Haste::done, kSecond);
  ASSERT_EQ(batch.take(kSecond).size(), 1u);
  int64_t now = kSecond + kMs;
  const int64_t begun = now;
  size_t taken_at = 0;
  for (int i = 0; i < 30 && taken_at == 0; ++i, now += 10 * kMs) {
    batch.changed("f" + std::to_string(i), false, Haste::done, now);
    const auto hints = batch.take(now);
    if (!hints.empty()) {
      taken_at = hints.size();
      EXPECT_GE(now - begun, 100 * kMs);
    }
  }
  EXPECT_EQ(taken_at, 11u);
  batch.changed("x", false, Haste::done, now);
  EXPECT_TRUE(batch.take(now + 19 * kMs).empty());
  EXPECT_EQ(batch.take(now + 20 * kMs).size(), 1u);
}

TEST(HintBatch, a_moved_pair_stays_a_pair) {
  HintBatch batch(Side::code, {});
  batch.moved("a", "b", true, kSecond);
  batch.changed("b/x", false, Haste::done, kSecond);
  EXPECT_EQ(text(batch.take(kSecond)), (Texts{"a>b/**", "b/x"}));
}

TEST(HintBatch, a_file_held_open_is_looked_at_once_a_second) {
  HintBatch batch(Side::code, {});
  int seen = 0;
  for (int64_t now = 10 * kSecond; now < 13 * kSecond; now += 10 * kMs) {
    batch.modified("log", now);
    seen += static_cast<int>(batch.take(now).size());
  }
  EXPECT_EQ(seen, 2);
  batch.changed("log", false, Haste::done, 13 * kSecond);
  EXPECT_EQ(batch.take(13 * kSecond + kSecond).size(), 1u);
  EXPECT_FALSE(batch.due().has_value());
}

TEST(HintBatch, modified_files_follow_their_directory) {
  HintBatch batch(Side::code, {});
  batch.modified("d/f", kSecond);
  batch.rename_below("d", "e");
  EXPECT_EQ(text(batch.take(3 * kSecond)), Texts{"e/f"});
}

TEST(HintBatch, too_many_collapse_to_the_root) {
  SettleOptions options;
  options.limit = 100;
  HintBatch batch(Side::code, options);
  for (int i = 0; i < 101; ++i) batch.changed("f" + std::to_string(i), false, Haste::done, kSecond);
  batch.changed("later", false, Haste::done, kSecond);
  EXPECT_EQ(text(batch.take(2 * kSecond)), (Texts{"/**", "later"}));
}

TEST(HintBatch, all_takes_what_is_not_due) {
  HintBatch batch(Side::code, {});
  batch.changed("a", false, Haste::begun, kSecond);
  batch.modified("b", kSecond);
  EXPECT_EQ(text(batch.take(kSecond, true)), (Texts{"a", "b"}));
}

}  // namespace
}  // namespace twsync
