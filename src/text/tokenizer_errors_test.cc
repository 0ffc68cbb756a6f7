// Files that are wrong: each gives an error that names the place, none a crash.
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/test_paths.h"
#include "text/tokenizer.h"

namespace attune::text {
namespace {

Json small() {
  return Json::parse(R"({"added_tokens":[{"id":3,"content":"<s>","special":true}],
    "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
    "decoder":{"type":"ByteLevel"},
    "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}})");
}

void expect_error(const Json& json, const std::string& place, ErrorCode code) {
  auto tokenizer = Tokenizer::from_json(json);
  ASSERT_FALSE(tokenizer.ok()) << "accepted: " << place;
  EXPECT_EQ(tokenizer.error().code(), code) << tokenizer.error().message();
  EXPECT_NE(tokenizer.error().message().find(place), std::string::npos)
      << tokenizer.error().message();
}

struct Broken {
  const char* pointer;  // where the small file is changed
  const char* value;    // JSON; "" removes the member
  const char* place;    // what the error names
  ErrorCode code = ErrorCode::kInvalidInput;
};

class BrokenTokenizer : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenTokenizer, IsRefused) {
  Broken broken = GetParam();
  Json json = small();
  ASSERT_TRUE(Tokenizer::from_json(json).ok());
  Json::json_pointer pointer(broken.pointer);
  if (*broken.value == '\0') {
    json[pointer.parent_pointer()].erase(pointer.back());
  } else {
    json[pointer] = Json::parse(broken.value);
  }
  expect_error(json, broken.place, broken.code);
}

INSTANTIATE_TEST_SUITE_P(
    Text, BrokenTokenizer,
    ::testing::Values(
        Broken{"/model", "", "model"}, Broken{"/model", "7", "model"},
        Broken{"/model/type", "\"WordPiece\"", "WordPiece", ErrorCode::kUnsupported},
        Broken{"/model/type", "3", "type"}, Broken{"/model/vocab", "", "vocab"},
        Broken{"/model/vocab", "[]", "vocab"}, Broken{"/model/vocab/a", "\"x\"", "vocab[\"a\"]"},
        Broken{"/model/vocab/a", "-1", "vocab[\"a\"]"},
        Broken{"/model/vocab/a", "1e300", "vocab[\"a\"]"},
        Broken{"/model/vocab/a", "18446744073709551615", "vocab[\"a\"]"},
        Broken{"/model/vocab/a", "8388608", "vocab[\"a\"]"},
        Broken{"/model/vocab/a", "1", "belongs to"}, Broken{"/model/merges", "", "merges"},
        Broken{"/model/merges", "{}", "merges"}, Broken{"/model/merges/0", "\"ab\"", "merges[0]"},
        Broken{"/model/merges/0", "[\"a\"]", "merges[0]"},
        Broken{"/model/merges/0", "\"a c\"", "merges[0]"},
        Broken{"/model/merges/0", "\"b a\"", "merges[0]"},
        Broken{"/model/unk_token", "\"<unk>\"", "unk_token"},
        Broken{"/model/dropout", "0.1", "dropout", ErrorCode::kUnsupported},
        Broken{"/added_tokens", "5", "added_tokens"},
        Broken{"/added_tokens/0", "5", "added_tokens[0]"},
        Broken{"/added_tokens/0/id", "-3", "added_tokens[0]"},
        Broken{"/added_tokens/0/id", "99999999999", "added_tokens[0]"},
        Broken{"/added_tokens/0/special", "\"yes\"", "special"},
        Broken{"/added_tokens/1", "{\"id\":3,\"content\":\"<t>\"}", "share id 3"},
        Broken{"/pre_tokenizer", "\"x\"", "pre_tokenizer"},
        Broken{"/pre_tokenizer/type", "\"Foo\"", "Foo", ErrorCode::kUnsupported},
        Broken{"/pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"}}", "Split"},
        Broken{"/pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"String\":\"\"}}", "Split"},
        Broken{"/pre_tokenizer", "{\"type\":\"Sequence\"}", "pretokenizers"},
        Broken{"/normalizer", "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"!\"}",
               "base64"},
        Broken{"/normalizer",
               "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/////w==\"}",
               "character map"},
        Broken{"/normalizer", "{\"type\":\"Strip\",\"strip_left\":1}", "strip_left"},
        Broken{"/decoder", "{\"type\":\"Strip\",\"content\":\"ab\"}", "content"},
        Broken{"/decoder", "{\"type\":\"Strip\",\"content\":\" \",\"start\":-1}", "start"},
        Broken{"/decoder", "{\"type\":\"WordPiece\"}", "WordPiece", ErrorCode::kUnsupported},
        Broken{"/post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[]}", "Sequence"},
        Broken{"/post_processor", "{\"type\":\"BertProcessing\",\"cls\":[\"a\",0]}", "sep"},
        Broken{"/post_processor",
               "{\"type\":\"BertProcessing\",\"cls\":[\"a\",0],\"sep\":[\"x\",77]}", "id 77"}));

TEST(TokenizerErrors, NestedSequencesEnd) {
  Json nested = {{"type", "ByteLevel"}};
  for (int i = 0; i < 100; ++i) {
    nested = {{"type", "Sequence"}, {"pretokenizers", Json::array({nested})}};
  }
  Json json = small();
  json["pre_tokenizer"] = nested;
  expect_error(json, "nested", ErrorCode::kInvalidInput);
}

TEST(TokenizerErrors, UnigramLists) {
  auto with = [](const char* vocab, const char* unk) {
    return Json::parse(fmt::format(
        R"({{"model":{{"type":"Unigram","vocab":{},"unk_id":{}}}}})", vocab, unk));
  };
  EXPECT_TRUE(Tokenizer::from_json(with(R"([["<unk>",0],["a",-1]])", "0")).ok());
  expect_error(with(R"([["<unk>",0],["a",-1]])", "2"), "unk_id", ErrorCode::kInvalidInput);
  expect_error(with(R"([["<unk>",0],["a"]])", "0"), "vocab[1]", ErrorCode::kInvalidInput);
  expect_error(with(R"({"a":0})", "0"), "vocab", ErrorCode::kInvalidInput);
}

TEST(TokenizerErrors, EveryTruncationOfASentencePieceFileIsAnErrorOrAModel) {
  std::string path = attune::testing::source_path("tests/golden/text/spm_bpe.model");
  std::string bytes = read_file(path).value();
  TemporaryDirectory folder;
  std::string cut = folder.file("cut.model");
  for (size_t size = 0; size < bytes.size(); size += 97) {
    ASSERT_TRUE(write_file(cut, bytes.substr(0, size)).ok());
    auto tokenizer = Tokenizer::from_sentencepiece_file(cut);
    if (tokenizer.ok()) {
      tokenizer->encode("some text");
    } else {
      EXPECT_NE(tokenizer.error().message().find("cut.model"), std::string::npos);
    }
  }
  EXPECT_FALSE(Tokenizer::from_sentencepiece_file(folder.file("absent.model")).ok());
}

TEST(TokenizerErrors, GgufListsThatDoNotFit) {
  GgufVocabulary good;
  good.model = "gpt2";
  good.pre = "gpt-2";
  good.tokens = {"a", "b", "ab", "<s>"};
  good.merges = {"a b"};
  ASSERT_TRUE(Tokenizer::from_gguf(good).ok());
  auto refused = [&](auto change, const char* place) {
    GgufVocabulary changed = good;
    change(changed);
    auto tokenizer = Tokenizer::from_gguf(changed);
    ASSERT_FALSE(tokenizer.ok()) << place;
    EXPECT_NE(tokenizer.error().message().find(place), std::string::npos)
        << tokenizer.error().message();
  };
  refused([](GgufVocabulary& v) { v.model = "bert"; }, "bert");
  refused([](GgufVocabulary& v) { v.pre = "unheard-of"; }, "unheard-of");
  refused([](GgufVocabulary& v) { v.tokens.clear(); }, "tokens");
  refused([](GgufVocabulary& v) { v.tokens[1] = "a"; }, "tokens[1]");
  refused([](GgufVocabulary& v) { v.merges.clear(); }, "merges");
  refused([](GgufVocabulary& v) { v.merges[0] = "ab"; }, "merges[0]");
  refused([](GgufVocabulary& v) { v.merges[0] = "b a"; }, "merges[0]");
  refused([](GgufVocabulary& v) { v.token_types = {1}; }, "token_type");
  refused([](GgufVocabulary& v) { v.bos = 4; }, "bos_token_id");
  refused([](GgufVocabulary& v) { v.model = "llama"; }, "scores");
}

TEST(TokenizerErrors, FilesThatAreNoJson) {
  TemporaryDirectory folder;
  ASSERT_TRUE(write_file(folder.file("a.json"), "{\"model\":").ok());
  auto tokenizer = Tokenizer::from_json_file(folder.file("a.json"));
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_NE(tokenizer.error().message().find("a.json"), std::string::npos);
  EXPECT_FALSE(Tokenizer::from_json_file(folder.file("absent.json")).ok());
  EXPECT_FALSE(Tokenizer::from_json(Json::array()).ok());
}

}  // namespace
}  // namespace attune::text
