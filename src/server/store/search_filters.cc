#include "server/store/search_filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace attune::store {
namespace {

using domain::RangeFilter;
using domain::SearchQuery;
using domain::SearchScope;
using domain::TermsFilter;
using Property = SearchScope::Property;

constexpr const char* kNever = "1 = 0";

std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::vector<double> numbers_in(const std::vector<std::string>& texts) {
  std::vector<double> numbers;
  for (const std::string& text : texts) {
    if (const auto number = number_in(text)) numbers.push_back(*number);
  }
  return numbers;
}

// Column and value of what a scope looks at, where that is a table of values beside the records.
struct ValuesOf {
  std::string from;  // "FROM ... WHERE question = $1", of rows named v
  const char* term = "v.term";
  const char* number = "v.number";  // nullptr: the values are text alone
};

std::optional<ValuesOf> values_of(const SearchScope& scope, const SearchQuery& query,
                                  SqlText& sql) {
  const auto of_question = [&](const char* table) {
    return fmt::format("FROM {} v WHERE v.question = {}", table, sql.add(scope.position));
  };
  switch (scope.property) {
    case Property::kMetadata:
      return ValuesOf{"FROM metadata_values v WHERE v.property = " + sql.add(scope.position)};
    case Property::kResponseValue: {
      std::string from = of_question("answer_values");
      if (query.answers_of) from += " AND v.user_id = " + sql.add(*query.answers_of);
      return ValuesOf{from};
    }
    case Property::kSuggestionValue: return ValuesOf{of_question("suggestion_values")};
    case Property::kSuggestionScore:
      return ValuesOf{of_question("suggestion_values"), nullptr, "v.score"};
    case Property::kSuggestionAgent:
      return ValuesOf{of_question("suggestions"), "v.agent", nullptr};
    case Property::kSuggestionType: return ValuesOf{of_question("suggestions"), "v.type", nullptr};
    default: return std::nullopt;
  }
}

// The column of r that a scope names; "" where it is none.
const char* column_of(Property property) {
  switch (property) {
    case Property::kId: return "r.id";
    case Property::kExternalId: return "r.external_id";
    case Property::kInsertedAt: return "r.inserted_at";
    case Property::kUpdatedAt: return "r.updated_at";
    default: return "";
  }
}

bool needs_row(const SearchScope& scope) {
  return scope.property == Property::kStatus || *column_of(scope.property) != '\0';
}

// One filter of a query as a condition on the record at `position`.
class Condition {
 public:
  Condition(const SearchQuery& query, std::string position, SqlText& sql)
      : query_(query), position_(std::move(position)), sql_(sql) {}

  std::string of(const TermsFilter& filter);
  std::string of(const RangeFilter& filter);

 private:
  std::string has_answer(bool wanted, const std::string& condition);
  std::string has_value(const std::string& from, const std::string& condition) const;
  std::string response_status_terms(const TermsFilter& filter);

  const SearchQuery& query_;
  const std::string position_;
  SqlText& sql_;
};

// One person's answers are looked up together, by an index of their own; of everybody's, those of
// one record after the other.
std::string Condition::has_answer(bool wanted, const std::string& condition) {
  const char* negation = wanted ? "" : "NOT ";
  if (!query_.answers_of) {
    return fmt::format("{}EXISTS (SELECT 1 FROM responses p WHERE p.record = {}{})", negation,
                       position_, condition);
  }
  return fmt::format(
      "{} {}IN (SELECT p.record FROM responses p WHERE p.dataset = {} AND p.user_id = {}{})",
      position_, negation, sql_.add(query_.dataset), sql_.add(*query_.answers_of), condition);
}

// With words the hits are few: each is looked up among its values. Without, the values say which
// records there are.
std::string Condition::has_value(const std::string& from, const std::string& condition) const {
  if (query_.text) {
    return fmt::format("EXISTS (SELECT 1 {} AND v.record = {} AND ({}))", from, position_,
                       condition);
  }
  return fmt::format("{} IN (SELECT v.record {} AND ({}))", position_, from, condition);
}

std::string Condition::response_status_terms(const TermsFilter& filter) {
  std::vector<std::string> statuses;
  for (const std::string& value : filter.values) {
    if (value != "pending") statuses.push_back(value);
  }
  const bool pending = statuses.size() < filter.values.size();
  std::string condition = "(";
  if (pending) condition += has_answer(false, "");
  if (!statuses.empty()) {
    condition += pending ? " OR " : "";
    condition += has_answer(true, " AND p.status IN " + sql_.add_list(statuses));
  }
  return condition + ")";
}

std::string record_status_terms(const TermsFilter& filter) {
  const auto asks_for = [&](const char* status) {
    return std::find(filter.values.begin(), filter.values.end(), status) != filter.values.end();
  };
  const bool completed = asks_for("completed"), pending = asks_for("pending");
  if (completed && pending) return "1 = 1";
  if (completed) return "r.completed = 1";
  return pending ? "r.completed = 0" : kNever;
}

std::string Condition::of(const TermsFilter& filter) {
  if (filter.values.empty()) return kNever;
  const Property property = filter.scope.property;
  if (property == Property::kStatus) return record_status_terms(filter);
  if (property == Property::kResponseStatus) return response_status_terms(filter);
  const auto values = values_of(filter.scope, query_, sql_);
  if (!values) return fmt::format("{} IN {}", column_of(property), sql_.add_list(filter.values));
  std::string matches;
  if (values->term != nullptr) {
    matches = fmt::format("{} IN {}", values->term, sql_.add_list(filter.values));
  }
  const std::vector<double> numbers = numbers_in(filter.values);
  if (values->number != nullptr && !numbers.empty()) {
    matches += fmt::format("{}{} IN {}", matches.empty() ? "" : " OR ", values->number,
                           sql_.add_list(numbers));
  }
  if (matches.empty()) return kNever;
  return has_value(values->from, matches);
}

// "column >= $1 AND column <= $2" for bounds of one kind; one of another kind holds for nothing.
template <typename T>
std::string between(const char* column, const RangeFilter& filter, SqlText& sql) {
  std::string condition;
  for (const auto& [bound, compare] : {std::pair{&filter.ge, ">="}, std::pair{&filter.le, "<="}}) {
    if (std::holds_alternative<std::monostate>(*bound)) continue;
    const T* value = std::get_if<T>(bound);
    if (value == nullptr || column == nullptr) return kNever;
    condition += fmt::format("{}{} {} {}", condition.empty() ? "" : " AND ", column, compare,
                             sql.add(*value));
  }
  return condition.empty() ? kNever : condition;
}

std::string Condition::of(const RangeFilter& filter) {
  const Property property = filter.scope.property;
  const auto values = values_of(filter.scope, query_, sql_);
  if (!values) {
    const char* column = column_of(property);
    return *column != '\0' ? between<std::string>(column, filter, sql_) : kNever;
  }
  const auto is_number = [](const RangeFilter::Bound& bound) {
    return std::holds_alternative<double>(bound);
  };
  const std::string condition = is_number(filter.ge) || is_number(filter.le)
                                    ? between<double>(values->number, filter, sql_)
                                    : between<std::string>(values->term, filter, sql_);
  return has_value(values->from, condition);
}

// The smallest value of a record when going up, the largest when going down.
void add_keys(const domain::SortKey& key, const SearchQuery& query, SqlText& sql,
              std::string& order) {
  const char* direction = key.descending ? "DESC" : "ASC";
  const auto add = [&](const std::string& expression) {
    order += fmt::format("{} {} NULLS LAST, ", expression, direction);
  };
  const char* pick = key.descending ? "max" : "min";
  const Property property = key.scope.property;
  if (property == Property::kStatus) return add("(1 - r.completed)");  // "completed" < "pending"
  if (property == Property::kResponseStatus) {
    std::string from = "FROM responses p WHERE p.record = r.position";
    if (query.answers_of) from += " AND p.user_id = " + sql.add(*query.answers_of);
    return add(fmt::format("(SELECT {}(p.status) {})", pick, from));
  }
  const auto values = values_of(key.scope, query, sql);
  if (!values) return add(column_of(property));
  for (const char* column : {values->number, values->term}) {
    if (column == nullptr) continue;
    add(fmt::format("(SELECT {}({}) {} AND v.record = r.position)", pick, column, values->from));
  }
}

// A permutation of the positions that differs from person to person (FNV-1a of the id).
std::string shuffled_order(const std::string& person, SqlText& sql) {
  constexpr int64_t kPrime = 2147483647;
  uint64_t hash = 14695981039346656037U;
  for (const char c : person) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  const auto factor = static_cast<int64_t>(hash % (kPrime - 1)) + 1;
  const auto shift = static_cast<int64_t>((hash >> 32) % kPrime);
  return fmt::format("((r.position % {0}) * {1} + {2}) % {0}, ", kPrime, sql.add(factor),
                     sql.add(shift));
}

}  // namespace

bool needs_row(const SearchQuery& query) {
  return std::any_of(query.filters.begin(), query.filters.end(), [](const auto& filter) {
    return std::visit([](const auto& one) { return needs_row(one.scope); }, filter);
  });
}

std::string filter_condition(const SearchQuery& query, const std::string& position, SqlText& sql) {
  Condition condition(query, position, sql);
  std::string all;
  for (const domain::SearchFilter& filter : query.filters) {
    all += " AND ";
    all += std::visit([&](const auto& one) { return condition.of(one); }, filter);
  }
  return all;
}

std::string sort_order(const SearchQuery& query, SqlText& sql) {
  std::string order;
  for (const domain::SortKey& key : query.sort) add_keys(key, query, sql, order);
  if (query.sort.empty() && query.shuffled_for) order = shuffled_order(*query.shuffled_for, sql);
  return order + "r.position";
}

}  // namespace attune::store
