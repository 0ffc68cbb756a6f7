#include "protocol/reward_command.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include "base/file.h"
#include "base/log.h"

namespace attune::protocol {
namespace {

// Commands are a few lines of shell. An answer's reward is ten times its id, which is cut out of
// {"id":7,"prompt":...; `rest` runs after each answer, with $n lines read.
std::string answering(const std::string& rest = ":") {
  return R"(n=0; while read -r line; do n=$((n + 1)); id=${line#*:}; id=${id%%,*}; )"
         R"(echo "{\"id\":$id,\"reward\":$((id * 10))}"; )" +
         rest + "; done";
}

std::vector<RewardQuery> questions(size_t count) {
  std::vector<RewardQuery> queries;
  for (size_t i = 0; i < count; ++i) queries.push_back({"p", "c" + std::to_string(i)});
  return queries;
}

std::string failure(const std::string& command, ErrorCode code, int timeout_ms = 5000) {
  set_log_level(LogLevel::kError);  // the warnings about a second start
  RewardCommand reward(command, timeout_ms);
  const auto rewards = reward.score(questions(3));
  set_log_level(LogLevel::kInfo);
  EXPECT_FALSE(rewards.ok());
  if (rewards.ok()) return "";
  EXPECT_EQ(rewards.error().code(), code) << rewards.error().message();
  return rewards.error().message();
}

::testing::AssertionResult holds(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\"" << part << "\" is not in: " << text;
}

TEST(RewardCommand, AnswersEveryQuestionAndStaysForTheNext) {
  RewardCommand reward(answering(), 5000);
  EXPECT_EQ(reward.score(questions(3)).value(), (std::vector<double>{10, 20, 30}));
  EXPECT_EQ(reward.score(questions(2)).value(), (std::vector<double>{40, 50}));
  EXPECT_TRUE(reward.score({}).value().empty());
}

TEST(RewardCommand, SendsPromptAndCompletionAsTheyAre) {
  TemporaryDirectory folder;
  const std::string log = folder.file("asked");
  // Written before it is answered: the file is whole when the score is there.
  RewardCommand reward(R"(while IFS= read -r line; do printf '%s\n' "$line" >>)" + log +
                           R"(; echo '{"id":1,"reward":10}'; done)",
                       5000);
  const OrderedJson messages = {{{"role", "user"}, {"content", "Hé\n\"quoted\""}}};
  ASSERT_TRUE(reward.score({{messages, "two\nlines"}}).ok());
  EXPECT_EQ(read_file(log).value(),
            "{\"id\":1,\"prompt\":[{\"role\":\"user\",\"content\":\"Hé\\n\\\"quoted\\\"\"}],"
            "\"completion\":\"two\\nlines\"}\n");
}

TEST(RewardCommand, TakesAnswersInAnyOrder) {
  // Holds back the first two answers until the third question is there.
  RewardCommand reward(R"(read -r a; read -r b; read -r c; for id in 3 1 2; do )"
                       R"(echo "{\"reward\":$id,\"id\":$id}"; done; cat)",
                       5000);
  EXPECT_EQ(reward.score(questions(3)).value(), (std::vector<double>{1, 2, 3}));
}

TEST(RewardCommand, MoreThanAPipeHoldsInBothDirections) {
  std::vector<RewardQuery> queries;
  for (int i = 0; i < 400; ++i) queries.push_back({"p", std::string(2000, 'x')});
  // Says so much on standard error that a pipe nobody reads would stop it.
  RewardCommand reward(
      answering(R"(printf '%02000d\n' "$n" >&2)"), 10'000);
  const auto rewards = reward.score(queries);
  ASSERT_TRUE(rewards.ok()) << rewards.error().message();
  EXPECT_EQ(rewards->size(), 400u);
  EXPECT_EQ(rewards->back(), 4000);
}

TEST(RewardCommand, ADeadOneIsNamedWithItsLastWords) {
  const std::string message =
      failure("head -n 1 >&2; echo 'Traceback: no such module' >&2; exit 3",
              ErrorCode::kUnavailable);
  EXPECT_TRUE(holds(message, "exit code 3 with 3 of 3 answers missing"));
  EXPECT_TRUE(holds(message, "Traceback: no such module"));
  EXPECT_TRUE(holds(message, "head -n 1"));  // which command
  EXPECT_TRUE(holds(failure("no_such_program_here", ErrorCode::kUnavailable), "exit code 127"));
  EXPECT_TRUE(holds(failure("kill -9 $$", ErrorCode::kUnavailable), "signal 9"));
}

TEST(RewardCommand, AHangingOneIsAnError) {
  EXPECT_TRUE(holds(failure(answering("exec sleep 1000"), ErrorCode::kUnavailable, 200),
                    "said nothing for 200 ms"));
  EXPECT_TRUE(holds(failure("exec >&-; cat > /dev/null", ErrorCode::kUnavailable, 200),
                    "closed its standard output"));
}

// A blank line is passed over, and is no sign of life: also when there is always another.
TEST(RewardCommand, BlankLinesAreNoAnswersAndKeepNobodyWaiting) {
  RewardCommand reward("echo; " + answering("echo"), 5000);
  EXPECT_EQ(reward.score(questions(3)).value(), (std::vector<double>{10, 20, 30}));
  EXPECT_TRUE(holds(failure("while echo; do :; done", ErrorCode::kUnavailable, 200),
                    "said nothing for 200 ms with 3 of 3 answers missing"));
  // One that answers now and then is alive, however long it takes altogether.
  RewardCommand slow(answering("echo; echo"), 5000);
  for (int step = 0; step < 3; ++step) EXPECT_EQ(slow.score(questions(20)).value().size(), 20U);
}

TEST(RewardCommand, WhatIsNoAnswerIsAnError) {
  const auto says = [](const std::string& line) {
    return failure("printf '%s\\n' '" + line + "'; cat > /dev/null", ErrorCode::kInvalidInput);
  };
  EXPECT_TRUE(holds(says("loading the model ..."), "no answer: \"loading the model ...\""));
  EXPECT_TRUE(holds(says("[1, 0.5]"), "no answer"));
  EXPECT_TRUE(holds(says(R"({"id":1,"reward":NaN})"), "no number"));
  EXPECT_TRUE(holds(says(R"({"id":1,"reward":1e999})"), "reward"));
  EXPECT_TRUE(holds(says(R"({"id":1,"reward":null})"), "without a finite number"));
  EXPECT_TRUE(holds(says(R"({"id":1,"reward":"good"})"), "without a finite number"));
  EXPECT_TRUE(holds(says(R"({"id":"one","reward":1})"), "without the \"id\""));
  EXPECT_TRUE(holds(says(R"({"id":9,"reward":1})"), "id 9, which is not open"));
  EXPECT_TRUE(holds(failure("printf '%02000000d\\n' 7; cat > /dev/null", ErrorCode::kInvalidInput),
                    "more than 1048576 bytes"));
}

TEST(RewardCommand, AnsweringTwiceIsAnError) {
  const std::string twice = answering(R"(echo "{\"id\":$id,\"reward\":1}")");
  EXPECT_TRUE(holds(failure(twice, ErrorCode::kInvalidInput), "not open"));
  // Also when the second answer comes after all that was asked.
  RewardCommand reward(answering("[ $n -gt 1 ] || echo extra"), 5000);
  const auto first = reward.score(questions(1));
  ASSERT_TRUE(first.ok());
  std::string message;
  for (int i = 0; i < 1000 && message.empty(); ++i) {  // until the extra line has come through
    const auto next = reward.score(questions(1));
    if (!next.ok()) message = next.error().message();
  }
  EXPECT_TRUE(holds(message, "\"extra\""));
}

TEST(RewardCommand, ACutLastLineIsNoAnswer) {
  EXPECT_TRUE(holds(failure(R"(printf '{"id":1,"rew'; exit 0)", ErrorCode::kUnavailable),
                    "in the middle of a line (\"{\"id\":1,\"rew\")"));
}

TEST(RewardCommand, OneDeathIsSurvived) {
  TemporaryDirectory folder;
  // The first one dies after an answer; the second is asked for the rest only.
  const std::string mark = folder.file("died");
  const std::string command = "if [ -e " + mark + " ]; then " + answering() + "; else touch " +
                              mark + "; " + answering("exit 1") + "; fi";
  set_log_level(LogLevel::kError);
  RewardCommand reward(command, 5000);
  const auto rewards = reward.score(questions(3));
  set_log_level(LogLevel::kInfo);
  ASSERT_TRUE(rewards.ok()) << rewards.error().message();
  EXPECT_EQ(*rewards, (std::vector<double>{10, 20, 30}));
}

TEST(RewardCommand, IsKilledWithItsChildren) {
  TemporaryDirectory folder;
  const std::string pids = folder.file("pids");
  {
    // A shell with a child that goes on when its input ends.
    RewardCommand reward("(trap '' TERM HUP; echo $$ > " + pids + "; exec sleep 1000) & " +
                             answering(),
                         5000);
    ASSERT_TRUE(reward.score(questions(1)).ok());
    while (!exists(pids) || read_file(pids).value().empty()) {
      ASSERT_TRUE(reward.score(questions(1)).ok());
    }
  }
  const pid_t group = std::stoi(read_file(pids).value());
  // Killed at once; the last of the group is gone as soon as the system has taken it away.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (kill(-group, 0) == 0 && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_NE(kill(-group, 0), 0);
}

}  // namespace
}  // namespace attune::protocol
