// Putting sequences of different lengths into bins: rows of a step into passes, and, with
// `packing: true`, examples into rows (TRL's strategies, losses.md §5).
//
// Pure functions; ties keep the input's order, so that results are the same everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace attune::engine::train {

// Best fit decreasing (arXiv 2404.10830): item indices by bin, longest items first, each into the
// fullest bin with room. An item longer than `capacity` has a bin of its own. Items of length 0 are
// left out.
std::vector<std::vector<int64_t>> best_fit_decreasing(const std::vector<int64_t>& lengths,
                                                      int64_t capacity);

enum class PackingStrategy { kBestFit, kBestFitSplit, kWrapped };

// "bfd", "bfd_split" (or its older name "bfd-requeue") and "wrapped".
Result<PackingStrategy> parse_packing_strategy(const std::string& name);

// Tokens [begin, begin + length) of item `item`.
struct Piece {
  int64_t item = 0;
  int64_t begin = 0;
  int64_t length = 0;
};

// One packed row: its pieces in order. Under kBestFit and kBestFitSplit each piece is a sequence of
// its own that sees nothing of the others; under kWrapped the row is one sequence.
using PackedRow = std::vector<Piece>;

// kBestFit cuts longer items at `row_length` and discards the rest; kBestFitSplit packs the rest as
// further pieces; kWrapped concatenates everything and cuts every `row_length` tokens.
std::vector<PackedRow> pack_rows(const std::vector<int64_t>& lengths, int64_t row_length,
                                 PackingStrategy strategy);

}  // namespace attune::engine::train
