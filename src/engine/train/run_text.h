// The tokenizer and chat template that a run uses: the model's, with eos_token, pad_token,
// chat_template and chat_template_path of the configuration in their place where given.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer.h"
#include "weights/model_files.h"

namespace attune::engine::train {

struct RunText {
  text::Tokenizer tokenizer;
  std::string chat_template;  // source, "" when there is none; it parses
  bool own_eos = false;       // eos_token of the configuration replaced the model's
};

// Errors name the option, or the model whose template cannot be read.
Result<RunText> load_run_text(const weights::ModelFiles& files, const Json& config);

}  // namespace attune::engine::train
