// Names for prompts and answers by what they say, for finding the same ones again without keeping
// the texts. Pure functions.
#pragma once

#include <string>

#include "data/example.h"

namespace attune::data {

// Equal for contents that say the same in the same form: a string, or messages with equal fields. A
// string is never equal to messages.
std::string content_text(const Content& content);

// The first 16 bytes of the SHA-256 of content_text, in hex.
std::string content_hash(const Content& content);

}  // namespace attune::data
