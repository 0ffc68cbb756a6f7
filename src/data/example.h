// The canonical record: one row of a data set in any of the forms that trainers take (design §3).
// Column names are TRL's, so that a TRL data set trains here and the reverse; the ranking form is
// Attune's own and loses nothing that people said.
//
//   text        {"text"}                                   language modelling
//   messages    {"messages": [{role, content}]}            a conversation
//   completion  {"prompt", "completion"}                   prompt and answer
//   preference  {"prompt"?, "chosen", "rejected"}          a pair; without a prompt, it is their
//                                                          common beginning
//   joint       {"chosen_prompt", "chosen", "rejected_prompt", "rejected"}   across prompts
//   unpaired    {"prompt", "completion", "label"}          thumbs up or down
//   ranking     {"prompt", "completions", "ranks"}         K answers: 1 = best, equal = tie, null =
//                                                          not ranked
//   prompt      {"prompt"}                                 for generation and on-policy training
//
// Each of prompt, completion, chosen and rejected is a string (standard) or a list of messages
// (conversational). Columns that are not mapped stay in `extra`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::data {

// One turn. `raw` is the message as it came (tool calls, names, ...), for chat templates.
struct Message {
  std::string role;     // "system", "user", "assistant", "tool"
  std::string content;  // text; parts of other kinds are refused
  OrderedJson raw;
};
using Messages = std::vector<Message>;

// Standard (string) or conversational (messages).
using Content = std::variant<std::string, Messages>;

inline bool is_conversational(const Content& content) {
  return std::holds_alternative<Messages>(content);
}

enum class Form {
  kText,
  kMessages,
  kCompletion,
  kPreference,
  kJointPreference,
  kUnpaired,
  kRanking,
  kPrompt,
};

// The form's name as errors and reports show it, for example "prompt+completion".
const char* to_string(Form form);

// Where a row came from and what its licence allows; travels into a run's data report.
struct Source {
  std::string dataset;
  std::string row;
  std::string licence;
  std::string generated_by;
  std::string warning = {};  // what its authors ask of users; empty for nothing
  std::string snapshot = {};  // hash of the data set's content, where the row is of a snapshot
  // `row` counts the rows of a file, from 1: it names no row of the data set, which may have more
  // files, and files change.
  bool row_is_position = false;
};

// Whether a record's id was made of its source's `dataset` and `row`: it is "row" or "dataset:row",
// with "#2" and on behind it or without. Any other row of a record's metadata is its place in a
// file: an id "train:1" of somebody's own does not name the first row of a set of another name.
bool names_row(std::string_view id, std::string_view dataset, std::string_view row);

// One thing that answers were judged for, for example "helpfulness": a number for each completion,
// nothing where it was not judged.
struct Axis {
  std::string name;
  std::vector<std::optional<double>> values;
};

struct Example {
  Form form = Form::kText;
  std::string id;  // the row's "id" (numbers as text), or empty

  std::string text;                          // kText
  Messages messages;                         // kMessages
  std::optional<Content> prompt;             // all but kText, kMessages; absent in implicit pairs
  std::optional<Content> completion;         // kCompletion, kUnpaired
  std::optional<Content> chosen, rejected;   // kPreference, kJointPreference
  std::optional<Content> chosen_prompt, rejected_prompt;  // kJointPreference
  std::optional<double> chosen_probability;  // kPreference: soft label in [0, 1]
  std::optional<double> margin;              // kPreference
  bool label = false;                        // kUnpaired
  std::vector<Content> completions;          // kRanking, K of them
  std::vector<std::optional<int>> ranks;     // kRanking, [K]
  std::vector<double> scores;                // kRanking, [K] or empty
  std::vector<Axis> axes;                    // kRanking, [K] each; kCompletion, [1] each
  std::string annotator;
  std::string guideline_version;
  std::optional<Source> source;

  OrderedJson tools;                 // of conversational rows, for the chat template
  OrderedJson chat_template_kwargs;  // likewise
  OrderedJson extra;                 // every other column
};

// Reads one row. `text_field` is the column of plain text (TRL's dataset_text_field). Accepts TRL's
// spellings: `conversations` for `messages`, `from`/`value` for `role`/`content`, human and gpt for
// user and assistant. Errors name the column and what to do; the caller adds file and row.
Result<Example> parse_example(const OrderedJson& row, std::string_view text_field = "text");

// The row again, in the canonical column names and with `extra` kept.
OrderedJson to_json(const Example& example);

}  // namespace attune::data
