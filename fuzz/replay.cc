// The main of a fuzz target where libFuzzer is not at hand: feeds it every file of the corpus
// folder and a fixed number of mutations of each. The mutations are the same in every run, so a
// failure repeats; run it under the sanitizers (preset `asan`) to make it see most.
//
//   NAME_fuzz CORPUS_FOLDER      exit code 0, or the crash itself; 1 without a seed
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<uint8_t>;

constexpr size_t kMutationsOfASeed = 400;
constexpr size_t kBytesOfAllInputs = 64'000'000;  // bounds the time with large seeds

Bytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

size_t below(std::mt19937_64& random, size_t end) { return end == 0 ? 0 : random() % end; }

// One to four of: flip a bit, set an extreme byte, cut the end, drop a piece, double a piece.
Bytes mutate(Bytes input, std::mt19937_64& random) {
  constexpr uint8_t kExtremes[] = {0x00, 0xff, 0x7f, 0x80, '"', '{', '[', '\\'};
  for (size_t left = 1 + below(random, 4); left > 0 && !input.empty(); --left) {
    size_t at = below(random, input.size());
    auto begin = input.begin() + static_cast<ptrdiff_t>(at);
    auto end = begin + static_cast<ptrdiff_t>(below(random, std::min<size_t>(
                           input.size() - at, 64)) + 1);
    switch (below(random, 5)) {
      case 0: input[at] ^= static_cast<uint8_t>(1u << below(random, 8)); break;
      case 1: input[at] = kExtremes[below(random, std::size(kExtremes))]; break;
      case 2: input.resize(at); break;
      case 3: input.erase(begin, end); break;
      default: {
        Bytes piece(begin, end);
        input.insert(begin, piece.begin(), piece.end());
      }
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !fs::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER (which must exist)\n", argv[0]);
    return 2;
  }
  std::vector<fs::path> seeds;
  for (const fs::directory_entry& entry : fs::directory_iterator(argv[1])) {
    if (entry.is_regular_file()) seeds.push_back(entry.path());
  }
  std::sort(seeds.begin(), seeds.end());
  size_t inputs = 0;
  for (const fs::path& path : seeds) {
    Bytes seed = read(path);
    std::mt19937_64 random(seed.size());
    LLVMFuzzerTestOneInput(seed.data(), seed.size());
    ++inputs;
    size_t rounds = std::min(kMutationsOfASeed,
                             kBytesOfAllInputs / (seeds.size() * std::max<size_t>(seed.size(), 1)));
    for (size_t round = 0; round < rounds; ++round, ++inputs) {
      Bytes mutated = mutate(seed, random);
      LLVMFuzzerTestOneInput(mutated.data(), mutated.size());
    }
  }
  std::printf("%zu seeds, %zu inputs\n", seeds.size(), inputs);
  return seeds.empty() ? 1 : 0;
}
