#include "engine/tensor/arena.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <unordered_map>
#include <utility>

namespace attune::engine {
namespace {

constexpr size_t kHuge = 2 * 1024 * 1024;
constexpr size_t kRegionBytes = 64 * 1024 * 1024;  // smallest region
constexpr size_t kGranule = 4096;                  // sizes and offsets inside a region
constexpr size_t kSmallAlignment = 64;

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

// A piece of a region, free or handed out. `start` of a region's first piece is the region's.
struct Piece {
  size_t size = 0;
  char* region = nullptr;
  bool free = false;
};

// Best fit with splitting and joining of neighbours. All members are guarded by mutex_.
class Arena {
 public:
  // nullptr when the operating system refuses.
  char* take(size_t bytes) {
    const size_t size = round_up(bytes, kGranule);
    const std::lock_guard lock(mutex_);
    ++statistics_.allocations;
    auto fit = free_.lower_bound({size, nullptr});
    if (fit == free_.end()) {
      if (!grow(size)) return nullptr;
      fit = free_.lower_bound({size, nullptr});
    } else {
      ++statistics_.reused;
    }
    char* start = fit->second;
    free_.erase(fit);
    Piece& piece = pieces_.at(start);
    piece.free = false;
    if (piece.size > size) {
      char* rest = start + size;
      pieces_[rest] = {piece.size - size, piece.region, true};
      free_.insert({piece.size - size, rest});
      piece.size = size;
    }
    statistics_.in_use_bytes += static_cast<int64_t>(size);
    statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.in_use_bytes);
    return start;
  }

  // Whether `start` was ours.
  bool give_back(char* start) {
    const std::lock_guard lock(mutex_);
    auto it = pieces_.find(start);
    if (it == pieces_.end() || it->second.free) return false;
    statistics_.in_use_bytes -= static_cast<int64_t>(it->second.size);
    it->second.free = true;
    auto next = std::next(it);
    if (next != pieces_.end() && joins(*it, *next)) absorb(it, next);
    if (it != pieces_.begin()) {
      auto before = std::prev(it);
      if (joins(*before, *it)) {
        free_.erase({before->second.size, before->first});
        before->second.size += it->second.size;
        pieces_.erase(it);
        it = before;
      }
    }
    free_.insert({it->second.size, it->first});
    return true;
  }

  int64_t release() {
    const std::lock_guard lock(mutex_);
    int64_t released = 0;
    for (auto it = regions_.begin(); it != regions_.end();) {
      const auto piece = pieces_.find(it->first);
      if (!piece->second.free || piece->second.size != it->second) {
        ++it;
        continue;
      }
      free_.erase({it->second, it->first});
      pieces_.erase(piece);
      munmap(it->first, it->second);
      released += static_cast<int64_t>(it->second);
      it = regions_.erase(it);
    }
    statistics_.reserved_bytes -= released;
    statistics_.regions = static_cast<int64_t>(regions_.size());
    return released;
  }

  ArenaStatistics statistics() {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    statistics_.peak_bytes = statistics_.in_use_bytes;
  }

 private:
  using Pieces = std::map<char*, Piece>;

  static bool joins(const Pieces::value_type& a, const Pieces::value_type& b) {
    return a.second.free && b.second.free && a.second.region == b.second.region &&
           a.first + a.second.size == b.first;
  }

  void absorb(Pieces::iterator into, Pieces::iterator from) {
    free_.erase({from->second.size, from->first});
    into->second.size += from->second.size;
    pieces_.erase(from);
  }

  bool grow(size_t size) {
    const size_t bytes = round_up(std::max(size, kRegionBytes), kHuge);
    void* mapped = mmap(nullptr, bytes + kHuge, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return false;
    // Cut to a 2 MiB boundary: only aligned pieces can become huge pages.
    char* raw = static_cast<char*>(mapped);
    const auto address = reinterpret_cast<size_t>(raw);
    const size_t head = round_up(address, kHuge) - address;
    if (head > 0) munmap(raw, head);
    munmap(raw + head + bytes, kHuge - head);
    char* start = raw + head;
    madvise(start, bytes, MADV_HUGEPAGE);
    regions_[start] = bytes;
    pieces_[start] = {bytes, start, true};
    free_.insert({bytes, start});
    statistics_.reserved_bytes += static_cast<int64_t>(bytes);
    statistics_.regions = static_cast<int64_t>(regions_.size());
    return true;
  }

  std::mutex mutex_;
  Pieces pieces_;                            // every piece by its address
  std::set<std::pair<size_t, char*>> free_;  // free pieces by size, then address
  std::unordered_map<char*, size_t> regions_;
  ArenaStatistics statistics_;
};

// Never destroyed: tensors in static storage may outlive main.
Arena& arena() {
  static Arena* const instance = new Arena;
  return *instance;
}

void free_block(void* block) {
  if (block == nullptr) return;
  if (!arena().give_back(static_cast<char*>(block))) std::free(block);
}

class ArenaAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* block = nullptr;
    if (bytes >= static_cast<size_t>(kArenaMinBytes)) {
      block = arena().take(bytes);
    } else if (bytes > 0) {
      block = std::aligned_alloc(kSmallAlignment, round_up(bytes, kSmallAlignment));
    }
    if (block == nullptr && bytes > 0) throw std::bad_alloc();
    return {block, block, &free_block, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }

  void copy_data(void* destination, const void* source, std::size_t bytes) const override {
    std::memcpy(destination, source, bytes);
  }
};

std::atomic<bool> installed{false};

}  // namespace

void install_arena() {
  if (installed.exchange(true)) return;
  static ArenaAllocator* const allocator = new ArenaAllocator;
  c10::SetCPUAllocator(allocator, /*priority=*/100);
}

bool arena_installed() { return installed; }

ArenaStatistics arena_statistics() { return arena().statistics(); }

void reset_arena_peak() { arena().reset_peak(); }

int64_t release_arena_cache() { return arena().release(); }

}  // namespace attune::engine
