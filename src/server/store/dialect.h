// What differs between the two data bases, in one place. In the text of a schema:
//   {serial}      an integer key that counts up and is never used twice
//   {bytes}       a column of bytes
//   {text_index}  the tables of full text (text_index.h)
#pragma once

#include <string>
#include <string_view>

#include "server/store/database.h"

namespace attune::store {

// The schema's text for one data base.
std::string in_dialect(std::string_view schema, Dialect dialect);

}  // namespace attune::store
