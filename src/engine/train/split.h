// The kinds of rows of a run.
#pragma once

namespace attune::engine::train {

enum class Split {
  kTrain,
  kEvaluation,
  kRollout,  // what an on-policy method made from the step's training rows (method.h)
};

}  // namespace attune::engine::train
