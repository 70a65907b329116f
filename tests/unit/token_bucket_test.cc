#include "workers/transfer/token_bucket.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

TEST(TokenBucket, NoRateNeverWaits) {
  TokenBucket bucket(0);
  EXPECT_EQ(bucket.take(1'000'000'000, 5), 0);
}

TEST(TokenBucket, KeepsTheRateOverTime) {
  TokenBucket bucket(1'000'000);
  int64_t now = 100 * kSecondNs;
  const int64_t start = now;
  for (int i = 0; i < 100; ++i) now += bucket.take(100'000, now);  // 10 MB at 1 MB/s
  EXPECT_NEAR(static_cast<double>(now - start), 10e9, 0.3e9);
}

TEST(TokenBucket, SmallChangesPassAtOnceAfterIdleTime) {
  TokenBucket bucket(1'000'000);
  EXPECT_EQ(bucket.take(100'000, 100 * kSecondNs), 0);
  EXPECT_GT(bucket.take(1'000'000, 100 * kSecondNs), 0);
  EXPECT_EQ(bucket.take(100'000, 200 * kSecondNs), 0);
}

}  // namespace
}  // namespace twsync
