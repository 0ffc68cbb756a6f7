#include "cli/rubric.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "cli/rubric_text.h"
#include "tests/support/test_paths.h"

namespace attune::cli {
namespace {

constexpr std::string_view kGood =
    "Subject: Your invoice\n\nHello,\n\nThank you for asking. An invoice takes the company name "
    "from the "
    "billing profile on the day it is made.\n\n1. Open Settings > Billing.\n2. Correct the name.\n"
    "3. Issue the invoice again.\n\nIf the old name still appears, send us the invoice number and "
    "the "
    "right name.\n\nKind regards,\nThe Support Team";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kGood);
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(RubricTest, AGoodAnswerHasAllPointsOfTheText) {
  EXPECT_EQ(polite_points(kGood), 2);
  EXPECT_EQ(format_points(kGood), 2);
  EXPECT_EQ(step_points(kGood), 2);
  EXPECT_EQ(follow_up_points(kGood), 2);
}

TEST(RubricTest, NothingHasNoPoints) {
  for (std::string_view text : {"", "\n\n", "[]", "1.", "Subject:"}) {
    EXPECT_EQ(polite_points(text), 0) << text;
    EXPECT_EQ(format_points(text), 0) << text;
    EXPECT_EQ(step_points(text), 0) << text;
    EXPECT_EQ(follow_up_points(text), 0) << text;
  }
}

TEST(RubricTest, PoliteNeedsGreetingThanksAndSignOff) {
  EXPECT_EQ(polite_points(replaced("Hello,\n\n", "")), 1);
  EXPECT_EQ(polite_points(replaced("Hello,", "History,")), 1);
  EXPECT_EQ(polite_points(replaced("Thank you for asking. ", "")), 1);
  EXPECT_EQ(polite_points(replaced("The Support Team", "[Your Name]")), 1);
  EXPECT_EQ(polite_points(replaced("Kind regards,\n", "")), 1);
  EXPECT_EQ(polite_points(replaced("\n\nKind regards,\nThe Support Team", "")), 1);
  EXPECT_EQ(polite_points(replaced("Hello", "Good evening")), 2);
  EXPECT_EQ(polite_points(replaced("Thank you for asking", "We are sorry")), 2);
}

TEST(RubricTest, FormatNeedsSubjectPartsAndAnExplanationSaidOnce) {
  EXPECT_EQ(format_points(replaced("Subject: Your invoice\n\n", "")), 1);
  EXPECT_EQ(format_points(replaced("Your invoice", "[Subject]")), 1);
  EXPECT_EQ(format_points(replaced("Hello,\n\n", "Hello,\n")), 2);
  std::string dense(kGood);
  for (size_t at = dense.find("\n\n"); at != std::string::npos; at = dense.find("\n\n")) {
    dense.erase(at, 1);
  }
  EXPECT_EQ(format_points(dense), 1);
  EXPECT_EQ(
      format_points(replaced("An invoice takes the company name from the billing profile on the "
                             "day it is made.",
                             "See below.")),
      1);
  EXPECT_EQ(format_points(replaced("1. Open", "An invoice takes the company name from the billing "
                                              "profile on the day it is made.\n\n1. Open")),
            1);
}

TEST(RubricTest, StepsAreThreeToFiveCountedAndDifferent) {
  EXPECT_EQ(step_points(replaced("3. Issue the invoice again.\n", "")), 1);
  EXPECT_EQ(step_points(replaced("2. Correct", "3. Correct")), 1);
  EXPECT_EQ(step_points(replaced("2. Correct the name.", "2. Issue the invoice again.")), 1);
  EXPECT_EQ(step_points(replaced("3. Issue", "3. Do it now.\n4. Wait a day.\n5. Issue")), 2);
  EXPECT_EQ(step_points(replaced("3. Issue",
                                 "3. Do it now.\n4. Wait a day.\n5. Look again.\n6. Issue")),
            1);
  EXPECT_EQ(step_points(replaced("1. Open Settings > Billing.\n2. Correct the name.\n3. Issue the "
                                 "invoice again.",
                                 "- Open Settings.\n- Correct the name.\n- Issue it again.")),
            0);
}

TEST(RubricTest, FollowUpComesAfterTheStepsAndAsksForSomething) {
  const std::string_view sentence =
      "If the old name still appears, send us the invoice number and the right name.";
  EXPECT_EQ(follow_up_points(replaced(sentence, "If the problem persists, please contact us.")), 1);
  EXPECT_EQ(follow_up_points(replaced(sentence, "Send us the invoice number and the name.")), 0);
  EXPECT_EQ(follow_up_points(replaced(sentence, "We wish you a good day.")), 0);
  EXPECT_EQ(follow_up_points(replaced(sentence, "Does the error continue? Reply with the invoice "
                                                "number and a picture.")),
            2);
  std::string moved = replaced("\n\n" + std::string(sentence), "");
  moved.replace(moved.find("Thank you"), 0, std::string(sentence) + " ");
  EXPECT_EQ(follow_up_points(moved), 0);
}

std::string mail_with_steps(const std::string& first, const std::string& second) {
  return "Subject: x\n\nHello,\n\n1. " + first + "\n2. " + second + "\n";
}

TEST(RubricTest, FitsComparesLogProbsAndSteps) {
  const std::string a = mail_with_steps("Open the red door with the small key.", "Wait a day.");
  const std::string b = mail_with_steps("Paint the old fence in a bright green.", "Call a friend.");
  auto scores = score_answers({{a, false, {-1.0, -2.0}}, {b, false, {-1.0, -2.0}}});
  EXPECT_EQ(scores[0].fits, 2);
  EXPECT_EQ(scores[1].fits, 1);
  scores = score_answers({{a, false, {-1.0, -2.0}}, {a, false, {-2.0, -1.0}}});
  EXPECT_EQ(scores[0].fits, 1);
  EXPECT_EQ(scores[1].fits, 1);
  double nan = std::numeric_limits<double>::quiet_NaN();
  scores = score_answers({{a, false, {-1.0, -1.0}}, {b, false, {nan, -1.0}}, {"", false, {}}});
  EXPECT_EQ(scores[0].fits, 1) << "a tie, and too few values";
  EXPECT_EQ(scores[1].fits, 1) << "not a number";
  EXPECT_EQ(scores[2].fits, 0) << "an empty answer";
}

TEST(RubricTest, TheLimitFailsAnAnswerAndTenPointsMeet) {
  std::string good(kGood);
  auto scores = score_answers({{good, false, {-1.0}}, {good, true, {-1.0}}});
  EXPECT_EQ(scores[1].total(), 0);
  EXPECT_FALSE(scores[1].meets());
  scores = score_answers({{good, false, {-1.0}}});
  EXPECT_EQ(scores[0].total(), 10);
  EXPECT_TRUE(scores[0].meets());
}

TEST(RubricTest, ManyAnswersFallIntoSetsOfEqualSize) {
  EXPECT_EQ(rubric_sets(0, 10), (std::vector<size_t>{0}));
  EXPECT_EQ(rubric_sets(10, 10), (std::vector<size_t>{0, 10}));
  EXPECT_EQ(rubric_sets(11, 10), (std::vector<size_t>{0, 5, 11}));
  EXPECT_EQ(rubric_sets(7, 3), (std::vector<size_t>{0, 2, 4, 7}));
}

TEST(RubricTest, SharedNgramsCountsTheSmallerSet) {
  EXPECT_DOUBLE_EQ(shared_ngrams("a b c d", "A, b. C x y z", 2), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(shared_ngrams("a b", "a b c", 3), 0.0);
  EXPECT_DOUBLE_EQ(shared_ngrams("", "a", 1), 0.0);
  EXPECT_DOUBLE_EQ(shared_ngrams("don't go", "do not go", 1), 0.5);
}

// Cohen's kappa of two raters' yes and no: (observed - chance) / (1 - chance).
double kappa(const std::vector<std::pair<bool, bool>>& ratings) {
  double agreed = 0, first = 0, second = 0;
  for (const auto& [a, b] : ratings) {
    agreed += a == b ? 1 : 0;
    first += a ? 1 : 0;
    second += b ? 1 : 0;
  }
  auto n = static_cast<double>(ratings.size());
  double chance = (first * second + (n - first) * (n - second)) / (n * n);
  return (agreed / n - chance) / (1 - chance);
}

TEST(RubricTest, KappaOfKnownTables) {
  EXPECT_DOUBLE_EQ(kappa({{true, true}, {false, false}}), 1.0);
  EXPECT_DOUBLE_EQ(kappa({{true, true}, {false, true}, {true, false}, {false, false}}), 0.0);
}

std::map<int64_t, std::vector<Json>> labelled_sets() {
  std::string text = read_file(testing::source_path("examples/support/labelled.jsonl")).value();
  std::map<int64_t, std::vector<Json>> sets;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    Json row = parse_json(text.substr(begin, end - begin)).value();
    sets[row["set"].get<int64_t>()].push_back(row);
    begin = end + 1;
  }
  return sets;
}

// With the log-probabilities that SmolLM2-135M-Instruct gave to these very texts.
std::vector<RubricScore> scores_of(const std::vector<Json>& rows, const Json& golden) {
  std::vector<RubricAnswer> answers;
  for (const Json& row : rows) {
    EXPECT_EQ(row["question"], golden["questions"][answers.size()]) << row["id"];
    const Json& recorded = golden.at("answers").at(row["id"].get<std::string>());
    EXPECT_EQ(sha256_hex(row["text"].get<std::string>()), recorded["sha256"])
        << row["id"] << ": run tests/golden/rubric/make_fits.py again";
    answers.push_back({row["text"], row["finish_reason"] == "length",
                       recorded["mean_log_probs"].get<std::vector<double>>()});
  }
  return score_answers(answers);
}

TEST(RubricTest, AgreesWithSixtyAnswersLabelledByHand) {
  const Json golden =
      read_json_file(testing::source_path("tests/golden/rubric/fits.json")).value();
  std::map<std::string, std::vector<std::pair<bool, bool>>> ratings;
  for (const auto& [number, rows] : labelled_sets()) {
    std::vector<RubricScore> scores = scores_of(rows, golden);
    for (size_t i = 0; i < rows.size(); ++i) {
      const RubricScore& score = scores[i];
      const std::map<std::string, int> points = {{"polite", score.polite},
                                                 {"format", score.format},
                                                 {"steps", score.steps},
                                                 {"follow_up", score.follow_up},
                                                 {"fits", score.fits}};
      for (const auto& [name, value] : points) {
        bool label = rows[i]["labels"][name];
        ratings[name].emplace_back(label, value == 2);
        if (label == (value == 2)) continue;
        std::printf("%s %s: labelled %d, %d points\n", rows[i]["id"].get<std::string>().c_str(),
                    name.c_str(), label, value);
      }
      ratings["meets"].emplace_back(rows[i]["meets"].get<bool>(), score.meets());
    }
  }
  EXPECT_EQ(ratings["meets"].size(), 60u);
  // Of "fits", seen: 0.741, three answers of 60. An answer about error 404 is likeliest under the
  // question about 500, as no question is about 404; and this model finds two good answers likelier
  // under another question, by 0.01 and 0.14 nats a token. The labels are right in all three.
  const std::map<std::string, double> least = {{"meets", 0.8}, {"polite", 0.8},
                                               {"format", 0.8}, {"steps", 0.8},
                                               {"follow_up", 0.8}, {"fits", 0.7}};
  for (const auto& [name, bound] : least) {
    double value = kappa(ratings[name]);
    std::printf("kappa of %s: %.3f\n", name.c_str(), value);
    RecordProperty("kappa_" + name, std::to_string(value));
    EXPECT_GE(value, bound) << name;
  }
}

}  // namespace
}  // namespace attune::cli
