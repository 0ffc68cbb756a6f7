#include "recipes/option.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace attune::recipes {
namespace {

Option make(std::string name, OptionType type, Json fallback, std::string text) {
  Option option;
  option.name = std::move(name);
  option.type = type;
  option.fallback = std::move(fallback);
  option.text = std::move(text);
  option.source = "Attune";
  return option;
}

}  // namespace

const Option* Recipe::find(std::string_view option) const {
  for (const Option& candidate : options) {
    const std::vector<std::string>& others = candidate.other_names;
    if (candidate.name == option) return &candidate;
    if (std::find(others.begin(), others.end(), option) != others.end()) return &candidate;
  }
  return nullptr;
}

Option boolean(std::string name, bool fallback, std::string text) {
  return make(std::move(name), OptionType::kBool, fallback, std::move(text));
}

Option integer(std::string name, Json fallback, std::optional<double> minimum, std::string text) {
  Option option = make(std::move(name), OptionType::kInt, std::move(fallback), std::move(text));
  option.minimum = minimum;
  return option;
}

Option real(std::string name, Json fallback, std::optional<double> minimum,
            std::optional<double> maximum, std::string text) {
  Option option = make(std::move(name), OptionType::kFloat, std::move(fallback), std::move(text));
  option.minimum = minimum;
  option.maximum = maximum;
  return option;
}

Option string(std::string name, Json fallback, std::string text) {
  return make(std::move(name), OptionType::kString, std::move(fallback), std::move(text));
}

Option choice(std::string name, Json fallback, std::vector<std::string> choices, std::string text) {
  Option option = make(std::move(name), OptionType::kString, std::move(fallback), std::move(text));
  option.choices = std::move(choices);
  return option;
}

Option list(std::string name, Json fallback, std::string text) {
  return make(std::move(name), OptionType::kList, std::move(fallback), std::move(text));
}

Option integers(std::string name, Json fallback, std::optional<double> minimum,
                std::string text) {
  Option option = make(std::move(name), OptionType::kInts, std::move(fallback), std::move(text));
  option.minimum = minimum;
  return option;
}

Option texts(std::string name, Json fallback, std::string text) {
  return make(std::move(name), OptionType::kTexts, std::move(fallback), std::move(text));
}

Option object(std::string name, Json fallback, std::string text) {
  return make(std::move(name), OptionType::kObject, std::move(fallback), std::move(text));
}

Option nullable(Option option) {
  option.nullable = true;
  return option;
}

Option also(Option option, std::vector<std::string> other_names) {
  option.other_names = std::move(other_names);
  return option;
}

std::vector<Option> with_source(std::string source, std::vector<Option> options) {
  for (Option& option : options) option.source = source;
  return options;
}

std::vector<Option> with_effect(Effect effect, std::vector<Option> options) {
  for (Option& option : options) option.effect = effect;
  return options;
}

std::string describe_type(const Option& option) {
  std::string range;
  if (option.minimum) range += fmt::format(" from {}", *option.minimum);
  if (option.maximum) range += fmt::format(" to {}", *option.maximum);
  switch (option.type) {
    case OptionType::kBool:
      return "true or false";
    case OptionType::kInt:
      return "a whole number" + range;
    case OptionType::kFloat:
      return "a number" + range;
    case OptionType::kList:
      return "a list";
    case OptionType::kInts:
      return "a list of whole numbers" + range;
    case OptionType::kTexts:
      return "a list of texts";
    case OptionType::kObject:
      return "a JSON object";
    case OptionType::kString:
      break;
  }
  if (option.choices.empty()) return "text";
  return fmt::format("one of {}", fmt::join(option.choices, " | "));
}

}  // namespace attune::recipes
