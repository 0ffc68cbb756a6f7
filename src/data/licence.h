// What a licence, or the model that wrote a text, asks of those who train on it: for people to
// read, not legal advice. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/example.h"

namespace attune::data {

// Warnings about rows of that source, one sentence each; none for a licence that allows everything
// with attribution. An empty licence is one: nothing was stated, which is not permission. What the
// authors ask (`warning`) comes first.
std::vector<std::string> licence_warnings(const Source& source);

}  // namespace attune::data
