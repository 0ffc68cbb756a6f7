#include "data/licence.h"

#include <algorithm>
#include <cctype>

namespace attune::data {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// A model whose provider's terms restrict training on what it wrote.
bool is_written_by_restricted_model(const std::string& models) {
  for (const char* name :
       {"gpt-3", "gpt3", "gpt-4", "chatgpt", "davinci", "claude", "bard", "gemini"}) {
    if (models.find(name) != std::string::npos) return true;
  }
  for (size_t at = models.find("gpt4"); at != std::string::npos; at = models.find("gpt4", at + 1)) {
    if (models.compare(at, 7, "gpt4all") != 0) return true;  // which is an open model
  }
  return false;
}

}  // namespace

std::vector<std::string> licence_warnings(const Source& source) {
  std::vector<std::string> warnings;
  if (!source.warning.empty()) {
    warnings.push_back((source.dataset.empty() ? "" : source.dataset + ": ") + source.warning);
  }
  const std::string licence = lower(source.licence);
  auto has = [&licence](const char* part) { return licence.find(part) != std::string::npos; };
  if (licence.empty()) {
    warnings.push_back(
        "no licence is stated, which is not permission: ask the authors, or name "
        "it with --licence");
  } else if (has("by-nc") || has("noncommercial") || has("non-commercial")) {
    warnings.push_back("the licence " + source.licence + " forbids commercial use");
  } else if (has("by-sa") || has("share-alike")) {
    warnings.push_back("the licence " + source.licence +
                       " asks that what is derived is shared under the same terms");
  }
  if (is_written_by_restricted_model(lower(source.generated_by))) {
    warnings.push_back("answers were written by " + source.generated_by +
                       ": its provider's terms may forbid training a competing model on them");
  }
  return warnings;
}

}  // namespace attune::data
