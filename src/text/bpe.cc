#include "text/bpe.h"

#include <algorithm>

#include "text/bpe_merge.h"
#include "text/byte_level.h"
#include "text/unicode.h"

namespace attune::text {

Status Bpe::find_special_pieces() {
  if (options_.unk_token) {
    unk_id_ = vocabulary_.find(*options_.unk_token);
    if (!unk_id_) {
      return invalid_input("model.unk_token: the vocabulary lacks {:?}; add it or set null",
                           *options_.unk_token);
    }
  }
  for (int byte = 0; byte < 256; ++byte) {
    byte_ids_[static_cast<size_t>(byte)] =
        vocabulary_.find(fmt::format("<0x{:02X}>", byte)).value_or(-1);
  }
  return {};
}

Result<Bpe> Bpe::create(Vocabulary vocabulary, const std::vector<MergeText>& merges,
                        BpeOptions options) {
  Bpe bpe(std::move(vocabulary), std::move(options));
  TRY(bpe.find_special_pieces());
  bpe.pairs_.reserve(merges.size());
  size_t prefix = bpe.options_.continuing_subword_prefix.size();
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto& [left, right] = merges[i];
    if (right.size() < prefix) {
      return invalid_input("model.merges[{}]: {:?} lacks the continuing_subword_prefix", i, right);
    }
    auto left_id = bpe.vocabulary_.find(left);
    auto right_id = bpe.vocabulary_.find(right);
    auto merged_id = bpe.vocabulary_.find(left + right.substr(prefix));
    if (!left_id || !right_id || !merged_id) {
      const std::string missing = !left_id ? left : !right_id ? right : left + right.substr(prefix);
      return invalid_input("model.merges[{}]: the vocabulary lacks {:?}", i, missing);
    }
    bpe.pairs_.insert(*left_id, *right_id, {static_cast<uint32_t>(i), *merged_id});
  }
  return bpe;
}

Result<Bpe> Bpe::create_scored(Vocabulary vocabulary, const std::vector<double>& scores,
                               const std::vector<bool>& excluded, BpeOptions options) {
  Bpe bpe(std::move(vocabulary), std::move(options));
  TRY(bpe.find_special_pieces());
  std::vector<int32_t> order;
  for (int32_t id = 0; id < bpe.vocabulary_.id_end(); ++id) {
    auto index = static_cast<size_t>(id);
    if (bpe.vocabulary_.contains(id) && !excluded[index]) order.push_back(id);
  }
  auto score = [&](int32_t id) { return scores[static_cast<size_t>(id)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return score(a) > score(b); });
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && score(order[i]) != score(order[i - 1])) ++rank;
    std::string_view token = bpe.vocabulary_.token(order[i]);
    for (size_t cut = 1; cut < token.size(); ++cut) {
      if ((static_cast<uint8_t>(token[cut]) & 0xC0) == 0x80) continue;
      auto left = bpe.vocabulary_.find(token.substr(0, cut));
      auto right = bpe.vocabulary_.find(token.substr(cut));
      if (!left || !right) continue;
      if (excluded[static_cast<size_t>(*left)] || excluded[static_cast<size_t>(*right)]) continue;
      bpe.pairs_.insert(*left, *right, {rank, order[i]});
    }
  }
  return bpe;
}

bool Bpe::can_read_bytes() const {
  return !options_.byte_fallback && options_.continuing_subword_prefix.empty() &&
         options_.end_of_word_suffix.empty();
}

void Bpe::read_bytes() {
  reads_bytes_ = true;
  for (int byte = 0; byte < 256; ++byte) {
    byte_ids_[static_cast<size_t>(byte)] =
        vocabulary_.find(byte_level_char(static_cast<uint8_t>(byte))).value_or(-1);
  }
  if (!options_.ignore_merges) return;
  for (int32_t id = 0; id < vocabulary_.id_end(); ++id) {
    if (!vocabulary_.contains(id)) continue;
    if (auto bytes = from_byte_level(vocabulary_.token(id))) raw_words_.add(*bytes, id);
  }
}

void Bpe::first_symbols_of_bytes(std::string_view piece, ModelScratch& scratch) const {
  auto& symbols = scratch.symbols;
  for (uint32_t at = 0; at < piece.size(); ++at) {
    int32_t id = byte_ids_[static_cast<uint8_t>(piece[at])];
    if (id < 0) {
      if (!unk_id_) continue;
      if (options_.fuse_unk && !symbols.empty() && symbols.back().id == *unk_id_ &&
          symbols.back().end == at) {
        symbols.back().end = at + 1;
        continue;
      }
      id = *unk_id_;
    }
    symbols.push_back({id, at, at + 1, PairTable::kNoRank, 0, 0, 0});
  }
}

void Bpe::first_symbols(std::string_view piece, ModelScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto push = [&](int32_t id, uint32_t begin, uint32_t end) {
    symbols.push_back({id, begin, end, PairTable::kNoRank, 0, 0, 0});
  };
  std::optional<Span> unknown;  // not yet pushed
  auto flush = [&] {
    if (unknown) push(*unk_id_, unknown->begin, unknown->end);
    unknown.reset();
  };
  bool plain = options_.continuing_subword_prefix.empty() && options_.end_of_word_suffix.empty();
  std::string decorated;
  for (uint32_t at = 0; at < piece.size();) {
    uint32_t end = at + decode_char(piece, at).length;
    std::string_view character = piece.substr(at, end - at);
    if (!plain) {
      decorated = at > 0 ? options_.continuing_subword_prefix : std::string();
      decorated.append(character);
      if (end == piece.size()) decorated.append(options_.end_of_word_suffix);
      character = decorated;
    }
    if (auto id = vocabulary_.find(character)) {
      flush();
      push(*id, at, end);
    } else if (options_.byte_fallback &&
               std::all_of(character.begin(), character.end(),
                           [&](char c) { return byte_ids_[static_cast<uint8_t>(c)] >= 0; })) {
      for (uint32_t i = 0; i < character.size(); ++i) {
        uint32_t byte = std::min(at + i, end - 1);
        push(byte_ids_[static_cast<uint8_t>(character[i])], byte, byte + 1);
      }
    } else if (unk_id_) {
      if (unknown && options_.fuse_unk) {
        unknown->end = end;
      } else {
        flush();
        unknown = Span{at, end};
      }
    }
    at = end;
  }
  flush();
}

void Bpe::encode_uncached(std::string_view piece, ModelScratch& scratch,
                          std::vector<ModelToken>& out) const {
  if (options_.ignore_merges) {
    auto whole = reads_bytes_ ? raw_words_.find(piece) : vocabulary_.find(piece);
    if (whole) {
      out.push_back({*whole, 0, static_cast<uint32_t>(piece.size())});
      return;
    }
  }
  scratch.symbols.clear();
  if (reads_bytes_) {
    first_symbols_of_bytes(piece, scratch);
  } else {
    first_symbols(piece, scratch);
  }
  merge_symbols(pairs_, scratch);
  for (const auto& symbol : scratch.symbols) out.push_back({symbol.id, symbol.begin, symbol.end});
}

void Bpe::encode(std::string_view piece, ModelScratch& scratch,
                 std::vector<ModelToken>& out) const {
  if (piece.size() > WordCache::kWordBytesMax) return encode_uncached(piece, scratch, out);
  bool hit = false;
  WordCache::Entry& entry = scratch.cache.lookup(piece, hit);
  if (hit) {
    uint32_t begin = 0;
    for (uint32_t i = 0; i < entry.count; ++i) {
      out.push_back({entry.ids[i], begin, entry.ends[i]});
      begin = entry.ends[i];
    }
    return;
  }
  size_t before = out.size();
  encode_uncached(piece, scratch, out);
  size_t count = out.size() - before;
  bool fits = count <= WordCache::kIdsMax;
  uint32_t covered = 0;  // tokens that leave a gap (a dropped character) are not remembered
  for (size_t i = before; i < out.size() && fits; ++i) {
    fits = out[i].begin == covered;
    covered = out[i].end;
  }
  if (!fits) return WordCache::drop(entry);
  entry.count = static_cast<uint8_t>(count);
  for (size_t i = 0; i < count; ++i) {
    entry.ids[i] = out[before + i].id;
    entry.ends[i] = static_cast<uint8_t>(out[before + i].end);
  }
}

Json Bpe::to_json() const {
  Json vocabulary = Json::object();
  for (int32_t id = 0; id < vocabulary_.id_end(); ++id) {
    if (vocabulary_.contains(id)) vocabulary[std::string(vocabulary_.token(id))] = id;
  }
  Json merges = Json::array();
  for (const PairTable::Pair& pair : pairs_.sorted()) {
    merges.push_back(Json::array({std::string(vocabulary_.token(pair.left)),
                                  std::string(vocabulary_.token(pair.right))}));
  }
  auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", options_.unk_token ? Json(*options_.unk_token) : Json()},
          {"continuing_subword_prefix", or_null(options_.continuing_subword_prefix)},
          {"end_of_word_suffix", or_null(options_.end_of_word_suffix)},
          {"fuse_unk", options_.fuse_unk},
          {"byte_fallback", options_.byte_fallback},
          {"ignore_merges", options_.ignore_merges},
          {"vocab", std::move(vocabulary)},
          {"merges", std::move(merges)}};
}

}  // namespace attune::text
