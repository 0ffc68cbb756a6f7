#include "server/api/records/blindness.h"

#include <algorithm>

#include "server/api/records/record_access.h"
#include "server/store/assignment.h"
#include "server/store/responses.h"

namespace attune::api {
namespace {

bool tells_suggester(const domain::SearchScope& scope) {
  using Property = domain::SearchScope::Property;
  return scope.property == Property::kSuggestionAgent ||
         scope.property == Property::kSuggestionType ||
         scope.property == Property::kSuggestionScore;
}

bool filter_tells_suggester(const domain::SearchFilter& filter) {
  return std::visit([](const auto& one) { return tells_suggester(one.scope); }, filter);
}

}  // namespace

Answer<bool> works_blind(const Call& call, store::Connection& connection,
                         const domain::Dataset& dataset) {
  if (!sees_own_answers_only(call)) return false;
  const auto rules = TRY(store::find_rules(connection, dataset));
  return rules && rules->blind;
}

void hide_suggester(domain::Suggestion& suggestion) {
  suggestion.agent.reset();
  suggestion.type.reset();
  suggestion.score = nullptr;
}

void hide_suggesters(domain::Record& record) {
  std::ranges::for_each(record.suggestions, hide_suggester);
}

Answer<void> refuse_to_find_suggesters(const domain::SearchQuery& query) {
  const bool tells =
      std::ranges::any_of(query.filters, filter_tells_suggester) ||
      std::ranges::any_of(query.sort, [](const auto& key) { return tells_suggester(key.scope); });
  if (!tells) return {};
  return detail(422, "work on this data set is blind: leave agent, type and score of suggestions "
                     "out of filters and sort keys");
}

Answer<bool> has_answered(store::Connection& connection, int64_t record,
                          const std::string& user_id) {
  const auto answer = TRY(store::find_answer_of(connection, record, user_id));
  return answer && answer->status != domain::ResponseStatus::kDraft;
}

}  // namespace attune::api
