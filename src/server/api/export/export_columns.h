// Which question and fields of a data set give the prompt and the answers of training examples.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/example.h"
#include "server/api/export/export_rows.h"
#include "server/domain/dataset.h"

namespace attune::api {

// A text field's text, a chat's messages; nothing where the record has none.
std::optional<data::Content> prompt_of(const domain::Field& field, const OrderedJson& fields);

// A text as the answer to that prompt: conversational where the prompt is.
data::Content answer_like(const data::Content& prompt, std::string text);

// The candidates that a ranking or a choice of the best was about, and their ranks. Candidates
// whose field the record leaves empty are left out.
struct RankedCandidates {
  std::vector<data::Content> completions;
  std::vector<std::optional<int>> ranks;
};
RankedCandidates ranked_candidates(const ExportPlan& plan, const OrderedJson& value,
                                   const data::Content& prompt, const OrderedJson& fields);

}  // namespace attune::api
