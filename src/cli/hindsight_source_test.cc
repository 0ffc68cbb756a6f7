#include "cli/hindsight_source.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/test_paths.h"

namespace attune::cli {
namespace {

data::HindsightTemplates dialogue() {
  return data::read_hindsight_templates(testing::source_path("examples/hindsight/dialogue.json"))
      .value();
}

TEST(HindsightSource, PromptsEndInThePositiveMarker) {
  const OrderedJson request =
      with_positive_marker({{"kind", "generate"}, {"prompt", "Why is it so? "}}, dialogue());
  // Not "An helpful answer:", which the published example of serving asks with.
  EXPECT_EQ(request["prompt"], "User: Why is it so? A helpful answer:");
}

TEST(HindsightSource, ConversationsCarryItBehindTheLastUserTurn) {
  const OrderedJson messages = OrderedJson::parse(
      R"([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}])");
  const OrderedJson request = with_positive_marker({{"messages", messages}}, dialogue());
  EXPECT_EQ(request["messages"][0], messages[0]);
  EXPECT_EQ(request["messages"][1]["content"], "Why?\nA helpful answer:");
}

TEST(HindsightSource, TheSetOfTheModelIsFoundBesideIt) {
  const TemporaryDirectory model;
  const Json config = {{"model_name_or_path", model.path()}, {"model_revision", "main"},
                       {"adapter", nullptr},
                       {"hindsight_templates", nullptr}};
  const auto none = hindsight_templates_of(config);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message().find("--hindsight_templates"), std::string::npos);
  ASSERT_TRUE(write_file(model.file("hindsight.json"),
                         R"({"levels": [["No:"], ["Yes:"]], "user": ""})").ok());
  const auto found = hindsight_templates_of(config);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(data::hindsight_prompt(*found, "Why?"), "Why? Yes:");
}

TEST(HindsightSource, ANameThatIsNeitherFileNorSetIsAnError) {
  const auto path = hindsight_templates_path("dialog");
  ASSERT_FALSE(path.ok());
  EXPECT_NE(path.error().message().find("dialogue, webgpt, summary and ranking"),
            std::string::npos);
}

}  // namespace
}  // namespace attune::cli
