// Blind work: where the rules of a data set were set and say `blind`, whoever sees their own
// answers only is not told who suggested what, by whichever call, and reads what others say about a
// record once they have answered it. Data sets without rules are plain Argilla's and show all.
// (What `next` gives out is blind by default: api/responses/assignment.cc.)
#pragma once

#include "server/api/endpoint.h"
#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/domain/search.h"

namespace attune::api {

Answer<bool> works_blind(const Call& call, store::Connection& connection,
                         const domain::Dataset& dataset);

// Takes away agent, type and score.
void hide_suggester(domain::Suggestion& suggestion);
void hide_suggesters(domain::Record& record);

// 422 for a search that finds or sorts by agent, type or score, which would tell them.
Answer<void> refuse_to_find_suggesters(const domain::SearchQuery& query);

// Whether this person has said all they want to say about the record: a draft is no answer yet.
Answer<bool> has_answered(store::Connection& connection, int64_t record,
                          const std::string& user_id);

}  // namespace attune::api
