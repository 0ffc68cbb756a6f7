// Which pre-tokenizer a name of tokenizer.ggml.pre stands for: the vocabulary of a tokenizer.json,
// under each name, gives that file's ids, and under every name of another rule other ones. The
// names and their rules are llama.cpp's; the ids are those of the tokenizers (whose goldens are
// recorded from the reference: text/tokenizer_golden_test.cc).
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "tests/support/mixed_text.h"
#include "tests/support/test_paths.h"
#include "weights/gguf_config.h"
#include "weights/gguf_export.h"

namespace attune::weights {
namespace {

struct Rule {
  const char* golden;  // whose sections the rule is
  bool composes;       // NFC comes first
  bool ignore_merges;
  std::vector<std::string> names;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      {"gpt2", false, false,
       {"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0",
        "mellum", "modern-bert", "roberta-bpe", "jais", "default", ""}},
      {"gpt2", true, false, {"mpt", "olmo", "gpt-neox"}},
      {"smollm", false, false,
       {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}},
      {"llama3", false, true, {"llama3", "llama-v3", "llama-bpe", "falcon3"}},
      {"llama3", false, false, {"dbrx", "smaug-bpe"}},
      {"qwen2", true, false, {"qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan"}},
      {"falcon", false, false, {"falcon"}}};
  return all;
}

// Merges that reach over the cuts in which the rules differ: with few merges most pieces end up as
// single bytes, and a cut more or less would show in no id. " zq" has no merges: only a model that
// looks for whole pieces first finds it.
Json tokenizer_json(const Rule& rule) {
  Json json = read_json_file(testing::source_path("tests/golden/text/") +
                             fmt::format("{}.tokenizer.json", rule.golden)).value();
  Json& model = json["model"];
  int64_t next = static_cast<int64_t>(model["vocab"].size());
  for (const Json& added : json["added_tokens"]) {
    next = std::max(next, added["id"].get<int64_t>() + 1);
  }
  const auto add = [&](const std::string& token) { model["vocab"][token] = next++; };
  using Pair = std::pair<const char*, const char*>;
  for (const auto& [left, right] :
       {Pair{"'", "T"}, Pair{"'", "s"}, Pair{"(", "x"}, Pair{"Ġ", "("}, Pair{"Ġ", "1"},
        Pair{"1", "2"}, Pair{"12", "3"}, Pair{"123", "4"}, Pair{".", "Ċ"}, Pair{"Ċ", "Ċ"},
        Pair{"Ġ", "Ċ"}, Pair{"Ġ", "Ġ"}, Pair{"ĉ", "x"}, Pair{")", ";"}, Pair{"$", "+"}}) {
    if (model["vocab"].contains(std::string(left) + right)) continue;
    model["merges"].push_back(Json::array({left, right}));
    add(std::string(left) + right);
  }
  add("Ġzq");
  model["ignore_merges"] = rule.ignore_merges;
  json["normalizer"] = rule.composes ? Json{{"type", "NFC"}} : Json();
  return json;
}

const std::vector<std::string>& texts() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> list = {
        "I'm sure we'll've DON'T it's HE'S 'tis",
        "1 12 123 1234 12345 1234567 v12 3.14 $1,234",
        "f(x);\n\tx = (xy) ... $+ <s> )); (x)",
        "a\n\nb \n c.\n\n\n d\r\n\r\n  e   f\t\tg    ",
        "\u4f60\u597d\uff0c\u4e16\u754c123\u3002 \uac00\ub098 \u30ab\u30bf",
        "\u0645\u0631\u062d\u0628\u0627 \u0663\u0664\u0665\u0666 \u060c",
        "caf\u00e9 cafe\u0301",
        "\U0001F469\u200d\U0001F4BB \U0001F601\U0001F601 \u2603",
        "\u0001\u0002 \u007f\u0085x\u200b",
        " zq a zq"};
    for (uint64_t seed = 0; seed < 16; ++seed) list.push_back(testing::mixed_text(4096, seed));
    return list;
  }();
  return all;
}

std::vector<std::vector<int32_t>> ids_of(const text::Tokenizer& tokenizer) {
  std::vector<std::vector<int32_t>> ids;
  for (const std::string& text : texts()) ids.push_back(tokenizer.encode(text));
  return ids;
}

class GgufPreNames : public ::testing::TestWithParam<size_t> {
 protected:
  const Rule& rule() const { return rules()[GetParam()]; }
  static std::vector<std::vector<int32_t>> ids_under(text::GgufVocabulary vocabulary,
                                                     const std::string& name) {
    vocabulary.pre = name;
    auto tokenizer = text::Tokenizer::from_gguf(vocabulary);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    return tokenizer.ok() ? ids_of(*tokenizer) : std::vector<std::vector<int32_t>>();
  }
};

TEST_P(GgufPreNames, GiveTheIdsOfTheirTokenizerAndOthersDoNot) {
  const text::Tokenizer tokenizer = text::Tokenizer::from_json(tokenizer_json(rule())).value();
  const auto want = ids_of(tokenizer);
  const auto vocabulary = gguf_vocabulary_of(tokenizer, tokenizer.vocabulary_size());
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().message();
  for (const Rule& other : rules()) {
    const bool same = &other == &rule();
    for (const std::string& name : other.names) {
      const auto got = ids_under(*vocabulary, name);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; same && i < want.size(); ++i) {
        ASSERT_EQ(got[i], want[i]) << '"' << name << "\": " << texts()[i];
      }
      if (!same) {
        EXPECT_NE(got, want) << '"' << name << "\" cuts as " << rule().golden;
      }
    }
  }
}

// What is written to a file is a name of the rule, not one that happens to agree on some text.
TEST_P(GgufPreNames, AreChosenByTheirRule) {
  const text::Tokenizer tokenizer = text::Tokenizer::from_json(tokenizer_json(rule())).value();
  const auto vocabulary = gguf_vocabulary_of(tokenizer, tokenizer.vocabulary_size());
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().message();
  EXPECT_EQ(std::count(rule().names.begin(), rule().names.end(), vocabulary->pre), 1)
      << vocabulary->pre;
}

INSTANTIATE_TEST_SUITE_P(Rules, GgufPreNames, ::testing::Range<size_t>(0, 7),
                         [](const auto& suite) {
                           std::string name;
                           for (char c : rules()[suite.param].names[0]) {
                             if (c != '-' && c != '.') name.push_back(c);
                           }
                           return name;
                         });

// No name stands for SmolLM's cuts with whole pieces first: it matters where a token has no merges.
TEST(GgufPreNamesTest, WholePiecesFirstMayBeLostWhereTheyChangeNothing) {
  Json json = tokenizer_json(rules()[2]);
  json["model"]["ignore_merges"] = true;
  const auto pre_of = [&]() -> Result<std::string> {
    const text::Tokenizer tokenizer = TRY(text::Tokenizer::from_json(json));
    return TRY(gguf_vocabulary_of(tokenizer, tokenizer.vocabulary_size())).pre;
  };
  EXPECT_EQ(pre_of().error().code(), ErrorCode::kUnsupported);
  json["model"]["vocab"].erase("Ġzq");
  EXPECT_EQ(pre_of().value(), "smollm");
}

// Others than llama.cpp take its models for cut as Llama 3's.
TEST(GgufPreNamesTest, ANameWhoseCutsAreDisputedIsRefused) {
  text::GgufVocabulary vocabulary;
  vocabulary.model = "gpt2";
  vocabulary.pre = "granite-docling";
  vocabulary.tokens = {"a", "b", "ab"};
  vocabulary.merges = {"a b"};
  const auto tokenizer = text::Tokenizer::from_gguf(vocabulary);
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(tokenizer.error().message().find("granite-docling"), std::string::npos);
}

// Most files of Llama 3 do not say that BOS comes first.
TEST(GgufPreNamesTest, BosComesFirstWhereNothingIsSaidOfIt) {
  TemporaryDirectory folder;
  const std::string path = folder.file("x.gguf");
  const auto begins = [&](const char* model, const char* pre, std::optional<bool> said) {
    GgufMetadata metadata;
    metadata.add_string("tokenizer.ggml.model", model);
    metadata.add_string("tokenizer.ggml.pre", pre);
    metadata.add_strings("tokenizer.ggml.tokens", {"<s>", "a"});
    if (said) metadata.add_bool("tokenizer.ggml.add_bos_token", *said);
    GgufWriter::create(path, metadata, {}).value()->finish().value();
    return vocabulary_from_gguf(GgufFile::open(path).value()).value().add_bos;
  };
  for (const char* name : {"llama-bpe", "llama3", "llama-v3", "falcon3"}) {
    EXPECT_TRUE(begins("gpt2", name, std::nullopt)) << name;
    EXPECT_FALSE(begins("gpt2", name, false)) << name;
  }
  for (const char* name : {"gpt-2", "qwen2", "dbrx", "falcon", "unheard-of", ""}) {
    EXPECT_FALSE(begins("gpt2", name, std::nullopt)) << name;
    EXPECT_TRUE(begins("gpt2", name, true)) << name;
  }
  EXPECT_TRUE(begins("llama", "default", std::nullopt));
  EXPECT_FALSE(begins("t5", "llama-bpe", std::nullopt));
}

}  // namespace
}  // namespace attune::weights
