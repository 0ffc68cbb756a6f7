#include "engine/generate/kv_pool.h"

#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "base/random.h"

namespace attune::engine::generate {
namespace {

const KvShape kShape{/*layers=*/2, /*kv_heads=*/1, /*head_width=*/3};

constexpr int64_t kRowsMax = 1500;

std::vector<int64_t> rows_of(const std::vector<KvPool::Stretch>& stretches) {
  std::vector<int64_t> rows;
  for (const auto [begin, count] : stretches) {
    for (int64_t i = 0; i < count; ++i) rows.push_back(begin + i);
  }
  return rows;
}

// Rows [count, Hk, Dh], each filled with the number of its own: value, value + step and so on.
Tensor filled(int64_t count, double value, double step) {
  return (at::arange(count) * step + value)
      .to(at::kFloat)
      .view({count, 1, 1})
      .expand({count, kShape.kv_heads, kShape.head_width});
}

TEST(KvPool, GivesOneStretchAndTakesTheRowsBack) {
  KvPool pool(kShape, kRowsMax);
  const auto first = pool.take(5), second = pool.take(7);
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(second.size(), 1u);
  const int64_t free = pool.free_rows();
  pool.give_back(rows_of(first));
  EXPECT_EQ(pool.free_rows(), free + 5);
  EXPECT_EQ(rows_of(pool.take(5)), rows_of(first));
  EXPECT_EQ(pool.free_rows(), free);
}

// Every second row of a pool that cannot grow free.
std::vector<int64_t> with_holes(KvPool& pool) {
  while (pool.capacity() < kRowsMax || pool.free_rows() > 0) {
    pool.take(std::max<int64_t>(pool.free_rows(), 1));
  }
  std::vector<int64_t> holes;
  for (int64_t row = 0; row < pool.capacity(); row += 2) holes.push_back(row);
  pool.give_back(holes);
  return holes;
}

TEST(KvPool, FillsHolesWhereItMayNotGrow) {
  KvPool pool(kShape, kRowsMax);
  const std::vector<int64_t> holes = with_holes(pool);
  const int64_t capacity = pool.capacity();
  const auto pieces = pool.take(static_cast<int64_t>(holes.size()));
  EXPECT_EQ(pieces.size(), holes.size());
  EXPECT_EQ(rows_of(pieces), holes);
  EXPECT_EQ(pool.free_rows(), 0);
  EXPECT_EQ(pool.capacity(), capacity);
  EXPECT_EQ(pool.take(2).size(), 1u);  // what must be must be
  EXPECT_GT(pool.capacity(), capacity);
}

TEST(KvPool, GrowsForOneStretchWhereItMay) {
  KvPool pool(kShape, kRowsMax);
  const std::vector<int64_t> rows = rows_of(pool.take(1000));
  ASSERT_LT(pool.capacity(), kRowsMax);
  std::vector<int64_t> odd;
  for (size_t i = 0; i < rows.size(); i += 2) odd.push_back(rows[i]);
  pool.give_back(odd);
  EXPECT_EQ(pool.take(200).size(), 1u);
  EXPECT_EQ(pool.capacity(), kRowsMax);
}

TEST(KvPool, HoldsNoMemoryWithoutRows) {
  KvPool pool(kShape, kRowsMax);
  const std::vector<int64_t> first = rows_of(pool.take(3)), second = rows_of(pool.take(2000));
  pool.give_back(first);
  EXPECT_GE(pool.capacity(), 2003);
  pool.give_back(second);
  EXPECT_EQ(pool.capacity(), 0);
  EXPECT_EQ(pool.take(4).size(), 1u);
}

// Random takes and returns: nobody's rows are given to another, and what was written stays, also
// while the pool grows.
TEST(KvPool, KeepsWhatIsWritten) {
  struct Owner {
    std::vector<int64_t> rows;
    double value;
  };
  KvPool pool(kShape, kRowsMax);
  Random random(14);
  std::deque<Owner> owners;
  const auto expect_own = [&](const Owner& owner) {
    for (int64_t layer = 0; layer < kShape.layers; ++layer) {
      double value = owner.value + static_cast<double>(layer);
      for (const int64_t row : owner.rows) {
        ASSERT_EQ(pool.keys(layer)[row].min().item<double>(), value);
        ASSERT_EQ(pool.keys(layer)[row].max().item<double>(), value);
        ASSERT_EQ(pool.values(layer)[row].min().item<double>(), -value);
        value += 10;
      }
    }
  };
  int64_t in_use = 0;
  for (int round = 0; round < 300; ++round) {
    const auto count = static_cast<int64_t>(1 + random.below(40));
    const auto taken = pool.take(count);
    owners.push_back({rows_of(taken), 1000.0 * round});
    in_use += count;
    for (int64_t layer = 0; layer < kShape.layers; ++layer) {
      const double value = owners.back().value + static_cast<double>(layer);
      pool.write(layer, taken, filled(count, value, 10), filled(count, -value, -10));
    }
    while (owners.size() > 60 || (!owners.empty() && random.below(3) == 0)) {
      const auto at = static_cast<int64_t>(random.below(owners.size()));
      expect_own(owners[static_cast<size_t>(at)]);
      in_use -= static_cast<int64_t>(owners[static_cast<size_t>(at)].rows.size());
      pool.give_back(owners[static_cast<size_t>(at)].rows);
      owners.erase(owners.begin() + at);
    }
    ASSERT_EQ(pool.free_rows(), pool.capacity() - in_use);
  }
  EXPECT_GT(pool.capacity(), 1024);  // so it grew with rows in use
  for (const Owner& owner : owners) expect_own(owner);
}

TEST(KvPoolDeathTest, RowsGivenBackTwiceAreAMistake) {
  KvPool pool(kShape, kRowsMax);
  pool.take(1);
  const std::vector<int64_t> rows = rows_of(pool.take(4));
  pool.give_back(rows);
  EXPECT_DEATH(pool.give_back(rows), "given back twice");
}

}  // namespace
}  // namespace attune::engine::generate
