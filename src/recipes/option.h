// Options of trainers as data: one table per trainer (name, type, default, range, text, source),
// from which command-line flags, YAML checks, help texts, the documentation page and web forms all
// come.
//
// Names and meanings are TRL's (SFTConfig, ModelConfig, ScriptArguments of TRL 1.16) and
// Transformers' (TrainingArguments of 5.23) wherever these have a name for a thing; what is
// Attune's own says so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::recipes {

// A kList is split at commas and spaces when it comes as one string; a kTexts holds texts for
// people (prompts), which are never split; a kInts is a kList of whole numbers.
enum class OptionType { kBool, kInt, kFloat, kString, kList, kInts, kTexts, kObject };

// What Attune does with an option that a published recipe may contain.
enum class Effect {
  kUsed,      // it does what its text says
  kNoEffect,  // accepted so that the recipe runs; a value other than the default gives a warning
  kRefused,  // a value other than the default is an error, because ignoring it would change results
};

struct Option {
  std::string name;
  OptionType type = OptionType::kString;
  Json fallback;                     // the default; null means "not set" or "automatic"
  bool nullable = false;             // "none" may replace a default that is not null
  std::optional<double> minimum;     // of numbers, inclusive
  std::optional<double> maximum;     // of numbers, inclusive
  std::vector<std::string> choices;  // of strings; empty means free text
  std::string text;                  // one line for people; for kNoEffect and kRefused, why
  std::string source;                // "TRL", "Transformers" or "Attune"
  Effect effect = Effect::kUsed;
  std::vector<std::string> other_names = {};  // older and newer spellings in published recipes
};

// Defaults that belong together, chosen by the option "preset"; what is set explicitly wins.
struct Preset {
  std::string name;
  Json values;  // by option
};

struct Recipe {
  std::string name;     // "sft"
  std::string command;  // "attune train sft"
  std::string text;     // one line
  std::vector<Option> options;
  std::vector<Preset> presets = {};  // of the option "preset", if there is one

  // By its name or one of its other names.
  const Option* find(std::string_view option) const;
};

// Short forms for writing tables; each returns an Option with effect kUsed and source "Attune".
Option boolean(std::string name, bool fallback, std::string text);
Option integer(std::string name, Json fallback, std::optional<double> minimum, std::string text);
Option real(std::string name, Json fallback, std::optional<double> minimum,
            std::optional<double> maximum, std::string text);
Option string(std::string name, Json fallback, std::string text);
Option choice(std::string name, Json fallback, std::vector<std::string> choices, std::string text);
Option list(std::string name, Json fallback, std::string text);
Option integers(std::string name, Json fallback, std::optional<double> minimum, std::string text);
Option texts(std::string name, Json fallback, std::string text);
Option object(std::string name, Json fallback, std::string text);

// The same option, where "none" is a meaningful value although the default is another.
Option nullable(Option option);

// The same option under further names.
Option also(Option option, std::vector<std::string> other_names);

// Marks every option of a group: where the name comes from, and what Attune does with it.
std::vector<Option> with_source(std::string source, std::vector<Option> options);
std::vector<Option> with_effect(Effect effect, std::vector<Option> options);

// "whole number", "true or false", "one of a | b", ... as help and errors show it.
std::string describe_type(const Option& option);

}  // namespace attune::recipes
