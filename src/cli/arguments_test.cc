#include "cli/arguments.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace attune::cli {
namespace {

TEST(Arguments, FlagsListsSwitchesAndNegativeNumbers) {
  Arguments a = parse_arguments({"sft", "--max-steps", "-1", "--use_peft", "--beta=0.1",
                                 "--lora_target_modules", "q_proj", "v_proj", "--", "--literal"})
                    .value();
  EXPECT_EQ(a.positional, (std::vector<std::string>{"sft", "--literal"}));
  ASSERT_EQ(a.flags.size(), 4u);
  EXPECT_EQ(a.flags[0].name, "max_steps");
  EXPECT_EQ(a.flags[0].value, "-1");
  EXPECT_EQ(a.flags[1].value, "true");
  EXPECT_EQ(a.flags[2].value, "0.1");
  EXPECT_EQ(a.flags[3].value, Json({"q_proj", "v_proj"}));
}

TEST(Arguments, TakeRemovesAndTheLastOneWins) {
  Arguments a = parse_arguments({"--seed", "1", "--seed", "2", "--stream", "false"}).value();
  EXPECT_EQ(a.take("seed"), "2");
  EXPECT_FALSE(a.take_switch("stream"));
  EXPECT_TRUE(a.flags.empty());
}

TEST(Arguments, OneDashIsWrongUse) {
  EXPECT_EQ(parse_arguments({"-seed", "1"}).error().code(), ErrorCode::kUsage);
}

TEST(Arguments, OnlyUtf8IsTaken) {
  EXPECT_EQ(parse_arguments({"--output", "caf\xe9"}).error().code(), ErrorCode::kUsage);
  EXPECT_TRUE(parse_arguments({"--output", "caf\u00e9"}).ok());
}

TEST(CommandLine, WrongUseIsTwoAndFailureIsOne) {
  EXPECT_EQ(run_command_line({"tokenise"}), 2);
  EXPECT_EQ(run_command_line({"train", "stf"}), 2);
  EXPECT_EQ(run_command_line({"train", "sft", "--lerning_rate", "1"}), 2);
  EXPECT_EQ(run_command_line({"tokenize", "--model_name_or_path", "no_such_folder"}), 1);
  EXPECT_EQ(run_command_line({"tokenize", "a_folder"}), 2);
  EXPECT_EQ(run_command_line({"--version"}), 0);
}

}  // namespace
}  // namespace attune::cli
