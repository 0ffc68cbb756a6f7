// For tests: every instruction set's kernels that were built, and whether this processor runs them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/ops/cpu/kernel_tables.h"
#include "engine/tensor/cpu_features.h"

namespace attune::engine::ops::cpu {

struct Variant {
  const KernelTable* table;
  bool runs_here;
};

inline std::vector<Variant> kernel_variants() {
#if defined(__x86_64__)
  const CpuFeatures& features = cpu_features();
  return {{&generic::table, true},
          {&wide::table, features.avx2},
          {&avx2::table, features.avx2},
          {&avx512::table, features.avx512},
          {&avx512_vnni::table, features.avx512_vnni}};
#else
  return {{&generic::table, true}};
#endif
}

// Those that have products of 8-bit and 4-bit blocks.
inline std::vector<Variant> block_product_variants() {
  std::vector<Variant> variants = kernel_variants();
  std::erase_if(variants, [](const Variant& one) { return one.table->product_q8_0 == nullptr; });
  return variants;
}

// A test of each: kernels() answers the one under test.
class VariantTest : public ::testing::TestWithParam<Variant> {
 protected:
  VariantTest() : override_(GetParam().runs_here ? GetParam().table : nullptr) {}

  void SetUp() override {
    if (!GetParam().runs_here) {
      GTEST_SKIP() << "this processor (" << cpu_features().name << ") cannot run the "
                   << GetParam().table->name << " kernels: they were compiled, not tested";
    }
    ASSERT_EQ(kernels(), GetParam().table);
  }

 private:
  KernelOverride override_;
};

inline std::string variant_name(const ::testing::TestParamInfo<Variant>& info) {
  return info.param.table->name;
}

}  // namespace attune::engine::ops::cpu
