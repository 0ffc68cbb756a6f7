// JSON documents that people look into: configurations, job files, manifests.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace attune {

// Writes the document over lines indented by two, whole or not at all (AtomicFile). Bytes that are
// no UTF-8 are replaced by U+FFFD rather than thrown at. read_json_file (base/json.h) reads it.
Status write_json_file(const std::string& path, const Json& value);
Status write_json_file(const std::string& path, const OrderedJson& value);

}  // namespace attune
