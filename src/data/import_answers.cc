#include "data/import_answers.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/import_columns.h"
#include "feedback/rankings_to_pairs.h"

namespace attune::data {
namespace {

constexpr double kNumberMax = 1e9;  // beyond any scale; sums and differences stay finite

std::optional<double> parse_number(const std::string& text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_assistant_name(const std::string& role) {
  return role == "gpt" || role == "chatgpt" || role == "bing" || role == "bard";
}

// LLaMA-Factory's parts, {"type": "text", "value": ...}, as everybody else's.
OrderedJson with_text_parts(OrderedJson turn) {
  const auto content = turn.find("content");
  if (content == turn.end() || !content->is_array()) return turn;
  for (OrderedJson& part : *content) {
    if (part.is_object() && part.contains("value") && !part.contains("text")) {
      part["text"] = part["value"];
      part.erase("value");
    }
  }
  return turn;
}

OrderedJson canonical_turn(const OrderedJson& turn) {
  if (!turn.is_object()) return turn;
  OrderedJson result = with_text_parts(turn);
  for (const char* name : {"from", "role"}) {
    const auto role = result.find(name);
    if (role != result.end() && role->is_string() && is_assistant_name(role->get<std::string>())) {
      *role = "assistant";
    }
  }
  return result;
}

bool is_same(const Message& a, const Message& b) {
  return a.role == b.role && a.content == b.content;
}

}  // namespace

Result<std::optional<double>> number_of(const OrderedJson& value, std::string_view name) {
  if (value.is_null() || value == "N/A") return std::optional<double>();
  std::optional<double> number;
  if (value.is_number()) number = value.get<double>();
  if (value.is_string()) number = parse_number(value.get<std::string>());
  if (number && std::abs(*number) <= kNumberMax) return number;
  return invalid_input("\"{}\" must be a number, found {}", name, to_line(value).substr(0, 40));
}

Result<double> number_column(const OrderedJson& row, std::string_view name) {
  const auto number = TRY(optional_number_column(row, name));
  if (!number) return invalid_input("\"{}\" must be a number, found nothing", name);
  return *number;
}

Result<std::optional<double>> optional_number_column(const OrderedJson& row,
                                                     std::string_view name) {
  const OrderedJson* value = find_column(row, name);
  if (value == nullptr) return std::optional<double>();
  return number_of(*value, name);
}

void add_name(const std::string& name, std::string& names) {
  if (!name.empty()) names += (names.empty() ? "" : ", ") + name;
}

Status keep_scored(Example example, ImportSink& sink) {
  example.form = Form::kRanking;
  example.ranks = feedback::ranks_of_scores(example.scores);
  if (feedback::find_ranking_fault(example.ranks)) {
    sink.drop("fewer than two rated answers");
    return {};
  }
  const auto unrated = [](double score) { return std::isnan(score); };
  if (std::any_of(example.scores.begin(), example.scores.end(), unrated)) {
    sink.note("an answer without a rating; the row has no scores");
    example.scores.clear();
  }
  return sink.keep(std::move(example));
}

Status keep_two(Example example, const std::string& first, const std::string& second,
                double better, ImportSink& sink) {
  example.form = Form::kRanking;
  example.completions = {assistant_turn(first), assistant_turn(second)};
  example.ranks = {better > 0 ? 2 : 1, better < 0 ? 2 : 1};
  if (first.empty() || second.empty()) sink.note("an empty answer");
  if (first == second) sink.note("both answers are equal");
  return sink.keep(std::move(example));
}

Result<Messages> messages_column(const OrderedJson& row, std::string_view name) {
  const OrderedJson* value = find_column(row, name);
  OrderedJson turns = OrderedJson::array();
  if (value != nullptr && value->is_object()) turns.push_back(canonical_turn(*value));
  if (value != nullptr && value->is_array()) {
    for (const OrderedJson& turn : *value) turns.push_back(canonical_turn(turn));
  }
  if (turns.empty()) return invalid_input("\"{}\" must be a list of messages", name);
  Result<Example> parsed = parse_example({{"messages", std::move(turns)}});
  if (!parsed.ok()) return parsed.error().with_context(fmt::format("\"{}\"", name));
  return std::move(parsed->messages);
}

Status keep_conversation_pair(Example example, Messages chosen, Messages rejected,
                              ImportSink& sink) {
  if (chosen.back().role != "assistant" || rejected.back().role != "assistant") {
    sink.drop("a conversation does not end with an answer");
    return {};
  }
  Messages good = {std::move(chosen.back())};
  Messages bad = {std::move(rejected.back())};
  chosen.pop_back();
  rejected.pop_back();
  if (!std::equal(chosen.begin(), chosen.end(), rejected.begin(), rejected.end(), is_same)) {
    sink.drop("the conversations part before the last answer");
    return {};
  }
  if (chosen.empty()) {
    sink.drop("no turn before the answer");
    return {};
  }
  if (good[0].content.empty() || bad[0].content.empty()) sink.note("an empty answer");
  if (good[0].content == bad[0].content) sink.note("both answers are equal");
  example.form = Form::kPreference;
  example.prompt = std::move(chosen);
  example.chosen = std::move(good);
  example.rejected = std::move(bad);
  return sink.keep(std::move(example));
}

}  // namespace attune::data
