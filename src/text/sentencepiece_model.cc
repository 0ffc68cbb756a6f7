#include "text/sentencepiece_model.h"

#include <algorithm>
#include <cmath>

#include "text/bpe.h"
#include "text/unigram.h"

namespace attune::text {
namespace {

constexpr const char* kSpaceMark = "\xE2\x96\x81";  // U+2581 stands for a space

constexpr int kManySpaces = 1'000'000;

struct Lists {
  Vocabulary vocabulary;
  std::vector<double> scores;
  float worst = 0;                // score of a normal piece
  std::vector<bool> excluded;     // take no part in segmentation
  bool marks_only_first = true;   // no piece holds U+2581 behind its start
};

Result<Lists> lists_of(const SentencePieceModel& source) {
  Lists lists;
  float best = -INFINITY;
  for (const auto& piece : source.pieces) {
    if (piece.type != kGgufTokenNormal) continue;
    lists.worst = std::isfinite(best) ? std::min(lists.worst, piece.score) : piece.score;
    best = std::max(best, piece.score);
  }
  for (size_t id = 0; id < source.pieces.size(); ++id) {
    const auto& piece = source.pieces[id];
    if (!std::isfinite(piece.score)) {
      return invalid_input("the score of piece {} is not finite", id);
    }
    if (!lists.vocabulary.add(piece.text, static_cast<int32_t>(id))) {
      return invalid_input("piece {}: {:?} repeats, or the list is too long", id, piece.text);
    }
    bool user = piece.type == kGgufTokenUserDefined;
    double score = piece.score;
    if (user && source.kind == SentencePieceKind::kUnigram && std::isfinite(best)) {
      // Longer user-defined pieces win over any other segmentation. SentencePiece's arithmetic: the
      // product is a float, the difference and its sum with the path before it are doubles.
      score = static_cast<double>(static_cast<float>(piece.text.size()) * best) - 0.1;
    }
    lists.scores.push_back(score);
    bool taking_part = piece.type == kGgufTokenNormal || user;
    lists.excluded.push_back(!taking_part);
    if (taking_part && piece.text.find(kSpaceMark, 1) != std::string::npos) {
      lists.marks_only_first = false;
    }
  }
  return lists;
}

std::vector<AddedToken> added_tokens_of(const SentencePieceModel& source) {
  std::vector<AddedToken> added;
  for (size_t id = 0; id < source.pieces.size(); ++id) {
    const auto& piece = source.pieces[id];
    bool special = piece.type == kGgufTokenControl || piece.type == kGgufTokenUnknown;
    if (piece.text.empty() || (!special && piece.type != kGgufTokenUserDefined)) continue;
    AddedToken token;
    token.id = static_cast<int32_t>(id);
    token.content = piece.text;
    token.special = special;
    added.push_back(std::move(token));
  }
  return added;
}

// What a tokenizer.json can say of SentencePiece's normalisation.
Json normalizer_section(const SentencePieceModel& source) {
  Json steps = Json::array();
  if (!source.charsmap.empty()) {
    steps.push_back({{"type", "Precompiled"},
                     {"precompiled_charsmap", to_base64(source.charsmap)}});
  }
  auto replace = [](Json pattern, const char* content) -> Json {
    return {{"type", "Replace"}, {"pattern", std::move(pattern)}, {"content", content}};
  };
  if (source.spaces.remove_extra) {
    steps.push_back({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}});
    steps.push_back(replace({{"Regex", " {2,}"}}, " "));
  }
  if (source.spaces.add_prefix) {
    steps.push_back({{"type", "Prepend"}, {"prepend", source.spaces.escape ? kSpaceMark : " "}});
  }
  if (source.spaces.escape) steps.push_back(replace({{"String", " "}}, kSpaceMark));
  if (steps.empty()) return nullptr;
  return {{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

Json decoder_section(const SentencePieceModel& source) {
  Json steps = Json::array({{{"type", "Replace"},
                             {"pattern", {{"String", kSpaceMark}}},
                             {"content", " "}},
                            {{"type", "ByteFallback"}},
                            {{"type", "Fuse"}}});
  // SentencePiece shows no space at the start: the one that it put there or, when it removes what
  // is extra, any.
  if (source.spaces.add_prefix || source.spaces.remove_extra) {
    int count = source.spaces.remove_extra ? kManySpaces : 1;
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", count}, {"stop", 0}});
  }
  return {{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

SpecialIds checked_ids(const SentencePieceModel& source) {
  SpecialIds ids = source.ids;
  for (auto* id : {&ids.bos, &ids.eos, &ids.pad, &ids.unk}) {
    if (*id && (**id < 0 || static_cast<size_t>(**id) >= source.pieces.size())) id->reset();
  }
  return ids;
}

Json template_of(const SentencePieceModel& source, const SpecialIds& ids) {
  using Named = std::optional<std::pair<std::string, int32_t>>;
  auto named = [&](bool wanted, std::optional<int32_t> id) -> Named {
    if (!wanted || !id) return std::nullopt;
    return std::pair(source.pieces[static_cast<size_t>(*id)].text, *id);
  };
  return template_section(named(source.add_bos, ids.bos), named(source.add_eos, ids.eos));
}

Result<std::unique_ptr<TokenModel>> model_of(const SentencePieceModel& source, Lists lists,
                                             const SpecialIds& ids) {
  if (source.kind == SentencePieceKind::kUnigram) {
    UnigramOptions options{ids.unk, source.byte_fallback, true, lists.worst};
    Unigram model = TRY(Unigram::create(std::move(lists.vocabulary), std::move(lists.scores),
                                        lists.excluded, options));
    return std::unique_ptr<TokenModel>(std::make_unique<Unigram>(std::move(model)));
  }
  BpeOptions options;
  options.fuse_unk = true;
  options.byte_fallback = source.byte_fallback;
  if (ids.unk) options.unk_token = source.pieces[static_cast<size_t>(*ids.unk)].text;
  Bpe model = TRY(Bpe::create_scored(std::move(lists.vocabulary), lists.scores, lists.excluded,
                                     std::move(options)));
  return std::unique_ptr<TokenModel>(std::make_unique<Bpe>(std::move(model)));
}

}  // namespace

Result<std::shared_ptr<const TokenizerState>> build_from_sentencepiece(
    const SentencePieceModel& source) {
  Lists lists = TRY(lists_of(source));
  SpecialIds ids = checked_ids(source);
  TokenizerSections sections;
  sections.added_tokens = added_tokens_of(source);
  sections.normalizer = normalizer_section(source);
  // Cuts that no merge crosses. Unigram gets the text whole: its sums in single precision depend on
  // what stands before a word.
  bool bpe = source.kind == SentencePieceKind::kBpe;
  if (bpe && lists.marks_only_first && source.spaces.escape) {
    sections.pre_tokenizer = {{"type", "Split"},
                              {"pattern", {{"String", kSpaceMark}}},
                              {"behavior", "MergedWithNext"},
                              {"invert", false}};
  }
  sections.post_processor = template_of(source, ids);
  sections.decoder = decoder_section(source);
  std::optional<Charsmap> charsmap;
  if (!source.charsmap.empty()) charsmap = TRY(Charsmap::parse(source.charsmap));
  OwnSteps own;
  AddedTokenMatcher symbols;
  if (!source.symbols_in_raw_text) {
    own.symbols = bpe ? SymbolSearch::kInNormalizedText : SymbolSearch::kNowhere;
    for (const AddedToken& token : sections.added_tokens) {
      if (!token.special) symbols.add(token, token.content);
    }
  }
  own.normalizers.emplace();
  own.normalizers->push_back(std::make_unique<SentencePieceStep>(
      std::move(charsmap), source.spaces, std::move(symbols)));
  auto model = TRY(model_of(source, std::move(lists), ids));
  return build_tokenizer(std::move(sections), std::move(model), ids, std::move(own));
}

}  // namespace attune::text
