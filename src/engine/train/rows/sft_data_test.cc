// From files to the rows that train, on the small model of tests/golden/train.
#include "engine/train/rows/sft_data.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

// Every letter is a token of the model; EOS follows each text.
class SftDataTest : public ::testing::Test {
 protected:
  SftDataTest() {
    const std::string model = testing::source_path("tests/golden/train/tiny");
    files_ = weights::ModelFiles::open(model).value();
    job_.train_files = {folder_.file("train.jsonl")};
    job_.config = Json::object();
    limits_ = {96, 128};
  }

  void write(const std::string& name, const std::vector<Json>& rows) {
    std::string lines;
    for (const Json& row : rows) lines += to_line(row) + "\n";
    ASSERT_TRUE(write_file(folder_.file(name), lines).ok());
  }

  Status load() {
    data_ = {};
    const RunText text = TRY(load_run_text(*files_, job_.config));
    const TrainingOptions options = TRY(read_training_options(job_.config));
    return load_sft_data(job_, text, limits_, options, &data_);
  }

  std::string error() {
    const Status status = load();
    return status.ok() ? "" : status.error().message();
  }

  std::vector<int64_t> lengths(const std::vector<SftRow>& rows) {
    std::vector<int64_t> tokens;
    for (const SftRow& row : rows) tokens.push_back(row.tokens());
    return tokens;
  }

  TemporaryDirectory folder_;
  std::optional<weights::ModelFiles> files_;
  protocol::Job job_;
  ModelLimits limits_;
  SftData data_;
};

Json text(size_t letters) { return {{"text", std::string(letters, 'b')}}; }
Json pair(size_t prompt, size_t completion) {
  return {{"prompt", std::string(prompt, 'b')}, {"completion", std::string(completion, 'c')}};
}

TEST_F(SftDataTest, BestFitCutsAndPacksAndCountsRowsWhosePromptFillsTheRow) {
  std::vector<Json> rows(20, pair(2, 2));  // 5 tokens with EOS
  rows[3] = pair(2, 20);                   // cut
  rows[7] = pair(12, 2);                   // nothing is left to train
  write("train.jsonl", rows);
  job_.config = {{"packing", true}, {"max_length", 10}};
  ASSERT_EQ(error(), "");
  EXPECT_EQ(lengths(data_.train), std::vector<int64_t>(10, 10));
  const OrderedJson report = data_.report()["train"];
  EXPECT_EQ(report["rows"]["kept"], 19);
  EXPECT_EQ(report["rows"]["dropped"], 1);
  EXPECT_EQ(report["rows"]["used"], 10);
  EXPECT_EQ(report["truncated"][job_.train_files[0]], (OrderedJson{4, 8}));
  EXPECT_EQ(report["dropped"][0]["reason"], "prompt fills max_length");
  EXPECT_EQ(report["dropped"][0]["rows"][job_.train_files[0]], (OrderedJson{8}));
}

TEST_F(SftDataTest, SplittingStrategiesLoseNothing) {
  write("train.jsonl", {text(11), text(5), text(2)});  // 12, 6 and 3 tokens
  job_.config = {{"packing", true}, {"max_length", 8}, {"packing_strategy", "wrapped"}};
  ASSERT_EQ(error(), "");
  EXPECT_EQ(lengths(data_.train), (std::vector<int64_t>{8, 8, 5}));
  EXPECT_EQ(data_.train[1].sequences.size(), 1U);
  job_.config["packing_strategy"] = "bfd_split";
  ASSERT_EQ(error(), "");
  EXPECT_EQ(lengths(data_.train), (std::vector<int64_t>{8, 6, 7}));
  EXPECT_EQ(data_.report()["train"]["rows"]["dropped"], 0);
}

// The rows of a long prompt have no loss: they are left out of the steps, and counted.
TEST_F(SftDataTest, PackedRowsWithoutLossAreCounted) {
  write("train.jsonl", {pair(16, 3)});
  job_.config = {{"packing", true}, {"max_length", 8}, {"packing_strategy", "bfd_split"}};
  ASSERT_EQ(error(), "");
  EXPECT_EQ(lengths(data_.train), (std::vector<int64_t>{4}));
  EXPECT_EQ(data_.report()["train"]["rows"]["packed_without_loss"], 2);
}

TEST_F(SftDataTest, RowsBeyondTheContextAreNamedAndStopTheRun) {
  write("train.jsonl", {text(10), text(200)});
  job_.config = {{"max_length", nullptr}};
  const std::string message = error();
  EXPECT_NE(message.find("train.jsonl row 2"), std::string::npos) << message;
  EXPECT_NE(message.find("201 tokens are more than the model's context of 128"), std::string::npos)
      << message;
  EXPECT_NE(message.find("allow_skipped_rows"), std::string::npos) << message;
  EXPECT_EQ(data_.report()["train"]["rows"]["dropped"], 1);  // the report is there all the same
  job_.config["allow_skipped_rows"] = true;
  EXPECT_EQ(error(), "");
  EXPECT_EQ(data_.train.size(), 1U);
  job_.config = {{"max_length", 128}};
  EXPECT_EQ(error(), "");
  EXPECT_EQ(lengths(data_.train), (std::vector<int64_t>{11, 128}));
}

TEST_F(SftDataTest, WrappedRowsMustFitTheContext) {
  write("train.jsonl", {text(10)});
  job_.config = {{"packing", true}, {"max_length", 129}, {"packing_strategy", "wrapped"}};
  EXPECT_NE(error().find("max_length: 129 is more than the model's context"), std::string::npos);
}

TEST_F(SftDataTest, EvaluationRowsArePackedAsTheTrainingRowsUnlessSaid) {
  write("train.jsonl", {text(3), text(3)});
  write("eval.jsonl", {text(3), text(3)});
  job_.eval_files = {folder_.file("eval.jsonl")};
  job_.config = {{"packing", true}, {"max_length", 8}};
  ASSERT_EQ(error(), "");
  EXPECT_EQ(data_.evaluation.size(), 1U);
  job_.config["eval_packing"] = false;
  ASSERT_EQ(error(), "");
  EXPECT_EQ(data_.evaluation.size(), 2U);
}

TEST_F(SftDataTest, HeldOutRowsAreASeededShareAndTheRestKeepsItsOrder) {
  std::vector<Json> rows;
  for (size_t i = 1; i <= 20; ++i) rows.push_back(text(i));
  write("train.jsonl", rows);
  job_.config = {{"eval_fraction", 0.25}};
  ASSERT_EQ(error(), "");
  const std::vector<int64_t> held_out = lengths(data_.evaluation);
  EXPECT_EQ(held_out.size(), 5U);
  const std::vector<int64_t> kept = lengths(data_.train);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  ASSERT_EQ(error(), "");
  EXPECT_EQ(lengths(data_.evaluation), held_out);
  job_.config["data_seed"] = 43;
  ASSERT_EQ(error(), "");
  EXPECT_NE(lengths(data_.evaluation), held_out);
}

TEST_F(SftDataTest, ATemplateThatFailsNamesTheRowAndOneThatDoesNotParseItsPlace) {
  const Json turn = {{"messages", {{{"role", "user"}, {"content", "b"}}}}};
  write("train.jsonl", {turn, turn});
  job_.config = {{"chat_template", "{{ raise_exception('turns must alternate') }}"}};
  const std::string refused = error();
  EXPECT_NE(refused.find("train.jsonl row 1"), std::string::npos) << refused;
  EXPECT_NE(refused.find("turns must alternate"), std::string::npos) << refused;
  job_.config = {{"chat_template", "{% for %}"}};
  const std::string broken = error();
  EXPECT_NE(broken.find("chat_template: the chat template"), std::string::npos) << broken;
}

TEST_F(SftDataTest, TokensOfTheConfigurationReplaceTheModels) {
  write("train.jsonl", {text(2)});
  job_.config = {{"eos_token", "z"}, {"pad_token", "<unk>"}};
  const RunText changed = load_run_text(*files_, job_.config).value();
  EXPECT_EQ(changed.tokenizer.id_to_token(*changed.tokenizer.eos_id()), "z");
  EXPECT_EQ(changed.tokenizer.id_to_token(*changed.tokenizer.pad_id()), "<unk>");
  job_.config = {{"eos_token", "<nothing>"}};
  EXPECT_NE(error().find("eos_token: \"<nothing>\""), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::train
