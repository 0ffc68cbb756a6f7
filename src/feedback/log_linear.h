// The likelihood that models of choice share: each choice picks one of several options whose
// log-weights are linear in the parameters, P = exp(z_chosen) / sum exp(z). Bradley-Terry,
// Davidson, Rao-Kupper and Plackett-Luce are all of this form, so one Newton method serves them;
// the log-likelihood is concave, so what it finds is the maximum. For strengths.cc and crowd_bt.cc.
//
// Pure functions; thread-safe. Memory is the square of the number of parameters, time its cube.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"

namespace attune::feedback {

// z = sum of factor * parameter.
struct LinearTerm {
  size_t parameter = 0;
  double factor = 1;
};
using LinearForm = std::vector<LinearTerm>;

struct LogLinearChoice {
  double count = 1;  // how often; 0 or more
  size_t chosen = 0;
  std::vector<LinearForm> options;
};

struct LogLinearModel {
  size_t parameters = 0;
  std::vector<LogLinearChoice> choices;
  size_t strengths = 0;        // the first parameters, of which only differences count
  double prior_precision = 0;  // of a normal prior on each strength
  // count * log(exp(2 x) - 1) of one parameter x > 0: the ties of Rao-Kupper.
  double threshold_count = 0;
  std::optional<size_t> threshold;
};

struct LogLinearFit {
  std::vector<double> parameters;  // strengths have mean 0
  double log_likelihood = 0;       // without the prior
};

// Newton's method with halved steps from `start`. kInvalidInput when there is no finite maximum.
Result<LogLinearFit> fit_log_linear(const LogLinearModel& model, std::vector<double> start);

}  // namespace attune::feedback
