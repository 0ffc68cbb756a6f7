#include "cli/dataset_source.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "recipes/recipes.h"
#include "recipes/resolve.h"

namespace attune::cli {
namespace {

class Dataset : public ::testing::Test {
 protected:
  Result<DatasetFiles> files(const std::string& name) {
    Json config = recipes::resolve(recipes::sft(), {{"dataset_name", name, "--dataset_name"}})
                      .value()
                      .config;
    return dataset_files(config);
  }
  void put(const std::string& name) { ASSERT_TRUE(write_file(dir_.file(name), "{}\n").ok()); }
  TemporaryDirectory dir_;
};

TEST_F(Dataset, AFileIsTrainingData) {
  put("rows.jsonl");
  EXPECT_EQ(files(dir_.file("rows.jsonl"))->train.size(), 1u);
}

TEST_F(Dataset, AFolderIsSplitByName) {
  ASSERT_TRUE(make_directories(dir_.file("data")).ok());
  put("data/train-00000.json");
  put("data/train-00001.json.zst");
  put("data/train-00002.parquet");
  put("data/test-00000.jsonl.gz");
  put("notes.txt");
  put("notes.txt.gz");
  DatasetFiles found = files(dir_.path()).value();
  EXPECT_EQ(found.train.size(), 3u);
  EXPECT_EQ(found.evaluation.size(), 1u);
}

TEST_F(Dataset, AFolderWithoutSplitNamesIsAllTraining) {
  put("a.jsonl");
  put("b.csv");
  EXPECT_EQ(files(dir_.path())->train.size(), 2u);
}

TEST_F(Dataset, CommasListFilesThatAreThere) {
  put("a.jsonl");
  put("b.csv");
  const std::string a = dir_.file("a.jsonl"), b = dir_.file("b.csv");
  EXPECT_EQ(files(a + "," + b)->train, (std::vector<std::string>{a, b}));
  EXPECT_NE(files(a + "," + dir_.file("c.csv")).error().message().find("c.csv: is no file"),
            std::string::npos);
  put("a.jsonl,b.csv");
  EXPECT_EQ(files(dir_.file("a.jsonl,b.csv"))->train.size(), 1u);
}

TEST_F(Dataset, MistakesSayWhatWasLookedFor) {
  EXPECT_EQ(files(dir_.path()).error().code(), ErrorCode::kNotFound);
  EXPECT_NE(files("no such file").error().message().find("owner/name"), std::string::npos);
  put("test.jsonl");
  EXPECT_NE(files(dir_.path()).error().message().find("\"train\""), std::string::npos);
}

}  // namespace
}  // namespace attune::cli
