#include "cli/generated_examples.h"

#include <filesystem>

namespace attune::cli {

std::string generator_name(const std::string& model_name_or_path) {
  std::filesystem::path path(model_name_or_path);
  if (!path.has_filename()) path = path.parent_path();  // "runs/mails/"
  const std::filesystem::path parent = path.parent_path().filename();
  return (parent.empty() || parent == "." ? path.filename() : parent / path.filename()).string();
}

OrderedJson generated_example(const OrderedJson& row, const OrderedJson& request,
                              const std::vector<std::string>& answers,
                              const std::string& generated_by) {
  const bool chat = request.contains("messages");
  const auto content = [&](const std::string& answer) -> OrderedJson {
    if (!chat) return answer;
    return OrderedJson::array({{{"role", "assistant"}, {"content", answer}}});
  };
  OrderedJson example = {{"id", row["id"]}, {"prompt", request[chat ? "messages" : "prompt"]}};
  if (answers.size() == 1) {
    example["completion"] = content(answers[0]);
  } else {
    example["completions"] = OrderedJson::array();
    for (const std::string& answer : answers) example["completions"].push_back(content(answer));
    example["ranks"] = std::vector<std::nullptr_t>(answers.size());
  }
  if (row.contains("source") && row["source"].is_object()) example["source"] = row["source"];
  example["source"]["generated_by"] = generated_by;
  return example;
}

}  // namespace attune::cli
