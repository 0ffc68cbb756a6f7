// Rewards over the distance that a policy has gone, d = sqrt(KL): what was measured as points, and
// the curves of Gao et al. 2022 fitted to it (feedback/over_optimisation.h), with what they say.
#pragma once

#include <string>

#include "cli/report_points.h"
#include "feedback/over_optimisation.h"

namespace attune::cli {

// The chart and a card beside it with a line for each fit, for <div class="charts">. A curve whose
// points do not suffice is drawn as it was measured.
std::string draw_optimisation(PointChart measured, feedback::OptimisedBy by);

}  // namespace attune::cli
