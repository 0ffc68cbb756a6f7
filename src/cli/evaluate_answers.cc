// Measures from answers that models write (evaluate_measures.h): win rates, ROUGE-L, KL.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/answer_judge.h"
#include "cli/demo_answers.h"
#include "cli/evaluate_measures.h"
#include "cli/evaluate_rows.h"
#include "cli/pair_judge.h"
#include "cli/rows_io.h"
#include "cli/rubric.h"
#include "feedback/win_rate.h"
#include "text/rouge.h"

namespace attune::cli {
namespace {

// What a judge made of two models' answers to each prompt, one answer each.
struct Verdicts {
  std::vector<double> scores;  // by prompt: 1 the first model won, 0 it lost, 0.5 a tie
  std::string by;              // "the reward model", ... for the report
  std::vector<Figure> figures = {};  // of the judge itself
};

using Answers = std::vector<std::vector<ModelAnswer>>;

double compare(double a, double b) { return a > b ? 1.0 : a < b ? 0.0 : 0.5; }

Result<Verdicts> judge_by_rewards(const Json& config, const std::vector<PromptRow>& prompts,
                                  const Answers& ours, const Answers& theirs) {
  AnswerJudge judge = TRY(AnswerJudge::start(config));
  Verdicts verdicts{{}, "the reward", {}};
  std::vector<double> gains;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const ModelAnswer& a = ours[i][0];
    const ModelAnswer& b = theirs[i][0];
    auto rewards = judge.rewards(prompts[i].prompt, {{a.text, a.ended}, {b.text, b.ended}});
    if (!rewards.ok()) return rewards.error().with_context(prompts[i].place);
    verdicts.scores.push_back(compare((*rewards)[0], (*rewards)[1]));
    gains.push_back((*rewards)[0] - (*rewards)[1]);
  }
  verdicts.figures.push_back(
      Figure::of("reward_difference", feedback::bootstrap_mean(gains, bootstrap_options(config)),
                 "prompts", "mean reward of the model's answer less that of the other's"));
  return verdicts;
}

// Every pair in both orders; an answer has won as far as it did in both.
Result<Verdicts> judge_by_command(const Json& config, const std::vector<PromptRow>& prompts,
                                  const Answers& ours, const Answers& theirs) {
  PairJudge judge = TRY(PairJudge::start(text_of(config, "judge_command"),
                                         config["reward_timeout_ms"].get<int>()));
  std::vector<PairQuestion> questions;
  for (size_t i = 0; i < prompts.size(); ++i) {
    questions.push_back({prompts[i].prompt, ours[i][0].text, theirs[i][0].text});
    questions.push_back({prompts[i].prompt, theirs[i][0].text, ours[i][0].text});
  }
  const std::vector<double> said = TRY(judge.ask(questions));
  Verdicts verdicts{{}, "an external judge, asked in both orders", {}};
  std::vector<double> consistent;
  int64_t firsts = 0;
  int64_t choices = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const double as_first = said[2 * i];
    const double as_second = 1 - said[2 * i + 1];
    verdicts.scores.push_back((as_first + as_second) / 2);
    consistent.push_back(compare(as_first, 0.5) == compare(as_second, 0.5) ? 1.0 : 0.0);
    for (double probability : {said[2 * i], said[2 * i + 1]}) {
      if (probability == 0.5) continue;
      firsts += probability > 0.5 ? 1 : 0;
      ++choices;
    }
  }
  verdicts.figures.push_back(Figure::of(
      "consistent", feedback::bootstrap_mean(consistent, bootstrap_options(config)), "prompts",
      "the judge says the same in both orders"));
  Figure first;
  first.name = "first_preferred";
  first.value = choices == 0 ? 0.5 : static_cast<double>(firsts) / static_cast<double>(choices);
  first.count = choices;
  first.over = "questions";
  first.text = fmt::format("how often the judge prefers the answer shown first; p {:.3f} for a "
                           "judge without a side", feedback::fair_coin_p_value(firsts, choices));
  verdicts.figures.push_back(std::move(first));
  return verdicts;
}

Result<std::vector<DemoQuestion>> questions_of(const std::vector<PromptRow>& prompts) {
  std::vector<DemoQuestion> questions;
  for (const PromptRow& prompt : prompts) {
    if (!prompt.prompt.is_array()) {
      return invalid_input("{}: the rubric judges conversations; give prompts as messages, or set "
                           "--chat true", prompt.place);
    }
    DemoQuestion question;
    question.id = prompt.id.is_string() ? prompt.id.get<std::string>() : to_line(prompt.id);
    question.prompt = prompt.prompt;
    questions.push_back(std::move(question));
  }
  return questions;
}

// The demo's rubric for support mails: points of ten.
Result<Verdicts> judge_by_rubric(const Json& config, const std::vector<PromptRow>& prompts,
                                 Answers* ours, Answers* theirs) {
  const std::vector<DemoQuestion> questions = TRY(questions_of(prompts));
  const AskOptions asking{sampling_params(config), config["rubric_set"].get<size_t>()};
  Verdicts verdicts{{}, "the rubric of examples/support", {}};
  std::vector<std::vector<double>> points;
  for (const char* option : {"model_name_or_path", "other_model_name_or_path"}) {
    const DemoAnswers judged = TRY(ask_and_score(text_of(config, option), questions, asking));
    Answers& answers = points.empty() ? *ours : *theirs;
    points.emplace_back();
    for (size_t i = 0; i < prompts.size(); ++i) {
      points.back().push_back(judged.scores[i].total());
      answers.push_back({{judged.texts[i], static_cast<int64_t>(judged.texts[i].size()), true}});
    }
  }
  for (size_t i = 0; i < prompts.size(); ++i) {
    verdicts.scores.push_back(compare(points[0][i], points[1][i]));
  }
  verdicts.figures = {
      Figure::of("points", feedback::bootstrap_mean(points[0], bootstrap_options(config)),
                 "prompts", "mean points of ten of the model"),
      Figure::of("other_points", feedback::bootstrap_mean(points[1], bootstrap_options(config)),
                 "prompts", "mean points of ten of the other model"),
      Figure::of("points_difference",
                 feedback::bootstrap_paired_difference(points[0], points[1],
                                                       bootstrap_options(config)),
                 "prompts", "mean of the differences, prompt by prompt")};
  return verdicts;
}

Result<Verdicts> judge(const Json& config, const std::vector<PromptRow>& prompts, Answers* ours,
                       Answers* theirs) {
  if (config["rubric"].get<bool>()) return judge_by_rubric(config, prompts, ours, theirs);
  *ours = TRY(answers_of(config, prompts, 1));
  *theirs = TRY(answers_of(with_model(config, text_of(config, "other_model_name_or_path")),
                           prompts, 1));
  if (!text_of(config, "judge_command").empty()) {
    return judge_by_command(config, prompts, *ours, *theirs);
  }
  return judge_by_rewards(config, prompts, *ours, *theirs);
}

Status need_other(const Json& config) {
  if (!text_of(config, "other_model_name_or_path").empty()) return {};
  return usage_error("--other_model_name_or_path is not set; name the model to compare with");
}

std::vector<double> column(const std::vector<std::vector<double>>& rows) {
  std::vector<double> values;
  for (const auto& row : rows) {
    double sum = 0;
    for (double value : row) sum += value;
    values.push_back(sum / static_cast<double>(row.size()));
  }
  return values;
}

}  // namespace

Result<Evaluation> measure_win_rate(const Json& config) {
  TRY(need_other(config));
  const std::vector<PromptRow> prompts = TRY(read_prompts(config));
  Answers ours;
  Answers theirs;
  const Verdicts verdicts = TRY(judge(config, prompts, &ours, &theirs));
  std::vector<feedback::JudgedPair> pairs;
  for (size_t i = 0; i < prompts.size(); ++i) {
    pairs.push_back({static_cast<int64_t>(i), verdicts.scores[i],
                     static_cast<double>(ours[i][0].tokens),
                     static_cast<double>(theirs[i][0].tokens)});
  }
  const feedback::WinRate rate = feedback::win_rate(pairs, bootstrap_options(config));
  const auto controlled = feedback::length_controlled_win_rate(pairs, bootstrap_options(config));
  Evaluation evaluation;
  evaluation.title = "Win rate";
  evaluation.text = fmt::format(
      "One answer of each model to every prompt, judged by {}: {} won, {} tied, {} lost. A tie "
      "counts half.", verdicts.by, rate.wins, rate.ties, rate.losses);
  evaluation.figures = {
      Figure::of("win_rate", rate.rate, "prompts", "share of prompts won, ties half"),
      Figure::of("win_rate_at_equal_length", controlled.rate, "prompts",
                 "the same at equal length (logistic regression on the difference of lengths)")};
  evaluation.bars = {"win_rate", "win_rate_at_equal_length"};
  evaluation.chance = 0.5;
  for (const Figure& figure : verdicts.figures) evaluation.figures.push_back(figure);
  return evaluation;
}

Result<Evaluation> measure_rouge_l(const Json& config) {
  const std::vector<PromptRow> prompts = TRY(read_prompts(config));
  for (const PromptRow& prompt : prompts) {
    if (prompt.reference.empty()) {
      return invalid_input("{}: has no answer of its own to compare with (completion, chosen, or a "
                           "last assistant message)", prompt.place);
    }
  }
  const Answers answers = TRY(answers_of(config, prompts, 1));
  std::vector<double> f1;
  std::vector<double> precision;
  std::vector<double> recall;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const text::RougeScore score = text::rouge_l(prompts[i].reference, answers[i][0].text);
    f1.push_back(score.f1);
    precision.push_back(score.precision);
    recall.push_back(score.recall);
  }
  Evaluation evaluation;
  evaluation.title = "ROUGE-L";
  evaluation.text = "Longest common subsequence of words of the model's answer and the row's own.";
  const auto options = bootstrap_options(config);
  evaluation.figures = {
      Figure::of("rouge_l", feedback::bootstrap_mean(f1, options), "prompts", "mean F1"),
      Figure::of("precision", feedback::bootstrap_mean(precision, options), "prompts",
                 "common words over the answer's words"),
      Figure::of("recall", feedback::bootstrap_mean(recall, options), "prompts",
                 "common words over the reference's words")};
  evaluation.bars = {"rouge_l", "precision", "recall"};
  return evaluation;
}

Result<Evaluation> measure_kl(const Json& config) {
  TRY(need_other(config));
  const std::vector<PromptRow> prompts = TRY(read_prompts(config));
  const auto samples = config["num_return_sequences"].get<int64_t>();
  const Answers answers = TRY(answers_of(config, prompts, samples));
  std::vector<std::vector<double>> ours;
  std::vector<std::vector<double>> theirs;
  {
    EngineSession session = TRY(EngineSession::start(config));
    ours = TRY(log_probs_of_answers(session, prompts, answers));
  }
  {
    const std::string other = text_of(config, "other_model_name_or_path");
    EngineSession session = TRY(EngineSession::start(with_model(config, other)));
    theirs = TRY(log_probs_of_answers(session, prompts, answers));
  }
  std::vector<std::vector<double>> ratios(prompts.size());
  std::vector<double> sums;
  std::vector<double> tokens;
  for (size_t p = 0; p < prompts.size(); ++p) {
    sums.push_back(0);
    tokens.push_back(0);
    for (size_t a = 0; a < answers[p].size(); ++a) {
      ratios[p].push_back(ours[p][a] - theirs[p][a]);
      sums.back() += ratios[p].back();
      tokens.back() += static_cast<double>(answers[p][a].tokens);
    }
  }
  const auto options = bootstrap_options(config);
  Evaluation evaluation;
  evaluation.title = "KL between two models";
  evaluation.text = "Mean of log p - log p_other over the model's own samples (k1, unbiased), both "
                    "scoring the same texts; prompts are drawn again for the interval.";
  evaluation.figures = {
      Figure::of("kl", feedback::bootstrap_mean(column(ratios), options), "prompts",
                 "nats an answer"),
      Figure::of("kl_per_token", feedback::bootstrap_ratio(sums, tokens, options), "prompts",
                 "nats a token")};
  evaluation.bars = {"kl"};  // of an answer; that of a token has another unit
  evaluation.bars_are_shares = false;
  return evaluation;
}

}  // namespace attune::cli
