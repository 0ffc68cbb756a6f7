#include "cli/arguments.h"

#include <algorithm>
#include <cctype>

#include "base/log.h"
#include "text/unicode.h"

namespace attune::cli {
namespace {

bool is_flag(const std::string& word) {
  return word.size() > 2 && word.starts_with("--") &&
         std::isalpha(static_cast<unsigned char>(word[2])) != 0;
}

std::string flag_name(const std::string& word) {
  std::string name =
      word.substr(2, word.find('=') == std::string::npos ? word.npos : word.find('=') - 2);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace

std::optional<std::string> Arguments::take(const std::string& name) {
  std::optional<std::string> value;
  std::erase_if(flags, [&](const recipes::Setting& flag) {
    if (flag.name != name) return false;
    value = flag.value.is_string() ? flag.value.get<std::string>() : to_line(flag.value);
    return true;
  });
  return value;
}

bool Arguments::take_switch(const std::string& name) {
  std::optional<std::string> value = take(name);
  return value && *value != "false" && *value != "0" && *value != "no";
}

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  for (const std::string& word : words) {
    if (text::valid_utf8_prefix(word) == word.size()) continue;
    return usage_error("{}: is no UTF-8; give names and texts in UTF-8", word);
  }
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") {
      arguments.positional.insert(arguments.positional.end(),
                                  words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (words[i] == "-h") {
      arguments.flags.push_back({"help", "true", "-h"});
      continue;
    }
    if (!is_flag(words[i])) {
      if (words[i].starts_with('-') && words[i].size() > 1 && std::isalpha(words[i][1]) != 0) {
        return usage_error("{}: options are written with two dashes: --name value", words[i]);
      }
      arguments.positional.push_back(words[i]);
      continue;
    }
    std::string name = flag_name(words[i]);
    size_t equals = words[i].find('=');
    Json values = Json::array();
    if (equals != std::string::npos) {
      values.push_back(words[i].substr(equals + 1));
    } else {
      while (i + 1 < words.size() && !is_flag(words[i + 1]) && words[i + 1] != "--") {
        values.push_back(words[++i]);
      }
    }
    if (values.empty()) values.push_back("true");
    arguments.flags.push_back({name, values.size() == 1 ? values[0] : values, "--" + name});
  }
  return arguments;
}

Result<Json> resolve_flags(const recipes::Recipe& table, const Arguments& arguments) {
  if (!arguments.positional.empty()) {
    return usage_error("\"{}\" belongs to no option; they are written --name value",
                       arguments.positional[0]);
  }
  recipes::Resolved resolved = TRY(recipes::resolve(table, arguments.flags));
  for (const std::string& warning : resolved.warnings) log_warning("{}", warning);
  return resolved.config;
}

}  // namespace attune::cli
