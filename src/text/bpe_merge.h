// The merge loop of BPE over scratch.symbols, in place.
#pragma once

#include "text/pair_table.h"
#include "text/token_model.h"

namespace attune::text {

// Merges the pair of lowest rank, leftmost first, until no neighbours merge. Short words scan for
// the minimum; long ones keep a heap, so that the cost grows as n log n (a stranger's text may be
// one word of megabytes).
void merge_symbols(const PairTable& pairs, ModelScratch& scratch);

}  // namespace attune::text
