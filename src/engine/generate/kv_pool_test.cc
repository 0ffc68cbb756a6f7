#include "engine/generate/kv_pool.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/random.h"
#include "engine/generate/small_model.h"

namespace attune::engine::generate {
namespace {

const KvShape kShape{/*layers=*/2, /*kv_heads=*/1, /*head_width=*/3};

std::vector<int64_t> rows_of(const std::vector<KvPool::Stretch>& stretches) {
  std::vector<int64_t> rows;
  for (const auto [begin, count] : stretches) {
    for (int64_t i = 0; i < count; ++i) rows.push_back(begin + i);
  }
  return rows;
}

Tensor filled(int64_t count, double value) {
  return at::full({count, kShape.kv_heads, kShape.head_width}, value);
}

TEST(KvPool, GivesOneStretchAndTakesTheRowsBack) {
  KvPool pool(kShape);
  const auto first = pool.take(5), second = pool.take(7);
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(second.size(), 1u);
  const int64_t free = pool.free_rows();
  pool.give_back(rows_of(first));
  EXPECT_EQ(pool.free_rows(), free + 5);
  EXPECT_EQ(rows_of(pool.take(5)), rows_of(first));
  EXPECT_EQ(pool.free_rows(), free);
}

TEST(KvPool, FillsHolesBeforeItGrows) {
  KvPool pool(kShape);
  pool.take(1);
  const int64_t all = pool.capacity() - 1;
  const std::vector<int64_t> rows = rows_of(pool.take(all));
  std::vector<int64_t> odd;
  for (size_t i = 0; i < rows.size(); i += 2) odd.push_back(rows[i]);
  pool.give_back(odd);
  const auto pieces = pool.take(static_cast<int64_t>(odd.size()));
  EXPECT_EQ(pieces.size(), odd.size());
  EXPECT_EQ(rows_of(pieces), odd);
  EXPECT_EQ(pool.free_rows(), 0);
  EXPECT_EQ(pool.capacity(), all + 1);
  EXPECT_EQ(pool.take(2).size(), 1u);
  EXPECT_EQ(pool.capacity(), 2 * (all + 1));
}

// Random takes and returns: nobody's rows are given to another, and what was written stays, also
// while the pool grows.
TEST(KvPool, KeepsWhatIsWritten) {
  struct Owner {
    std::vector<int64_t> rows;
    double value;
  };
  KvPool pool(kShape);
  Random random(14);
  std::deque<Owner> owners;
  const auto expect_own = [&](const Owner& owner) {
    for (const int64_t row : owner.rows) {
      for (int64_t layer = 0; layer < kShape.layers; ++layer) {
        const double value = owner.value + static_cast<double>(layer);
        ASSERT_EQ(pool.keys(layer)[row].min().item<double>(), value);
        ASSERT_EQ(pool.keys(layer)[row].max().item<double>(), value);
        ASSERT_EQ(pool.values(layer)[row].min().item<double>(), -value);
      }
    }
  };
  int64_t in_use = 0;
  for (int round = 0; round < 300; ++round) {
    const auto count = static_cast<int64_t>(1 + random.below(40));
    const auto taken = pool.take(count);
    owners.push_back({rows_of(taken), 10.0 * round});
    in_use += count;
    for (int64_t layer = 0; layer < kShape.layers; ++layer) {
      const double value = owners.back().value + static_cast<double>(layer);
      pool.write(layer, taken, filled(count, value), filled(count, -value));
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
  EXPECT_GT(pool.capacity(), 1024);
  for (const Owner& owner : owners) expect_own(owner);
}

TEST(KvPoolDeathTest, RowsGivenBackTwiceAreAMistake) {
  KvPool pool(kShape);
  const std::vector<int64_t> rows = rows_of(pool.take(4));
  pool.give_back(rows);
  EXPECT_DEATH(pool.give_back(rows), "given back twice");
}

}  // namespace
}  // namespace attune::engine::generate
