// The LoRA options of a run that goes on from an adapter: they are the adapter's.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "recipes/resolve.h"

namespace attune::cli {

// Puts the values of the PEFT folder in place of lora_r, lora_alpha, lora_dropout,
// lora_target_modules and use_rslora of `config`, so that the run records what it trains. Returns a
// warning for each of them that `settings` had set to another value.
Result<std::vector<std::string>> take_adapter_options(const std::string& adapter_folder,
                                                      const std::vector<recipes::Setting>& settings,
                                                      Json& config);

}  // namespace attune::cli
