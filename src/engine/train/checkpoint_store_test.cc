#include "engine/train/checkpoint_store.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace attune::engine::train {
namespace {

Status save(CheckpointStore& store, int64_t step, const std::string& contents) {
  return store.save(step, {{"note", contents}}, [&](const std::string& folder) -> Status {
    TRY(write_file(join_path(folder, "parameters.safetensors"), contents));
    return write_file(join_path(folder, "optimizer.safetensors"), contents + contents);
  });
}

TEST(CheckpointStoreTest, TheNewestWholeOneIsFound) {
  const TemporaryDirectory run;
  CheckpointStore store(run.path());
  EXPECT_FALSE(store.newest().value().has_value());
  ASSERT_TRUE(save(store, 9, "nine").ok());
  ASSERT_TRUE(save(store, 10, "ten").ok());
  const auto newest = store.newest().value();
  ASSERT_TRUE(newest.has_value());
  EXPECT_EQ(newest->step, 10);
  EXPECT_EQ(newest->state["note"], "ten");
}

TEST(CheckpointStoreTest, DamageOfAnyKindFallsBackToTheOneBefore) {
  const std::vector<std::function<void(const std::string&)>> damages = {
      [](const std::string& f) { (void)write_file(f + "/parameters.safetensors", "te"); },
      [](const std::string& f) { (void)write_file(f + "/parameters.safetensors", "TEN"); },
      [](const std::string& f) { (void)remove_all(f + "/optimizer.safetensors"); },
      [](const std::string& f) { (void)write_file(f + "/state.json", "{\"format\": "); },
      [](const std::string& f) { (void)write_file(f + "/state.json", "{}"); },
      [](const std::string& f) { (void)remove_all(f + "/state.json"); }};
  for (const auto& damage : damages) {
    const TemporaryDirectory run;
    CheckpointStore store(run.path());
    ASSERT_TRUE(save(store, 5, "five").ok());
    ASSERT_TRUE(save(store, 10, "ten").ok());
    damage(store.folder_of(10));
    EXPECT_FALSE(CheckpointStore::open(store.folder_of(10)).ok());
    const auto newest = store.newest().value();
    ASSERT_TRUE(newest.has_value());
    EXPECT_EQ(newest->step, 5);
  }
}

TEST(CheckpointStoreTest, AFailedSaveLeavesTheOldOneAndNothingElse) {
  const TemporaryDirectory run;
  CheckpointStore store(run.path());
  ASSERT_TRUE(save(store, 5, "five").ok());
  const Status failed = store.save(
      6, {}, [](const std::string&) -> Status { return io_error("no space left on device"); });
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(list_directory(join_path(run.path(), "checkpoints")).value(),
            (std::vector<std::string>{"step-5"}));
}

TEST(CheckpointStoreTest, PruningKeepsTheNewestAndTheBest) {
  const TemporaryDirectory run;
  CheckpointStore store(run.path());
  for (int64_t step : {2, 4, 6, 8, 10}) ASSERT_TRUE(save(store, step, "x").ok());
  ASSERT_TRUE(make_directories(store.folder_of(12) + ".partial").ok());
  ASSERT_TRUE(store.prune(2, 4).ok());
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{4, 10}));
  EXPECT_FALSE(exists(store.folder_of(12) + ".partial"));
  ASSERT_TRUE(store.prune(1, {}).ok());
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{10}));
}

TEST(CheckpointStoreTest, WithoutOptimiserStateItCannotBeResumed) {
  const TemporaryDirectory run;
  CheckpointStore store(run.path());
  const auto write = [](const std::string& folder) {
    return write_file(join_path(folder, "parameters.safetensors"), "p");
  };
  ASSERT_TRUE(store.save(3, Json::object(), write).ok());
  EXPECT_FALSE(store.newest().value().has_value());
  EXPECT_TRUE(CheckpointStore::open(store.folder_of(3)).ok());
}

// A resumed run writes the steps after its checkpoint again: their old lines go.
}  // namespace
}  // namespace attune::engine::train
