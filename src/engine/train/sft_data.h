// From a job's files to the rows of an SFT run: reading, splitting off evaluation rows, shuffling,
// packing, and the data report.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/train/data_report.h"
#include "engine/train/packing.h"
#include "engine/train/sft_rows.h"
#include "protocol/job.h"
#include "text/tokenizer.h"
#include "weights/model_files.h"

namespace attune::engine::train {

struct SftData {
  std::vector<SftRow> train;
  std::vector<SftRow> evaluation;
  DataReport train_report;
  DataReport evaluation_report;

  OrderedJson report() const;  // data_report.json
};

// The tokenizer and chat template that a run uses: the model's, with eos_token and
// chat_template_path of the configuration in their place where given.
struct RunText {
  text::Tokenizer tokenizer;
  std::string chat_template;  // source, "" when there is none
};
Result<RunText> load_run_text(const weights::ModelFiles& files, const Json& config);

// Reads both splits and checks them (data_report.h). `vocabulary` is the model's.
Result<SftData> load_sft_data(const protocol::Job& job, const RunText& text, int64_t vocabulary,
                              uint64_t seed, bool allow_skipped_rows);

// Puts several examples into a row of at most `row_length` tokens; rows without a trained token are
// dropped and counted.
std::vector<SftRow> pack_sft_rows(const std::vector<SftRow>& rows, int64_t row_length,
                                  PackingStrategy strategy, DataReport* report);

}  // namespace attune::engine::train
