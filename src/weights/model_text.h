// What a model reads and writes texts with: tokenizer, chat template and end token. Training leaves
// them beside a LoRA adapter too, where the run's own may differ from the base's (a chat template
// for a base that has none, another end of a turn), so they are taken from the adapter's folder
// where it has them.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer.h"
#include "weights/model_files.h"

namespace attune::weights {

struct ModelText {
  text::Tokenizer tokenizer;
  std::string chat_template;  // source; "" when there is none
  Json tokenizer_config;      // as ModelFiles::tokenizer_config(), of where the tokenizer is from
  bool own_eos = false;       // an adapter ends its texts with another token than the base
};

// The texts of `base` with the adapters in these folders on top of each other, the lowest first.
// What a folder lacks is that of the nearest one below that has it, at last the base's. Errors: no
// tokenizer in any; an adapter's tokenizer with tokens (other than special ones) that the base has
// no rows for, or in the places of others.
Result<ModelText> load_model_text(const ModelFiles& base,
                                  const std::vector<std::string>& adapter_folders);

// The same with one adapter; "": none.
Result<ModelText> load_model_text(const ModelFiles& base, const std::string& adapter_folder = "");

// Whether an adapter's folder holds a tokenizer or a chat template of its own.
Result<bool> brings_text(const std::string& adapter_folder);

// generation_config.json's "eos_token_id" (a number, a list, or null) with `eos` in front, as TRL
// writes the end token of a run.
Json with_eos_first(const Json& eos_token_id, int32_t eos);

}  // namespace attune::weights
