// The type that products are computed in, chosen by measuring: bf16 is twice as fast as fp32 with
// AVX512-BF16 or AMX, and five times slower without. CPUID says what is allowed, a short probe of
// the model's own shapes what is fast.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/tensor/tensor.h"

namespace attune::engine {

// A linear layer's product: [rows, in] x [in, out].
struct ProductShape {
  int64_t rows = 0;
  int64_t in = 0;
  int64_t out = 0;
};

struct PrecisionPlan {
  at::ScalarType compute = at::kFloat;  // kFloat or kBFloat16
  double fp32_gflops = 0;               // measured; 0 when not probed
  double bf16_gflops = 0;
  std::string cpu;     // instruction sets the choice was made on
  std::string reason;  // one clause for the log

  std::string summary() const;  // one log line
  Json to_json() const;         // for the resolved plan of a run
  // A stored plan, used again as it is; bf16 on a machine without bf16 units is kUnsupported.
  static Result<PrecisionPlan> from_json(const Json& json);
};

enum class PrecisionRequest { kAuto, kFp32, kBf16 };

// Chooses for the CPU. kAuto probes `shapes` for at most about `probe_seconds` where bf16 hardware
// is present and takes bf16 when it is at least 1.2 times as fast. kBf16 without hardware gives
// fp32 and a reason that says so (design §3: a TRL recipe with bf16 runs, with one warning).
PrecisionPlan choose_precision(PrecisionRequest request, const std::vector<ProductShape>& shapes,
                               double probe_seconds = 0.2);

}  // namespace attune::engine
