#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/cpu_features.h"

namespace attune::engine::ops::cpu {

#if defined(__x86_64__)
namespace avx2 {
extern const KernelTable table;
}
namespace avx512 {
extern const KernelTable table;
}

const KernelTable* kernels() {
  const CpuFeatures& cpu = cpu_features();
  if (cpu.avx512_vnni) return &avx512::table;  // its sources are compiled for VNNI too
  if (cpu.avx2) return &avx2::table;
  return nullptr;
}
#else
namespace generic {
extern const KernelTable table;
}

// The compiler's vector types become this processor's (NEON on AArch64).
const KernelTable* kernels() { return &generic::table; }
#endif

}  // namespace attune::engine::ops::cpu
