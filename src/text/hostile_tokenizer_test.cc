// Tokenizer files and texts that mean harm: small files that ask for much, and texts that are slow
// for naive algorithms. Each is refused by name, or handled in bounded time and memory.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "text/growth.h"
#include "text/tokenizer.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

namespace attune::text {
namespace {

Json small() {
  return Json::parse(R"({"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
    "decoder":{"type":"ByteLevel"},
    "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}})");
}

Json repeated(const char* list_key, const Json& step, int count) {
  Json steps = Json::array();
  for (int i = 0; i < count; ++i) steps.push_back(step);
  return {{"type", "Sequence"}, {list_key, steps}};
}

void expect_refused(const Json& json, const std::string& part) {
  auto tokenizer = Tokenizer::from_json(json);
  ASSERT_FALSE(tokenizer.ok()) << "accepted, want " << part;
  EXPECT_NE(tokenizer.error().message().find(part), std::string::npos)
      << tokenizer.error().message();
}

const Json kDoubling = Json::parse(
    R"({"type":"Replace","pattern":{"String":"a"},"content":"aa"})");

TEST(HostileTokenizer, ChainsThatDoubleTheTextAreRefused) {
  Json json = small();
  json["normalizer"] = repeated("normalizers", kDoubling, 11);
  EXPECT_TRUE(Tokenizer::from_json(json).ok());
  json["normalizer"] = repeated("normalizers", kDoubling, 40);
  expect_refused(json, "normalizer: its steps can make 1.1e+12 bytes of one; 4096 are allowed");
  json["normalizer"] = repeated("normalizers", {{"type", "NFC"}}, 500);
  expect_refused(json, "normalizer: 500 steps; 64 are allowed");

  json = small();
  json["pre_tokenizer"] = repeated("pretokenizers", json["pre_tokenizer"], 40);
  expect_refused(json, "pre_tokenizer: its steps can make");
  json = small();
  json["normalizer"] = repeated("normalizers", kDoubling, 11);
  json["pre_tokenizer"] = repeated("pretokenizers", json["pre_tokenizer"], 2);
  expect_refused(json, "its steps can make 8.19e+03 bytes of one");
  json = small();
  json["decoder"] = repeated("decoders", kDoubling, 40);
  expect_refused(json, "decoder: its steps can make");
}

TEST(HostileTokenizer, LongInsertionsAreRefused) {
  std::string megabyte(1 << 20, 'x');
  Json json = small();
  json["normalizer"] = {{"type", "Prepend"}, {"prepend", megabyte}};
  expect_refused(json, "prepend has 1048576 bytes; 4096 are allowed");
  json["normalizer"] = kDoubling;
  json["normalizer"]["content"] = megabyte;
  expect_refused(json, "content has 1048576 bytes");
  json = small();
  json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", megabyte}};
  expect_refused(json, "replacement has 1048576 bytes");
  json = small();
  json["decoder"] = kDoubling;
  json["decoder"]["content"] = megabyte;
  expect_refused(json, "content has 1048576 bytes");
}

TEST(HostileTokenizer, LongTokensAreRefused) {
  std::string longest(Vocabulary::kTokenBytesMax, 'x');
  Json json = small();
  json["model"]["vocab"][longest] = 3;
  json["added_tokens"] = {{{"id", 3}, {"content", longest}}};
  EXPECT_TRUE(Tokenizer::from_json(json).ok());
  json["model"]["vocab"][longest + "x"] = 4;
  expect_refused(json, "a token of 4097 bytes");
  json = small();
  json["added_tokens"] = {{{"id", 3}, {"content", longest + "x"}}};
  expect_refused(json, "added_tokens[0]: a token of 4097 bytes");
  json["model"] = {{"type", "Unigram"},
                   {"vocab", Json::array({Json::array({longest + "x", -1.0})})}};
  expect_refused(json, "vocab[0]: a token of 4097 bytes");
  GgufVocabulary gguf;
  gguf.model = "llama";
  gguf.tokens = {"a", longest + "x"};
  gguf.scores = {0, 0};
  auto tokenizer = Tokenizer::from_gguf(gguf);
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_NE(tokenizer.error().message().find("tokens[1]: a token of 4097"), std::string::npos)
      << tokenizer.error().message();
}

TEST(HostileTokenizer, TokensOfGgufThatAreNoUtf8AreRefused) {
  GgufVocabulary gguf;
  gguf.model = "gpt2";
  gguf.pre = "llama3";  // reads whole tokens as bytes
  gguf.tokens = {"a", "b", "ab", "a\xE4"};
  gguf.merges = {"a b"};
  auto tokenizer = Tokenizer::from_gguf(gguf);
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.error().message(), "tokenizer.ggml.tokens[3]: no UTF-8");
}

TEST(HostileTokenizer, IdsFarApartAreNoReasonToCrash) {
  Json json = small();
  json["model"]["vocab"]["ab"] = Vocabulary::kIdEnd - 1;
  Tokenizer tokenizer = Tokenizer::from_json(json).value();
  EXPECT_EQ(tokenizer.vocabulary_size(), Vocabulary::kIdEnd);
  EXPECT_EQ(tokenizer.encode("ab"), std::vector<int32_t>{Vocabulary::kIdEnd - 1});
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{Vocabulary::kIdEnd - 1, 5}), "ab");
}

TEST(HostileTokenizer, AbsurdMergesStillEnd) {
  Json json = small();
  json["model"]["vocab"] = {{"", 0}, {"a", 1}, {"aa", 2}, {"aaa", 3}};
  json["model"]["merges"] = Json::array({Json::array({"", "a"}), Json::array({"a", ""}),
                                         Json::array({"", ""}), Json::array({"a", "a"}),
                                         Json::array({"aa", "a"}), Json::array({"a", "aa"})});
  for (int i = 0; i < 2'000; ++i) json["model"]["merges"].push_back(Json::array({"a", "a"}));
  Tokenizer tokenizer = Tokenizer::from_json(json).value();
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("aaaaaaa")), "aaaaaaa");
  json["model"]["vocab"] = {{"a", 0}, {"aa", 0}};
  expect_refused(json, "belongs to");
}

TEST(HostileTokenizer, CutsOfManyCountsAreCheap) {
  Json json = small();
  json["decoder"] = {{"type", "Sequence"},
                     {"decoders", {{{"type", "Fuse"}},
                                   {{"type", "Strip"}, {"content", "a"}, {"start", INT64_MAX},
                                    {"stop", 0}}}}};
  Tokenizer tokenizer = Tokenizer::from_json(json).value();
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>(1 << 20, 0)), "");
}

TEST(HostileTokenizer, PatternsThatBacktrackWithoutEndGiveUp) {
  Json json = small();
  json["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a|aa|b)+$"}}},
                           {"behavior", "Isolated"}};
  Tokenizer tokenizer = Tokenizer::from_json(json).value();
  std::string text(200, 'a');
  EXPECT_EQ(tokenizer.encode(text + "!").size(), 200U);
}

TEST(HostileTokenizer, LongTextsOfOneKindEnd) {
  Json json = small();
  json["added_tokens"] = {{{"id", 3}, {"content", std::string(4000, 'a') + "!"}}};
  Tokenizer tokenizer = Tokenizer::from_json(json).value();
  constexpr size_t kBytes = size_t{1} << 17;
  for (const char* unit : {"a", "ab", " ", "\n", "\xF0\x9F\x98\x80", "\xCC\x81", "\xFF", "'",
                           "1"}) {
    std::string text;
    while (text.size() < kBytes) text += unit;
    Encoding encoding = tokenizer.encode_with_offsets(text);
    for (auto [begin, end] : encoding.offsets) ASSERT_LE(end, text.size()) << unit;
  }
}

// A file of the right shape with wrong parts: an Error or a tokenizer that works.
rc::Gen<Json> odd_value() {
  return rc::gen::elementOf(std::vector<Json>{
      nullptr, true, -1, 3, 1e300, "", "a", "\u2581", "Sequence", "ByteLevel", Json::array(),
      Json::object(), Json::array({"a", "b"}), Json::array({Json::array({"a", -1.5})}), kDoubling,
      {{"type", "Metaspace"}}, {{"type", "NFKC"}},
      {{"type", "Split"}, {"pattern", {{"Regex", "."}}}},
      {{"Regex", "(?<a>a)\\k<a>|\\p{L}"}}, {{"a", 0}, {"b", 70000}}});
}

TEST(HostileTokenizer, AnyPartMayBeAnything) {
  Json base = small();
  base["normalizer"] = repeated("normalizers", kDoubling, 1);
  base["added_tokens"] = Json::parse(R"([{"id":3,"content":"<s>","special":true,"lstrip":true}])");
  base["post_processor"] = Json::parse(
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},
          {"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[3]}}})");
  std::vector<std::string> pointers;
  const Json leaves = base.flatten();
  for (const auto& [pointer, value] : leaves.items()) {
    for (std::string at = pointer; !at.empty(); at = at.substr(0, at.rfind('/'))) {
      pointers.push_back(at);
    }
  }
  bool held = rc::check("an Error or a tokenizer", [&] {
    Json json = base;
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
      Json::json_pointer pointer(*rc::gen::elementOf(pointers));
      if (json.contains(pointer)) json[pointer] = *odd_value();
    }
    auto tokenizer = Tokenizer::from_json(json);
    if (!tokenizer.ok()) {
      RC_ASSERT(!tokenizer.error().message().empty());
      return;
    }
    auto ids = tokenizer->encode("<s>a ab\n\u2581\xF0");
    std::string text = tokenizer->decode(ids, false);
    RC_ASSERT(valid_utf8_prefix(text) == text.size());
    RC_ASSERT(Tokenizer::from_json(tokenizer->to_json()).ok());
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace attune::text
