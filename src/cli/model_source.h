// Where models come from: a local folder or file, or owner/name[@revision] on a hub.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "protocol/job.h"

namespace attune::cli {

// The local path of `model_name_or_path` in a resolved configuration; downloads a hub model first.
// kUsage when it is not set, kNotFound when it is neither a path nor a hub name.
Result<std::string> local_model(const Json& config);

// The same for a name that is given directly.
Result<std::string> local_model_path(const std::string& name, const std::string& revision);

// What a local path loads: a model's folder or file as it is; a PEFT adapter's folder as its base
// (downloaded first when it is a hub model) with the adapter on top. Errors: an adapter that names
// no base, or one that is neither here nor on the hub.
Result<protocol::JobModel> with_adapter(const std::string& path);

// The part of this that is known at once; commands ask it before they read rows.
Status check_model(const Json& config);

}  // namespace attune::cli
