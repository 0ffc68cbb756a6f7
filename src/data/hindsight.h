// Chains of hindsight (arXiv 2302.02676): what people said of several answers, written as text that
// a language model learns from. A marker before each answer says how good it is; at generation the
// model is given the positive marker alone (losses.md §13).
//
//   User: {prompt} An unhelpful answer: {worst} A helpful answer: {best}
//
// Markers come from a file (examples/hindsight, docs/formats/hindsight.md). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "data/example.h"
#include "data/row_reasons.h"

namespace attune::data {

// The phrases of one kind of data. Lists run in parallel: phrase i of one level belongs to phrase i
// of every other, and a chain uses one i throughout.
struct HindsightTemplates {
  using Phrases = std::vector<std::string>;

  std::string name;
  std::string source;
  std::string user = "User:";   // before a prompt that is a string; may be empty
  std::vector<Phrases> levels;  // two or more, from worst to best
  // How an answer is marked that follows another in its chain. Absent: by its level alone.
  Phrases better, worse, equal;

  size_t phrase_count() const { return levels.front().size(); }
};

// Errors name the member.
Result<HindsightTemplates> parse_hindsight_templates(const Json& value);
Result<HindsightTemplates> read_hindsight_templates(const std::string& path);
OrderedJson to_json(const HindsightTemplates& templates);

// What a model that learned from chains is asked with: the first phrase of the best level.
const std::string& positive_marker(const HindsightTemplates& templates);
// "User: {prompt} A helpful answer:"
std::string hindsight_prompt(const HindsightTemplates& templates, const std::string& prompt);
// The marker behind the last user message (a message of its own where the last is not the user's).
Messages with_marker(Messages messages, const std::string& marker);

enum class ChainForm {
  kPositive,   // "p": the best answer
  kNegative,   // "n": the worst
  kBestFirst,  // "pn": all answers, best first
  kWorstFirst, // "np": all answers, worst first
  kShuffled,   // "shuffled": all answers in a random order
};
Result<ChainForm> parse_chain_form(const std::string& name);

struct ChainLink {
  size_t completion = 0;  // index into the row's answers
  std::string marker;
};

struct ChainOptions {
  ChainForm form = ChainForm::kWorstFirst;
  std::optional<int64_t> max_answers = {};  // of one chain: a random choice of a longer ranking
  bool draw_phrase = true;                  // off: always the first phrase
};

// The answers of one chain, in order. `ranks` [K]: 1 = best, ties allowed, unset = not judged and
// left out. Answers of one rank stand in a random order; which one "p" and "n" take is random too.
// Errors: fewer than two different ranks (such a row says nothing of better and worse).
RowResult<std::vector<ChainLink>> make_chain(const std::vector<std::optional<int>>& ranks,
                                             const HindsightTemplates& templates,
                                             const ChainOptions& options, Random& random);

// One answer of a chain of strings and what stands before it since the answer before.
struct ChainField {
  std::string context;  // never trained: "User: {prompt} An unhelpful answer:"
  std::string answer;   // trained; an end-of-sequence token follows, trained too
};

std::vector<ChainField> chain_fields(const HindsightTemplates& templates, const std::string& prompt,
                                     const std::vector<std::string>& completions,
                                     const std::vector<ChainLink>& chain);

}  // namespace attune::data
