#include "engine/generate/request.h"

namespace attune::engine::generate {

const char* to_string(FinishReason reason) {
  return reason == FinishReason::kStop ? "stop" : "length";
}

double Completion::sum_logprob() const {
  double sum = 0;
  for (const float value : log_probs) sum += value;
  return sum;
}

}  // namespace attune::engine::generate
