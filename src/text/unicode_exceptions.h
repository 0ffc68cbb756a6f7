// Where the `tokenizers` package's tables of characters are of another edition of Unicode than
// utf8proc's (see make_unicode_exceptions.py). Thread-safe.
#pragma once

#include <cstdint>

namespace attune::text {

// Whether the reference's normal forms and accent stripper leave the character alone, as one that
// starts anew, although later editions of Unicode decompose it or count it as a mark.
bool unknown_to_forms(uint32_t code_point);

// Whether the reference's accent stripper removes the character although it is no mark any more.
bool is_other_mark(uint32_t code_point);

// The lower case as the reference has it, one character (U+0130, which has two, is left alone).
uint32_t reference_lower_case(uint32_t code_point);

}  // namespace attune::text
