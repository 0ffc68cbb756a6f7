#include "engine/doctor.h"

#include <ATen/Context.h>
#include <torch/version.h>

#include "engine/tensor/cpu_features.h"
#include "engine/tensor/device.h"
#include "engine/tensor/peak_probe.h"
#include "engine/tensor/precision.h"
#include "engine/tensor/threads.h"

namespace attune::engine {

Json examine_machine() {
  int threads = set_compute_threads(0);
  MachinePeak peak = probe_machine_peak();
  PrecisionPlan precision = choose_precision(PrecisionRequest::kAuto, {{512, 1024, 1024}});
  return {{"cpu", cpu_features().name},
          {"cores", available_cores()},
          {"threads", threads},
          {"memory_bytes", total_memory_bytes()},
          {"free_bytes", free_memory_bytes()},
          {"torch", TORCH_VERSION},
          {"cuda", at::globalContext().hasCUDA()},
          {"fp32_gflops", peak.fp32_gflops},
          {"read_gb_per_s", peak.read_gb_per_s},
          {"precision", precision.summary()}};
}

}  // namespace attune::engine
