#include "engine/tensor/cpu_features.h"

#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace attune::engine {
namespace {

#if defined(__x86_64__)

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  if (__get_cpuid_max(leaf & 0x80000000u, nullptr) < leaf) return r;
  __cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
  return r;
}

bool bit(unsigned word, int index) { return ((word >> index) & 1u) != 0; }

// XCR0: which register files the operating system saves on a context switch.
unsigned long long saved_state() {
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<unsigned long long>(high) << 32) | low;
}

// Linux saves tiles only for a process that asks for it (once, for all its threads), and may
// refuse; without, the first tile instruction ends the process.
bool tiles_are_granted() {
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return ::syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

CpuFeatures detect() {
  CpuFeatures f;
  const Registers one = cpuid(1, 0);
  const Registers seven = cpuid(7, 0);
  const Registers seven_one = cpuid(7, 1);
  if (!bit(one.c, 27)) return f;  // no OSXSAVE: no wide registers
  const unsigned long long state = saved_state();
  const bool ymm = (state & 0x6) == 0x6;
  const bool zmm = ymm && (state & 0xe0) == 0xe0;
  const bool tiles =
      (state & 0x60000) == 0x60000 && bit(seven.d, 24) && tiles_are_granted();
  f.avx2 = ymm && bit(seven.b, 5) && bit(one.c, 12) && bit(one.c, 29);
  f.avx512 = zmm && f.avx2 && bit(seven.b, 16) && bit(seven.b, 17) && bit(seven.b, 30) &&
             bit(seven.b, 31);
  f.avx512_vnni = f.avx512 && bit(seven.c, 11);
  f.avx512_bf16 = f.avx512 && bit(seven_one.a, 5);
  f.amx_bf16 = tiles && bit(seven.d, 22);
  f.amx_int8 = tiles && bit(seven.d, 25);
  return f;
}

const char* base_name() { return "x86-64"; }

#else

CpuFeatures detect() { return {}; }

#if defined(__aarch64__)
const char* base_name() { return "aarch64"; }
#else
const char* base_name() { return "generic"; }
#endif

#endif

CpuFeatures allowed() {
  CpuFeatures f = detect();
  const char* limit = std::getenv("ATTUNE_CPU");
  const std::string_view wanted = limit == nullptr ? "" : limit;
  if (wanted == "plain") f = {};
  if (wanted == "avx2") {
    const bool avx2 = f.avx2;
    f = {};
    f.avx2 = avx2;
  }
  f.name = base_name();
  if (f.avx2) f.name += " avx2";
  if (f.avx512) f.name += " avx512";
  if (f.avx512_vnni) f.name += " vnni";
  if (f.avx512_bf16) f.name += " bf16";
  if (f.amx_bf16) f.name += " amx";
  return f;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = allowed();
  return features;
}

}  // namespace attune::engine
