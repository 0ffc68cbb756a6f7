// A caching allocator for large CPU tensors. Fresh pages cost more than the arithmetic on them
// (first touch runs at a tenth of the speed of re-use), and a training step asks for the same
// gigabytes again and again: freed memory therefore stays here, in 2 MiB-aligned regions for which
// the kernel is asked for huge pages, and is handed out again best fit first. Thread-safe.
#pragma once

#include <cstdint>

namespace attune::engine {

// Bytes in allocations of at least kArenaMinBytes; smaller ones stay with malloc and do not count.
inline constexpr int64_t kArenaMinBytes = 64 * 1024;

struct ArenaStatistics {
  int64_t in_use_bytes = 0;    // handed out now
  int64_t peak_bytes = 0;      // most ever handed out at once since reset_arena_peak()
  int64_t reserved_bytes = 0;  // taken from the operating system
  int64_t regions = 0;         // mappings that make up reserved_bytes
  int64_t allocations = 0;     // requests served, ever
  int64_t reused = 0;          // of them, without asking the operating system
};

// Makes the arena LibTorch's allocator for CPU tensors; tensors made before stay valid. Idempotent.
void install_arena();
bool arena_installed();

ArenaStatistics arena_statistics();
void reset_arena_peak();

// Gives wholly unused regions back to the operating system; returns the bytes given back.
int64_t release_arena_cache();

}  // namespace attune::engine
