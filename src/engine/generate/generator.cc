#include "engine/generate/generator.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <set>

#include "engine/generate/cached_attention.h"
#include "engine/generate/live_request.h"
#include "engine/models/score_head.h"
#include "engine/tensor/device.h"
#include "engine/tensor/guarded.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::generate {
namespace {

// A row of a pass whose logits choose a sample's next token; of a sample that has its tokens, a row
// for its last value.
struct Choice {
  LiveRequest* live;
  LiveSample* sample;
  int64_t row;
};

// One pass through the model.
struct Pass {
  std::vector<int64_t> tokens;
  std::vector<int64_t> positions;
  std::vector<CachedRows> rows;
  nn::AdapterSelection adapters;
  std::vector<int64_t> logit_rows;  // rows whose logits are wanted

  void add(KvSegment* segment, std::span<const int32_t> ids,
           const std::vector<std::string>& stack) {
    const auto begin = static_cast<int64_t>(tokens.size());
    const auto count = static_cast<int64_t>(ids.size());
    for (const int32_t id : ids) {
      positions.push_back(segment->first_position() + segment->length() +
                          static_cast<int64_t>(tokens.size()) - begin);
      tokens.push_back(id);
    }
    rows.push_back({segment, begin, count});
    logit_rows.push_back(begin + count - 1);
    if (stack.empty()) return;
    if (!adapters.rows.empty() && adapters.rows.back().end == begin &&
        adapters.rows.back().stack == stack) {
      adapters.rows.back().end += count;
    } else {
      adapters.rows.push_back({begin, begin + count, stack});
    }
  }
};

Tensor tensor_of(std::vector<int64_t>& values) {
  return at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kLong);
}

// One stack for all rows as such: it is cheaper than by rows.
nn::AdapterSelection whole_or_rows(const Pass& pass) {
  const std::vector<nn::AdapterRows>& rows = pass.adapters.rows;
  const auto tokens = static_cast<int64_t>(pass.tokens.size());
  if (rows.size() == 1 && rows[0].begin == 0 && rows[0].end == tokens) return {rows[0].stack, {}};
  return pass.adapters;
}

// What a pass says of its logit rows, on the CPU.
struct Seen {
  Tensor logits;  // [R, V]
  Tensor values;  // [R] fp32, or undefined
};

// Runs it, extends the caches. `value_head` may be undefined.
Seen run_pass(models::Decoder& decoder, Pass& pass, const Tensor& value_head) {
  CachedAttention attention(std::move(pass.rows));
  models::ForwardOptions options;
  options.adapters = whole_or_rows(pass);
  Tensor hidden = decoder.forward(tensor_of(pass.tokens), tensor_of(pass.positions), attention,
                                  options);
  attention.advance();
  if (pass.logit_rows.size() != pass.tokens.size()) {
    hidden = hidden.index_select(0, tensor_of(pass.logit_rows).to(hidden.device()));
  }
  Seen seen{decoder.logits(hidden).to(at::kCPU).contiguous(), {}};
  if (value_head.defined()) seen.values = models::scores_of(hidden, value_head);
  return seen;
}

// The same for a pass of one token a row: by a team of threads where the model has such a pass.
Seen run_decode(models::Decoder& decoder, Pass& pass, const Tensor& value_head) {
  const auto count = static_cast<int64_t>(pass.tokens.size());
  const nn::AdapterSelection adapters = whole_or_rows(pass);
  if (!adapters.rows.empty() || !decoder.decodes(count, adapters.stack)) {
    return run_pass(decoder, pass, value_head);
  }
  std::vector<models::TokenRow> rows;
  for (size_t i = 0; i < pass.tokens.size(); ++i) {
    rows.push_back({pass.tokens[i], pass.positions[i]});
  }
  CachedAttention attention(std::move(pass.rows));
  Seen seen;
  Tensor hidden;
  seen.logits = decoder.decode(rows, attention, adapters.stack,
                               value_head.defined() ? &hidden : nullptr);
  attention.advance();
  if (value_head.defined()) seen.values = models::scores_of(hidden, value_head);
  return seen;
}

Status check_ids(const std::vector<int32_t>& ids, int64_t vocabulary, const char* what) {
  for (const int32_t id : ids) {
    if (id >= 0 && id < vocabulary) continue;
    return invalid_input("{} holds the token id {}; the model's vocabulary has ids 0 to {}", what,
                         id, vocabulary - 1);
  }
  return {};
}

}  // namespace

int64_t default_cache_bytes(at::Device device) {
  return std::max<int64_t>(free_memory_bytes(device) / 4, int64_t{64} << 20);
}

struct Generator::State {
  models::Decoder& decoder;
  const text::Tokenizer tokenizer;
  GeneratorOptions options;
  KvShape shape;
  std::shared_ptr<KvPool> pool;  // on a GPU
  std::deque<LiveRequest> waiting;
  std::deque<LiveRequest> running;  // a deque: samples are pointed at during a step
  int64_t next_handle = 0;
  GeneratorStatistics statistics;

  Status check(const GenerateRequest& request) const;
  int64_t running_rows() const;
  bool fits(const LiveRequest& candidate) const;
  // Moves what fits from waiting to running.
  std::vector<LiveRequest*> admit();
  Status prefill(const std::vector<LiveRequest*>& fresh, const GeneratorEvents& events);
  Status decode(const GeneratorEvents& events);
  Status choose(const Seen& seen, const std::vector<Choice>& choices,
                const GeneratorEvents& events);
  void retire(const GeneratorEvents& events);
};

Status Generator::State::check(const GenerateRequest& request) const {
  const models::DecoderConfig& config = decoder.config();
  const auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  if (prompt_tokens == 0) {
    return invalid_input("the prompt has no tokens; give some text, or the model's first token");
  }
  if (config.context > 0 && prompt_tokens >= config.context) {
    return invalid_input(
        "the prompt has {} tokens and leaves no room in the model's context of {}; "
        "shorten it",
        prompt_tokens, config.context);
  }
  TRY(check_ids(request.prompt, config.vocabulary, "the prompt"));
  TRY(validate(request.sampling));
  if (request.max_new_tokens < 1) {
    return invalid_input("max_new_tokens is {}; give at least 1", request.max_new_tokens);
  }
  if (request.min_new_tokens < 0) {
    return invalid_input("min_new_tokens is {}; give at least 0", request.min_new_tokens);
  }
  if (request.num_return_sequences < 1) {
    return invalid_input("num_return_sequences is {}; give at least 1",
                         request.num_return_sequences);
  }
  for (const std::string& name : request.adapters) {
    if (decoder.adapters().find(name) == nullptr) {
      return not_found("no adapter \"{}\" is loaded", name);
    }
  }
  return {};
}

int64_t Generator::State::running_rows() const {
  int64_t rows = 0;
  for (const LiveRequest& live : running) {
    rows += live.samples.empty() ? live.request.num_return_sequences : 0;
    for (const LiveSample& sample : live.samples) rows += sample.closed() ? 0 : 1;
  }
  return rows;
}

bool Generator::State::fits(const LiveRequest& candidate) const {
  if (running.empty()) return true;
  int64_t tokens = candidate.reserved_tokens();
  for (const LiveRequest& live : running) tokens += live.reserved_tokens();
  return tokens * shape.bytes_per_token() <= options.cache_bytes_max &&
         running_rows() + candidate.request.num_return_sequences <= options.rows_max;
}

std::vector<LiveRequest*> Generator::State::admit() {
  std::vector<LiveRequest*> fresh;
  int64_t tokens = 0;
  while (!waiting.empty() && fits(waiting.front())) {
    const auto prompt_tokens = static_cast<int64_t>(waiting.front().request.prompt.size());
    if (!fresh.empty() && tokens + prompt_tokens > options.prefill_tokens_max) break;
    tokens += prompt_tokens;
    running.push_back(std::move(waiting.front()));
    waiting.pop_front();
    fresh.push_back(&running.back());
  }
  return fresh;
}

Status Generator::State::prefill(const std::vector<LiveRequest*>& fresh,
                                 const GeneratorEvents& events) {
  Pass pass;
  std::vector<Choice> choices;
  for (LiveRequest* live : fresh) {
    const GenerateRequest& request = live->request;
    live->prompt =
        std::make_shared<KvSegment>(shape, static_cast<int64_t>(request.prompt.size()), nullptr,
                                    pool);
    pass.add(live->prompt.get(), request.prompt, request.adapters);
    const auto count = static_cast<size_t>(request.num_return_sequences);
    live->samples.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      live->samples.emplace_back(request, live->max_new_tokens, i, tokenizer,
                                 options.value_head.defined());
      choices.push_back({live, &live->samples.back(),
                         static_cast<int64_t>(pass.logit_rows.size()) - 1});
    }
  }
  statistics.prefilled_tokens += static_cast<int64_t>(pass.tokens.size());
  const Seen seen = run_pass(decoder, pass, options.value_head);
  for (LiveRequest* live : fresh) {
    for (LiveSample& sample : live->samples) {
      sample.segment =
          std::make_unique<KvSegment>(shape, live->max_new_tokens, live->prompt, pool);
    }
  }
  return choose(seen, choices, events);
}

Status Generator::State::decode(const GeneratorEvents& events) {
  std::vector<Choice> choices;
  for (LiveRequest& live : running) {
    for (LiveSample& sample : live.samples) {
      if (!sample.closed()) choices.push_back({&live, &sample, 0});
    }
  }
  if (choices.empty()) return {};
  // Rows of one adapter stack side by side: one product a stack and layer.
  std::stable_sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    return a.live->request.adapters < b.live->request.adapters;
  });
  Pass pass;
  for (Choice& choice : choices) {
    choice.row = static_cast<int64_t>(pass.logit_rows.size());
    const int32_t token = choice.sample->last_token();
    pass.add(choice.sample->segment.get(), {&token, 1}, choice.live->request.adapters);
  }
  statistics.decoded_tokens +=
      std::count_if(choices.begin(), choices.end(),
                    [](const Choice& choice) { return !choice.sample->finished(); });
  return choose(run_decode(decoder, pass, options.value_head), choices, events);
}

Status Generator::State::choose(const Seen& seen, const std::vector<Choice>& choices,
                                const GeneratorEvents& events) {
  const float* logits = seen.logits.const_data_ptr<float>();
  const float* values = seen.values.defined() ? seen.values.const_data_ptr<float>() : nullptr;
  const auto vocabulary = static_cast<size_t>(seen.logits.size(1));
  std::vector<SampledToken> tokens(choices.size());
  const auto count = static_cast<int64_t>(choices.size());
  run_lanes(lanes_for(count, 1), count, [&](int64_t, int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      if (choices[i].sample->finished()) continue;
      const float* row = logits + static_cast<size_t>(choices[i].row) * vocabulary;
      tokens[i] = choices[i].sample->choose({row, vocabulary}, choices[i].live->stop_ids);
    }
  });
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i].sample->finished()) {
      choices[i].sample->close(values[choices[i].row]);
      continue;
    }
    if (values != nullptr) {
      choices[i].sample->completion.values.push_back(values[choices[i].row]);
    }
    if (!std::isfinite(tokens[i].log_prob)) {
      return make_error(ErrorCode::kInternal,
                        "the model gave logits that are no numbers after {} tokens; its weights "
                        "are broken, or dtype is too narrow for it",
                        static_cast<int64_t>(choices[i].live->request.prompt.size()) +
                            choices[i].sample->length());
    }
    const LiveRequest& live = *choices[i].live;
    const std::string text = choices[i].sample->accept(tokens[i], live.stop_ids);
    const int64_t index = choices[i].sample - live.samples.data();
    if (events.on_text && !text.empty()) events.on_text(live.handle, index, text);
  }
  return {};
}

void Generator::State::retire(const GeneratorEvents& events) {
  for (auto live = running.begin(); live != running.end();) {
    if (!live->done()) {
      ++live;
      continue;
    }
    LiveRequest done = std::move(*live);
    live = running.erase(live);
    if (events.on_done) events.on_done(done.handle, done.take_completions());
  }
}

Generator::Generator(models::Decoder& decoder, const text::Tokenizer& tokenizer,
                     GeneratorOptions options) {
  const models::DecoderConfig& config = decoder.config();
  const KvShape shape{config.layer_count(), config.kv_heads, config.head_width, decoder.device()};
  std::shared_ptr<KvPool> pool;
  if (!shape.device.is_cpu()) {
    pool = std::make_shared<KvPool>(shape, options.cache_bytes_max / shape.bytes_per_token());
  }
  state_.reset(
      new State{decoder, tokenizer, std::move(options), shape, std::move(pool), {}, {}, 0, {}});
}

Generator::~Generator() = default;

Result<int64_t> Generator::submit(GenerateRequest request) {
  TRY(state_->check(request));
  LiveRequest live;
  live.handle = state_->next_handle++;
  const int64_t context = state_->decoder.config().context;
  const int64_t room = context > 0 ? context - static_cast<int64_t>(request.prompt.size())
                                   : request.max_new_tokens;
  live.max_new_tokens = std::min(request.max_new_tokens, room);
  live.stop_ids.end_of_sequence =
      request.eos_ids.empty() ? state_->options.eos_ids : request.eos_ids;
  live.stop_ids.all = live.stop_ids.end_of_sequence;
  live.stop_ids.all.insert(live.stop_ids.all.end(), request.stop_token_ids.begin(),
                           request.stop_token_ids.end());
  // Special tokens leave no text: a stop string that is one is found by its id.
  for (const std::string& stop : request.stop_strings) {
    const std::optional<int32_t> id = state_->tokenizer.token_to_id(stop);
    if (id && state_->tokenizer.is_special(*id)) live.stop_ids.all.push_back(*id);
  }
  live.request = std::move(request);
  state_->waiting.push_back(std::move(live));
  return state_->waiting.back().handle;
}

void Generator::cancel(int64_t handle) {
  const auto is_it = [handle](const LiveRequest& live) { return live.handle == handle; };
  std::erase_if(state_->waiting, is_it);
  std::erase_if(state_->running, is_it);
}

bool Generator::idle() const { return state_->waiting.empty() && state_->running.empty(); }
int64_t Generator::waiting() const { return static_cast<int64_t>(state_->waiting.size()); }

GeneratorStatistics Generator::statistics() const { return state_->statistics; }

Status Generator::step(const GeneratorEvents& events) {
  const Status status = run_guarded({"generation", {}}, [&]() -> Status {
    const at::NoGradGuard no_grad;
    const std::vector<LiveRequest*> fresh = state_->admit();
    if (!fresh.empty()) TRY(state_->prefill(fresh, events));
    TRY(state_->decode(events));
    state_->retire(events);
    return {};
  });
  if (!status.ok()) {
    state_->waiting.clear();
    state_->running.clear();
  }
  return status;
}

Result<std::vector<std::vector<Completion>>> Generator::run(
    std::vector<GenerateRequest> requests) {
  std::vector<std::vector<Completion>> results(requests.size());
  std::vector<int64_t> handles;
  for (size_t i = 0; i < requests.size(); ++i) {
    Result<int64_t> handle = submit(std::move(requests[i]));
    if (!handle.ok()) {
      for (const int64_t earlier : handles) cancel(earlier);
      return handle.error().with_context(fmt::format("request {}", i + 1));
    }
    handles.push_back(*handle);
  }
  GeneratorEvents events;
  events.on_done = [&](int64_t handle, std::vector<Completion> completions) {
    const auto found = std::find(handles.begin(), handles.end(), handle);
    if (found != handles.end()) {
      results[static_cast<size_t>(found - handles.begin())] = std::move(completions);
    }
  };
  while (!idle()) TRY(step(events));
  return results;
}

Result<std::vector<std::vector<Completion>>> generate_texts(
    models::Decoder& decoder, const text::Tokenizer& tokenizer,
    const std::vector<std::vector<int32_t>>& prompts, const GenerateRequest& options,
    const GeneratorOptions& generator_options) {
  std::vector<GenerateRequest> requests(prompts.size(), options);
  for (size_t i = 0; i < prompts.size(); ++i) {
    requests[i].prompt = prompts[i];
    requests[i].stream = options.stream + i;
  }
  return Generator(decoder, tokenizer, generator_options).run(std::move(requests));
}

}  // namespace attune::engine::generate
