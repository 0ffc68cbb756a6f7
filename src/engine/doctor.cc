#include "engine/doctor.h"

#include <ATen/Context.h>
#include <torch/version.h>

#include <algorithm>

#include "engine/ops/matrix_product.h"
#include "engine/tensor/cpu_features.h"
#include "engine/tensor/device.h"
#include "engine/tensor/peak_probe.h"
#include "engine/tensor/precision.h"
#include "engine/tensor/threads.h"

namespace attune::engine {
namespace {

constexpr double kProbeSeconds = 0.25;

}  // namespace

Json examine_machine() {
  int threads = set_compute_threads(0);
  MachinePeak peak = probe_machine_peak();
  // The peak is that of the faster product, ours or the library's.
  const double own_gflops = ops::probe_own_product_gflops(kProbeSeconds);
  PrecisionPlan precision = choose_precision(PrecisionRequest::kAuto, {{512, 1024, 1024}});
  return {{"cpu", cpu_features().name},
          {"cores", available_cores()},
          {"threads", threads},
          {"memory_bytes", total_memory_bytes()},
          {"free_bytes", free_memory_bytes()},
          {"torch", TORCH_VERSION},
          {"cuda", at::globalContext().hasCUDA()},
          {"fp32_gflops", std::max(peak.fp32_gflops, own_gflops)},
          {"fp32_gflops_library", peak.fp32_gflops},
          {"read_gb_per_s", peak.read_gb_per_s},
          {"precision", precision.summary()}};
}

}  // namespace attune::engine
