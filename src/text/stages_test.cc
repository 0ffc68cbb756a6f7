// Single normalisers and pre-tokenizers against what `tokenizers` records for them
// (tests/golden/text/make_stages.py): each kind, each option, and every character.
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/mixed_text.h"
#include "tests/support/test_paths.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"

namespace attune::text {
namespace {

using attune::testing::bytes_hash;
using attune::testing::kMixedChunkBytes;
using attune::testing::mixed_text;

constexpr uint32_t kBlock = 4096;
constexpr uint64_t kFirstSeed = 7'000;

const Json& goldens() {
  static const Json json =
      read_json_file(testing::source_path("tests/golden/text/stages.json")).value();
  return json;
}

// Each code point of a block between a letter and two marks.
std::string block(uint32_t first) {
  std::string text;
  for (uint32_t c = std::max(first, 1U); c < first + kBlock; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    text += "x" + to_utf8(c) + "\u0323\u0307";
  }
  return text;
}

std::string pieces_joined(const PreTokenizers& steps, const std::string& text) {
  PieceList list{{text, 0, false}, {{0, static_cast<uint32_t>(text.size())}}};
  for (const auto& step : steps) step->apply(list);
  std::string joined;
  for (Span piece : list.pieces) {
    joined.append(list.text.text().substr(piece.begin, piece.end - piece.begin)).push_back('\0');
  }
  return joined;
}

TEST(Stages, NormalizersRewriteMixedTextAsTheReference) {
  for (const Json& golden : goldens()["normalizers"]) {
    SCOPED_TRACE(golden["section"].dump());
    auto steps = parse_normalizer(&golden["section"]);
    ASSERT_TRUE(steps.ok()) << steps.error().message();
    auto want = golden["mixed"].get<std::string>();
    ASSERT_GE(want.size(), 40U * 8);
    for (size_t i = 0; i < want.size() / 8; ++i) {
      std::string text = mixed_text(kMixedChunkBytes, kFirstSeed + i);
      EXPECT_EQ(bytes_hash(normalize(*steps, text)), want.substr(i * 8, 8)) << "chunk " << i;
    }
  }
}

TEST(Stages, NormalizersKnowEveryCharacterAsTheReference) {
  size_t checked = 0;
  for (const Json& golden : goldens()["normalizers"]) {
    SCOPED_TRACE(golden["section"].dump());
    auto steps = parse_normalizer(&golden["section"]);
    ASSERT_TRUE(steps.ok()) << steps.error().message();
    auto want = golden.value("blocks", "");
    if (want.empty()) continue;  // a pattern, whose classes follow the system's PCRE2
    ASSERT_EQ(want.size(), 51U * 8);
    ++checked;
    for (uint32_t i = 0; i < 51; ++i) {
      uint32_t first = i < 50 ? i * kBlock : 0xE0000;
      EXPECT_EQ(bytes_hash(normalize(*steps, block(first))), want.substr(i * 8, 8))
          << fmt::format("U+{:X}...", first);
    }
  }
  EXPECT_GE(checked, 13U);
}

TEST(Stages, PreTokenizersCutMixedTextAsTheReference) {
  for (const Json& golden : goldens()["pre_tokenizers"]) {
    SCOPED_TRACE(golden["section"].dump());
    auto steps = parse_pre_tokenizer(&golden["section"]);
    ASSERT_TRUE(steps.ok()) << steps.error().message();
    auto want = golden["mixed"].get<std::string>();
    ASSERT_GE(want.size(), 40U * 8);
    size_t different = 0;
    for (size_t i = 0; i < want.size() / 8; ++i) {
      std::string text = mixed_text(kMixedChunkBytes, kFirstSeed + i);
      if (bytes_hash(pieces_joined(*steps, text)) == want.substr(i * 8, 8)) continue;
      if (++different == 1) ADD_FAILURE() << "other pieces for chunk " << i;
    }
    EXPECT_EQ(different, 0U);
  }
}

}  // namespace
}  // namespace attune::text
