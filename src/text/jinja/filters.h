// The filters and tests that templates can name, by what Jinja2 3.1 documents for each; `tojson` is
// json.dumps without HTML escapes, as chat templates expect it. Not here: filters that make HTML
// (xmlattr, urlize, striptags, forceescape), random, pprint, filesizeformat, wordwrap, slice.
#pragma once

#include <map>
#include <string_view>

#include "text/jinja/rendering.h"

namespace attune::text::jinja {

using Filter = Result<Value> (*)(Rendering&, const Value&, const CallArguments&);
using Test = Result<bool> (*)(Rendering&, const Value&, const CallArguments&);

const std::map<std::string_view, Filter>& text_filters();      // filters_text.cc
const std::map<std::string_view, Filter>& number_filters();    // filters_number.cc
const std::map<std::string_view, Filter>& sequence_filters();  // filters_sequence.cc
const std::map<std::string_view, Filter>& choice_filters();    // filters_choice.cc
const std::map<std::string_view, Test>& tests();               // tests.cc

// The filter of that name, or nullptr.
Filter find_filter(std::string_view name);

// Follows "author.name" or an index through attributes and elements, as `attribute=` arguments do.
Result<Value> follow(Rendering& rendering, const Value& value, const Value& path);

}  // namespace attune::text::jinja
