// What must hold for any text and any ids: round trips, offsets, streams.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/any_text.h"
#include "tests/support/test_paths.h"
#include "text/normalizer.h"
#include "text/tokenizer.h"

namespace attune::text {
namespace {

using attune::testing::any_bytes;
using attune::testing::any_text;
using attune::testing::source_path;

Tokenizer golden_tokenizer(const std::string& name) {
  return Tokenizer::from_json_file(
             source_path("tests/golden/text/" + name + ".tokenizer.json"))
      .value();
}

EncodeOptions plain() {
  EncodeOptions options;
  options.parse_special_tokens = false;
  options.add_special_tokens = false;
  return options;
}

TEST(TokenizerProperty, ByteLevelTextsComeBack) {
  std::vector<Tokenizer> tokenizers;
  for (const char* name : {"gpt2", "smollm", "llama3", "falcon", "o200k"}) {
    tokenizers.push_back(golden_tokenizer(name));
  }
  bool held = rc::check("decode(encode(text)) == text", [&] {
    std::string text = *any_text();
    for (const Tokenizer& tokenizer : tokenizers) {
      RC_ASSERT(tokenizer.decode(tokenizer.encode(text, plain()), false) == text);
    }
  });
  EXPECT_TRUE(held);
}

TEST(TokenizerProperty, ByteLevelOffsetsCoverTheTextWithoutGaps) {
  Tokenizer tokenizer = golden_tokenizer("smollm");
  bool held = rc::check("offsets tile the bytes, also of ill-formed text", [&] {
    std::string text = *rc::gen::oneOf(any_text(), any_bytes());
    Encoding encoding = tokenizer.encode_with_offsets(text);
    RC_ASSERT(encoding.ids == tokenizer.encode(text));
    uint32_t covered = 0;
    for (auto [begin, end] : encoding.offsets) {
      RC_ASSERT(begin <= covered);  // tokens within one U+FFFD share its bytes
      RC_ASSERT(end >= covered);
      covered = end;
    }
    RC_ASSERT(covered == text.size());
  });
  EXPECT_TRUE(held);
}

TEST(TokenizerProperty, StreamsGiveWholeCharactersAndTheSameText) {
  std::vector<Tokenizer> tokenizers;
  for (const char* name : {"gpt2", "metaspace_unigram", "words"}) {
    tokenizers.push_back(golden_tokenizer(name));
  }
  bool held = rc::check("pieces joined == decode(ids)", [&] {
    for (const Tokenizer& tokenizer : tokenizers) {
      auto id_end = static_cast<int32_t>(tokenizer.vocabulary_size());
      auto id = rc::gen::inRange<int32_t>(-2, id_end + 2);
      auto ids = *rc::gen::container<std::vector<int32_t>>(id);
      bool skip = *rc::gen::arbitrary<bool>();
      StreamDecoder stream(tokenizer, skip);
      std::string joined;
      for (int32_t next : ids) {
        std::string piece = stream.push(next);
        RC_ASSERT(valid_utf8_prefix(piece) == piece.size());
        joined += piece;
      }
      joined += stream.finish();
      RC_ASSERT(joined == tokenizer.decode(ids, skip));
    }
  });
  EXPECT_TRUE(held);
}

// Cut anywhere between characters: what stands before and what the rest adds are the whole.
TEST(TokenizerProperty, AStreamBehindOtherTokensIsWhatItAddsToTheirText) {
  for (const char* name : {"gpt2", "metaspace_unigram", "byte_fallback", "words"}) {
    const Tokenizer tokenizer = golden_tokenizer(name);
    for (const char* text : {"say: yes and no", "two  blanks, one more ", "a n\u00e9 b \u2603 c"}) {
      const std::vector<int32_t> ids = tokenizer.encode(text, plain());
      const std::string whole = tokenizer.decode(ids, false);
      size_t cuts = 0;
      for (size_t cut = 1; cut < ids.size(); ++cut) {
        const std::string before = tokenizer.decode(std::span(ids).first(cut), false);
        if (!whole.starts_with(before)) continue;  // within a character
        StreamDecoder stream(tokenizer, false, /*continues=*/true);
        std::string added;
        for (int32_t id : std::span(ids).subspan(cut)) added += stream.push(id);
        EXPECT_EQ(before + added + stream.finish(), whole) << name << ", " << cut << " tokens";
        ++cuts;
      }
      EXPECT_GT(cuts, 1U) << name << ": " << text;
    }
  }
}

TEST(TokenizerProperty, TextsComeBackInTheirNormalForm) {
  Tokenizer tokenizer = golden_tokenizer("qwen2");
  Json nfc = {{"type", "NFC"}};
  Normalizers form = parse_normalizer(&nfc).value();
  bool held = rc::check("decode(encode(text)) == NFC(text)", [&] {
    std::string text = *any_text();
    RC_ASSERT(tokenizer.decode(tokenizer.encode(text, plain()), false) == normalize(form, text));
  });
  EXPECT_TRUE(held);
}

TEST(TokenizerProperty, ByteFallbackTextsComeBack) {
  Tokenizer tokenizer = golden_tokenizer("byte_fallback");
  bool held = rc::check("decode(encode(text)) == text", [&] {
    std::string text = *any_text();
    RC_PRE(text.find("\u2581") == std::string::npos);  // stands for a space
    auto ids = tokenizer.encode(text, plain());
    RC_ASSERT(tokenizer.decode(ids, false) == text);
    StreamDecoder stream(tokenizer, false);
    std::string joined;
    for (int32_t id : ids) joined += stream.push(id);
    RC_ASSERT(joined + stream.finish() == text);
  });
  EXPECT_TRUE(held);
}

TEST(TokenizerProperty, StreamsOfByteTokensGiveWholeCharacters) {
  Tokenizer tokenizer = golden_tokenizer("byte_fallback");
  auto first = tokenizer.token_to_id("<0x00>").value();
  bool held = rc::check("each piece is UTF-8, and nothing is lost", [&] {
    auto bytes = *any_bytes();
    StreamDecoder stream(tokenizer, false);
    size_t size = 0;
    for (char byte : bytes) {
      std::string piece = stream.push(first + static_cast<uint8_t>(byte));
      RC_ASSERT(valid_utf8_prefix(piece) == piece.size());
      size += piece.size();
    }
    std::string rest = stream.finish();
    RC_ASSERT(valid_utf8_prefix(rest) == rest.size());
    RC_ASSERT(size + rest.size() + 1 >= bytes.size());  // a space at the start is the prefix's
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace attune::text
