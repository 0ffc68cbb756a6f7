#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace attune::text {
namespace {

OrderedJson conversation(const std::vector<std::pair<std::string, std::string>>& turns) {
  OrderedJson messages = OrderedJson::array();
  for (const auto& [role, content] : turns) {
    messages.push_back({{"role", role}, {"content", content}});
  }
  return messages;
}

const OrderedJson kFour = conversation({{"user", "Hi"},
                                        {"assistant", "Hello"},
                                        {"user", "Again"},
                                        {"assistant", "Héllo again"}});

ChatTemplateInput input_with(OrderedJson messages) {
  ChatTemplateInput input;
  input.messages = std::move(messages);
  input.bos_token = "<s>";
  input.eos_token = "</s>";
  return input;
}

Result<RenderedChat> render(const std::string& source, const ChatTemplateInput& input) {
  return TRY(ChatTemplate::parse(source)).render(input);
}

std::vector<std::string> spans_of(const RenderedChat& chat) {
  std::vector<std::string> texts;
  for (auto [begin, end] : chat.assistant_spans)
    texts.push_back(chat.text.substr(begin, end - begin));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(ChatTemplate, RendersChatMl) {
  auto chat = render(*ChatTemplate::builtin("chatml"), input_with(kFour));
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_EQ(chat->text,
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"
            "<|im_start|>user\nAgain<|im_end|>\n<|im_start|>assistant\nHéllo again<|im_end|>\n");
  EXPECT_FALSE(chat->spans_from_markers);
}

TEST(AssistantSpans, HoldTheAnswerAndItsEndOfTurn) {
  const std::map<std::string, Texts> expected = {
      {"chatml", {"Hello<|im_end|>", "Héllo again<|im_end|>"}},
      {"zephyr", {"Hello</s>", "Héllo again</s>"}},
      {"phi-3", {"Hello<|end|>", "Héllo again<|end|>"}},
      {"llama-3", {"Hello<|eot_id|>", "Héllo again<|eot_id|>"}},
      {"llama-2", {" Hello </s>", " Héllo again </s>"}},
      {"mistral", {" Hello</s>", " Héllo again</s>"}},
      {"gemma", {"Hello<end_of_turn>", "Héllo again<end_of_turn>"}},
      {"falcon", {" Hello</s>", " Héllo again</s>"}},
      {"alpaca", {"Hello</s>", "Héllo again</s>"}},
      {"vicuna", {" Hello</s>", " Héllo again</s>"}},
      {"command-r", {"Hello<|END_OF_TURN_TOKEN|>", "Héllo again<|END_OF_TURN_TOKEN|>"}},
  };
  EXPECT_EQ(ChatTemplate::builtin_names().size(), expected.size());
  for (const std::string& name : ChatTemplate::builtin_names()) {
    SCOPED_TRACE(name);
    auto chat = render(*ChatTemplate::builtin(name), input_with(kFour));
    ASSERT_TRUE(chat.ok()) << chat.error().message();
    EXPECT_EQ(spans_of(*chat), expected.at(name));
  }
}

TEST(AssistantSpans, ComeFromMarkersWhereThereAreSome) {
  std::string source =
      "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}"
      "{% generation %}{{ m.content }}!{% endgeneration %}{% else %}{{ m.content }}{% endif %}"
      "{% endfor %}";
  auto chat = render(source, input_with(kFour));
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_TRUE(chat->spans_from_markers);
  EXPECT_EQ(spans_of(*chat), (Texts{"Hello!", "Héllo again!"}));
}

TEST(AssistantSpans, LeaveOutAHeadingThatTheTemplateNeverPrompts) {
  std::string source =
      "{% for m in messages %}{{ '<|' ~ m.role ~ '|>\n' ~ m.content ~ '<end>\n' }}{% endfor %}";
  auto chat = render(source, input_with(kFour));
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_EQ(spans_of(*chat), (Texts{"Hello<end>", "Héllo again<end>"}));
}

TEST(AssistantSpans, StopWhereAPromptSaysMoreThanTheTurn) {
  std::string source =
      "{% for m in messages %}{{ '<' ~ m.role ~ '>' ~ m.content ~ '<end>' }}{% endfor %}"
      "{% if add_generation_prompt %}<assistant><think></think>{% endif %}";
  OrderedJson messages = conversation({{"user", "Hi"}, {"assistant", "<b>yes</b>"}});
  auto chat = render(source, input_with(messages));
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_EQ(spans_of(*chat), Texts{"<b>yes</b><end>"});
}

TEST(AssistantSpans, AreRefusedWhereEarlierTurnsChange) {
  std::string source =
      "{% for m in messages %}{{ m.role }}:{% if loop.last or m.role == 'user' %}{{ m.content }}"
      "{% else %}(cut){% endif %}\n{% endfor %}";
  auto chat = render(source, input_with(kFour));
  ASSERT_FALSE(chat.ok());
  EXPECT_EQ(chat.error().code(), ErrorCode::kInvalidInput);
  EXPECT_NE(chat.error().message().find("message 1 (assistant)"), std::string::npos)
      << chat.error().message();
  EXPECT_NE(chat.error().message().find("{% generation %}"), std::string::npos);

  ChatTemplateInput input = input_with(kFour);
  input.want_assistant_spans = false;
  EXPECT_TRUE(render(source, input).ok());
  input.want_assistant_spans = true;
  input.add_generation_prompt = true;
  EXPECT_TRUE(render(source, input).ok());
}

TEST(ChatTemplate, RefusesWhatIsNoConversation) {
  std::string chatml = *ChatTemplate::builtin("chatml");
  EXPECT_EQ(render(chatml, input_with("Hi")).error().message(),
            "messages must be a list, found string");
  EXPECT_EQ(render(chatml, input_with(OrderedJson::array({"Hi"}))).error().message(),
            "message 0 must be an object with \"role\" and \"content\", found string");
  ChatTemplateInput input = input_with(kFour);
  input.extra = 5;
  EXPECT_EQ(render(chatml, input).error().message(),
            "chat_template_kwargs must be an object, found number");
  input.extra = {{"big", UINT64_MAX}};
  EXPECT_NE(render(chatml, input).error().message().find("64 bits"), std::string::npos);
}

TEST(ChatTemplate, TellsWhyTheTemplateRefuses) {
  OrderedJson messages = conversation({{"assistant", "Hello"}});
  auto chat = render(*ChatTemplate::builtin("gemma"), input_with(messages));
  ASSERT_FALSE(chat.ok());
  EXPECT_EQ(chat.error().message(),
            "chat template: template line 7: the template refuses this conversation: user and "
            "assistant must take turns, starting with user");
  auto parsed = ChatTemplate::parse("a\n{% if %}");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().message(),
            "chat template: template line 2: expected an expression, found '%}'");
}

TEST(ChatTemplate, GivesReasoningUnderEachOfItsNames) {
  OrderedJson messages = conversation({{"assistant", "yes"}});
  messages[0]["reasoning"] = "because";
  ChatTemplateInput input = input_with(messages);
  input.want_assistant_spans = false;
  auto chat = render("{{ messages[0].reasoning_content }} {{ messages[0].thinking }}", input);
  ASSERT_TRUE(chat.ok());
  EXPECT_EQ(chat->text, "because because");
}

TEST(ChatTemplate, CanBeSharedByThreads) {
  auto parsed = ChatTemplate::parse(*ChatTemplate::builtin("llama-3"));
  ASSERT_TRUE(parsed.ok());
  std::string expected = parsed->render(input_with(kFour))->text;
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (size_t t = 0; t < equal.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) equal[t] += parsed->render(input_with(kFour))->text == expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(equal, std::vector<int>(4, 50));
}

}  // namespace
}  // namespace attune::text
