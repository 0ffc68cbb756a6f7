// What is said about a record as rows of a file. Pure.
//
//   jsonl           one line for each record, nothing lost: fields, metadata, suggestions, answers
//                   with their status, annotator, guideline version, seconds and shown order
//   csv             one line for each answer (and one for a record without any), in columns
//   trl_sft         {"prompt","completion"}: a text question's answers
//   rankings        {"prompt","completions","ranks"}: a ranking whole, ties and gaps kept
//   trl_preference  {"prompt","chosen","rejected"}: the pairs that a rule makes of a ranking
//   prompts         {"prompt"} of each record, whether anybody answered it or not
//
// sft, rankings and preference also carry annotator, guideline_version and source {dataset, row,
// licence, generated_by}, which training reports; they hold submitted answers only, unless other
// statuses are asked for. A ranking's options (or those of a label question: the best one) are
// names of fields, which hold the candidates; options that name no field stand for themselves.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "feedback/rankings_to_pairs.h"
#include "server/domain/dataset.h"
#include "server/store/export_pages.h"

namespace attune::api {

enum class ExportFormat { kJsonl, kCsv, kSft, kPreference, kRankings, kPrompts };
std::optional<ExportFormat> export_format_of(std::string_view name);

struct ExportPlan {
  ExportFormat format = ExportFormat::kJsonl;
  std::string dataset_name;                  // of `source`, where a record does not say its own
  std::string snapshot;                      // of `source`: the hash, "" of what stands now
  const domain::Question* question = nullptr;  // of sft, preference, rankings
  const domain::Field* prompt = nullptr;       // of these and of prompts
  std::set<domain::ResponseStatus> statuses;   // of answers; empty: all
  feedback::PairOptions pairs;
};

// Chooses what was not named: the question is the first required one of the kind that the format
// needs, else the first; the prompt is the field "prompt", "instruction" or "question", else the
// first that holds no candidate. Errors (kInvalidInput) say what the data set lacks.
Status choose_columns(const domain::Schema& schema, const std::string& question,
                      const std::string& prompt, ExportPlan& plan);

// The rows of one record, each a whole line with its end. Rankings that a rule cannot read (holes)
// give no pairs and are counted. Errors: only for what is stored and is no JSON.
struct ExportCounts {
  int64_t records = 0, rows = 0, unreadable_rankings = 0;
};
Status append_rows(const domain::Schema& schema, const ExportPlan& plan,
                   const store::ExportPage& page, const store::ExportedRecord& record,
                   std::string& out, ExportCounts& counts);
// The line with the names of columns, of csv; "" otherwise.
std::string header_line(const domain::Schema& schema, const ExportPlan& plan);

}  // namespace attune::api
