#include "protocol/engine_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/file.h"

namespace attune::protocol {
namespace {

// ATTUNE_ENGINE for the length of a test.
class NamedEngine {
 public:
  explicit NamedEngine(const std::string& path) { setenv("ATTUNE_ENGINE", path.c_str(), 1); }
  ~NamedEngine() { unsetenv("ATTUNE_ENGINE"); }
};

TEST(FindEngine, TakesTheVariableAndSaysWhenItNamesNothing) {
  {
    NamedEngine named("/bin/sh");
    EXPECT_EQ(*find_engine(), "/bin/sh");
  }
  NamedEngine named("/nowhere/attune-engine");
  const auto found = find_engine();
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.error().message().find("ATTUNE_ENGINE=/nowhere"), std::string::npos);
}

TEST(EngineProcess, GivesTheExitCode) {
  auto process = EngineProcess::start("/bin/sh", {"-c", "exit 7"});
  ASSERT_TRUE(process.ok());
  EXPECT_EQ((*process)->wait(-1), 7);
  EXPECT_EQ((*process)->wait(0), 7);
}

TEST(EngineProcess, EndsARunningChild) {
  pid_t pid = 0;
  {
    auto process = EngineProcess::start("/bin/sh", {"-c", "while :; do read x < /dev/zero; done"});
    ASSERT_TRUE(process.ok());
    EXPECT_FALSE((*process)->wait(0).has_value());
    pid = (*process)->pid();
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(EngineProcess, ReportsAProgramThatCannotStart) {
  const auto process = EngineProcess::start("/nowhere/engine", {});
  ASSERT_FALSE(process.ok());
  EXPECT_NE(process.error().message().find("/nowhere/engine"), std::string::npos);
}

TEST(ServeModel, ReportsAnEngineThatEndsAtOnce) {
  TemporaryDirectory directory;
  const std::string script = directory.file("engine");
  ASSERT_TRUE(write_file(script, "#!/bin/sh\nexit 3\n").ok());
  ASSERT_EQ(chmod(script.c_str(), 0755), 0);
  NamedEngine named(script);
  const auto served = serve_model({"--model_name_or_path", "m"}, 10000);
  ASSERT_FALSE(served.ok());
  EXPECT_NE(served.error().message().find("code 3"), std::string::npos);
}

}  // namespace
}  // namespace attune::protocol
