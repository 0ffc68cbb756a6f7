// Rows of a feedback server's data set as training data: `dataset_name: http://HOST:PORT/W/D`.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace attune::cli {

// Replaces every address among the options that name data sets (dataset_name, eval_dataset_name,
// ..._dataset_name) by a file that holds the server's export, below `directory` (made when needed).
// The export's form is what the trainer reads: answers for sft, prompts for on-policy trainers,
// rankings for the others; "?format=F&question=Q" behind the address says otherwise, as do the
// export's other options ("answers", "snapshot", "positive", ...). With `keep` a file that is there
// already is used as it is, so that a resumed run reads the rows it began with.
// Errors name the option; an export without rows is one.
Status fetch_server_rows(const std::string& recipe, const std::string& directory, bool keep,
                         Json& config);

// Whether there is such an address.
bool names_server(const Json& config);

// "trl_sft", "prompts" or "rankings".
std::string export_format_for(const std::string& recipe);

}  // namespace attune::cli
