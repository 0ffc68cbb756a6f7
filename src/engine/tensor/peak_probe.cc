#include "engine/tensor/peak_probe.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "engine/tensor/parallel.h"
#include "engine/tensor/tensor.h"

namespace attune::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Runs `body` for about `seconds` and returns the shortest run.
template <typename Body>
double shortest(double seconds, const Body& body) {
  body();
  double best = 1e9;
  const Clock::time_point begin = Clock::now();
  do {
    const Clock::time_point start = Clock::now();
    body();
    best = std::min(best, seconds_since(start));
  } while (seconds_since(begin) < seconds);
  return best;
}

// Eight independent sums, so that loads and not additions are the limit.
uint64_t sum_words(const uint64_t* words, int64_t count) {
  uint64_t sums[8] = {};
  for (int64_t i = 0; i + 8 <= count; i += 8) {
    for (int j = 0; j < 8; ++j) sums[j] ^= words[i + j];
  }
  uint64_t total = 0;
  for (uint64_t sum : sums) total ^= sum;
  return total;
}

}  // namespace

double probe_read_gb_per_s(int64_t bytes, double seconds) {
  const int64_t count = bytes / 8;
  const Tensor memory = at::ones({count}, at::kLong);
  const auto* words = reinterpret_cast<const uint64_t*>(memory.data_ptr<int64_t>());
  std::atomic<uint64_t> sink{0};
  const double best = shortest(seconds, [&] {
    const auto sum_part = [&](int64_t, int64_t begin, int64_t end) {
      sink ^= sum_words(words + begin, end - begin);
    };
    run_lanes(lanes_for(count, 1), count, sum_part);
  });
  return static_cast<double>(count * 8) / best * 1e-9;
}

MachinePeak probe_machine_peak(double seconds) {
  const at::NoGradGuard no_grad;
  MachinePeak peak;
  constexpr int64_t kSide = 1024;
  const Tensor a = at::ones({kSide, kSide}), b = at::ones({kSide, kSide});
  Tensor c = at::ones({kSide, kSide});
  const double product = shortest(seconds / 2, [&] { at::mm_out(c, a, b); });
  peak.fp32_gflops = 2.0 * static_cast<double>(kSide * kSide * kSide) / product * 1e-9;

  peak.read_gb_per_s = probe_read_gb_per_s(int64_t{256} << 20, seconds / 2);
  return peak;
}

}  // namespace attune::engine
