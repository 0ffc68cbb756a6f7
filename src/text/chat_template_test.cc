#include "text/chat_template.h"

#include <gtest/gtest.h>

namespace attune::text {
namespace {

TEST(ChatTemplate, RendersChatMl) {
  auto parsed = ChatTemplate::parse(*ChatTemplate::builtin("chatml"));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  ChatTemplateInput input;
  input.messages = OrderedJson::parse(
      R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}])");
  auto chat = parsed->render(input);
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_EQ(chat->text, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n");
  ASSERT_EQ(chat->assistant_spans.size(), 1U);
  auto [begin, end] = chat->assistant_spans[0];
  EXPECT_EQ(chat->text.substr(begin, end - begin), "Hello<|im_end|>");
}

}  // namespace
}  // namespace attune::text
