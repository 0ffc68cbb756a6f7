#include "cli/trained_on.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"

namespace attune::cli {
namespace {

class TrainedOn : public ::testing::Test {
 protected:
  // A run directory as training leaves it, with these rows in its one file.
  std::string run(const std::string& name, const std::string& rows) {
    const std::string directory = folder_->file(name);
    for (const char* sub : {"final", "checkpoints/step-2", "checkpoints/step-4"}) {
      make_directories(join_path(directory, sub)).value();
    }
    const std::string file = join_path(directory, "rows.jsonl");
    write_file(file, rows).value();
    const OrderedJson lineage = {{"train_files", {{{"path", file}, {"bytes", rows.size()}}}},
                                 {"eval_files", OrderedJson::array()}};
    write_file(join_path(directory, "lineage.json"), to_line(lineage)).value();
    return directory;
  }

  std::unique_ptr<TemporaryDirectory> folder_ = TemporaryDirectory::create().value();
};

TEST_F(TrainedOn, FindsRowsByPersonByIdAndBySource) {
  const std::string directory =
      run("a", R"({"id":"r1","prompt":"p","annotator":"ann"})"
               "\n"
               R"({"prompt":"q","source":{"row":"r2"}})"
               "\n");
  for (const WantedRows& wanted : {WantedRows{{}, "ann"}, WantedRows{{"r1"}, ""},
                                   WantedRows{{"r2", "r9"}, ""}}) {
    const TouchedRun found = trained_on(directory, wanted).value();
    ASSERT_EQ(found.files.size(), 1u);
    ASSERT_EQ(found.checkpoints.size(), 3u);
    EXPECT_TRUE(found.checkpoints[0].ends_with("step-2"));
    EXPECT_TRUE(found.checkpoints[2].ends_with("final"));
  }
}

TEST_F(TrainedOn, ARunWithoutSuchRowsIsNotTouched) {
  const std::string directory = run("b", R"({"id":"r1","prompt":"p","annotator":"ann"})" "\n");
  for (const WantedRows& wanted : {WantedRows{{}, "bob"}, WantedRows{{"r2"}, ""}, WantedRows{}}) {
    const TouchedRun found = trained_on(directory, wanted).value();
    EXPECT_TRUE(found.files.empty());
    EXPECT_TRUE(found.checkpoints.empty());
  }
}

TEST_F(TrainedOn, AFileThatIsGoneIsToldAndAFolderThatIsNoRunRefused) {
  const std::string directory = run("c", "{}\n");
  ASSERT_EQ(std::remove(join_path(directory, "rows.jsonl").c_str()), 0);
  const TouchedRun found = trained_on(directory, {{"r1"}, ""}).value();
  EXPECT_EQ(found.unread.size(), 1u);
  EXPECT_EQ(found.checkpoints.size(), 3u);
  const auto refused = trained_on(folder_->file("nothing"), {{"r1"}, ""});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace attune::cli
