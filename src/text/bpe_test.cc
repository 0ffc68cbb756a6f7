#include "text/bpe.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "text/bpe_merge.h"

namespace attune::text {
namespace {

// Merges as the definition says: search the lowest rank, leftmost first, and start again.
std::vector<int32_t> merged_plainly(const PairTable& pairs, std::vector<int32_t> ids) {
  while (true) {
    size_t best = ids.size();
    Merge best_merge{PairTable::kNoRank, 0};
    for (size_t at = 0; at + 1 < ids.size(); ++at) {
      Merge merge = pairs.find(ids[at], ids[at + 1]);
      if (merge.rank < best_merge.rank) {
        best = at;
        best_merge = merge;
      }
    }
    if (best == ids.size()) return ids;
    ids[best] = best_merge.id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, MergesLongAndShortWordsAsDefined) {
  bool held = rc::check("merge_symbols equals the plain loop", [] {
    PairTable pairs;
    auto count = *rc::gen::inRange(1, 40);
    for (int32_t i = 0; i < count; ++i) {
      int32_t left = *rc::gen::inRange(0, 4 + i);
      int32_t right = *rc::gen::inRange(0, 4 + i);
      auto rank = static_cast<uint32_t>(*rc::gen::inRange(0, 30));  // equal ranks: leftmost first
      pairs.insert(left, right, {rank, 4 + i});
    }
    auto length = *rc::gen::inRange<size_t>(1, 160);  // both the scan and the heap
    std::vector<int32_t> ids(length);
    for (int32_t& id : ids) id = *rc::gen::inRange(0, 4);
    ModelScratch scratch;
    for (uint32_t at = 0; at < length; ++at) {
      scratch.symbols.push_back({ids[at], at, at + 1, PairTable::kNoRank, 0, 0, 0});
    }
    merge_symbols(pairs, scratch);
    std::vector<int32_t> got;
    uint32_t covered = 0;
    for (const auto& symbol : scratch.symbols) {
      got.push_back(symbol.id);
      RC_ASSERT(symbol.begin == covered);
      covered = symbol.end;
    }
    RC_ASSERT(covered == length);
    RC_ASSERT(got == merged_plainly(pairs, ids));
  });
  EXPECT_TRUE(held);
}

Vocabulary vocabulary_of(const std::vector<std::string>& tokens) {
  Vocabulary vocabulary;
  for (size_t id = 0; id < tokens.size(); ++id) {
    EXPECT_TRUE(vocabulary.add(tokens[id], static_cast<int32_t>(id)));
  }
  return vocabulary;
}

std::vector<int32_t> ids_of(const TokenModel& model, std::string_view piece,
                            ModelScratch& scratch) {
  std::vector<ModelToken> tokens;
  model.encode(piece, scratch, tokens);
  std::vector<int32_t> ids;
  for (const ModelToken& token : tokens) ids.push_back(token.id);
  return ids;
}

TEST(Bpe, FallsBackToBytesAndUnknown) {
  BpeOptions options;
  options.unk_token = "<unk>";
  options.byte_fallback = true;
  options.fuse_unk = true;
  Bpe bpe = Bpe::create(vocabulary_of({"<unk>", "a", "<0xC3>", "<0xA9>"}), {}, options).value();
  ModelScratch scratch;
  EXPECT_EQ(ids_of(bpe, "aéa", scratch), (std::vector<int32_t>{1, 2, 3, 1}));
  EXPECT_EQ(ids_of(bpe, "a你好a", scratch), (std::vector<int32_t>{1, 0, 1}));
  EXPECT_EQ(ids_of(bpe, "a你好a", scratch), (std::vector<int32_t>{1, 0, 1}));  // from the cache
}

TEST(Bpe, DropsUnknownCharactersWithoutUnkToken) {
  Bpe bpe = Bpe::create(vocabulary_of({"a"}), {}, {}).value();
  ModelScratch scratch;
  for (int round = 0; round < 2; ++round) {
    std::vector<ModelToken> tokens;
    bpe.encode("axa", scratch, tokens);
    ASSERT_EQ(tokens.size(), 2U);
    EXPECT_EQ(tokens[1].begin, 2U);
    EXPECT_EQ(tokens[1].end, 3U);
  }
}

TEST(Bpe, MarksSubwordsAndWordEnds) {
  BpeOptions options;
  options.continuing_subword_prefix = "##";
  options.end_of_word_suffix = "$";
  Bpe bpe = Bpe::create(vocabulary_of({"a", "##b", "##b$", "ab$", "a$"}), {{"a", "##b$"}}, options)
                .value();
  ModelScratch scratch;
  EXPECT_EQ(ids_of(bpe, "ab", scratch), (std::vector<int32_t>{3}));
  EXPECT_EQ(ids_of(bpe, "abb", scratch), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(ids_of(bpe, "a", scratch), (std::vector<int32_t>{4}));
}

TEST(Bpe, NamesTheMergeThatDoesNotFit) {
  auto bpe = Bpe::create(vocabulary_of({"a", "b"}), {{"a", "b"}}, {});
  ASSERT_FALSE(bpe.ok());
  EXPECT_NE(bpe.error().message().find("merges[0]"), std::string::npos);
  EXPECT_NE(bpe.error().message().find("\"ab\""), std::string::npos);
}

TEST(Bpe, LongWordsTakeNoQuadraticTime) {
  std::vector<std::string> tokens{"a"};
  std::vector<Bpe::MergeText> merges;
  for (int i = 0; i < 10; ++i) {
    merges.emplace_back(tokens.back(), tokens.back());
    tokens.push_back(tokens.back() + tokens.back());
  }
  Bpe bpe = Bpe::create(vocabulary_of(tokens), merges, {}).value();
  ModelScratch scratch;
  std::string word(1 << 20, 'a');
  EXPECT_EQ(ids_of(bpe, word, scratch), std::vector<int32_t>(1 << 10, 10));
}

}  // namespace
}  // namespace attune::text
