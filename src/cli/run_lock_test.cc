#include "cli/run_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/file.h"

namespace attune::cli {
namespace {

constexpr int kLongMs = 60'000;

TEST(RunLockTest, OneAtATimeAndNoFileIsLeft) {
  const TemporaryDirectory folder;
  auto first = RunLock::take(folder.path(), 0);
  ASSERT_TRUE(first.ok()) << first.error().message();
  const auto second = RunLock::take(folder.path(), 0);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message().find(folder.path()), std::string::npos);
  EXPECT_NE(second.error().message().find("--output_dir"), std::string::npos);
  first->reset();
  EXPECT_TRUE(RunLock::take(folder.path(), 0).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(RunLockTest, WaitsForAHolderThatEnds) {
  const TemporaryDirectory folder;
  auto first = RunLock::take(folder.path(), 0).value();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(RunLock::take(folder.path(), 50).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
  std::thread ends([&] { first.reset(); });
  EXPECT_TRUE(RunLock::take(folder.path(), kLongMs).ok());
  ends.join();
}

TEST(RunLockTest, AProcessThatWasStartedHoldsItToItsEnd) {
  const TemporaryDirectory folder;
  auto lock = RunLock::take(folder.path(), 0).value();
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  lock.reset();
  EXPECT_FALSE(RunLock::take(folder.path(), 0).ok());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(RunLock::take(folder.path(), 0).ok());
}

TEST(RunLockTest, ADirectoryThatIsNotThereIsNamed) {
  const TemporaryDirectory folder;
  const auto lock = RunLock::take(folder.file("gone"), 0);
  ASSERT_FALSE(lock.ok());
  EXPECT_NE(lock.error().message().find("gone"), std::string::npos);
}

}  // namespace
}  // namespace attune::cli
