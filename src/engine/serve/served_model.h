// A model that is loaded to answer requests: decoder, tokenizer, chat template, adapters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/tokenized.h"
#include "engine/models/decoder.h"
#include "engine/models/reward_model.h"

namespace attune::engine::serve {

struct ServeOptions {
  std::string socket;              // path of the Unix socket
  std::string model_name_or_path;  // model folder, GGUF file, or a PEFT adapter folder
  std::string model_adapter;          // a PEFT folder that is part of the model
  std::vector<std::string> adapters;  // PEFT folders, or name=folder, to choose from
  std::string quantize = "none";      // none, native, q8_0, q4_0, q4_1
  std::string dtype = "float32";      // float32, bfloat16, auto
  std::string device = "auto";        // cpu, cuda, cuda:<number>; auto: a GPU, unless quantised
  int64_t threads = 0;                // 0: all cores
  std::string chat_template_path;     // in place of the model's template
};

// The flags of `attune-engine serve`; kUsage names a flag that is unknown or lacks its value.
Result<ServeOptions> parse_serve_options(const std::vector<std::string>& arguments);

// What a model, or an adapter on top of it, turns texts into ids with.
struct ServedText {
  data::ExampleTokenizer tokenizer;
  std::vector<int32_t> eos_ids;  // an adapter's own, generation_config's, else the tokenizer's
};

struct ServedModel {
  std::string path;
  std::unique_ptr<models::Decoder> decoder;
  data::ExampleTokenizer tokenizer;   // of the base; answers are decoded with widest_tokenizer()
  std::vector<int32_t> eos_ids;       // of the base, as ServedText
  std::vector<std::string> adapters;  // names, in the order they were given
  // Of reward models: how scores are read, by adapter, "" for the model itself.
  std::map<std::string, models::RewardNormaliser> normalisers = {};
  std::map<std::string, ServedText> texts = {};  // of the adapters that bring their own
  std::string own_adapter = {};  // of `adapters`, the one that is part of the model; or ""

  // The stack for a request's adapter: "" is the first adapter given, if any; "none" the base
  // model without any. The model's own adapter lies beneath the others.
  Result<std::vector<std::string>> stack(const std::string& adapter) const;
  // Of the last adapter of the stack that brings its own, else the base's.
  const data::ExampleTokenizer& tokenizer_of(const std::vector<std::string>& stack) const;
  const std::vector<int32_t>& end_ids_of(const std::vector<std::string>& stack) const;
  const ServedText* text_of(const std::vector<std::string>& stack) const;  // nullptr: the base's
  // The one that knows every id that the model may say: the first adapter's, where it has one.
  const text::Tokenizer& widest_tokenizer() const;
  // Of the score head that rows of this stack use; the identity when none is stored.
  models::RewardNormaliser normaliser(const std::vector<std::string>& stack) const;
};

// Loads what the options name; a PEFT folder as the model loads its base and itself as an adapter.
// An adapter's folder may bring its own tokenizer, template and end token (weights/model_text.h).
Result<ServedModel> load_served_model(const ServeOptions& options);

// End-of-sequence ids of a generation_config ("eos_token_id": a number or a list), or `fallback`.
std::vector<int32_t> eos_ids_of(const Json& generation_config, std::optional<int32_t> fallback);

}  // namespace attune::engine::serve
