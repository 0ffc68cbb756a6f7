#include "engine/train/on_policy/rollouts.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "engine/generate/generator.h"
#include "engine/train/packing.h"

namespace attune::engine::train {
namespace {

constexpr uint64_t kRolloutStream = 0x5011;
constexpr int kRepeatBits = 40;  // rows of a data set are fewer than 2^40

generate::GenerateRequest request_for(const PromptRow& prompt, int64_t step, uint64_t stream,
                                      const RolloutOptions& options) {
  generate::GenerateRequest request;
  request.prompt = prompt.ids;
  request.continues_text = !data::is_conversational(prompt.prompt);
  request.sampling.do_sample = true;
  request.sampling.temperature = options.temperature;
  request.sampling.top_k = options.top_k;
  request.sampling.top_p = options.top_p;
  request.sampling.min_p = options.min_p;
  request.sampling.repetition_penalty = options.repetition_penalty;
  request.sampling.seed =
      Random(options.seed ^ kRolloutStream, static_cast<uint64_t>(step)).next();
  request.stream = stream;
  request.num_return_sequences = options.samples;
  request.max_new_tokens = options.response_length;
  request.min_new_tokens = options.min_new_tokens;
  request.adapters = options.adapters;
  return request;
}

bool is_stop(int32_t id, const std::vector<int32_t>& stop_ids) {
  return std::find(stop_ids.begin(), stop_ids.end(), id) != stop_ids.end();
}

Rollout make_rollout(int64_t row, const PromptRow& prompt,
                     std::vector<generate::Completion> completions,
                     const std::vector<int32_t>& stop_ids) {
  Rollout rollout;
  rollout.row = row;
  rollout.tree.prompt = prompt.ids;
  for (generate::Completion& completion : completions) {
    const bool ended = is_stop(completion.tokens.back(), stop_ids);
    rollout.tree.branches.push_back({std::move(completion.tokens), 0});
    rollout.samples.push_back({std::move(completion.log_probs), std::move(completion.values),
                               std::move(completion.text), ended, 0});
  }
  return rollout;
}

// The beginning of an answer, for errors.
std::string shown(const std::string& text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return text;
  size_t end = kShown;  // not within a character
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::vector<RewardRequest> requests_of(const std::vector<PromptRow>& prompts,
                                       const std::vector<Rollout>& rollouts) {
  std::vector<RewardRequest> requests;
  for (const Rollout& rollout : rollouts) {
    for (size_t i = 0; i < rollout.samples.size(); ++i) {
      requests.push_back({&prompts[static_cast<size_t>(rollout.row)], rollout.tree.branches[i].ids,
                          rollout.samples[i].text, rollout.samples[i].ended});
    }
  }
  return requests;
}

// Trees in passes of at most `capacity` tokens.
std::vector<std::vector<int64_t>> cut(const std::vector<Rollout>& rollouts,
                                      const RolloutForward& forward) {
  std::vector<int64_t> lengths;
  for (const Rollout& rollout : rollouts) {
    lengths.push_back(forward.share_prompts ? rollout.tree.tokens()
                                            : rollout.tree.unshared_tokens());
  }
  auto passes = best_fit_decreasing(lengths, forward.max_tokens_per_batch);
  for (auto& pass : passes) std::sort(pass.begin(), pass.end());
  return passes;
}

struct Range {
  double sum = 0;
  double count = 0;
  double least = 0;
  double most = 0;

  void add(double value) {
    least = count == 0 ? value : std::min(least, value);
    most = count == 0 ? value : std::max(most, value);
    sum += value;
    ++count;
  }
  void write(const std::string& suffix, std::map<std::string, double>* metrics) const {
    if (count == 0) return;
    (*metrics)["completions/mean_" + suffix] = sum / count;
    (*metrics)["completions/min_" + suffix] = least;
    (*metrics)["completions/max_" + suffix] = most;
  }
};

}  // namespace

Result<std::vector<Rollout>> make_rollouts(models::Decoder& decoder,
                                           const text::Tokenizer& tokenizer,
                                           const std::vector<PromptRow>& prompts,
                                           const std::vector<int64_t>& rows, int64_t step,
                                           const RolloutOptions& options,
                                           const RowShare& share) {
  std::vector<generate::GenerateRequest> requests;
  std::vector<int64_t> own;
  std::map<int64_t, uint64_t> seen;
  for (size_t place = 0; place < rows.size(); ++place) {
    const int64_t row = rows[place];
    const uint64_t stream = static_cast<uint64_t>(row) | (seen[row]++ << kRepeatBits);
    if (!share.has(place)) continue;
    own.push_back(row);
    requests.push_back(request_for(prompts[static_cast<size_t>(row)], step, stream, options));
  }
  // Fixed bounds: what is decoded together decides the last bits, and must not hang on free memory.
  generate::GeneratorOptions bounds;
  bounds.eos_ids = options.stop_ids;
  bounds.rows_max = options.rows_max;
  bounds.value_head = options.value_head;
  auto completions =
      TRY(generate::Generator(decoder, tokenizer, bounds).run(std::move(requests)));
  std::vector<Rollout> rollouts;
  for (size_t i = 0; i < own.size(); ++i) {
    rollouts.push_back(make_rollout(own[i], prompts[static_cast<size_t>(own[i])],
                                    std::move(completions[i]), options.stop_ids));
  }
  return rollouts;
}

Status score_rollouts(RewardSource& source, const std::vector<PromptRow>& prompts,
                      std::vector<Rollout>* rollouts) {
  const std::vector<RewardRequest> requests = requests_of(prompts, *rollouts);
  const std::vector<double> scores = TRY(source.score(requests));
  if (scores.size() != requests.size()) {
    return invalid_input("the reward gave {} scores for {} answers", scores.size(),
                         requests.size());
  }
  size_t next = 0;
  for (Rollout& rollout : *rollouts) {
    for (RolloutSample& sample : rollout.samples) {
      const double score = scores[next++];
      if (!std::isfinite(score)) {
        const RowName& name = prompts[static_cast<size_t>(rollout.row)].name;
        return invalid_input("the reward of {} row {} is no number ({}), for the answer \"{}\"",
                             name.file, name.number, score, shown(sample.text));
      }
      sample.score = score;
    }
  }
  return {};
}

Status check_kl_limit(double nats_a_token, const std::optional<double>& limit,
                      const char* advice) {
  if (!limit || nats_a_token <= *limit) return {};
  return invalid_input(
      "the policy has run away from its reference: a KL of {:.3g} nats a token is above kl_limit "
      "({:.3g}). {}; nothing of this step was kept, and earlier checkpoints are as they were",
      nats_a_token, *limit, advice);
}

SampleValues rollout_log_probs(models::Decoder& decoder, const std::vector<Rollout>& rollouts,
                               const RolloutForward& forward) {
  c10::NoGradGuard no_grad;
  std::vector<size_t> first;  // sample of a rollout's first branch
  size_t samples = 0;
  for (const Rollout& rollout : rollouts) {
    first.push_back(samples);
    samples += rollout.samples.size();
  }
  SampleValues values(samples);
  const ops::LogProbOptions wanted{.temperature = forward.temperature,
                                   .chunk_rows = forward.chunk_rows};
  for (const std::vector<int64_t>& pass : cut(rollouts, forward)) {
    models::TreeBatch batch({.share_prompts = forward.share_prompts});
    std::vector<size_t> owners;  // sample of each branch of the pass
    for (int64_t item : pass) {
      const auto i = static_cast<size_t>(item);
      batch.add(rollouts[i].tree);
      for (size_t k = 0; k < rollouts[i].samples.size(); ++k) owners.push_back(first[i] + k);
    }
    const Tensor got = models::branch_log_probs(decoder, batch, {.adapters = forward.adapters},
                                                wanted)
                           .tokens.contiguous();
    const float* value = got.const_data_ptr<float>();
    for (size_t r = 0; r < batch.owners.size(); ++r) {
      values[owners[static_cast<size_t>(batch.owners[r])]].push_back(value[r]);
    }
  }
  return values;
}

SampleValues captured_log_probs(const std::vector<Rollout>& rollouts) {
  SampleValues values;
  for (const Rollout& rollout : rollouts) {
    for (const RolloutSample& sample : rollout.samples) values.push_back(sample.log_probs);
  }
  return values;
}

SampleValues captured_values(const std::vector<Rollout>& rollouts) {
  SampleValues values;
  for (const Rollout& rollout : rollouts) {
    for (const RolloutSample& sample : rollout.samples) values.push_back(sample.values);
  }
  return values;
}

void add_path_difference(const SampleValues& captured, const SampleValues& recomputed,
                         std::map<std::string, double>* metrics) {
  double sum = 0;
  double most = 0;
  double count = 0;
  for (size_t i = 0; i < captured.size(); ++i) {
    for (size_t t = 0; t < captured[i].size(); ++t) {
      const double difference = std::abs(static_cast<double>(captured[i][t]) -
                                         static_cast<double>(recomputed[i][t]));
      sum += difference;
      most = std::max(most, difference);
      ++count;
    }
  }
  (*metrics)["sampling/sampling_logp_difference/mean"] = count > 0 ? sum / count : 0;
  (*metrics)["sampling/sampling_logp_difference/max"] = most;
}

void add_length_metrics(const std::vector<Rollout>& rollouts,
                        std::map<std::string, double>* metrics) {
  Range all;
  Range ended;
  for (const Rollout& rollout : rollouts) {
    for (size_t i = 0; i < rollout.samples.size(); ++i) {
      const auto length = static_cast<double>(rollout.tree.branches[i].ids.size());
      all.add(length);
      if (rollout.samples[i].ended) ended.add(length);
    }
  }
  all.write("length", metrics);
  ended.write("terminated_length", metrics);
  if (all.count > 0) (*metrics)["completions/clipped_ratio"] = 1 - ended.count / all.count;
}

}  // namespace attune::engine::train
