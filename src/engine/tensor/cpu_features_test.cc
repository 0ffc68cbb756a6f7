// What is detected beside what the kernel says of the same processor.
#include "engine/tensor/cpu_features.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace attune::engine {
namespace {

// The first processor's flags of /proc/cpuinfo: Linux leaves out what it does not save.
std::set<std::string> flags_of_linux() {
  std::ifstream file("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; flags.empty() && std::getline(file, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) flags.insert(word);
  }
  return flags;
}

TEST(CpuFeatures, AreThoseThatLinuxLists) {
#if defined(__x86_64__)
  if (std::getenv("ATTUNE_CPU") != nullptr) GTEST_SKIP() << "ATTUNE_CPU hides some";
  const std::set<std::string> flags = flags_of_linux();
  ASSERT_FALSE(flags.empty());
  const auto has = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (!flags.contains(name)) return false;
    }
    return true;
  };
  const CpuFeatures& found = cpu_features();
  const bool wide = has({"avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512dq", "avx512vl"});
  EXPECT_EQ(found.avx2, has({"avx2", "fma", "f16c"}));
  EXPECT_EQ(found.avx512, wide);
  EXPECT_EQ(found.avx512_vnni, wide && has({"avx512_vnni"}));
  EXPECT_EQ(found.avx512_bf16, wide && has({"avx512_bf16"}));
  EXPECT_EQ(found.amx_bf16, has({"amx_tile", "amx_bf16"}));
  EXPECT_EQ(found.amx_int8, has({"amx_tile", "amx_int8"}));
#else
  EXPECT_FALSE(cpu_features().avx2);
#endif
}

TEST(CpuFeatures, TheNameHoldsEachOfThem) {
  const CpuFeatures& found = cpu_features();
  const auto named = [&](const char* word) {
    return (found.name + " ").find(std::string(" ") + word + " ") != std::string::npos;
  };
  EXPECT_EQ(named("avx2"), found.avx2);
  EXPECT_EQ(named("avx512"), found.avx512);
  EXPECT_EQ(named("vnni"), found.avx512_vnni);
  EXPECT_EQ(named("bf16"), found.avx512_bf16);
  EXPECT_EQ(named("amx"), found.amx_bf16);
}

}  // namespace
}  // namespace attune::engine
