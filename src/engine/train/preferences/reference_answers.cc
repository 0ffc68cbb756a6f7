#include "engine/train/preferences/reference_answers.h"

#include "base/file.h"
#include "engine/train/sampler.h"

namespace attune::engine::train {
namespace {

// Trees of the rows that some step reads; null for the others (max_steps may end within an epoch).
std::vector<const models::TokenTree*> trees_of_run(const TrainingRun& run,
                                                   const TreeMethod& method) {
  std::vector<const models::TokenTree*> all = method.trees(Split::kTrain);
  std::vector<int64_t> lengths;
  for (size_t row = 0; row < all.size(); ++row) {
    lengths.push_back(method.row_tokens(Split::kTrain, static_cast<int64_t>(row)));
  }
  Sampler sampler(run.batch_of_ranks(), run.options().data_seed, lengths);
  std::vector<const models::TokenTree*> read(all.size(), nullptr);
  size_t found = 0;
  for (int64_t step = 0; step < sampler.total_steps() && found < all.size(); ++step) {
    for (int64_t row : sampler.rows_of(step).rows) {
      const auto place = static_cast<size_t>(row);
      found += read[place] == nullptr ? 1 : 0;
      read[place] = all[place];
    }
  }
  return read;
}

}  // namespace

Result<ReferenceAnswers> ask_reference(const protocol::Job& job, TrainingRun& run,
                                       const TreeMethod& method, bool tokens) {
  ReferenceModel reference = TRY(ReferenceModel::open(job, run));
  ReferenceRequest request;
  request.name = "train";
  request.folder = join_path(job.output_dir, "reference");
  request.ranks = &run.ranks();
  request.tokens = tokens;
  request.max_tokens = run.options().batch.max_tokens_per_batch.value_or(request.max_tokens);
  TRY(make_directories(request.folder));
  ReferenceAnswers answers{TRY(reference.log_probs(request, trees_of_run(run, method))), {}};
  const EvaluationOptions& evaluation = run.options().evaluation;
  const bool evaluates = evaluation.when != When::kNever || evaluation.on_start;
  if (evaluates && method.row_count(Split::kEvaluation) > 0) {
    request.name = "evaluation";
    answers.evaluation = TRY(reference.log_probs(request, method.trees(Split::kEvaluation)));
  }
  return answers;
}

}  // namespace attune::engine::train
