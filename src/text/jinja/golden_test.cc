// Every case of tests/golden/chat_template/chat_templates.jsonl; a new case needs no change here.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/file.h"
#include "tests/support/test_paths.h"
#include "text/chat_template.h"

namespace attune::text {
namespace {

// The template in a GGUF file: a key, the type of a string (u32 = 8), its length (u64), its bytes.
std::optional<std::string> gguf_template() {
  auto path = testing::smollm2_path();
  if (!path) return std::nullopt;
  auto file = MappedFile::open(*path);
  if (!file.ok()) return std::nullopt;
  static constexpr std::string_view kKey = "tokenizer.chat_template";
  size_t at = file->text().find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  at += kKey.size() + 4;
  uint64_t size = 0;
  for (size_t i = 0; i < 8; ++i) size |= uint64_t{file->data()[at + i]} << (8 * i);
  return std::string(file->text().substr(at + 8, size));
}

struct Goldens {
  std::map<std::string, std::string> sources;
  int64_t now_unix_s = 0;
  std::vector<OrderedJson> cases;
};

Goldens read_goldens() {
  Goldens goldens;
  auto text = read_file(testing::source_path("tests/golden/chat_template/chat_templates.jsonl"));
  EXPECT_TRUE(text.ok()) << "run tests/golden/chat_template/make_chat_templates.py";
  std::istringstream lines(text.ok() ? *text : "{\"families\":{},\"now_unix_s\":0}");
  std::string line;
  std::getline(lines, line);
  OrderedJson header = OrderedJson::parse(line);
  goldens.now_unix_s = header["now_unix_s"];
  for (const auto& [name, source] : header["families"].items()) {
    goldens.sources["family:" + name] = source;
  }
  for (const std::string& name : ChatTemplate::builtin_names()) {
    goldens.sources["builtin:" + name] = *ChatTemplate::builtin(name);
  }
  if (auto source = gguf_template()) goldens.sources["smollm2"] = *source;
  while (std::getline(lines, line)) goldens.cases.push_back(OrderedJson::parse(line));
  return goldens;
}

ChatTemplateInput input_of(const OrderedJson& json, int64_t now_unix_s) {
  ChatTemplateInput input;
  input.now_unix_s = now_unix_s;
  input.want_assistant_spans = false;
  for (const auto& [name, value] : json.items()) {
    if (name == "messages") input.messages = value;
    else if (name == "tools") input.tools = value;
    else if (name == "documents") input.documents = value;
    else if (name == "add_generation_prompt") input.add_generation_prompt = value;
    else if (name == "bos_token") input.bos_token = value;
    else if (name == "eos_token") input.eos_token = value;
    else input.extra[name] = value;
  }
  return input;
}

Result<RenderedChat> render(const std::string& source, const ChatTemplateInput& input) {
  return TRY(ChatTemplate::parse(source)).render(input);
}

void expect_case(const OrderedJson& golden, const std::string& source, int64_t now_unix_s) {
  SCOPED_TRACE(golden["name"].get<std::string>() + ": " + source.substr(0, 200));
  auto chat = render(source, input_of(golden["input"], now_unix_s));
  if (golden.contains("error")) {
    EXPECT_FALSE(chat.ok()) << "rendered " << chat->text << "\nbut jinja2 says " << golden["error"];
    return;
  }
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_EQ(chat->text, golden["output"].get<std::string>());
  if (!golden.contains("spans")) return;
  EXPECT_TRUE(chat->spans_from_markers);
  std::vector<std::pair<size_t, size_t>> spans = golden["spans"];
  EXPECT_EQ(chat->assistant_spans, spans);
}

TEST(ChatTemplateGolden, EqualsJinja2) {
  Goldens goldens = read_goldens();
  EXPECT_GE(goldens.cases.size(), 700U);
  for (const OrderedJson& golden : goldens.cases) {
    if (golden.contains("source")) {
      expect_case(golden, golden["source"], goldens.now_unix_s);
    } else if (golden["from"] != "smollm2") {
      expect_case(golden, goldens.sources.at(golden["from"]), goldens.now_unix_s);
    }
  }
}

TEST(ChatTemplateGolden, EqualsJinja2OnTheTemplateOfSmolLm2) {
  Goldens goldens = read_goldens();
  if (goldens.sources.count("smollm2") == 0) GTEST_SKIP() << "no SmolLM2 file: set ATTUNE_SMOLLM2";
  size_t count = 0;
  for (const OrderedJson& golden : goldens.cases) {
    if (golden.value("from", "") != "smollm2") continue;
    expect_case(golden, goldens.sources["smollm2"], goldens.now_unix_s);
    ++count;
  }
  EXPECT_GE(count, 20U);
}

}  // namespace
}  // namespace attune::text
