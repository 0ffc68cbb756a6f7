// Random numbers that can be saved and restored bit for bit: the state of every stream is part of a
// checkpoint (exact resume, design §4). xoshiro256** by Blackman and Vigna (public domain), seeded
// by splitmix64. The same seed gives the same numbers on every machine. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace attune {

class Random {
 public:
  using State = std::array<uint64_t, 4>;

  explicit Random(uint64_t seed);
  // An independent stream of the same seed, for example one per sequence or rank.
  Random(uint64_t seed, uint64_t stream);
  explicit Random(const State& state) : state_(state) {}

  uint64_t next();                 // uniform over 64 bits
  double uniform();                // uniform in [0, 1), 53 bits
  double normal();                 // mean 0, standard deviation 1 (Box-Muller, one value a call)
  uint64_t below(uint64_t bound);  // uniform in [0, bound), bound > 0, without modulo bias

  // A random order of 0..n-1 (Fisher-Yates).
  std::vector<int64_t> permutation(int64_t n);

  const State& state() const { return state_; }

 private:
  State state_;
};

}  // namespace attune
