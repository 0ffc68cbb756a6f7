#include "engine/tensor/tensor.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <tuple>
#include <vector>

#include "engine/tensor/arena.h"
#include "engine/tensor/cpu_features.h"
#include "engine/tensor/device.h"
#include "engine/tensor/gradient_check.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/peak_probe.h"
#include "engine/tensor/precision.h"
#include "engine/tensor/team.h"
#include "engine/tensor/threads.h"

namespace attune::engine {
namespace {

constexpr int64_t kMegabyte = 1024 * 1024;

class ArenaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    install_arena();
    release_arena_cache();
    reset_arena_peak();
    start = arena_statistics();
  }
  ArenaStatistics start;
};

TEST_F(ArenaTest, FreedMemoryIsHandedOutAgain) {
  void* first = nullptr;
  {
    const Tensor x = at::full({8, kMegabyte / 4}, 1.0f);
    first = x.data_ptr();
    EXPECT_EQ(arena_statistics().in_use_bytes, start.in_use_bytes + 8 * kMegabyte);
  }
  EXPECT_EQ(arena_statistics().in_use_bytes, start.in_use_bytes);
  const Tensor again = at::full({8, kMegabyte / 4}, 2.0f);
  EXPECT_EQ(again.data_ptr(), first);
  const ArenaStatistics now = arena_statistics();
  EXPECT_EQ(now.peak_bytes, start.in_use_bytes + 8 * kMegabyte);
  EXPECT_EQ(now.reused, start.reused + 1);
}

// Steps of changing sizes settle into the memory of the largest.
TEST_F(ArenaTest, ChangingSizesDoNotGrowForever) {
  const auto step = [](int64_t megabytes) {
    std::vector<Tensor> kept;
    for (int64_t part : {3, 1, 5, 2}) {
      kept.push_back(at::empty({part * megabytes, kMegabyte / 4}));
    }
  };
  step(8);
  const int64_t reserved = arena_statistics().reserved_bytes;
  for (int64_t megabytes : {7, 3, 8, 5, 1, 6, 8}) step(megabytes);
  EXPECT_EQ(arena_statistics().reserved_bytes, reserved);
}

TEST_F(ArenaTest, NeighboursJoinIntoOnePiece) {
  std::vector<Tensor> parts;
  for (int i = 0; i < 16; ++i) parts.push_back(at::empty({4 * kMegabyte / 4}));
  const int64_t reserved = arena_statistics().reserved_bytes;
  for (size_t i = 0; i < 16; i += 2) parts[i] = Tensor();
  for (size_t i = 1; i < 16; i += 2) parts[i] = Tensor();
  const Tensor whole = at::empty({64 * kMegabyte / 4});
  EXPECT_EQ(arena_statistics().reserved_bytes, reserved);
}

TEST_F(ArenaTest, ReleaseGivesUnusedRegionsBack) {
  { const Tensor big = at::empty({200 * kMegabyte / 4}); }
  EXPECT_GE(release_arena_cache(), 200 * kMegabyte);
}

TEST_F(ArenaTest, ThreadsDoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, &good] {
      for (int i = 0; i < 200; ++i) {
        Tensor x = at::empty({100000 + 1000 * t}, at::kInt);
        int32_t* p = x.data_ptr<int32_t>();
        for (int64_t k = 0; k < x.numel(); k += 1000) p[k] = t * 1000 + i;
        bool same = true;
        for (int64_t k = 0; k < x.numel(); k += 1000) same = same && p[k] == t * 1000 + i;
        good[static_cast<size_t>(t)] += same;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 200));
  EXPECT_EQ(arena_statistics().in_use_bytes, start.in_use_bytes);
}

TEST(Threads, OneNumberForEveryPool) {
  const int before = compute_threads();
  EXPECT_EQ(set_compute_threads(2), 2);
  EXPECT_EQ(at::get_num_threads(), 2);
  EXPECT_EQ(set_compute_threads(0), available_cores());
  EXPECT_GE(available_cores(), 1);
  set_compute_threads(before);
}

TEST(Parallel, LanesCoverEverythingOnceOnSeveralThreads) {
  const int before = compute_threads();
  set_compute_threads(2);
  EXPECT_EQ(lanes_for(100, 1), 2);
  EXPECT_EQ(lanes_for(100, 60), 1);
  EXPECT_EQ(lanes_for(0, 1), 1);
  std::vector<int> touched(101, 0);
  std::vector<std::thread::id> who(2);
  run_lanes(2, 101, [&](int64_t lane, int64_t begin, int64_t end) {
    who[static_cast<size_t>(lane)] = std::this_thread::get_id();
    for (int64_t i = begin; i < end; ++i) ++touched[static_cast<size_t>(i)];
  });
  EXPECT_EQ(touched, std::vector<int>(101, 1));
  EXPECT_NE(who[0], who[1]) << "the lanes ran on one thread: is OpenMP off?";
  set_compute_threads(before);
}

// Every lane writes its slot in each round and, after the barrier, must see all the others'.
TEST(Team, LanesMeetAfterEveryStep) {
  constexpr int64_t kRounds = 500;
  for (const int64_t lanes : {1, 2, 5}) {
    std::vector<int64_t> slots(static_cast<size_t>(lanes), -1);
    std::atomic<int64_t> wrong{0}, present{0}, covered{0};
    run_team(lanes, [&](Team& team) {
      ++present;
      const auto [begin, end] = team.share(103);
      covered += end - begin;
      for (int64_t round = 0; round < kRounds; ++round) {
        slots[static_cast<size_t>(team.lane())] = round;
        team.wait();
        for (int64_t lane = 0; lane < team.lanes(); ++lane) {
          wrong += slots[static_cast<size_t>(lane)] != round ? 1 : 0;
        }
        team.wait();
      }
    });
    EXPECT_EQ(wrong, 0) << lanes;
    EXPECT_EQ(present, lanes);
    EXPECT_EQ(covered, 103);
  }
}

TEST(Team, PiecesAreSharedWithoutGapOrRepetition) {
  constexpr int64_t kCount = 103;
  for (const int64_t lanes : {1, 2, 5}) {
    std::vector<std::atomic<int64_t>> times(kCount);
    std::atomic<int64_t> too_long{0};
    run_team(lanes, [&](Team& team) {
      for (const int64_t piece : {1, 4, 200}) {
        team.share_pieces(kCount, piece, [&](int64_t begin, int64_t end) {
          too_long += end - begin > piece ? 1 : 0;
          for (int64_t i = begin; i < end; ++i) ++times[static_cast<size_t>(i)];
        });
        team.wait();
      }
    });
    EXPECT_EQ(too_long, 0) << lanes;
    for (const auto& count : times) EXPECT_EQ(count, 3) << lanes;
  }
}

// A lane that never comes to its own part leaves it to the other one.
TEST(Team, ALateLaneLeavesItsPartToTheOthers) {
  std::atomic<int64_t> done{0}, others{0};
  run_team(2, [&](Team& team) {
    if (team.lanes() != 2) return;
    if (team.lane() == 1) {
      while (done < 100) std::this_thread::yield();
    }
    team.share_pieces(100, 10, [&](int64_t begin, int64_t end) {
      (team.lane() == 0 ? done : others) += end - begin;
    });
  });
  EXPECT_EQ(others, 0);
  EXPECT_TRUE(done == 100 || done == 0);
}

TEST(Team, IsOneThreadInsideAnotherParallelRegion) {
  const int before = compute_threads();
  set_compute_threads(2);
  std::atomic<int64_t> lanes{0};
  run_lanes(2, 2, [&](int64_t, int64_t, int64_t) {
    run_team(2, [&](Team& team) {
      team.wait();
      lanes += team.lanes();
    });
  });
  EXPECT_EQ(lanes, 2);
  set_compute_threads(before);
}

TEST(Precision, AskingForFp32MeansFp32WithoutAProbe) {
  const PrecisionPlan plan = choose_precision(PrecisionRequest::kFp32, {});
  EXPECT_EQ(plan.compute, at::kFloat);
  EXPECT_EQ(plan.fp32_gflops, 0);
}

TEST(Precision, Bf16NeedsHardware) {
  const PrecisionPlan plan = choose_precision(PrecisionRequest::kBf16, {});
  const bool units = cpu_features().avx512_bf16 || cpu_features().amx_bf16;
  EXPECT_EQ(plan.compute == at::kBFloat16, units);
  if (!units) { EXPECT_NE(plan.summary().find("no bf16 units"), std::string::npos); }
}

// By whatever units the library uses for it (ones of AMX come in tiles of 16 rows and 32 columns,
// which these sizes cut): products of rounded numbers, summed in fp32 and rounded once.
TEST(Precision, ProductsInBf16AreThoseOfRoundedNumbers) {
  for (const auto& [rows, depth, columns] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {37, 100, 53}, {64, 64, 64}, {1, 129, 70}, {130, 33, 17}}) {
    const Tensor a = at::randn({rows, depth}).to(at::kBFloat16);
    const Tensor b = at::randn({columns, depth}).to(at::kBFloat16);
    const Tensor exact = a.to(at::kDouble).matmul(b.to(at::kDouble).t());
    const Tensor found = at::mm(a, b.t());
    ASSERT_EQ(found.scalar_type(), at::kBFloat16);
    EXPECT_LT(testing::relative_difference(found, exact), 1.0 / 256) << rows;
  }
}

TEST(Precision, AStoredPlanIsUsedAgain) {
  PrecisionPlan plan = choose_precision(PrecisionRequest::kAuto, {{64, 64, 64}}, 0.01);
  const auto again = PrecisionPlan::from_json(plan.to_json());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->compute, plan.compute);
  EXPECT_EQ(again->summary(), plan.summary());
  EXPECT_FALSE(PrecisionPlan::from_json({{"compute", "fp8"}}).ok());
}

TEST(Device, NamesAndMistakes) {
  EXPECT_TRUE(parse_device("cpu")->is_cpu());
  EXPECT_TRUE(parse_device("auto").ok());
  for (const char* wrong : {"gpu", "cuda:", "cuda:x", "cuda:99999", ""}) {
    ASSERT_FALSE(parse_device(wrong).ok()) << wrong;
    EXPECT_EQ(parse_device(wrong).error().code(), ErrorCode::kInvalidInput) << wrong;
  }
}

// More than a machine has, and more than one without any.
TEST(Device, ANumberThatIsNotThereIsRefused) {
  ASSERT_FALSE(parse_device("cuda:999").ok());
  EXPECT_EQ(parse_device("cuda:999").error().code(), ErrorCode::kUnsupported);
}

TEST(Device, MemoryIsBelievable) {
  EXPECT_GT(free_memory_bytes(), 16 * kMegabyte);
  EXPECT_GT(total_memory_bytes(), free_memory_bytes() / 2);
}

TEST(PeakProbe, MeasuresSomething) {
  const MachinePeak peak = probe_machine_peak(0.05);
  EXPECT_GT(peak.fp32_gflops, 0.1);
  EXPECT_GT(peak.read_gb_per_s, 0.1);
}

}  // namespace
}  // namespace attune::engine
