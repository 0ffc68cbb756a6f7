#include "feedback/log_linear.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::feedback {
namespace {

constexpr int kStepsMax = 200, kHalvingsMax = 40;
constexpr double kTolerance = 1e-12;
constexpr double kFinite = 500;  // a log-strength beyond it is on its way to infinity

using Matrix = std::vector<double>;  // [n, n], row by row

double value_of(const LinearForm& form, const std::vector<double>& x) {
  double z = 0;
  for (const LinearTerm& term : form) z += term.factor * x[term.parameter];
  return z;
}

// The probabilities of the options; their log-sum-exp.
double softmax(const LogLinearChoice& choice, const std::vector<double>& x,
               std::vector<double>& p) {
  p.clear();
  for (const LinearForm& form : choice.options) p.push_back(value_of(form, x));
  const double most = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (double& value : p) sum += value = std::exp(value - most);
  for (double& value : p) value /= sum;
  return most + std::log(sum);
}

double log_likelihood(const LogLinearModel& model, const std::vector<double>& x) {
  double sum = 0;
  std::vector<double> p;
  for (const LogLinearChoice& choice : model.choices) {
    const double normaliser = softmax(choice, x, p);
    sum += choice.count * (value_of(choice.options[choice.chosen], x) - normaliser);
  }
  if (model.threshold) {
    const double at = x[*model.threshold];
    if (!(at > 0)) return -std::numeric_limits<double>::infinity();
    sum += model.threshold_count * std::log(std::expm1(2 * at));
  }
  return sum;
}

double penalised(const LogLinearModel& model, const std::vector<double>& x) {
  double sum = log_likelihood(model, x);
  for (size_t i = 0; i < model.strengths; ++i) sum -= 0.5 * model.prior_precision * x[i] * x[i];
  return sum;
}

// The gradient, and the negative Hessian: positive semi-definite.
void derivatives(const LogLinearModel& model, const std::vector<double>& x,
                 std::vector<double>& gradient, Matrix& curvature) {
  const size_t n = model.parameters;
  gradient.assign(n, 0.0);
  curvature.assign(n * n, 0.0);
  std::vector<double> p, mean(n, 0.0);
  for (const LogLinearChoice& choice : model.choices) {
    softmax(choice, x, p);
    std::vector<size_t> touched;
    for (size_t k = 0; k < choice.options.size(); ++k) {
      for (const LinearTerm& a : choice.options[k]) {
        mean[a.parameter] += p[k] * a.factor;
        touched.push_back(a.parameter);
        for (const LinearTerm& b : choice.options[k]) {
          curvature[a.parameter * n + b.parameter] += choice.count * p[k] * a.factor * b.factor;
        }
      }
    }
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    for (const LinearTerm& a : choice.options[choice.chosen]) {
      gradient[a.parameter] += choice.count * a.factor;
    }
    for (const size_t i : touched) {
      gradient[i] -= choice.count * mean[i];
      for (const size_t j : touched) curvature[i * n + j] -= choice.count * mean[i] * mean[j];
    }
    for (const size_t i : touched) mean[i] = 0;
  }
  for (size_t i = 0; i < model.strengths; ++i) {
    gradient[i] -= model.prior_precision * x[i];
    curvature[i * n + i] += model.prior_precision;
    // Only differences count: a pull on the sum makes the matrix definite and moves nothing.
    for (size_t j = 0; j < model.strengths; ++j) curvature[i * n + j] += 1;
  }
  if (model.threshold) {
    const size_t t = *model.threshold;
    const double grown = std::expm1(2 * x[t]);  // log(e^2x - 1)' = 2 + 2/(e^2x - 1)
    gradient[t] += model.threshold_count * (2 + 2 / grown);
    curvature[t * n + t] += model.threshold_count * 4 * (grown + 1) / (grown * grown);
  }
}

// Solves A s = g by Cholesky; false where A is not definite.
bool solve(Matrix& a, std::vector<double>& g) {
  const size_t n = g.size();
  for (size_t j = 0; j < n; ++j) {
    for (size_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i == j) {
        if (!(sum > 1e-14)) return false;
        a[j * n + j] = std::sqrt(sum);
      } else {
        a[i * n + j] = sum / a[j * n + j];
      }
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) g[i] -= a[i * n + k] * g[k];
    g[i] /= a[i * n + i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) g[i] -= a[k * n + i] * g[k];
    g[i] /= a[i * n + i];
  }
  return true;
}

void centre(const LogLinearModel& model, std::vector<double>& x) {
  double mean = 0;
  for (size_t i = 0; i < model.strengths; ++i) mean += x[i];
  mean /= static_cast<double>(std::max<size_t>(model.strengths, 1));
  for (size_t i = 0; i < model.strengths; ++i) x[i] -= mean;
}

}  // namespace

Result<LogLinearFit> fit_log_linear(const LogLinearModel& model, std::vector<double> start) {
  CHECK(start.size() == model.parameters && model.strengths <= model.parameters);
  std::vector<double> x = std::move(start), step;
  Matrix curvature;
  double now = penalised(model, x);
  for (int steps = 0; steps < kStepsMax; ++steps) {
    derivatives(model, x, step, curvature);
    const std::vector<double> gradient = step;
    if (!solve(curvature, step)) {
      return invalid_input("the comparisons do not determine the strengths: some items are never "
                           "compared with the others; add comparisons, or give a prior");
    }
    double gain = 0;  // Newton's decrement: twice what is left to gain
    for (size_t i = 0; i < x.size(); ++i) gain += gradient[i] * step[i];
    if (gain < kTolerance) break;
    double scale = 1;
    std::vector<double> next = x;
    for (int halvings = 0; halvings < kHalvingsMax; ++halvings, scale /= 2) {
      for (size_t i = 0; i < x.size(); ++i) next[i] = x[i] + scale * step[i];
      const double then = penalised(model, next);
      if (then < now) continue;
      now = then;
      break;
    }
    x = next;
    centre(model, x);
    for (const double value : x) {
      if (!(std::abs(value) < kFinite)) {
        return invalid_input("some items win or lose every comparison, so that their strength has "
                             "no bound; add comparisons, or give a prior");
      }
    }
  }
  return LogLinearFit{x, log_likelihood(model, x)};
}

}  // namespace attune::feedback
