// What `attune doctor` asks the engine: this machine as LibTorch sees it.
#pragma once

#include "base/json.h"

namespace attune::engine {

// {"cpu", "cores", "threads", "memory_bytes", "free_bytes", "torch", "cuda", "fp32_gflops",
// "read_gb_per_s", "precision"}; measures for about a second.
Json examine_machine();

}  // namespace attune::engine
