#include "engine/tensor/device.h"

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/file.h"
#include "engine/tensor/arena.h"

namespace attune::engine {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

// A value of /proc/meminfo in bytes, or unlimited when it is not there.
int64_t meminfo_bytes(const std::string& key) {
  auto text = read_file("/proc/meminfo");
  if (!text.ok()) return kUnlimited;
  const size_t at = text->find(key + ":");
  if (at == std::string::npos) return kUnlimited;
  return std::strtoll(text->c_str() + at + key.size() + 1, nullptr, 10) * 1024;
}

// A file of control group v2 with one number; "max" and absent mean unlimited.
int64_t group_bytes(const char* file) {
  auto text = read_file(std::string("/sys/fs/cgroup/") + file);
  if (!text.ok() || text->empty() || (*text)[0] < '0' || (*text)[0] > '9') return kUnlimited;
  return std::strtoll(text->c_str(), nullptr, 10);
}

// The same inputs give the same bits on a GPU too, so that a resumed run is the whole one; and no
// attention by cuDNN, which plans a kernel for each new length and takes longer for that than for
// the attention.
void prepare_cuda() {
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // what cuBLAS asks for
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicFillUninitializedMemory(false);
  context.setSDPUseCuDNN(false);
}

}  // namespace

Result<at::Device> parse_device(const std::string& name) {
  const bool has_cuda = at::globalContext().hasCUDA();
  if (name == "cpu" || (name == "auto" && !has_cuda)) return at::Device(at::kCPU);
  if (name == "auto") return parse_device("cuda:0");
  const std::string digits = name.size() > 5 ? name.substr(5) : "";
  const bool is_cuda = name == "cuda" || (name.rfind("cuda:", 0) == 0 && !digits.empty() &&
                                          digits.find_first_not_of("0123456789") ==
                                              std::string::npos && digits.size() < 4);
  if (!is_cuda) return invalid_input("device '{}': use auto, cpu, cuda or cuda:<number>", name);
  if (!has_cuda) {
    return unsupported("device '{}': this build of LibTorch sees no CUDA device; use cpu", name);
  }
  const int64_t number = digits.empty() ? 0 : std::strtoll(digits.c_str(), nullptr, 10);
  const int64_t count = at::globalContext().getAcceleratorHooksInterface(at::kCUDA).deviceCount();
  if (number >= count) {
    return unsupported("device '{}': LibTorch sees {} CUDA device{}, numbered from 0", name, count,
                       count == 1 ? "" : "s");
  }
  prepare_cuda();
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(number));
}

void allow_tf32(bool allowed) { at::globalContext().setAllowTF32CuBLAS(allowed); }

int64_t total_memory_bytes() {
  return std::min(meminfo_bytes("MemTotal"), group_bytes("memory.max"));
}

int64_t free_memory_bytes(at::Device device) {
  if (!device.is_cpu()) {
    return static_cast<int64_t>(
        at::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first);
  }
  const ArenaStatistics arena = arena_statistics();
  int64_t free = meminfo_bytes("MemAvailable");
  const int64_t limit = group_bytes("memory.max");
  if (limit != kUnlimited) free = std::min(free, limit - group_bytes("memory.current"));
  if (free == kUnlimited) return free;
  return std::max<int64_t>(free, 0) + arena.reserved_bytes - arena.in_use_bytes;
}

}  // namespace attune::engine
