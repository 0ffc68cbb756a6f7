#include "engine/train/run_log.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace attune::engine::train {
namespace {

class RunLogTest : public ::testing::Test {
 protected:
  // What the log of an earlier run held, and what is left of it after opening it at `step`.
  std::string resumed(const std::string& before, int64_t step) {
    EXPECT_TRUE(write_file(path(), before).ok());
    log_ = RunLog::open(folder_.path(), step, true).value();
    return read_file(path()).value();
  }
  std::string path() const { return folder_.file("events.jsonl"); }

  TemporaryDirectory folder_;
  std::unique_ptr<RunLog> log_;
};

constexpr const char* kUpToTheCheckpoint =
    "{\"event\":\"start\",\"step\":0}\n"
    "{\"event\":\"step\",\"step\":1,\"loss\":2.5}\n"
    "{\"event\":\"step\",\"step\":2,\"loss\":2.25}\n"
    "{\"event\":\"checkpoint\",\"step\":2}\n";

TEST_F(RunLogTest, AResumedLogGoesOnBehindItsCheckpoint) {
  const std::string kept = kUpToTheCheckpoint;
  // Lines of the same step that came later (samples of the end, an interruption) come again.
  EXPECT_EQ(resumed(kept + "{\"event\":\"sample\",\"step\":2}\n"
                           "{\"event\":\"step\",\"step\":3,\"loss\":2}\n"
                           "{\"event\":\"checkpoint\",\"step\":4}\n",
                    2),
            kept);
  EXPECT_TRUE(log_->has_checkpoint());
}

TEST_F(RunLogTest, ACutLineAndForeignLinesAreRemoved) {
  const std::string kept = kUpToTheCheckpoint;
  EXPECT_EQ(resumed("not json\n" + kept + "{\"event\":\"step\",\"st", 2), kept);
}

TEST_F(RunLogTest, WithoutTheCheckpointsLineLaterStepsAreRemoved) {
  EXPECT_EQ(resumed(kUpToTheCheckpoint, 1),
            "{\"event\":\"start\",\"step\":0}\n{\"event\":\"step\",\"step\":1,\"loss\":2.5}\n");
  EXPECT_FALSE(log_->has_checkpoint());
}

TEST_F(RunLogTest, ANewRunBeginsAnew) {
  ASSERT_TRUE(write_file(path(), kUpToTheCheckpoint).ok());
  const auto log = RunLog::open(folder_.path(), 0, false).value();
  ASSERT_TRUE(log->write("start", {{"step", 0}}).ok());
  EXPECT_EQ(read_file(path()).value(), "{\"event\":\"start\",\"step\":0}\n");
}

}  // namespace
}  // namespace attune::engine::train
