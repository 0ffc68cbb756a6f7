// A sum of logarithms of many numbers: those that count once are multiplied, and the logarithm is
// taken of products. For likelihoods of a million items.
#pragma once

#include <cmath>

namespace attune::feedback {

class LogSum {
 public:
  // `value` from 1e-250 to 1e250, so that a product with it stays a double.
  void add(double value, double times) {
    if (times != 1) {
      sum_ += times * std::log(value);
      return;
    }
    product_ *= value;
    if (product_ < 1e50 && product_ > 1e-50) return;
    sum_ += std::log(product_);
    product_ = 1;
  }
  double value() const { return sum_ + std::log(product_); }

 private:
  double sum_ = 0;
  double product_ = 1;
};

}  // namespace attune::feedback
