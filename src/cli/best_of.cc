#include "cli/best_of.h"

#include <algorithm>
#include <numeric>

#include "base/log.h"

namespace attune::cli {

std::vector<recipes::Option> best_of_options() {
  using namespace recipes;
  std::vector<Option> options = {
      integer("best_of", nullptr, 1, "sample so many answers a prompt and keep the best"),
      real("reward_threshold", nullptr, {}, {},
           "keep all answers with at least this reward instead (rejection sampling)"),
      boolean("examples", false,
              "write rows of prompt and completion, or of prompt, completions and empty ranks: to "
              "train on, or for `attune import --dataset`")};
  const std::vector<Option> judge = judge_options();
  options.insert(options.end(), judge.begin(), judge.end());
  return options;
}

std::vector<size_t> kept_answers(const std::vector<double>& rewards,
                                 std::optional<double> threshold) {
  std::vector<size_t> order(rewards.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rewards[a] > rewards[b]; });
  const auto stays = [&](size_t i) { return !threshold || rewards[i] >= *threshold; };
  order.erase(std::find_if_not(order.begin(), order.end(), stays), order.end());
  if (!threshold && order.size() > 1) order.resize(1);
  return order;
}

Result<BestOf> BestOf::start(const Json& config, OrderedJson* params) {
  const auto answers = config["best_of"].get<int64_t>();
  if (config["stream"].get<bool>()) return usage_error("--stream and --best_of exclude each other");
  if (config["num_return_sequences"].get<int64_t>() != 1) {
    return usage_error(
        "--num_return_sequences and --best_of exclude each other; --best_of says how "
        "many answers are sampled");
  }
  if (answers > 1 && !config["temperature"].is_null() && config["temperature"] == 0.0) {
    return usage_error("--temperature 0 gives the same answer {} times; --best_of needs samples",
                       answers);
  }
  (*params)["num_return_sequences"] = answers;
  if (answers > 1) (*params)["do_sample"] = true;
  std::optional<double> threshold;
  if (!config["reward_threshold"].is_null()) threshold = config["reward_threshold"].get<double>();
  return BestOf(TRY(AnswerJudge::start(config)), threshold, config["examples"].get<bool>());
}

Status BestOf::write(const OrderedJson& id, const OrderedJson& request, const Json& completions,
                     RowWriter& writer) {
  const bool chat = request.contains("messages");
  const OrderedJson& prompt = request[chat ? "messages" : "prompt"];
  std::vector<JudgedAnswer> answers;
  for (const Json& completion : completions) {
    answers.push_back(
        {completion.value("text", ""), completion.value("finish_reason", "") == "stop"});
  }
  const std::vector<double> rewards = TRY(judge_.rewards(prompt, answers));
  const std::vector<size_t> kept = kept_answers(rewards, threshold_);
  ++prompts_;
  without_ += kept.empty() ? 1 : 0;
  answers_ += static_cast<int64_t>(answers.size());
  kept_ += static_cast<int64_t>(kept.size());
  reward_sum_ = std::accumulate(rewards.begin(), rewards.end(), reward_sum_);
  OrderedJson row = {{"id", id}, {"completions", OrderedJson::array()}};
  for (size_t i : kept) {
    kept_reward_sum_ += rewards[i];
    if (examples_) {
      OrderedJson text(answers[i].text);
      const OrderedJson turn =
          OrderedJson::array({{{"role", "assistant"}, {"content", answers[i].text}}});
      TRY(writer.write({{"id", id},
                        {"prompt", prompt},
                        {"completion", chat ? turn : text},
                        {"reward", rewards[i]}}));
      continue;
    }
    OrderedJson completion(completions[i]);
    completion["reward"] = rewards[i];
    row["completions"].push_back(std::move(completion));
  }
  if (examples_) return {};
  return writer.write(row);
}

void BestOf::summarise() const {
  if (answers_ == 0) return;
  const auto mean = [](double sum, int64_t count) {
    return count == 0 ? 0.0 : sum / static_cast<double>(count);
  };
  log_info("kept {} of {} answers to {} prompts; mean reward {:.4f}, of those kept {:.4f}", kept_,
           answers_, prompts_, mean(reward_sum_, answers_), mean(kept_reward_sum_, kept_));
  if (without_ > 0) {
    log_warning("{} of {} prompts have no answer with a reward of at least {}", without_, prompts_,
                threshold_.value_or(0));
  }
}

}  // namespace attune::cli
