#include "server/http/rate_limit.h"

#include <gtest/gtest.h>

namespace attune::http {
namespace {

TEST(RateLimit, ABurstPassesThenTheRateHolds) {
  RateLimiter limiter({.per_second = 10, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.wait_ms("a", 1000), 0);
  EXPECT_EQ(limiter.wait_ms("a", 1000), 100);
  EXPECT_EQ(limiter.wait_ms("a", 1060), 40);
  EXPECT_EQ(limiter.wait_ms("a", 1100), 0);
  EXPECT_EQ(limiter.wait_ms("a", 1100), 100);
}

TEST(RateLimit, KeysAreCountedApart) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  EXPECT_EQ(limiter.wait_ms("a", 0), 0);
  EXPECT_EQ(limiter.wait_ms("b", 0), 0);
  EXPECT_EQ(limiter.wait_ms("a", 0), 1000);
}

TEST(RateLimit, ABucketFillsNoHigherThanItsBurst) {
  RateLimiter limiter({.per_second = 1000, .burst = 2});
  EXPECT_EQ(limiter.wait_ms("a", 0), 0);
  EXPECT_EQ(limiter.wait_ms("a", 3'600'000), 0);
  EXPECT_EQ(limiter.wait_ms("a", 3'600'000), 0);
  EXPECT_EQ(limiter.wait_ms("a", 3'600'000), 1);
}

TEST(RateLimit, WhatIsRefusedTakesNoToken) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  EXPECT_EQ(limiter.wait_ms("a", 0), 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(limiter.wait_ms("a", 500), 500);
  EXPECT_EQ(limiter.wait_ms("a", 1000), 0);
}

TEST(RateLimit, TheKeyNotSeenForLongestIsForgotten) {
  RateLimiter limiter({.per_second = 0.001, .burst = 1, .keys = 2});
  EXPECT_EQ(limiter.wait_ms("a", 0), 0);
  EXPECT_EQ(limiter.wait_ms("b", 0), 0);
  EXPECT_GT(limiter.wait_ms("a", 0), 0);  // now b is the older one
  EXPECT_EQ(limiter.wait_ms("c", 0), 0);
  EXPECT_GT(limiter.wait_ms("a", 0), 0);
  EXPECT_EQ(limiter.wait_ms("b", 0), 0);  // came back as new
}

TEST(RateLimit, ZeroIsNoLimit) {
  RateLimiter limiter({.per_second = 0, .burst = 0});
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.wait_ms("a", 0), 0);
}

}  // namespace
}  // namespace attune::http
