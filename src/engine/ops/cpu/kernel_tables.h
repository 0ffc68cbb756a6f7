// The tables of kernels that are built for this kind of processor: the same sources, compiled once
// for each instruction set (CMakeLists.txt).
#pragma once

#include "engine/ops/cpu/kernels.h"

namespace attune::engine::ops::cpu {

#if defined(__x86_64__)
namespace avx2 {
extern const KernelTable table;
}
namespace avx512 {
extern const KernelTable table;
}
namespace avx512_vnni {
extern const KernelTable table;
}
namespace wide {  // 16 lanes without AVX-512: the text of those kernels, for tests
extern const KernelTable table;
}
#endif
namespace generic {  // the compiler's vector types; on x86-64 for tests
extern const KernelTable table;
}

}  // namespace attune::engine::ops::cpu
