#include "engine/train/on_policy/reward_sources.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "base/log.h"
#include "engine/tensor/guarded.h"
#include "weights/lora_files.h"

namespace attune::engine::train {
namespace {

constexpr int64_t kTimeoutMs = 60'000;

OrderedJson to_json(const data::Content& content) {
  if (const auto* text = std::get_if<std::string>(&content)) return OrderedJson(*text);
  OrderedJson messages = OrderedJson::array();
  for (const data::Message& message : std::get<data::Messages>(content)) {
    messages.push_back(message.raw);
  }
  return messages;
}

data::Content answer_of(const RewardRequest& request) {
  if (!data::is_conversational(request.prompt->prompt)) return request.text;
  const OrderedJson raw = {{"role", "assistant"}, {"content", request.text}};
  return data::Messages{{"assistant", request.text, raw}};
}

std::string name_of(const RewardRequest& request) {
  return fmt::format("{} row {}", request.prompt->name.file, request.prompt->name.number);
}

// Answers to one prompt stand together.
std::vector<std::vector<const RewardRequest*>> by_prompt(
    const std::vector<RewardRequest>& requests) {
  std::vector<std::vector<const RewardRequest*>> groups;
  for (const RewardRequest& request : requests) {
    if (groups.empty() || groups.back().front()->prompt != request.prompt) groups.emplace_back();
    groups.back().push_back(&request);
  }
  return groups;
}

models::TokenTree tree_of_ids(const std::vector<const RewardRequest*>& answers) {
  models::TokenTree tree;
  tree.prompt = answers.front()->prompt->ids;
  for (const RewardRequest* answer : answers) tree.branches.push_back({answer->completion, 0});
  return tree;
}

// A string or a list of strings.
Result<std::vector<std::string>> texts_of(const Json& config, const char* key) {
  std::vector<std::string> texts;
  const Json* found = find(config, key);
  if (found == nullptr) return texts;
  for (const Json& text : found->is_array() ? *found : Json::array({*found})) {
    if (!text.is_string()) return invalid_input("{}: must be text or a list of texts", key);
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

Result<std::vector<double>> weights_of(const Json& config, size_t sources) {
  std::vector<double> weights;
  const Json* found = find(config, "reward_weights");
  if (found == nullptr) return std::vector<double>(sources, 1.0);
  for (const Json& item : found->is_array() ? *found : Json::array({*found})) {
    const auto number = item.is_string() ? parse_json(item.get<std::string>()) : Result<Json>(item);
    if (!number.ok() || !number->is_number()) {
      return invalid_input("reward_weights: {} is no number", to_line(item));
    }
    weights.push_back(number->get<double>());
  }
  if (weights.size() == sources) return weights;
  return invalid_input(
      "reward_weights: has {} numbers for {} rewards; give one for each, models before commands",
      weights.size(), sources);
}

// Whether it is an adapter of the trunk's own base.
bool stands_on(const RewardHost& host, const weights::ModelPlace& place) {
  std::error_code failed;  // a base that cannot be looked at is another one
  return host.trunk != nullptr && !place.adapter.empty() &&
         std::filesystem::equivalent(place.model, host.base, failed);
}

Result<std::unique_ptr<RewardSource>> open_model(const std::string& path,
                                                 const text::Tokenizer& policy,
                                                 const RewardHost& host) {
  const weights::ModelPlace place = TRY(reward_model_place(host, path));
  const bool shared = stands_on(host, place);
  auto model = TRY(run_guarded({"loading the reward model " + path, {}}, [&] {
    return shared ? models::RewardModel::load_on(*host.trunk, host.base, path)
                  : models::RewardModel::load(place, {.device = host.device});
  }));
  if (shared) log_info("{}: stands on the policy's trunk, in its precision", path);
  auto source = std::make_unique<ModelReward>(std::move(model), policy);
  if (!source->reads_ids()) {
    log_info("{}: has another vocabulary than the policy; it reads the answers' text", path);
  }
  return std::unique_ptr<RewardSource>(std::move(source));
}

// "rewards/NAME/mean" of names that differ.
std::string unique_name(std::string name, const std::vector<WeightedRewards::Part>& parts) {
  size_t same = 1;
  for (const WeightedRewards::Part& part : parts) same += part.name.starts_with(name) ? 1 : 0;
  return same == 1 ? name : fmt::format("{}_{}", name, same);
}

std::string last_component(const std::string& path) {
  std::filesystem::path name(path);
  if (!name.has_filename()) name = name.parent_path();
  return name.filename().string();
}

// What a run names as its rewards, and how much each counts: models before commands.
struct Named {
  std::vector<std::string> models, commands;
  std::vector<double> weights;
  size_t count() const { return models.size() + commands.size(); }
};

Result<std::unique_ptr<WeightedRewards>> open_named(const Json& config,
                                                    const text::Tokenizer& policy,
                                                    const RewardHost& host, const Named& named) {
  const int64_t timeout_ms = TRY(get_int_or(config, "reward_timeout_ms", kTimeoutMs));
  std::vector<WeightedRewards::Part> parts;
  for (const std::string& path : named.models) {
    const std::string name = unique_name(last_component(path), parts);
    const double weight = named.weights[parts.size()];
    auto model = TRY(open_model(path, policy, host));
    parts.push_back({name, weight, std::move(model)});
  }
  for (const std::string& command : named.commands) {
    const std::string name = unique_name("reward_command", parts);
    const double weight = named.weights[parts.size()];
    parts.push_back(
        {name, weight, std::make_unique<CommandReward>(command, static_cast<int>(timeout_ms))});
  }
  return std::make_unique<WeightedRewards>(std::move(parts));
}

}  // namespace

Result<weights::ModelPlace> reward_model_place(const RewardHost& host, const std::string& path) {
  const auto known = host.bases.find(path);
  if (known != host.bases.end()) return weights::ModelPlace{known->second, path};
  return weights::model_place(path);
}

void add_reward_totals(const std::map<std::string, RewardTotals>& totals,
                       std::map<std::string, double>* metrics) {
  for (const auto& [name, of] : totals) {
    if (of.count == 0) continue;
    (*metrics)["rewards/" + name + "/mean"] = of.mean();
    (*metrics)["rewards/" + name + "/std"] = std::sqrt(of.variance());
  }
}

ModelReward::ModelReward(models::RewardModel model, const text::Tokenizer& policy)
    : model_(std::move(model)),
      reads_ids_(models::check_same_vocabulary(model_.tokenizer().tokenizer(), policy,
                                               model_.decoder().config().vocabulary)
                     .ok()) {}

Result<models::TokenTree> ModelReward::tree_of_texts(
    const std::vector<const RewardRequest*>& answers) const {
  std::vector<data::TokenizedCompletion> completions;
  for (const RewardRequest* answer : answers) {
    const bool append = answer->ended && !data::is_conversational(answer->prompt->prompt);
    if (answer->text.empty() && !append) {
      return invalid_input("{}: the answer is empty; a reward model needs text or an end of "
                           "sequence to read",
                           name_of(*answer));
    }
    auto tokenized = model_.tokenizer().completion(answer->prompt->prompt, answer_of(*answer),
                                                   answer->prompt->example,
                                                   {.append_eos = append});
    if (!tokenized.ok()) return tokenized.error().with_context(name_of(*answer));
    completions.push_back(std::move(*tokenized));
  }
  return models::make_token_tree(completions, /*whole=*/false);
}

Result<std::vector<double>> ModelReward::score(const std::vector<RewardRequest>& requests) {
  std::vector<models::TokenTree> trees;
  for (const auto& answers : by_prompt(requests)) {
    trees.push_back(reads_ids_ ? tree_of_ids(answers) : TRY(tree_of_texts(answers)));
    const Status readable = model_.check(trees.back());
    if (!readable.ok()) return readable.error().with_context(name_of(*answers.front()));
  }
  return model_.score(trees);
}

Result<std::vector<double>> CommandReward::score(const std::vector<RewardRequest>& requests) {
  std::vector<protocol::RewardQuery> queries;
  for (const RewardRequest& request : requests) {
    queries.push_back({to_json(request.prompt->prompt), to_json(answer_of(request))});
  }
  return command_.score(queries);
}

Result<std::vector<double>> WeightedRewards::score(const std::vector<RewardRequest>& requests) {
  std::vector<double> total(requests.size(), 0.0);
  totals_.clear();
  if (requests.empty()) return total;
  for (Part& part : parts_) {
    auto scored = part.source->score(requests);
    if (!scored.ok()) {
      return make_error(ErrorCode::kUnavailable, "reward {}: {}", part.name,
                        scored.error().message());
    }
    CHECK(scored->size() == requests.size(), "{} scores for {} answers", scored->size(),
          requests.size());
    RewardTotals& of_part = totals_[part.name];
    for (size_t i = 0; i < requests.size(); ++i) {
      const double score = (*scored)[i];
      if (!std::isfinite(score)) {
        return make_error(ErrorCode::kUnavailable, "reward {} of an answer to {} is no number ({})",
                          part.name, name_of(requests[i]), score);
      }
      total[i] += part.weight * score;
      of_part.add(score);
    }
  }
  return total;
}

Result<std::unique_ptr<WeightedRewards>> open_rewards(const Json& config,
                                                      const text::Tokenizer& policy,
                                                      const RewardHost& host) {
  Named named;
  named.models = TRY(texts_of(config, "reward_model_path"));
  named.commands = TRY(texts_of(config, "reward_command"));
  if (named.count() == 0) {
    return invalid_input("reward_model_path: is not set; name a reward model's folder, or give "
                         "reward_command");
  }
  named.weights = TRY(weights_of(config, named.count()));
  return open_named(config, policy, host, named);
}

Result<std::unique_ptr<WeightedRewards>> open_gold_rewards(const Json& config,
                                                           const text::Tokenizer& policy,
                                                           const RewardHost& host) {
  Named named;
  named.models = TRY(texts_of(config, "gold_reward_model"));
  named.commands = TRY(texts_of(config, "gold_reward_command"));
  if (named.count() == 0) return std::unique_ptr<WeightedRewards>();
  named.weights.assign(named.count(), 1.0);
  return open_named(config, policy, host, named);
}

}  // namespace attune::engine::train
