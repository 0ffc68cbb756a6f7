// HH-RLHF (Bai et al. 2022): {"chosen", "rejected"}, each a whole transcript of "\n\nHuman: ..."
// and "\n\nAssistant: ..." turns; or {"prompt", "chosen", "rejected"} with the transcript cut
// before the answers. The prompt is what both transcripts share but for the last answer, turn by
// turn: a common prefix of characters would cut through words that two answers begin with. The red
// team's file (Ganguli et al. 2022) has one transcript a row and how far its writer got.

#include <algorithm>

#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

constexpr std::string_view kHuman = "\n\nHuman:";
constexpr std::string_view kAssistant = "\n\nAssistant:";

std::string trim(std::string_view text) {
  const size_t from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return std::string(text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1));
}

// The turns of the transcript in a column, their texts without blanks at the ends.
Result<Messages> parse_transcript(const OrderedJson& row, const char* column) {
  const std::string whole = TRY(text_column(row, column));
  std::string_view text = whole;
  Messages messages;
  while (!text.empty()) {
    const bool human = text.starts_with(kHuman);
    if (!human && !text.starts_with(kAssistant)) {
      return invalid_input("\"{}\" does not begin with \"\\n\\nHuman:\" or \"\\n\\nAssistant:\"",
                           column);
    }
    text.remove_prefix(human ? kHuman.size() : kAssistant.size());
    const size_t end = std::min(text.find(kHuman), text.find(kAssistant));
    messages.push_back(message(human ? "user" : "assistant", trim(text.substr(0, end))));
    text.remove_prefix(std::min(end, text.size()));
  }
  if (messages.empty()) return invalid_input("\"{}\" is empty", column);
  return messages;
}

bool is_same(const Message& a, const Message& b) {
  return a.role == b.role && a.content == b.content;
}

struct Pair {
  Messages prompt;
  Message chosen;
  Message rejected;
};

// A pair, or nothing with the reason for which the row is dropped.
Result<std::optional<Pair>> split_transcripts(const OrderedJson& row, std::string& reason) {
  Messages chosen = TRY(parse_transcript(row, "chosen"));
  Messages rejected = TRY(parse_transcript(row, "rejected"));
  const bool answered = chosen.back().role == "assistant" && rejected.back().role == "assistant";
  if (!answered) reason = "a transcript does not end with an answer";
  Pair pair{{}, chosen.back(), rejected.back()};
  chosen.pop_back();
  rejected.pop_back();
  const bool shared =
      std::equal(chosen.begin(), chosen.end(), rejected.begin(), rejected.end(), is_same);
  if (answered && !shared) reason = "the transcripts part before the last answer";
  if (!reason.empty()) return std::optional<Pair>();
  pair.prompt = std::move(chosen);
  return std::optional<Pair>(std::move(pair));
}

// The form that others made of it: the prompt's transcript ends in an empty answer.
Result<std::optional<Pair>> read_split_pair(const OrderedJson& row, std::string& reason) {
  Messages prompt = TRY(parse_transcript(row, "prompt"));
  const std::string chosen = TRY(text_column(row, "chosen"));
  const std::string rejected = TRY(text_column(row, "rejected"));
  if (prompt.back().role != "assistant" || !prompt.back().content.empty()) {
    reason = "the prompt does not end with \"Assistant:\"";
    return std::optional<Pair>();
  }
  prompt.pop_back();
  return std::optional<Pair>(Pair{std::move(prompt), message("assistant", trim(chosen)),
                                  message("assistant", trim(rejected))});
}

void note_oddities(const Pair& pair, ImportSink& sink) {
  std::string last;
  bool twice = pair.prompt.back().role == "assistant";
  for (const Message& turn : pair.prompt) {
    twice = twice || turn.role == last;
    last = turn.role;
  }
  if (twice) sink.note("two turns of one role in a row");
  if (pair.chosen.content.empty() || pair.rejected.content.empty()) sink.note("an empty answer");
  if (pair.chosen.content == pair.rejected.content) sink.note("both answers are equal");
}

}  // namespace

Status read_hh_rlhf(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  const bool is_split = find_column(row, "prompt") != nullptr;
  std::string reason;
  std::optional<Pair> pair =
      TRY(is_split ? read_split_pair(row, reason) : split_transcripts(row, reason));
  if (pair && pair->prompt.empty()) reason = "no turn before the answer";
  if (!reason.empty()) {
    sink.drop(reason);
    return {};
  }
  note_oddities(*pair, sink);
  Example example;
  example.form = Form::kPreference;
  example.prompt = std::move(pair->prompt);
  example.chosen = Messages{std::move(pair->chosen)};
  example.rejected = Messages{std::move(pair->rejected)};
  keep_other_columns(row, {"prompt", "chosen", "rejected"}, example);
  return sink.keep(std::move(example));
}

Status read_hh_red_team(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  Example example;
  example.form = Form::kMessages;
  example.messages = TRY(parse_transcript(row, "transcript"));
  if (example.messages.back().role != "assistant") {
    sink.drop("a transcript does not end with an answer");
    return {};
  }
  example.annotator = TRY(optional_text_column(row, "red_team_member_id"));
  keep_other_columns(row, {"transcript", "red_team_member_id"}, example);
  return sink.keep(std::move(example));
}

}  // namespace attune::data
