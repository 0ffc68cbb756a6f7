// For tests of kernels: arrays that notice what is read or written beside them. Knows nothing of
// LibTorch, so that these tests also run where it is not (other processors, under an emulator).
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace attune::engine::ops::cpu {

// `size` elements that end where the mapped memory ends: an access beyond them stops the program.
// Their alignment is whatever that gives. Bytes before them are checked when the array goes.
template <typename T>
class Guarded {
 public:
  explicit Guarded(int64_t size) : size_(size) {
    const int64_t page = ::sysconf(_SC_PAGESIZE), bytes = size * static_cast<int64_t>(sizeof(T));
    const int64_t used = (bytes + kMargin + page - 1) / page * page;
    mapped_ = static_cast<size_t>(used + page);
    base_ = static_cast<uint8_t*>(::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(static_cast<void*>(base_), MAP_FAILED);
    EXPECT_EQ(::mprotect(base_ + used, static_cast<size_t>(page), PROT_NONE), 0);
    margin_ = static_cast<size_t>(used - bytes);
    std::memset(base_, kMark, margin_);
    data_ = reinterpret_cast<T*>(base_ + margin_);
  }
  explicit Guarded(const std::vector<T>& values) : Guarded(static_cast<int64_t>(values.size())) {
    std::copy(values.begin(), values.end(), data_);
  }
  ~Guarded() {
    EXPECT_TRUE(std::all_of(base_, base_ + margin_, [](uint8_t b) { return b == kMark; }))
        << "something was written before an array";
    ::munmap(base_, mapped_);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  int64_t size() const { return size_; }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }
  void fill(T value) { std::fill(data_, data_ + size_, value); }

 private:
  static constexpr uint8_t kMark = 0xa5;
  static constexpr int64_t kMargin = 64;
  int64_t size_;
  uint8_t* base_ = nullptr;
  size_t mapped_ = 0, margin_ = 0;
  T* data_ = nullptr;
};

using Floats = Guarded<float>;
using Exact = std::vector<double>;

// Normally distributed; the same in every run.
inline std::vector<float> some_numbers(int64_t count, unsigned seed, float size = 1) {
  std::mt19937 random(seed);
  std::vector<float> out(static_cast<size_t>(count));
  for (float& x : out) {  // a sum of uniform numbers: the library's own normal ones differ by make
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random()) * 0x1p-32;
    x = static_cast<float>(sum) * size;
  }
  return out;
}

// Largest difference, by the largest magnitude that was expected; NaN counts as infinite.
inline double difference(const Floats& found, const Exact& expected) {
  EXPECT_EQ(found.size(), static_cast<int64_t>(expected.size()));
  double off = 0, size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double here = std::fabs(found[static_cast<int64_t>(i)] - expected[i]);
    off = std::isnan(here) ? HUGE_VAL : std::max(off, here);
    size = std::max(size, std::fabs(expected[i]));
  }
  return size > 0 ? off / size : off;
}

}  // namespace attune::engine::ops::cpu
