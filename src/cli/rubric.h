// The rubric of the demo: how well a support answer keeps to the house style of examples/support,
// from 0 to 10. Five criteria, two points each, and each point is one check:
//
//   polite     1  the first line after the subject greets ("Hello,", "Dear customer,"), and a
//                 sentence before the closing thanks, apologises or regrets
//              1  the last line is a sign-off that names the Support Team, after a closing line
//                 ("Kind regards,"); no placeholder such as "[Your Name]" near it
//   format     1  the first line is "Subject: ..." with words of its own (no placeholder)
//              1  parts are set apart by blank lines (at least four parts), a line of at least
//                 twelve words comes before the steps, and no sentence is said twice
//   steps      1  numbered steps "1. ...", one to a line, counted from 1 without gaps
//              1  three to five of them, all different, none under two words
//   follow_up  1  after the last step a sentence says what to do if it does not help
//                 ("persists", "still", "continues", ...)
//              1  that part asks for something specific: "send us", "tell us", "reply with", ...
//                 and at least three words that say what
//   fits       1  the answer's mean log-probability under its own prompt is above that under
//                 every other prompt of the set
//              1  its steps share less than 40 % of their word 5-grams with those of every other
//                 answer (of the shorter one's; without steps, the whole texts are compared)
//
// An answer that ended at the token limit fails: it gets 0 points. An answer meets the criteria
// when it has all ten points. All of it is a pure function of its arguments; case does not matter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attune::cli {

inline constexpr int kRubricPointsMax = 10;

struct RubricAnswer {
  std::string text;
  bool hit_limit = false;
  // Mean log-probability of this text as the answer to each prompt of the set, in the set's order;
  // the answer's own prompt is the one at the answer's own index. As many as there are answers.
  std::vector<double> mean_log_probs;
};

struct RubricScore {
  int polite = 0;
  int format = 0;
  int steps = 0;
  int follow_up = 0;
  int fits = 0;
  bool hit_limit = false;

  int total() const { return hit_limit ? 0 : polite + format + steps + follow_up + fits; }
  bool meets() const { return total() == kRubricPointsMax; }
};

// Each criterion alone: 0, 1 or 2.
int polite_points(std::string_view text);
int format_points(std::string_view text);
int step_points(std::string_view text);
int follow_up_points(std::string_view text);

// The answers to a set of prompts, judged together since `fits` compares them.
std::vector<RubricScore> score_answers(const std::vector<RubricAnswer>& answers);

// Many answers fall into sets of their own, since the work of `fits` grows with the square of a
// set: where each of the sets of `count` answers begins, and the end; as few as make no set larger
// than `most` (at least 1), their sizes one apart at most.
std::vector<size_t> rubric_sets(size_t count, size_t most);

// The share of word n-grams that two texts have in common, 0 to 1: |A and B| / min(|A|, |B|) over
// sets of n-grams of lower-cased words (letters, digits and apostrophes). 0 when either has none.
double shared_ngrams(std::string_view a, std::string_view b, int n);

}  // namespace attune::cli
