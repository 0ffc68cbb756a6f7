// Measures from log-probabilities and rewards of given completions (evaluate_measures.h).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/evaluate_measures.h"
#include "cli/evaluate_rows.h"
#include "cli/rows_io.h"
#include "feedback/bootstrap.h"
#include "feedback/rankings_to_pairs.h"

namespace attune::cli {
namespace {

constexpr double kRounding = 1e-6;  // of a log-probability; fp32's own is 1.2e-7 for each step

// One judged pair of a row.
struct ScoredPair {
  size_t row = 0;
  double difference = 0;  // value of the preferred completion less that of the other
  double longer = 0;      // tokens of the preferred one less those of the other
};

// 1 right, 0 wrong, 0.5 equal values.
double right(const ScoredPair& pair) {
  return pair.difference > 0 ? 1.0 : pair.difference < 0 ? 0.0 : 0.5;
}

Result<feedback::Ranks> ranks_of(const data::Row& row, const std::string& place) {
  const auto example = data::parse_example(row.value);
  if (!example.ok()) return example.error().with_context(place);
  if (example->form == data::Form::kPreference) return feedback::Ranks{1, 2};
  if (example->form == data::Form::kRanking) return feedback::Ranks(example->ranks);
  return invalid_input(
      "{}: is no preference; give prompt, chosen and rejected, or completions with ranks", place);
}

// What a completion is worth: a reward, or the implicit reward beta * (log p - log p_reference), or
// its log-probability.
std::vector<double> values_of(const CompletionScores& scores, const CompletionScores* reference,
                              const Json& config) {
  if (!scores.rewards.empty()) return scores.rewards;
  std::vector<double> values;
  const bool mean = text_of(config, "log_probs") == "mean";
  for (size_t i = 0; i < scores.sum_logprobs.size(); ++i) {
    double value = scores.sum_logprobs[i];
    if (reference != nullptr) {
      value -= reference->sum_logprobs[i];
      // The last bits of fp32 depend on which rows were computed together: that is no reward.
      if (std::abs(value) <= kRounding * std::abs(scores.sum_logprobs[i])) value = 0;
    }
    if (mean) value /= std::max(scores.tokens[i], 1.0);
    values.push_back(config["beta"].get<double>() * value);
  }
  return values;
}

// The share of right pairs among those that `keep`, clustered by row.
Figure accuracy_figure(const std::vector<ScoredPair>& pairs, size_t rows, std::string name,
                       std::string text, const Json& config,
                       bool (*keep)(const ScoredPair& pair)) {
  std::vector<double> rights(rows, 0.0);
  std::vector<double> counts(rows, 0.0);
  int64_t kept = 0;
  for (const ScoredPair& pair : pairs) {
    if (!keep(pair)) continue;
    rights[pair.row] += right(pair);
    counts[pair.row] += 1;
    ++kept;
  }
  std::vector<double> numerators;  // rows without such a pair are no units
  std::vector<double> denominators;
  for (size_t row = 0; row < rows; ++row) {
    if (counts[row] == 0) continue;
    numerators.push_back(rights[row]);
    denominators.push_back(counts[row]);
  }
  Figure figure = Figure::of(
      std::move(name),
      feedback::bootstrap_ratio(numerators, denominators, bootstrap_options(config)), "pairs",
      std::move(text));
  figure.count = kept;
  return figure;
}

Result<std::vector<ScoredPair>> pairs_of_rows(const Json& config,
                                              const std::vector<data::Row>& rows,
                                              const std::vector<CompletionScores>& scores,
                                              const std::vector<CompletionScores>& references) {
  std::vector<ScoredPair> pairs;
  const std::string data = text_of(config, "data");
  for (size_t row = 0; row < rows.size(); ++row) {
    const std::string place = row_place(data, rows[row].number);
    const feedback::Ranks ranks = TRY(ranks_of(rows[row], place));
    auto judged = feedback::pairs_of_ranking(ranks, {});
    if (!judged.ok()) return judged.error().with_context(place);
    const auto values =
        values_of(scores[row], references.empty() ? nullptr : &references[row], config);
    for (const feedback::RankedPair& pair : *judged) {
      const auto chosen = static_cast<size_t>(pair.chosen);
      const auto rejected = static_cast<size_t>(pair.rejected);
      pairs.push_back({row, values[chosen] - values[rejected],
                       scores[row].tokens[chosen] - scores[row].tokens[rejected]});
    }
  }
  return pairs;
}

}  // namespace

Result<Evaluation> measure_perplexity(const Json& config) {
  const std::vector<data::Row> rows = TRY(read_input_rows(text_of(config, "data")));
  EngineSession session = TRY(EngineSession::start(config));
  const auto scores = TRY(scores_of_rows(session, config, rows));
  std::vector<double> nats;
  std::vector<double> tokens;
  for (const CompletionScores& row : scores) {
    nats.push_back(0);
    tokens.push_back(0);
    for (size_t i = 0; i < row.tokens.size(); ++i) {
      nats.back() -= row.sum_logprobs[i];
      tokens.back() += row.tokens[i];
    }
  }
  double total = 0;
  for (double count : tokens) total += count;
  if (total == 0) return invalid_input("--data: no row has a token to score");
  const auto loss = feedback::bootstrap_ratio(nats, tokens, bootstrap_options(config));
  Evaluation evaluation;
  evaluation.title = "Perplexity";
  evaluation.text = "The exponential of the mean negative log-probability of a token; rows are "
                    "drawn again for the interval.";
  Figure nll = Figure::of("loss", loss, "tokens", "mean negative log-probability, nats a token");
  nll.count = std::llround(total);
  Figure perplexity = nll;
  perplexity.name = "perplexity";
  perplexity.text = "exp(loss)";
  for (double* value : {&perplexity.value, &*perplexity.low, &*perplexity.high}) {
    *value = std::exp(*value);
  }
  evaluation.figures = {perplexity, nll};
  evaluation.bars = {"perplexity"};  // the loss is in nats, on another axis
  evaluation.bars_are_shares = false;
  return evaluation;
}

Result<Evaluation> measure_accuracy(const Json& config) {
  const std::vector<data::Row> rows = TRY(read_input_rows(text_of(config, "data")));
  std::vector<CompletionScores> scores;
  {
    EngineSession session = TRY(EngineSession::start(config));
    scores = TRY(scores_of_rows(session, config, rows));
  }
  if (scores.empty()) return invalid_input("--data: has no rows");
  const bool rewards = !scores[0].rewards.empty();
  const std::string reference = text_of(config, "ref_model_name_or_path");
  if (rewards && !reference.empty()) {
    return usage_error("--ref_model_name_or_path is for policies; {} is a reward model",
                       text_of(config, "model_name_or_path"));
  }
  std::vector<CompletionScores> references;
  if (!reference.empty()) {
    EngineSession session = TRY(EngineSession::start(with_model(config, reference)));
    references = TRY(scores_of_rows(session, config, rows));
  }
  const auto pairs = TRY(pairs_of_rows(config, rows, scores, references));
  Evaluation evaluation;
  evaluation.title = "Preference accuracy";
  const char* by = rewards             ? "its reward"
                   : reference.empty() ? "its log-probability"
                                       : "its implicit reward beta (log p - log p_ref)";
  evaluation.text =
      fmt::format("How often the model gives the preferred answer the higher value, by {}; equal "
                  "values count half.", by);
  const auto figure = [&](const char* name, const char* text, bool (*keep)(const ScoredPair&)) {
    Figure made = accuracy_figure(pairs, rows.size(), name, text, config, keep);
    if (made.count > 0) evaluation.figures.push_back(std::move(made));
  };
  figure("accuracy", "of all pairs", [](const ScoredPair&) { return true; });
  figure("longer_chosen", "of the pairs whose preferred answer is the longer one",
         [](const ScoredPair& pair) { return pair.longer > 0; });
  figure("shorter_chosen", "of the pairs whose preferred answer is the shorter one",
         [](const ScoredPair& pair) { return pair.longer < 0; });
  if (evaluation.figures.empty()) return invalid_input("--data: no row has a pair without a tie");
  for (const Figure& made : evaluation.figures) evaluation.bars.push_back(made.name);
  evaluation.chance = 0.5;
  std::vector<double> margins;
  for (const ScoredPair& pair : pairs) margins.push_back(pair.difference);
  evaluation.figures.push_back(
      Figure::of("margin", feedback::bootstrap_mean(margins, bootstrap_options(config)), "pairs",
                 "mean value of the preferred answer less that of the other"));
  return evaluation;
}

}  // namespace attune::cli
