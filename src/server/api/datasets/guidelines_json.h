// Versions of guidelines, of data sets and of projects alike, as JSON.
#pragma once

#include <string_view>

#include "server/api/endpoint.h"
#include "server/store/guidelines.h"

namespace attune::api {

// The {version} of the path: a whole number from 1, or 422.
Answer<int64_t> path_version(const Call& call);

// {"version","author_id","at"}
OrderedJson guideline_version_json(const store::GuidelineVersion& version);
// The same with "text" and "sections" [{"title","level","text","examples":[{"good","text"}]}].
OrderedJson guideline_text_json(const store::GuidelineVersion& version);
// [{"change":"same"|"changed"|"added"|"removed","title","lines":[{"change","text"}]}]; the change
// of a line is "kept", "added" or "removed". Sections that are the same have no lines.
OrderedJson guideline_changes_json(std::string_view before, std::string_view after);

}  // namespace attune::api
