// Fewer steps to the fixed point of an expectation maximisation (SQUAREM, Varadhan and Roland 2008,
// "Simple and Globally Convergent Methods for Accelerating the Convergence of Any EM Algorithm",
// scheme S3): two plain steps say how fast the iteration moves and slows down; the third goes
// further along that curve. The fixed points are those of the plain iteration, and a long step that
// lowers the objective is taken back, so that the objective rises as it does in plain steps.
//
// Not thread-safe.
#pragma once

#include <functional>
#include <vector>

namespace attune::feedback {

class SquaredSteps {
 public:
  using Point = std::vector<double>;

  // Puts a point that was extrapolated back where the model is defined: `point`, and the last plain
  // one before it.
  using Repair = std::function<void(Point& point, const Point& plain)>;
  explicit SquaredSteps(Repair repair) : repair_(std::move(repair)) {}

  // `point` was evaluated: `image` is the plain step from it, `objective` its value. Moves `point`
  // to what is to be evaluated next; `image` may be overwritten. Whether that is the plain step.
  bool advance(Point& point, Point& image, double objective, bool extrapolate);

 private:
  enum class Last { kAny, kPlain, kLong };  // how the point that comes next was reached

  bool leap(Point& point, const Point& image);

  Repair repair_;
  Last last_ = Last::kAny;
  Point start_;      // before the plain step
  Point fallback_;   // the plain step that a long one replaced
  double least_ = 0;      // objective that a long step has to keep
  double longest_ = 1;    // bound of the length of a step, in plain ones
};

}  // namespace attune::feedback
