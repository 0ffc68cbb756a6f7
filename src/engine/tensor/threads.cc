#include "engine/tensor/threads.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include "base/file.h"

namespace attune::engine {
namespace {

// Quota / period of control group v2 ("max 100000" means none); 0 when there is none.
double quota_cores() {
  auto text = read_file("/sys/fs/cgroup/cpu.max");
  if (!text.ok()) return 0;
  double quota = 0, period = 0;
  if (std::sscanf(text->c_str(), "%lf %lf", &quota, &period) != 2 || period <= 0) return 0;
  return quota / period;
}

}  // namespace

int available_cores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) cores = CPU_COUNT(&mask);
  const double quota = quota_cores();
  if (quota > 0) cores = std::min(cores, static_cast<int>(std::ceil(quota)));
  return std::max(cores, 1);
}

int set_compute_threads(int threads) {
  static std::once_flag interop;
  std::call_once(interop, [] {
    // LibTorch accepts this only before its first inter-operator task; then the default is in use.
    try {
      at::set_num_interop_threads(1);
    } catch (const std::exception&) {
    }
  });
  const int chosen = threads > 0 ? threads : available_cores();
  at::set_num_threads(chosen);
  return chosen;
}

int compute_threads() { return at::get_num_threads(); }

}  // namespace attune::engine
