// Filters and order in the query string, as SDK 1.29 sends them (search_body.h).
#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "server/api/search/search_body.h"
#include "server/api/search/search_scope.h"
#include "server/domain/identity.h"
#include "server/domain/record.h"

namespace attune::api {
namespace {

using Property = domain::SearchScope::Property;

std::string_view without(std::string_view prefix, std::string_view text) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t from = 0; from <= text.size();) {
    const size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) parts.emplace_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

Failure unreadable(const char* parameter, const std::string& text, const char* form) {
  return detail(422, fmt::format("{}={}: expected {}", parameter, text, form));
}

Answer<domain::SearchFilter> metadata_filter(const std::string& text, const domain::Schema& schema,
                                             ScopeReader& scopes) {
  constexpr const char* kForm = "name:term,term or name:{\"ge\": 1, \"le\": 2}";
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return unreadable("metadata", text, kForm);
  const domain::SearchScope scope = scopes.metadata(text.substr(0, colon));
  const std::string condition = text.substr(colon + 1);
  if (scopes.unknown()) return *scopes.unknown();
  if (!condition.starts_with('{')) {
    domain::TermsFilter terms{scope, split(condition)};
    if (terms.values.empty()) return unreadable("metadata", text, kForm);
    return domain::SearchFilter(std::move(terms));
  }
  const auto json = parse_ordered_json(condition);
  if (!json.ok()) return unreadable("metadata", text, kForm);
  SchemaReader reader(*json, "query");
  domain::RangeFilter range{.scope = scope, .ge = {}, .le = {}};
  read_bounds(reader, schema, range);
  TRY(reader.done());
  return domain::SearchFilter(std::move(range));
}

Answer<domain::SortKey> sort_key(const std::string& text, ScopeReader& scopes) {
  constexpr const char* kForm = "inserted_at, updated_at or metadata.name, then :asc or :desc";
  const size_t colon = text.rfind(':');
  const std::string_view all = text;
  std::string_view order = colon == std::string::npos ? "asc" : all.substr(colon + 1);
  order = without("SortOrder.", order);
  const std::string_view field = without("RecordSortField.", all.substr(0, colon));
  if (order != "asc" && order != "desc") return unreadable("sort_by", text, kForm);
  domain::SortKey key{.scope = {}, .descending = order == "desc"};
  if (field == "inserted_at" || field == "updated_at") {
    key.scope.property = field == "inserted_at" ? Property::kInsertedAt : Property::kUpdatedAt;
  } else if (field.starts_with("metadata.")) {
    key.scope = scopes.metadata(std::string(field.substr(9)));
    if (scopes.unknown()) return *scopes.unknown();
  } else {
    return unreadable("sort_by", text, kForm);
  }
  return key;
}

// Days since 1970 of a date in the Gregorian calendar, and whether there is such a date.
std::optional<int64_t> days_of(int year, int month, int day) {
  std::tm broken{};
  broken.tm_year = year - 1900;
  broken.tm_mon = month - 1;
  broken.tm_mday = day;
  const std::time_t seconds = timegm(&broken);
  if (broken.tm_mon != month - 1 || broken.tm_mday != day) return std::nullopt;
  return seconds / 86400;
}

// "Z", "+02:00", "-0530" or nothing as minutes ahead of UTC.
std::optional<int64_t> offset_of(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  int hours = 0, minutes = 0;
  char sign = 0;
  const std::string copy(text);
  const bool colon = text.find(':') != std::string_view::npos;
  int used = 0;
  if (std::sscanf(copy.c_str(), colon ? "%c%2d:%2d%n" : "%c%2d%2d%n", &sign, &hours, &minutes,
                  &used) != 3 ||
      static_cast<size_t>(used) != copy.size() || (sign != '+' && sign != '-') || hours < 0 ||
      minutes < 0) {
    return std::nullopt;
  }
  return (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
}

// ".305321" as microseconds, taken off the front; further digits are passed over.
int64_t take_fraction(std::string_view& text) {
  if (!text.starts_with('.') && !text.starts_with(',')) return 0;
  text.remove_prefix(1);
  int64_t us = 0, unit = 100'000;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) {
    us += (text[0] - '0') * unit;
    unit /= 10;
  }
  return us;
}

}  // namespace

std::optional<std::string> canonical_time(std::string_view text) {
  const std::string copy(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || year < 1) {
    return std::nullopt;
  }
  const auto days = days_of(year, month, day);
  std::string_view rest = std::string_view(copy).substr(static_cast<size_t>(used));
  if (!days) return std::nullopt;
  if (!rest.empty()) {
    if (rest[0] != 'T' && rest[0] != ' ' && rest[0] != 't') return std::nullopt;
    const std::string clock(rest.substr(1));
    if (std::sscanf(clock.c_str(), "%2d:%2d%n:%2d%n", &hour, &minute, &used, &second, &used) < 2) {
      return std::nullopt;
    }
    rest.remove_prefix(1 + static_cast<size_t>(used));
  }
  const bool in_range = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 &&
                        second < 61;
  const int64_t fraction_us = take_fraction(rest);
  const auto offset = offset_of(rest);
  if (!in_range || !offset) return std::nullopt;
  const int64_t seconds = *days * 86400 + (hour * 60 + minute - *offset) * 60 + second;
  return domain::format_time(seconds * 1'000'000 + fraction_us);
}

bool has_older_filters(const http::Query& parameters) {
  return parameters.find("response_status") != nullptr ||
         parameters.find("metadata") != nullptr || parameters.find("sort_by") != nullptr;
}

Answer<void> read_older_filters(const http::Query& parameters, const domain::Schema& schema,
                                domain::SearchQuery& query) {
  std::vector<std::string> statuses = parameters.all("response_status");
  for (std::string& status : statuses) {
    if (status == "missing") status = "pending";
    if (status != "pending" && !domain::response_status_of(status)) {
      return unreadable("response_status", status, "draft, submitted, discarded or pending");
    }
  }
  if (!statuses.empty()) {
    query.filters.push_back(
        domain::TermsFilter{{Property::kResponseStatus, 0}, std::move(statuses)});
  }
  ScopeReader scopes(schema);
  for (const std::string& text : parameters.all("metadata")) {
    query.filters.push_back(TRY(metadata_filter(text, schema, scopes)));
  }
  for (const std::string& text : parameters.all("sort_by")) {
    query.sort.push_back(TRY(sort_key(text, scopes)));
  }
  return {};
}

}  // namespace attune::api
