#include "engine/tensor/precision.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include <chrono>

#include "engine/tensor/cpu_features.h"

namespace attune::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kWorthwhile = 1.2;  // bf16 must win by this to pay for its rounding

bool has_bf16_units(const CpuFeatures& cpu) { return cpu.avx512_bf16 || cpu.amx_bf16; }

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// GFLOP/s over all shapes, each run once to warm up and then until its share of the time is spent.
double measure(at::ScalarType type, const std::vector<ProductShape>& shapes, double seconds) {
  double flops = 0, spent = 0;
  for (const ProductShape& shape : shapes) {
    const Tensor x = at::ones({shape.rows, shape.in}, type);
    const Tensor w = at::ones({shape.out, shape.in}, type);
    at::mm(x, w.t());
    const Clock::time_point start = Clock::now();
    do {
      at::mm(x, w.t());
      flops += 2.0 * static_cast<double>(shape.rows * shape.in * shape.out);
    } while (seconds_since(start) < seconds / static_cast<double>(shapes.size()));
    spent += seconds_since(start);
  }
  return spent > 0 ? flops / spent * 1e-9 : 0;
}

}  // namespace

std::string PrecisionPlan::summary() const {
  std::string text = compute == at::kBFloat16 ? "bf16" : "fp32";
  text += " on " + cpu + ": " + reason;
  if (fp32_gflops > 0) {
    text += fmt::format(" (products: fp32 {:.0f}, bf16 {:.0f} GFLOP/s)", fp32_gflops, bf16_gflops);
  }
  return text;
}

Json PrecisionPlan::to_json() const {
  return {{"compute", compute == at::kBFloat16 ? "bf16" : "fp32"},
          {"fp32_gflops", fp32_gflops},
          {"bf16_gflops", bf16_gflops},
          {"cpu", cpu},
          {"reason", reason}};
}

Result<PrecisionPlan> PrecisionPlan::from_json(const Json& json) {
  PrecisionPlan plan;
  const std::string compute = TRY(get_string(json, "compute"));
  if (compute != "fp32" && compute != "bf16") {
    return invalid_input("precision plan: compute is '{}'; fp32 and bf16 are known", compute);
  }
  if (compute == "bf16") {
    if (!has_bf16_units(cpu_features())) {
      return unsupported("the stored plan computes in bf16, which {} has no units for; resume on a "
                         "machine with AVX512-BF16 or AMX, or start anew with --dtype float32",
                         cpu_features().name);
    }
    plan.compute = at::kBFloat16;
  }
  plan.fp32_gflops = TRY(get_double_or(json, "fp32_gflops", 0));
  plan.bf16_gflops = TRY(get_double_or(json, "bf16_gflops", 0));
  plan.cpu = TRY(get_string_or(json, "cpu", ""));
  plan.reason = TRY(get_string_or(json, "reason", ""));
  return plan;
}

PrecisionPlan choose_precision(PrecisionRequest request, const std::vector<ProductShape>& shapes,
                               double probe_seconds) {
  const CpuFeatures& cpu = cpu_features();
  PrecisionPlan plan;
  plan.cpu = cpu.name;
  if (request == PrecisionRequest::kFp32) {
    plan.reason = "as asked";
  } else if (!has_bf16_units(cpu)) {
    plan.reason = request == PrecisionRequest::kBf16
                      ? "bf16 was asked for; this processor has no bf16 units, it would be slower"
                      : "no bf16 units";
  } else if (request == PrecisionRequest::kBf16) {
    plan.compute = at::kBFloat16;
    plan.reason = "as asked";
  } else {
    const at::NoGradGuard no_grad;
    std::vector<ProductShape> probed = shapes;
    if (probed.empty()) probed.push_back({512, 1024, 1024});
    plan.fp32_gflops = measure(at::kFloat, probed, probe_seconds / 2);
    plan.bf16_gflops = measure(at::kBFloat16, probed, probe_seconds / 2);
    const bool faster = plan.bf16_gflops > kWorthwhile * plan.fp32_gflops;
    if (faster) plan.compute = at::kBFloat16;
    plan.reason = faster ? "measured faster" : "bf16 is not faster here";
  }
  return plan;
}

}  // namespace attune::engine
