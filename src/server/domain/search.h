// A search over the records of one data set, in terms of the data set: what the API makes of a
// request's body after it looked up every name. Positions are those of the data base (dataset.h);
// texts stay as the person wrote them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace attune::domain {

// What a filter or a sort key looks at.
struct SearchScope {
  enum class Property {
    kId,               // of the record
    kExternalId,
    kInsertedAt,
    kUpdatedAt,
    kStatus,           // "pending" or "completed"
    kResponseStatus,   // "pending" (no answer), "draft", "submitted", "discarded"
    kResponseValue,    // of a question
    kSuggestionValue,  // of a question, as the three below
    kSuggestionScore,
    kSuggestionAgent,
    kSuggestionType,
    kMetadata,         // of a metadata property
  };
  Property property = Property::kId;
  int64_t position = 0;  // of the question or metadata property, where there is one
};

// One of these values; a number matches in whatever way it is written ("4", "4.0").
struct TermsFilter {
  SearchScope scope;
  std::vector<std::string> values;
};

// Between these, both included; at least one is set. Numbers for values, scores and metadata, texts
// for the rest: a time is written as identity.h's format_time does.
struct RangeFilter {
  using Bound = std::variant<std::monostate, double, std::string>;
  SearchScope scope;
  Bound ge, le;
};

using SearchFilter = std::variant<TermsFilter, RangeFilter>;

struct SortKey {
  SearchScope scope;
  bool descending = false;
};

struct TextQuery {
  std::string text;             // words and operators (store/text_query.h); "" finds nothing
  std::optional<size_t> field;  // index into Schema::fields; none: all fields together
};

struct VectorQuery {
  int64_t vector = 0;           // position of the vector's settings
  std::vector<float> value;     // as many as its dimensions
  bool most_similar = true;     // false: least similar first
  std::optional<int64_t> left_out;  // the record that the value was taken from
};

struct SearchQuery {
  int64_t dataset = 0;  // its position
  // The person whose answers alone are looked at (the search of `/me`); none: everybody's.
  std::optional<std::string> answers_of;
  std::optional<TextQuery> text;
  std::optional<VectorQuery> vector;
  std::vector<SearchFilter> filters;  // all of them hold
  // In order; a record without the value comes last. Then, and without keys, by score where there
  // is a query, else in the order of insertion.
  std::vector<SortKey> sort;
  // Without keys and without a query: an order of this person's own, the same each time.
  std::optional<std::string> shuffled_for;
  int64_t offset = 0;
  int64_t limit = 50;
};

struct SearchHit {
  int64_t record = 0;           // its position
  std::optional<double> score;  // 1 without a query; none when sorted by keys
};

struct SearchResult {
  std::vector<SearchHit> hits;
  int64_t total = 0;  // exact; of a vector search at most 1000
};

}  // namespace attune::domain
