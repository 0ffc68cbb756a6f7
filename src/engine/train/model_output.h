// What a run leaves: a model folder that Transformers reads (config, weights in fp32, tokenizer,
// chat template), or a PEFT adapter folder. Folders appear whole: written under a temporary name,
// then renamed over an earlier one.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "engine/models/decoder.h"
#include "engine/train/run_text.h"
#include "weights/model_files.h"

namespace attune::engine::train {

// What a method adds to a folder, or changes in it, before the folder appears.
using FolderFinish = std::function<Status(const std::string& folder)>;

// All parameters of `decoder` with the configuration files of `files`.
Status save_model_folder(const std::string& folder, const weights::ModelFiles& files,
                         const RunText& text, models::Decoder& decoder,
                         const FolderFinish& finish = {});

// One adapter of `decoder`, with the tokenizer beside it as TRL leaves it.
Status save_adapter_folder(const std::string& folder, const weights::ModelFiles& files,
                           const RunText& text, models::Decoder& decoder,
                           const std::string& adapter, const FolderFinish& finish = {});

}  // namespace attune::engine::train
