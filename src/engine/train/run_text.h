// The tokenizer and chat template that a run uses: those of the model, or of the adapter that it
// goes on from (weights/model_text.h), with eos_token, pad_token, chat_template and
// chat_template_path of the configuration in their place where given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer.h"
#include "weights/model_files.h"

namespace attune::engine::train {

struct RunText {
  text::Tokenizer tokenizer;
  std::string chat_template;  // source, "" when there is none; it parses
  bool own_eos = false;       // the adapter or the configuration replaced the model's
  Json tokenizer_config = Json::object();  // tokenizer_config.json that it starts from
};

// `adapter`: the folder of the adapter that the run starts from, "" for none. Errors name the
// option, or the model whose template cannot be read.
Result<RunText> load_run_text(const weights::ModelFiles& files, const Json& config,
                              const std::string& adapter = "");

// The ids that end an answer: the run's end-of-sequence token first, then those of the model's
// generation_config.json.
std::vector<int32_t> stop_ids(const RunText& text, const weights::ModelFiles& files);

}  // namespace attune::engine::train
