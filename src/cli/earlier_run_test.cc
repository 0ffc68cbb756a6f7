#include "cli/earlier_run.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"

namespace attune::cli {
namespace {

constexpr const char* kAside = "earlier_run.attune";
constexpr const char* kMoving = "earlier_run.attune.partial";
constexpr const char* kStart = "{\"event\":\"start\",\"step\":0}\n";

class EarlierRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write("events.jsonl", std::string(kStart) + "{\"event\":\"end\",\"step\":2}\n");
    write("final/model.safetensors", "weights");
    write("checkpoints/step-2/state.json", "{}");
    write("config.yaml", "max_steps: 2\n");
    write("lineage.json", "{}");
    write("events.out.tfevents.1.0.attune", "curves");
    write("notes.txt", "mine");
    write("server_rows/rows.jsonl", "{}");
    before_ = tree();
  }

  std::string path(const std::string& name) const { return folder_.file(name); }
  void write(const std::string& name, const std::string& text) const {
    make_directories(std::filesystem::path(path(name)).parent_path().string()).value();
    write_file(path(name), text).value();
  }
  // What a new run writes before it has begun.
  void write_start() const {
    write("config.yaml", "max_steps: 9\n");
    write("data_report.json", "{}");
    write("reference/train-1.safetensors", "sums");
    write("server_rows/rows.jsonl", "{\"new\":1}");
    write("events.jsonl", "{\"event\":\"failed\",\"step\":0}\n");
  }
  std::map<std::string, std::string> tree() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      const std::string name = entry.path().lexically_relative(folder_.path()).string();
      files[name] = entry.is_directory() ? "a folder" : read_file(entry.path().string()).value();
    }
    return files;
  }
  // The state after `count` of the earlier run's parts were moved from or to their places.
  void move_parts(const std::string& target, size_t count) const {
    make_directories(path(target)).value();
    for (const std::string& name : list_directory(folder_.path()).value()) {
      if (name == "notes.txt" || name == target || count == 0) continue;
      rename_path(path(name), join_path(path(target), name)).value();
      --count;
    }
  }

  TemporaryDirectory folder_;
  std::map<std::string, std::string> before_;
};

TEST_F(EarlierRunTest, ComesBackWhenTheNextOneDoesNotBegin) {
  {
    const auto earlier = EarlierRun::set_aside(folder_.path(), {"server_rows"}).value();
    EXPECT_TRUE(earlier->is_kept());
    EXPECT_FALSE(exists(path("final")));
    EXPECT_TRUE(exists(path("notes.txt")));
    write_start();
    earlier->let_go_once_begun();
    EXPECT_TRUE(earlier->is_kept());
  }
  EXPECT_EQ(tree(), before_);
}

TEST_F(EarlierRunTest, ComesBackWhereverTheStartWasKilled) {
  for (size_t moved = 0; moved <= before_.size(); ++moved) {
    move_parts(kMoving, moved);
    ASSERT_TRUE(EarlierRun::recover(folder_.path()).ok());
    EXPECT_EQ(tree(), before_) << moved << " parts moved";
  }
  move_parts(kAside, before_.size());
  ASSERT_TRUE(EarlierRun::recover(folder_.path()).ok());
  EXPECT_EQ(tree(), before_);
  move_parts(kAside, before_.size());
  write_start();
  ASSERT_TRUE(EarlierRun::recover(folder_.path()).ok());
  EXPECT_EQ(tree(), before_);
}

TEST_F(EarlierRunTest, IsRemovedOnceTheNextOneHasBegun) {
  for (const char* log : {"events.jsonl", "folds/1/events.jsonl"}) {
    SCOPED_TRACE(log);
    {
      const auto earlier = EarlierRun::set_aside(folder_.path(), {}).value();
      write(log, "{\"event\":\"sta");
      earlier->let_go_once_begun();
      EXPECT_TRUE(earlier->is_kept());
      write(log, kStart);
      earlier->let_go_once_begun();
      EXPECT_FALSE(earlier->is_kept());
      EXPECT_FALSE(exists(path(kAside)));
    }
    EXPECT_TRUE(exists(path(log)));
    EXPECT_FALSE(exists(path("final")));
    EXPECT_TRUE(exists(path("server_rows/rows.jsonl")));
  }
}

TEST_F(EarlierRunTest, IsRemovedWhereARunWasKilledAfterItBegan) {
  move_parts(kAside, before_.size());
  write("events.jsonl", kStart);
  ASSERT_TRUE(EarlierRun::recover(folder_.path()).ok());
  EXPECT_EQ(tree(), (std::map<std::string, std::string>{{"events.jsonl", kStart},
                                                        {"notes.txt", "mine"}}));
}

TEST_F(EarlierRunTest, AStartThatCameToNothingIsNone) {
  remove_all(folder_.path()).value();
  EXPECT_FALSE(EarlierRun::set_aside(folder_.path(), {}).value()->is_kept());
  write_start();
  write("notes.txt", "mine");
  EXPECT_FALSE(EarlierRun::remember(folder_.path()).value()->is_kept());
  EXPECT_FALSE(EarlierRun::set_aside(folder_.path(), {}).value()->is_kept());
  EXPECT_EQ(list_directory(folder_.path()).value(),
            (std::vector<std::string>{"notes.txt", "server_rows"}));
}

TEST_F(EarlierRunTest, IsDescribedAsBeforeWhenAResumeDoesNotBegin) {
  {
    const auto earlier = EarlierRun::remember(folder_.path()).value();
    write("config.yaml", "max_steps: 9\n");
    write("lineage.json", "{\"new\":1}");
    earlier->let_go_once_begun();
    EXPECT_TRUE(earlier->is_kept());
  }
  EXPECT_EQ(tree(), before_);
  const auto earlier = EarlierRun::remember(folder_.path()).value();
  write("events.jsonl", std::string(kStart) + "{\"event\":\"resume\",\"step\":2}\n");
  earlier->let_go_once_begun();
  EXPECT_FALSE(earlier->is_kept());
}

TEST_F(EarlierRunTest, KnowsItsParts) {
  EXPECT_TRUE(is_of_earlier_run(folder_.path(), path("final")));
  EXPECT_TRUE(is_of_earlier_run(folder_.path() + "/", path("checkpoints/../final/")));
  for (const std::string& other : {path("notes.txt"), path("server_rows/rows.jsonl"),
                                   folder_.path(), folder_.path() + "-b/final", std::string()}) {
    EXPECT_FALSE(is_of_earlier_run(folder_.path(), other)) << other;
  }
}

}  // namespace
}  // namespace attune::cli
