// What this processor's instruction set allows (CPUID and the operating system's register state;
// tiles also have to be granted by Linux, and reading the features asks for that).
// Allowed does not mean fast: tensor/precision.h measures.
#pragma once

#include <string>

namespace attune::engine {

struct CpuFeatures {
  bool avx2 = false;          // with FMA and F16C
  bool avx512 = false;        // F, BW, DQ, VL
  bool avx512_vnni = false;   // int8 dot products
  bool avx512_bf16 = false;   // bf16 dot products
  bool amx_bf16 = false;      // bf16 tiles
  bool amx_int8 = false;
  std::string name;           // "x86-64 avx2 avx512", "aarch64"
};

// Read once; the environment variable ATTUNE_CPU=avx2|plain hides what is above it (tests, bugs).
const CpuFeatures& cpu_features();

}  // namespace attune::engine
