#include "text/bpe_merge.h"

#include <algorithm>

namespace attune::text {
namespace {

using Symbol = ModelScratch::Symbol;
using Candidate = ModelScratch::Candidate;

constexpr size_t kScanMax = 48;  // symbols; beyond, the heap is faster

void scan_and_merge(const PairTable& pairs, std::vector<Symbol>& symbols) {
  size_t count = symbols.size();
  auto rank_pair = [&](size_t at) {
    symbols[at].rank = PairTable::kNoRank;
    if (at + 1 >= count) return;
    Merge merge = pairs.find(symbols[at].id, symbols[at + 1].id);
    symbols[at].rank = merge.rank;
    symbols[at].merged = merge.id;
  };
  for (size_t at = 0; at < count; ++at) rank_pair(at);
  while (count > 1) {
    size_t best = 0;
    for (size_t at = 1; at + 1 < count; ++at) {
      if (symbols[at].rank < symbols[best].rank) best = at;
    }
    if (symbols[best].rank == PairTable::kNoRank) break;
    symbols[best].id = symbols[best].merged;
    symbols[best].end = symbols[best + 1].end;
    std::move(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              symbols.begin() + static_cast<std::ptrdiff_t>(count),
              symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    --count;
    rank_pair(best);
    if (best > 0) rank_pair(best - 1);
  }
  symbols.resize(count);
}

// std::push_heap keeps the largest in front: the larger candidate is the one that merges earlier.
bool later(const Candidate& a, const Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
}

class HeapMerger {
 public:
  HeapMerger(const PairTable& pairs, ModelScratch& scratch)
      : pairs_(pairs), symbols_(scratch.symbols), heap_(scratch.heap) {}

  void run() {
    heap_.clear();
    auto count = static_cast<int32_t>(symbols_.size());
    for (int32_t at = 0; at < count; ++at) {
      symbol(at).previous = at - 1;
      symbol(at).next = at + 1 < count ? at + 1 : -1;
    }
    for (int32_t at = 0; at + 1 < count; ++at) consider(at);
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      Candidate best = heap_.back();
      heap_.pop_back();
      if (still_true(best)) merge(best);
    }
    std::erase_if(symbols_, [](const Symbol& s) { return s.id < 0; });
  }

 private:
  Symbol& symbol(int32_t at) { return symbols_[static_cast<size_t>(at)]; }

  void consider(int32_t at) {
    if (at < 0 || symbol(at).next < 0) return;
    Merge merge = pairs_.find(symbol(at).id, symbol(symbol(at).next).id);
    symbol(at).rank = merge.rank;
    symbol(at).merged = merge.id;
    if (merge.rank == PairTable::kNoRank) return;
    heap_.push_back({merge.rank, at, merge.id});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  bool still_true(const Candidate& candidate) {
    const Symbol& s = symbol(candidate.at);
    return s.id >= 0 && s.next >= 0 && s.rank == candidate.rank && s.merged == candidate.merged;
  }

  void merge(const Candidate& candidate) {
    Symbol& left = symbol(candidate.at);
    Symbol& right = symbol(left.next);
    left.id = candidate.merged;
    left.end = right.end;
    left.next = right.next;
    right.id = -1;
    left.rank = PairTable::kNoRank;
    if (left.next >= 0) symbol(left.next).previous = candidate.at;
    consider(candidate.at);
    consider(left.previous);
  }

  const PairTable& pairs_;
  std::vector<Symbol>& symbols_;
  std::vector<Candidate>& heap_;
};

}  // namespace

void merge_symbols(const PairTable& pairs, ModelScratch& scratch) {
  if (scratch.symbols.size() < 2) return;
  if (scratch.symbols.size() <= kScanMax) {
    scan_and_merge(pairs, scratch.symbols);
  } else {
    HeapMerger(pairs, scratch).run();
  }
}

}  // namespace attune::text
