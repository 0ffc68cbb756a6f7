#include "engine/train/packing.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/random.h"

namespace attune::engine::train {
namespace {

using Ids = std::vector<int>;

// Numbers the tokens of all items from 1 on and shows packed rows as TRL's unit tests do.
std::vector<Ids> ids_of(const std::vector<int64_t>& lengths, const std::vector<PackedRow>& rows) {
  std::vector<int64_t> first(lengths.size(), 1);
  std::partial_sum(lengths.begin(), lengths.end() - 1, first.begin() + 1);
  for (size_t i = 1; i < first.size(); ++i) first[i] += 1;
  std::vector<Ids> shown;
  for (const PackedRow& row : rows) {
    shown.emplace_back();
    for (const Piece& piece : row) {
      for (int64_t t = 0; t < piece.length; ++t) {
        shown.back().push_back(
            static_cast<int>(first[static_cast<size_t>(piece.item)] + piece.begin + t));
      }
    }
  }
  return shown;
}

std::vector<Ids> lengths_of(const std::vector<PackedRow>& rows) {
  std::vector<Ids> shown;
  for (const PackedRow& row : rows) {
    shown.emplace_back();
    for (const Piece& piece : row) shown.back().push_back(static_cast<int>(piece.length));
  }
  return shown;
}

// The literal packings of losses.md §5 (TRL's unit tests).
TEST(PackingTest, Wrapped) {
  const std::vector<int64_t> lengths = {3, 4, 1};
  EXPECT_EQ(ids_of(lengths, pack_rows(lengths, 3, PackingStrategy::kWrapped)),
            (std::vector<Ids>{{1, 2, 3}, {4, 5, 6}, {7, 8}}));
}

TEST(PackingTest, BestFit) {
  const std::vector<int64_t> lengths = {3, 4, 1};
  const auto rows = pack_rows(lengths, 4, PackingStrategy::kBestFit);
  EXPECT_EQ(ids_of(lengths, rows), (std::vector<Ids>{{4, 5, 6, 7}, {1, 2, 3, 8}}));
  EXPECT_EQ(lengths_of(rows), (std::vector<Ids>{{4}, {3, 1}}));
}

TEST(PackingTest, BestFitCutsOverflow) {
  const std::vector<int64_t> lengths = {5, 2, 4, 1};
  const auto rows = pack_rows(lengths, 4, PackingStrategy::kBestFit);
  EXPECT_EQ(ids_of(lengths, rows), (std::vector<Ids>{{1, 2, 3, 4}, {8, 9, 10, 11}, {6, 7, 12}}));
  EXPECT_EQ(lengths_of(rows), (std::vector<Ids>{{4}, {4}, {2, 1}}));
}

TEST(PackingTest, BestFitSplitKeepsOverflow) {
  const std::vector<int64_t> lengths = {5, 2, 4, 1};
  const auto rows = pack_rows(lengths, 4, PackingStrategy::kBestFitSplit);
  EXPECT_EQ(ids_of(lengths, rows), (std::vector<Ids>{{1, 2, 3, 4}, {8, 9, 10, 11}, {6, 7, 5, 12}}));
  EXPECT_EQ(lengths_of(rows), (std::vector<Ids>{{4}, {4}, {2, 1, 1}}));

  const std::vector<int64_t> others = {5, 1, 4, 3};
  const auto packed = pack_rows(others, 5, PackingStrategy::kBestFitSplit);
  EXPECT_EQ(ids_of(others, packed),
            (std::vector<Ids>{{1, 2, 3, 4, 5}, {7, 8, 9, 10, 6}, {11, 12, 13}}));
  EXPECT_EQ(lengths_of(packed), (std::vector<Ids>{{5}, {4, 1}, {3}}));
}

TEST(PackingTest, TiesKeepTheInputsOrder) {
  const auto rows = pack_rows({6, 3, 3, 4}, 4, PackingStrategy::kBestFitSplit);
  std::vector<int64_t> items;
  for (const PackedRow& row : rows) {
    for (const Piece& piece : row) items.push_back(piece.item);
  }
  EXPECT_EQ(items, (std::vector<int64_t>{0, 3, 1, 2, 0}));
  EXPECT_EQ(lengths_of(rows), (std::vector<Ids>{{4}, {4}, {3}, {3}, {2}}));
}

TEST(PackingTest, EveryTokenOnceAndNoRowTooLong) {
  Random random(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<int64_t> lengths;
    for (int i = 0; i < 40; ++i) lengths.push_back(static_cast<int64_t>(random.below(30)));
    for (const auto strategy : {PackingStrategy::kBestFitSplit, PackingStrategy::kWrapped}) {
      std::vector<int64_t> seen(lengths.size(), 0);
      for (const PackedRow& row : pack_rows(lengths, 16, strategy)) {
        int64_t total = 0;
        for (const Piece& piece : row) {
          total += piece.length;
          seen[static_cast<size_t>(piece.item)] += piece.length;
        }
        EXPECT_LE(total, 16);
      }
      EXPECT_EQ(seen, lengths);
    }
  }
}

TEST(PackingTest, AnItemAboveTheCapacityRunsAlone) {
  const auto bins = best_fit_decreasing({10, 2, 3}, 5);
  ASSERT_EQ(bins.size(), 2U);
  EXPECT_EQ(bins[0], (std::vector<int64_t>{0}));
  EXPECT_EQ(bins[1], (std::vector<int64_t>{2, 1}));
}

TEST(PackingTest, UnknownStrategyNamesTheKnownOnes) {
  EXPECT_EQ(parse_packing_strategy("bfd-requeue").value(), PackingStrategy::kBestFitSplit);
  EXPECT_NE(parse_packing_strategy("ffd").error().message().find("bfd_split"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::train
