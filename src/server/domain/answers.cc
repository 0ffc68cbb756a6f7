// Values of responses and suggestions (values.h).
#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "server/domain/contract_text.h"
#include "server/domain/values.h"

namespace attune::domain {
namespace {

// The option values of a question: texts, or integers of a rating.
OrderedJson option_values(const OrderedJson& settings) {
  OrderedJson values = OrderedJson::array();
  for (const OrderedJson& option : settings.at("options")) values.push_back(option.at("value"));
  return values;
}

bool contains(const OrderedJson& list, const OrderedJson& value) {
  // JSON's equality alone would take 1.0 and true for 1.
  return std::any_of(list.begin(), list.end(), [&](const OrderedJson& one) {
    return one == value && one.is_number_integer() == value.is_number_integer();
  });
}

Status check_text(const OrderedJson& value) {
  if (value.is_string()) return {};
  return invalid_input("text question expects a text value, found {}", class_of(value));
}

Status check_rating(const OrderedJson& settings, const OrderedJson& value) {
  OrderedJson valid = option_values(settings);
  if (contains(valid, value)) return {};
  return invalid_input("{} is not a valid rating for rating question.\nValid ratings are: {}",
                       repr(value), repr(valid));
}

Status check_label(const OrderedJson& settings, const OrderedJson& value) {
  OrderedJson valid = option_values(settings);
  if (contains(valid, value)) return {};
  return invalid_input(
      "{} is not a valid label for label selection question.\nValid labels are: {}", repr(value),
      repr(valid));
}

// Those of `values` that are not among `valid`, each once, sorted as the contract lists them.
OrderedJson not_among(const OrderedJson& values, const OrderedJson& valid) {
  std::set<std::string> seen;
  std::vector<OrderedJson> found;
  for (const OrderedJson& value : values) {
    if (!contains(valid, value) && seen.insert(value.dump()).second) found.push_back(value);
  }
  std::sort(found.begin(), found.end());
  return OrderedJson(found);
}

bool unique(const OrderedJson& values) {
  std::set<std::string> seen;
  return std::all_of(values.begin(), values.end(),
                     [&](const OrderedJson& value) { return seen.insert(value.dump()).second; });
}

Status check_labels(const OrderedJson& settings, const OrderedJson& value) {
  if (!value.is_array()) {
    return invalid_input("multi label selection questions expects a list of values, found {}",
                         class_of(value));
  }
  if (value.empty()) {
    return invalid_input(
        "multi label selection questions expects a list of values, found empty list");
  }
  if (!unique(value)) {
    return invalid_input(
        "multi label selection questions expect a list of unique values, but duplicates were "
        "found");
  }
  OrderedJson valid = option_values(settings);
  OrderedJson invalid = not_among(value, valid);
  if (invalid.empty()) return {};
  return invalid_input(
      "{} are not valid labels for multi label selection question.\nValid labels are: {}",
      repr(invalid), repr(valid));
}

// -- rankings

bool allows_partial(const OrderedJson& settings) {
  auto partial = settings.find("allow_partial");
  return partial != settings.end() && partial->is_boolean() && partial->get<bool>();
}

// Keeps {"value","rank"} of each item; ranks are by order where none was given at all.
Status normalise_ranking(OrderedJson& value) {
  if (!value.is_array()) {
    return invalid_input("ranking question expects a list of values, found {}", class_of(value));
  }
  OrderedJson items = OrderedJson::array();
  bool ranked = false;
  for (const OrderedJson& item : value) {
    if (!item.is_object() || !item.contains("value") || !item["value"].is_string()) {
      return invalid_input("ranking question expects a list of values with ranks, found {}",
                           repr(item));
    }
    OrderedJson rank = item.value("rank", OrderedJson(nullptr));
    if (!rank.is_null() && !rank.is_number_integer()) {
      return invalid_input("a rank of a ranking question must be an integer, found {}",
                           class_of(rank));
    }
    ranked = ranked || !rank.is_null();
    items.push_back({{"value", item["value"]}, {"rank", rank}});
  }
  if (!ranked) {
    for (size_t i = 0; i < items.size(); ++i) items[i]["rank"] = i + 1;
  }
  value = std::move(items);
  return {};
}

OrderedJson members(const OrderedJson& items, const char* key) {
  OrderedJson found = OrderedJson::array();
  for (const OrderedJson& item : items) found.push_back(item.at(key));
  return found;
}

Status check_complete_ranking(const OrderedJson& settings, const OrderedJson& value) {
  size_t options = settings.at("options").size();
  OrderedJson valid = OrderedJson::array();
  for (size_t rank = 1; rank <= options; ++rank) valid.push_back(rank);
  bool partial = allows_partial(settings);
  if (!partial && value.size() != options) {
    return invalid_input(
        "ranking question expects a list containing {} values, found a list of {} values", options,
        value.size());
  }
  OrderedJson ranks = members(value, "rank");
  if (partial) std::erase(ranks.get_ref<OrderedJson::array_t&>(), OrderedJson(nullptr));
  OrderedJson invalid = not_among(ranks, valid);
  if (invalid.empty()) return {};
  return invalid_input("{} are not valid ranks for ranking question.\nValid ranks are: {}",
                       repr(invalid), repr(valid));
}

// Best first, those of one rank in the order given, those without a rank last. `scores`, where it
// is a list, goes along.
void sort_by_rank(OrderedJson& value, OrderedJson* scores) {
  auto rank = [&](size_t i) {
    const OrderedJson& found = value[i].at("rank");
    return found.is_null() ? std::numeric_limits<int64_t>::max() : found.get<int64_t>();
  };
  std::vector<size_t> order(value.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rank(a) < rank(b); });
  auto reorder = [&](const OrderedJson& list) {
    OrderedJson sorted = OrderedJson::array();
    for (size_t i : order) sorted.push_back(list[i]);
    return sorted;
  };
  if (scores && scores->is_array()) *scores = reorder(*scores);
  value = reorder(value);
}

Status check_ranking(const OrderedJson& settings, bool submitted, OrderedJson& value) {
  TRY(normalise_ranking(value));
  if (submitted) TRY(check_complete_ranking(settings, value));
  OrderedJson valid = option_values(settings), given = members(value, "value");
  OrderedJson invalid = not_among(given, valid);
  if (!invalid.empty()) {
    return invalid_input("{} are not valid values for ranking question.\nValid values are: {}",
                         repr(invalid), repr(valid));
  }
  if (!unique(given)) {
    return invalid_input(
        "ranking question expects a list of unique values, but duplicates were found");
  }
  return {};
}

// -- spans

struct Span {
  int64_t start, end;
};

Status normalise_spans(OrderedJson& value, std::vector<Span>& spans) {
  if (!value.is_array()) {
    return invalid_input("span question expects a list of values, found {}", class_of(value));
  }
  if (value.size() > kSpansMax) {
    return invalid_input("span question expects at most {} values, found a list of {} values",
                         kSpansMax, value.size());
  }
  OrderedJson items = OrderedJson::array();
  for (const OrderedJson& item : value) {
    auto integer = [&](const char* key) {
      return item.contains(key) && item[key].is_number_integer();
    };
    if (!item.is_object() || !item.contains("label") || !item["label"].is_string() ||
        !integer("start") || !integer("end")) {
      return invalid_input("span question expects values with label, start and end, found {}",
                           repr(item));
    }
    Span span{item["start"].get<int64_t>(), item["end"].get<int64_t>()};
    if (span.start < 0)
      return invalid_input("span question response value `start` must be 0 or more");
    if (span.end <= span.start) {
      return invalid_input(
          "span question response value `end` must have a value greater than `start`");
    }
    spans.push_back(span);
    items.push_back({{"label", item["label"]}, {"start", span.start}, {"end", span.end}});
  }
  value = std::move(items);
  return {};
}

bool overlap(const Span& a, const Span& b) {
  return a.start < b.end && a.end > b.start;
}

Status check_no_overlap(const std::vector<Span>& spans) {
  std::vector<Span> sorted = spans;
  std::sort(sorted.begin(), sorted.end(), [](Span a, Span b) { return a.start < b.start; });
  auto clash = std::adjacent_find(sorted.begin(), sorted.end(), overlap);
  if (clash == sorted.end()) return {};
  // The text names the first pair in the order given.
  for (size_t i = 0; i < spans.size(); ++i) {
    for (size_t j = i + 1; j < spans.size(); ++j) {
      if (!overlap(spans[i], spans[j])) continue;
      return invalid_input("overlapping values found between spans at index idx={} and idx={}", i,
                           j);
    }
  }
  return {};
}

Status check_spans(const OrderedJson& settings, const OrderedJson& fields, OrderedJson& value) {
  std::vector<Span> spans;
  TRY(normalise_spans(value, spans));
  const auto& name = settings.at("field").get_ref<const std::string&>();
  auto field = fields.find(name);
  if (field == fields.end() || !field->is_string()) {
    return invalid_input("span question requires record to have field `{}`", name);
  }
  auto length = static_cast<int64_t>(characters(field->get_ref<const std::string&>()));
  for (const Span& span : spans) {
    if (span.start > length - 1) {
      return invalid_input(
          "span question response value `start` must have a value lower than record field `{}` "
          "length that is `{}`",
          name, length);
    }
    if (span.end > length) {
      return invalid_input(
          "span question response value `end` must have a value lower or equal than record field "
          "`{}` length that is `{}`",
          name, length);
    }
  }
  OrderedJson valid = option_values(settings);
  for (const OrderedJson& item : value) {
    if (contains(valid, item["label"])) continue;
    return invalid_input("undefined label '{}' for span question.\nValid labels are: {}",
                         shown(item["label"]), repr(valid));
  }
  if (settings.value("allow_overlapping", false)) return {};
  return check_no_overlap(spans);
}

// Everything but the order of a ranking, which may have scores to move with it.
Status check_unsorted(const Question& question, bool submitted, const OrderedJson& fields,
                      OrderedJson& value) {
  const std::string& type = type_of(question.settings);
  if (type == "text") return check_text(value);
  if (type == "rating") return check_rating(question.settings, value);
  if (type == "label_selection") return check_label(question.settings, value);
  if (type == "multi_label_selection") return check_labels(question.settings, value);
  if (type == "ranking") return check_ranking(question.settings, submitted, value);
  CHECK(type == "span", "a question of type {}", type);
  return check_spans(question.settings, fields, value);
}

bool is_ranking(const Question& question) {
  return type_of(question.settings) == "ranking";
}

Status check_score(const OrderedJson& value, const OrderedJson& score) {
  if (score.is_null()) return {};
  if (!value.is_array() && score.is_array()) {
    return invalid_input(
        "a list of score values is not allowed for a suggestion with a single value");
  }
  if (value.is_array() && !score.is_array()) {
    return invalid_input(
        "a single score value is not allowed for a suggestion with a multiple items value");
  }
  if (value.is_array() && value.size() != score.size()) {
    return invalid_input("number of items on value and score attributes doesn't match");
  }
  auto fits = [](const OrderedJson& one) {
    return one.is_number() && one.get<double>() >= 0 && one.get<double>() <= 1;
  };
  bool good = score.is_array() ? std::all_of(score.begin(), score.end(), fits) : fits(score);
  if (!good) return invalid_input("score must be between 0 and 1");
  return {};
}

// Brings {"value":...} to that one key.
Status normalise_values(OrderedJson& values) {
  if (values.is_null()) values = OrderedJson::object();
  if (!values.is_object()) return invalid_input("response values must be an object");
  for (auto& [name, answer] : values.items()) {
    if (!answer.is_object() || !answer.contains("value")) {
      return invalid_input(
          "response value for question with name={} must be an object with a value", repr(name));
    }
    if (answer.size() > 1) answer = OrderedJson{{"value", answer["value"]}};
  }
  return {};
}

}  // namespace

Status check_answer(const Question& question, const OrderedJson& fields, OrderedJson& value) {
  TRY(check_unsorted(question, false, fields, value));
  if (is_ranking(question)) sort_by_rank(value, nullptr);
  return {};
}

Status check_suggestion(const Question& question, const OrderedJson& fields, OrderedJson& value,
                        OrderedJson& score) {
  TRY(check_unsorted(question, false, fields, value));
  TRY(check_score(value, score));
  if (is_ranking(question)) sort_by_rank(value, &score);
  return {};
}

Status check_response(const Schema& schema, ResponseStatus status, const OrderedJson& fields,
                      OrderedJson& values) {
  TRY(normalise_values(values));
  bool submitted = status == ResponseStatus::kSubmitted;
  if (submitted && values.empty()) {
    return invalid_input("missing response values for submitted response");
  }
  for (const Question& question : schema.questions) {
    if (submitted && question.required && !values.contains(question.name)) {
      return invalid_input("missing response value for required question with name={}",
                           repr(question.name));
    }
  }
  for (const auto& [name, answer] : values.items()) {
    if (question_named(schema, name)) continue;
    return invalid_input("found response value for non configured question with name={}",
                         repr(name));
  }
  for (const Question& question : schema.questions) {
    auto answer = values.find(question.name);
    if (answer == values.end()) continue;
    OrderedJson& value = (*answer)["value"];
    TRY(check_unsorted(question, submitted, fields, value));
    if (is_ranking(question)) sort_by_rank(value, nullptr);
  }
  return {};
}

}  // namespace attune::domain
