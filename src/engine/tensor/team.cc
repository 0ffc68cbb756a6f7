#include "engine/tensor/team.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace attune::engine {
namespace {

constexpr int kSpins = 2'000;  // some tens of microseconds; then somebody else has the core

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void Team::wait() {
  ++round_;
  if (meeting_->arrived.value.fetch_add(1, std::memory_order_acq_rel) == lanes_ - 1) {
    meeting_->arrived.value.store(0, std::memory_order_relaxed);
    for (Counter& taken : meeting_->taken) taken.value.store(0, std::memory_order_relaxed);
    meeting_->round.value.store(round_, std::memory_order_release);
    return;
  }
  for (int spins = 0; meeting_->round.value.load(std::memory_order_acquire) < round_; ++spins) {
    if (spins < kSpins) {
      relax();
    } else {
      sched_yield();
    }
  }
}

void run_team(int64_t lanes, const std::function<void(Team&)>& body) {
  Team::Meeting meeting(std::max<int64_t>(lanes, 1));
  const auto enter = [&](int64_t lane, int64_t present) noexcept {
    Team team(meeting, lane, present);
    body(team);
  };
  if (lanes <= 1 || omp_in_parallel() != 0) return enter(0, 1);
#pragma omp parallel num_threads(static_cast<int>(lanes))
  enter(omp_get_thread_num(), omp_get_num_threads());
}

}  // namespace attune::engine
