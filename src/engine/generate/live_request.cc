#include "engine/generate/live_request.h"

#include <algorithm>

namespace attune::engine::generate {

LiveSample::LiveSample(const GenerateRequest& request, int64_t max_new_tokens, uint64_t index,
                       const text::Tokenizer& tokenizer, bool wants_values)
    : sampler_(request.sampling, request.stream, index, request.prompt),
      decoder_(tokenizer, /*skip_special_tokens=*/true, request.continues_text),
      stop_text_(request.stop_strings),
      max_new_tokens_(max_new_tokens),
      min_new_tokens_(request.min_new_tokens),
      wants_values_(wants_values) {}

SampledToken LiveSample::choose(std::span<const float> logits, const StopIds& stop_ids) {
  std::span<const int32_t> banned;
  if (length() < min_new_tokens_) banned = stop_ids.end_of_sequence;
  return sampler_.next(logits, banned);
}

void LiveSample::finish(FinishReason reason, std::string* shown) {
  finished_ = true;
  completion.finish_reason = reason;
  *shown += stop_text_.push(decoder_.finish());
  if (!stop_text_.stopped()) *shown += stop_text_.finish();
  if (wants_values_ && length() < max_new_tokens_) return;
  closed_ = true;
  segment.reset();
}

void LiveSample::close(float value) {
  completion.values.push_back(value);
  closed_ = true;
  segment.reset();
}

std::string LiveSample::accept(const SampledToken& token, const StopIds& stop_ids) {
  completion.tokens.push_back(token.id);
  completion.log_probs.push_back(token.log_prob);
  std::string shown;
  const bool ends = std::find(stop_ids.all.begin(), stop_ids.all.end(), token.id) !=
                    stop_ids.all.end();
  if (!ends) shown = stop_text_.push(decoder_.push(token.id));
  if (ends || stop_text_.stopped()) {
    finish(FinishReason::kStop, &shown);
  } else if (length() >= max_new_tokens_) {
    finish(FinishReason::kLength, &shown);
  }
  completion.text += shown;
  return shown;
}

bool LiveRequest::done() const {
  return !samples.empty() && std::all_of(samples.begin(), samples.end(),
                                         [](const LiveSample& s) { return s.closed(); });
}

std::vector<Completion> LiveRequest::take_completions() {
  std::vector<Completion> completions;
  for (LiveSample& sample : samples) completions.push_back(std::move(sample.completion));
  return completions;
}

}  // namespace attune::engine::generate
