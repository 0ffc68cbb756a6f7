// What is said about a record as rows of a file. Pure.
//
//   jsonl           one line for each record, nothing lost: fields, metadata, suggestions, answers
//                   with their status, annotator, guideline version, seconds and shown order; what
//                   a reviewer decided, the gold answer, comments
//   csv             one line for each answer, for each decision (response_status adjudicated) and
//                   for a record without any, in columns
//   trl_sft         {"prompt","completion"}: a text question's answers
//   rankings        {"prompt","completions","ranks"}: a ranking whole, ties and gaps kept
//   trl_preference  {"prompt","chosen","rejected"}: the pairs that a rule makes of a ranking
//   trl_unpaired    {"prompt","completion","label"}: a label question about one answer, as thumbs
//                   up or down
//   prompts         {"prompt"} of each record, whether anybody answered it or not
//
// Rows for training also carry annotator, guideline_version and source {dataset, row, licence,
// generated_by}, which training reports; they hold submitted answers only, unless other statuses
// are asked for. Where a reviewer decided on the question, the decision stands in place of the
// submitted answers, as a row of the reviewer's with "adjudicated": true.
//
// A ranking's options (or those of a label question: the best one) are names of fields, which hold
// the candidates; an option that names none ("a tie") is no candidate. Where no option of a ranking
// names a field, `rankings` takes the options themselves.
#pragma once

#include <map>
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

enum class ExportFormat { kJsonl, kCsv, kSft, kPreference, kRankings, kUnpaired, kPrompts };
// The names of formats, in the order of these.
extern const std::vector<std::string> kExportFormats;
std::optional<ExportFormat> export_format_of(std::string_view name);

struct ExportPlan {
  ExportFormat format = ExportFormat::kJsonl;
  std::string dataset_name;                  // of `source`, where a record does not say its own
  std::string snapshot;                      // of `source`: the hash, "" of what stands now
  const domain::Question* question = nullptr;  // of rows for training but prompts
  const domain::Field* prompt = nullptr;       // of these and of prompts
  const domain::Field* completion = nullptr;   // of unpaired
  std::map<std::string, bool> labels;          // of unpaired: the label that an option becomes
  std::set<domain::ResponseStatus> statuses;   // of answers; empty: all
  bool options_are_texts = false;              // of rankings: no option names a field
  bool adjudicated = true;  // decisions stand in place of submitted answers
  feedback::PairOptions pairs;
};

// What the caller names; "" and empty for what is to be chosen.
struct NamedColumns {
  std::string question, prompt, completion;
  std::vector<std::string> positive, negative;  // options
};
// Chooses what was not named: the question is the first required one of the kind that the format
// needs, else the first; the prompt is the field "prompt", "instruction" or "question", else the
// first that holds no candidate; the completion is the field "response", "completion", "answer" or
// "output", else the only other text. Of unpaired's options `positive` give true and `negative` (or
// all others) false; without both the names decide (yes/no, good/bad, ...). Errors (kInvalidInput)
// say what the data set lacks, or what to name.
Status choose_columns(const domain::Schema& schema, const NamedColumns& named, ExportPlan& plan);

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
