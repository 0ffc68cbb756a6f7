#include "engine/train/packing.h"

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>

namespace attune::engine::train {

std::vector<std::vector<int64_t>> best_fit_decreasing(const std::vector<int64_t>& lengths,
                                                      int64_t capacity) {
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  const auto length_of = [&](int64_t item) { return lengths[static_cast<size_t>(item)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return length_of(a) > length_of(b); });

  std::vector<std::vector<int64_t>> bins;
  std::map<int64_t, std::deque<size_t>> bins_by_room;  // of equal room, the oldest first
  for (int64_t item : order) {
    const int64_t length = length_of(item);
    if (length <= 0) continue;
    const auto found = bins_by_room.lower_bound(length);
    size_t bin = bins.size();
    int64_t room = capacity;
    if (found == bins_by_room.end()) {
      bins.emplace_back();
    } else {
      room = found->first;
      bin = found->second.front();
      found->second.pop_front();
      if (found->second.empty()) bins_by_room.erase(found);
    }
    bins[bin].push_back(item);
    if (room > length) bins_by_room[room - length].push_back(bin);
  }
  return bins;
}

Result<PackingStrategy> parse_packing_strategy(const std::string& name) {
  if (name == "bfd") return PackingStrategy::kBestFit;
  if (name == "bfd_split" || name == "bfd-requeue") return PackingStrategy::kBestFitSplit;
  if (name == "wrapped") return PackingStrategy::kWrapped;
  return invalid_input("packing_strategy: {} is unknown; use bfd, bfd_split or wrapped", name);
}

namespace {

std::vector<PackedRow> wrap(const std::vector<int64_t>& lengths, int64_t row_length) {
  std::vector<PackedRow> rows;
  int64_t room = 0;
  for (size_t item = 0; item < lengths.size(); ++item) {
    for (int64_t begin = 0; begin < lengths[item];) {
      if (room == 0) {
        rows.emplace_back();
        room = row_length;
      }
      const int64_t length = std::min(room, lengths[item] - begin);
      rows.back().push_back({static_cast<int64_t>(item), begin, length});
      begin += length;
      room -= length;
    }
  }
  return rows;
}

}  // namespace

std::vector<PackedRow> pack_rows(const std::vector<int64_t>& lengths, int64_t row_length,
                                 PackingStrategy strategy) {
  if (strategy == PackingStrategy::kWrapped) return wrap(lengths, row_length);
  std::vector<Piece> pieces;
  for (size_t item = 0; item < lengths.size(); ++item) {
    for (int64_t begin = 0; begin < lengths[item]; begin += row_length) {
      pieces.push_back({static_cast<int64_t>(item), begin,
                        std::min(row_length, lengths[item] - begin)});
      if (strategy == PackingStrategy::kBestFit) break;
    }
  }
  std::vector<int64_t> piece_lengths;
  for (const Piece& piece : pieces) piece_lengths.push_back(piece.length);
  std::vector<PackedRow> rows;
  for (const std::vector<int64_t>& bin : best_fit_decreasing(piece_lengths, row_length)) {
    rows.emplace_back();
    for (int64_t piece : bin) rows.back().push_back(pieces[static_cast<size_t>(piece)]);
  }
  return rows;
}

}  // namespace attune::engine::train
