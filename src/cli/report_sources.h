// The part of report.html that leads back from a run to its rows' origin: who said them, under
// which guideline version and licence, of which snapshot, and what the licences ask.
#pragma once

#include <string>

#include "base/json.h"

namespace attune::cli {

// Of data_report.json (docs/formats/run-directory.md); "" where it names nothing. Members of other
// types than that file has are passed over.
std::string draw_sources(const Json& data_report);

}  // namespace attune::cli
