// What stands for content that was forgotten: {"forgotten": SHA-256 of the text, in hexadecimal}.
// It tells that something was there, and that a copy elsewhere is a copy of it. Pure.
#pragma once

#include <string>

#include "base/json.h"

namespace attune::domain {

OrderedJson tombstone_of(const std::string& text);

// Whether it is one. Fields and questions may be named "forgotten" too: what people wrote under
// that name is none, unless it is 64 hexadecimal digits and nothing else.
bool is_tombstone(const OrderedJson& json);

}  // namespace attune::domain
