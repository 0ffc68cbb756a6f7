#include "base/resident.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace attune {

void drop_mapped_pages(const uint8_t* data, size_t bytes) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t begin = (address + page - 1) / page * page;
  const uintptr_t end = (address + bytes) / page * page;
  // Advice: where the kernel does not take it the pages stay, and nothing else changes.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

int64_t resident_bytes() {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"), fclose);
  long long total = 0, resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lld %lld", &total, &resident) != 2) return 0;
  return int64_t{resident} * ::sysconf(_SC_PAGESIZE);
}

}  // namespace attune
