#include "server/domain/identity.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "server/domain/user.h"

namespace attune::domain {
namespace {

TEST(Identity, IdsAreDistinctVersion7GrowingAndCanonical) {
  std::set<std::string> seen;
  std::string last;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = new_id();
    ASSERT_EQ(id.size(), 36u);
    EXPECT_EQ(id[14], '7');
    EXPECT_GT(id, last);
    last = id;
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
    EXPECT_EQ(canonical_id(id), id);
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(Identity, AnIdTellsItsMillisecond) {
  const int64_t before_ms = now_us() / 1000;
  const std::string id = new_id();
  const int64_t after_ms = now_us() / 1000;
  const int64_t told_ms = std::stoll(id.substr(0, 8) + id.substr(9, 4), nullptr, 16);
  EXPECT_GE(told_ms, before_ms);
  EXPECT_LE(told_ms, after_ms);
}

TEST(Identity, CanonicalTakesHyphensOrNoneInEitherCase) {
  const std::string id = "c62bb048-1664-4905-9243-f1137ea5606b";
  EXPECT_EQ(canonical_id("C62BB048-1664-4905-9243-F1137EA5606B"), id);
  EXPECT_EQ(canonical_id("c62bb04816644905924 3f1137ea5606b"), "");
  EXPECT_EQ(canonical_id("c62bb048166449059243f1137ea5606b"), id);
  EXPECT_EQ(canonical_id("c62bb0481664-4905-9243-f1137ea5606b-"), "");
  EXPECT_EQ(canonical_id("g62bb048-1664-4905-9243-f1137ea5606b"), "");
  EXPECT_EQ(canonical_id(""), "");
  EXPECT_EQ(canonical_id("None"), "");
}

TEST(Identity, TimesAreNaiveUtcWithMicroseconds) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000000");
  EXPECT_EQ(format_time(1795335387305321), "2026-11-22T08:16:27.305321");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999999");
}

TEST(Identity, TimesOfSeveralThreadsNeverRepeat) {
  std::vector<std::vector<int64_t>> times(4);
  std::vector<std::thread> threads;
  for (auto& own : times) {
    threads.emplace_back([&own] {
      for (int i = 0; i < 2000; ++i) own.push_back(now_us());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<int64_t> all;
  for (const auto& own : times) {
    for (size_t i = 1; i < own.size(); ++i) EXPECT_LT(own[i - 1], own[i]);
    all.insert(own.begin(), own.end());
  }
  EXPECT_EQ(all.size(), 8000u);
}

TEST(Identity, RolesHaveTheirNames) {
  for (const char* name : {"owner", "admin", "reviewer", "annotator"}) {
    ASSERT_TRUE(role_of(name).has_value()) << name;
    EXPECT_EQ(to_string(*role_of(name)), name);
  }
  EXPECT_FALSE(role_of("Owner").has_value());
  EXPECT_FALSE(role_of("").has_value());
}

}  // namespace
}  // namespace attune::domain
