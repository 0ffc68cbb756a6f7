#include "recipes/resolve.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/nearest.h"

namespace attune::recipes {
namespace {

std::string canonical_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Error mismatch(const Option& option, const Json& value) {
  return usage_error("{} must be {}, found {}", option.name, describe_type(option), to_line(value));
}

std::optional<double> as_number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  double number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool whole = failure == std::errc() && end == text.data() + text.size();
  return whole ? std::optional<double>(number) : std::nullopt;
}

Result<Json> coerce_number(const Option& option, const Json& value) {
  std::optional<double> number = as_number(value);
  if (!number || !std::isfinite(*number)) return mismatch(option, value);
  bool whole = *number == std::floor(*number) && std::abs(*number) < 9e15;
  if (option.type == OptionType::kInt && !whole) return mismatch(option, value);
  bool too_small = option.minimum && *number < *option.minimum;
  bool too_large = option.maximum && *number > *option.maximum;
  if (too_small || too_large) return mismatch(option, value);
  if (option.type == OptionType::kInt) return Json(static_cast<int64_t>(*number));
  return Json(*number);
}

Result<Json> coerce_bool(const Option& option, const Json& value) {
  if (value.is_boolean()) return value;
  std::string text = value.is_string() ? lower(value.get<std::string>()) : "";
  if (text == "true" || text == "yes" || text == "1" || text == "on") return Json(true);
  if (text == "false" || text == "no" || text == "0" || text == "off") return Json(false);
  return mismatch(option, value);
}

Result<Json> coerce_string(const Option& option, const Json& value) {
  Json text = value;
  if (value.is_number() || value.is_boolean()) text = to_line(value);
  if (!text.is_string()) return mismatch(option, value);
  if (option.choices.empty()) return text;
  std::string name = text.get<std::string>();
  if (std::find(option.choices.begin(), option.choices.end(), name) == option.choices.end()) {
    std::string nearest = nearest_name(name, option.choices);
    return usage_error("{} must be {}, found \"{}\"{}", option.name, describe_type(option), name,
                       nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
  }
  return text;
}

Json split_list(const std::string& text) {
  Json items = Json::array();
  std::string item;
  for (char c : text + ",") {
    if (c != ',' && c != ' ') {
      item += c;
    } else if (!item.empty()) {
      items.push_back(item);
      item.clear();
    }
  }
  return items;
}

Result<Json> coerce_list(const Option& option, const Json& value) {
  if (value.is_array()) return value;
  if (!value.is_string()) return mismatch(option, value);
  std::string text = value.get<std::string>();
  if (text.starts_with('[')) {
    Result<Json> parsed = parse_json(text);
    if (parsed.ok() && parsed->is_array()) return parsed;
  }
  return split_list(text);
}

Result<Json> coerce_integers(const Option& option, const Json& value) {
  Option one = option;
  one.type = OptionType::kInt;
  Json numbers = Json::array();
  for (const Json& item : value.is_number() ? Json::array({value})
                                            : TRY(coerce_list(option, value))) {
    const auto number = coerce_number(one, item);
    if (!number.ok()) return mismatch(option, value);
    numbers.push_back(*number);
  }
  return numbers;
}

// The members of a YAML mapping are text; those that read as numbers or truth values become that.
Json typed_members(const Json& object) {
  Json typed = Json::object();
  for (const auto& [name, value] : object.items()) {
    std::string word = value.is_string() ? lower(value.get<std::string>()) : "";
    std::optional<double> number = value.is_string() ? as_number(value) : std::nullopt;
    if (value.is_object()) {
      typed[name] = typed_members(value);
    } else if (number) {
      typed[name] = *number;
    } else if (word == "true" || word == "false") {
      typed[name] = word == "true";
    } else {
      typed[name] = value;
    }
  }
  return typed;
}

Result<Json> coerce_object(const Option& option, const Json& value) {
  if (value.is_object()) return typed_members(value);
  if (!value.is_string()) return mismatch(option, value);
  Result<Json> parsed = parse_json(value.get<std::string>());
  if (!parsed.ok() || !parsed->is_object()) return mismatch(option, value);
  return parsed;
}

Error unknown_key(const Recipe& recipe, const Setting& setting, const std::string& name) {
  std::vector<std::string> names;
  for (const Option& option : recipe.options) {
    names.push_back(option.name);
    names.insert(names.end(), option.other_names.begin(), option.other_names.end());
  }
  std::string nearest = nearest_name(name, names);
  if (nearest.empty()) {
    return usage_error("{}: unknown option \"{}\"; `{} --help` lists the known ones",
                       setting.where, setting.name, recipe.command);
  }
  bool flag = setting.where.starts_with("--");  // typed, not read from a file
  return usage_error("{}: unknown option \"{}\"; did you mean {}{}?", setting.where, setting.name,
                     flag ? "--" : "", nearest);
}

// The settings of the preset that the last "preset" among them names, before the others.
std::vector<Setting> with_preset(const Recipe& recipe, const std::vector<Setting>& settings) {
  std::vector<Setting> all;
  for (const Setting& setting : settings) {
    if (canonical_name(setting.name) != "preset" || !setting.value.is_string()) continue;
    all.clear();
    for (const Preset& preset : recipe.presets) {
      if (preset.name != setting.value.get_ref<const std::string&>()) continue;
      for (const auto& [name, value] : preset.values.items()) {
        all.push_back({name, value, "preset " + preset.name});
      }
    }
  }
  all.insert(all.end(), settings.begin(), settings.end());
  return all;
}

}  // namespace

Result<Json> coerce(const Option& option, const Json& value) {
  std::string word = value.is_string() ? lower(value.get<std::string>()) : "";
  bool none_is_a_choice =
      std::find(option.choices.begin(), option.choices.end(), "none") != option.choices.end();
  if (value.is_null() || ((word == "none" || word == "null") && !none_is_a_choice)) {
    if (option.nullable || option.fallback.is_null()) return Json();
    if (value.is_null()) return option.fallback;
    return mismatch(option, value);
  }
  switch (option.type) {
    case OptionType::kBool:
      return coerce_bool(option, value);
    case OptionType::kInt:
    case OptionType::kFloat:
      return coerce_number(option, value);
    case OptionType::kString:
      return coerce_string(option, value);
    case OptionType::kList:
      return coerce_list(option, value);
    case OptionType::kInts:
      return coerce_integers(option, value);
    case OptionType::kTexts:
      return value.is_string() ? Json::array({value}) : coerce_list(option, value);
    case OptionType::kObject:
      return coerce_object(option, value);
  }
  return mismatch(option, value);
}

Result<Resolved> resolve(const Recipe& recipe, const std::vector<Setting>& settings) {
  Resolved resolved;
  resolved.config = Json::object();
  for (const Option& option : recipe.options) {
    if (option.effect == Effect::kUsed) resolved.config[option.name] = option.fallback;
  }
  for (const Setting& setting : with_preset(recipe, settings)) {
    std::string name = canonical_name(setting.name);
    const Option* option = recipe.find(name);
    if (option == nullptr) return unknown_key(recipe, setting, name);
    Result<Json> value = coerce(*option, setting.value);
    if (!value.ok()) return value.error().with_context(setting.where);
    if (option->effect == Effect::kUsed) {
      resolved.config[option->name] = *value;
      resolved.written.insert(option->name);
    } else if (*value != option->fallback) {
      std::string line = fmt::format("{}: {}: {}", setting.where, name, option->text);
      if (option->effect == Effect::kRefused) return Error(ErrorCode::kUsage, line);
      resolved.warnings.push_back(line);
    }
  }
  return resolved;
}

namespace {

std::string text_with_names(const Option& option) {
  if (option.other_names.empty()) return option.text;
  return fmt::format("{} (also: {})", option.text, fmt::join(option.other_names, ", "));
}

// "## Presets": what each sets, for the documentation page.
std::string presets_section(const Recipe& recipe) {
  if (recipe.presets.empty()) return "";
  std::string text = "\n## Presets\n\n| preset | sets |\n|---|---|\n";
  for (const Preset& preset : recipe.presets) {
    std::vector<std::string> values;
    for (const auto& [name, value] : preset.values.items()) {
      values.push_back(fmt::format("`{}: {}`", name, to_line(value)));
    }
    text += fmt::format("| `{}` | {} |\n", preset.name, fmt::join(values, ", "));
  }
  return text;
}

}  // namespace

std::string to_help(const Recipe& recipe) {
  std::string text =
      fmt::format("usage: {} [--option value ...]\n\n{}\n\n", recipe.command, recipe.text);
  for (const Option& option : recipe.options) {
    if (option.effect != Effect::kUsed) continue;
    std::string fallback = option.fallback.is_string() ? option.fallback.get<std::string>()
                                                       : to_line(option.fallback);
    text += fmt::format("  --{}\n      {} ({}{})\n", option.name, text_with_names(option),
                        describe_type(option),
                        option.fallback.is_null() ? "" : "; default " + fallback);
  }
  return text;
}

std::string to_markdown(const Recipe& recipe) {
  std::string text = fmt::format(
      "# `{}`\n\n{}\n\nThis page is generated from the option table.\n\n"
      "| option | default | type | what it does | name from |\n|---|---|---|---|---|\n",
      recipe.command, recipe.text);
  std::string others;
  for (const Option& option : recipe.options) {
    std::string type = describe_type(option);
    for (size_t at = 0; (at = type.find('|', at)) != std::string::npos; at += 2) {
      type.insert(at, "\\");
    }
    if (option.effect == Effect::kUsed) {
      text += fmt::format("| `{}` | `{}` | {} | {} | {} |\n", option.name, to_line(option.fallback),
                          type, text_with_names(option), option.source);
    } else {
      others +=
          fmt::format("| `{}` | {} | {} |\n", option.name,
                      option.effect == Effect::kRefused ? "refused" : "no effect", option.text);
    }
  }
  return text + presets_section(recipe) +
         "\n## Accepted from published recipes\n\nA value other than the default gives a warning "
         "(no effect) or an error (refused).\n\n| option | here | why |\n|---|---|---|\n" +
         others;
}

}  // namespace attune::recipes
