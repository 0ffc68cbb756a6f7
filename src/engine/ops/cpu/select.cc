#include <optional>

#include "engine/ops/cpu/kernel_tables.h"
#include "engine/tensor/cpu_features.h"

namespace attune::engine::ops::cpu {

#if defined(__x86_64__)
static const KernelTable* best_kernels() {
  const CpuFeatures& cpu = cpu_features();
  if (cpu.avx512_vnni) return &avx512_vnni::table;
  if (cpu.avx512) return &avx512::table;
  if (cpu.avx2) return &avx2::table;
  return nullptr;
}
#else
// The compiler's vector types become this processor's (NEON on AArch64).
static const KernelTable* best_kernels() { return &generic::table; }
#endif

static std::optional<const KernelTable*> overriding;

const KernelTable* kernels() { return overriding ? *overriding : best_kernels(); }

KernelOverride::KernelOverride(const KernelTable* table) { overriding = table; }
KernelOverride::~KernelOverride() { overriding.reset(); }

}  // namespace attune::engine::ops::cpu
