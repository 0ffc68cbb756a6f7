#include "cli/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "cli/report_points.h"

namespace attune::cli {
namespace {

Evaluation example() {
  Evaluation evaluation;
  evaluation.measure = "win_rate";
  evaluation.title = "Win rate <of two>";
  evaluation.text = "One answer of each.";
  evaluation.settings = {{"data", "rows.jsonl"}};
  evaluation.figures = {{"win_rate", 0.75, 0.5, 0.9, 40, "prompts", "share won"},
                        {"points", 7.25, {}, {}, 40, "prompts", "of ten"}};
  evaluation.bars = {"win_rate"};
  evaluation.chance = 0.5;
  evaluation.curves = {{"gold", {{0, 1.5, 1.0, 2.0, "best of 1"}, {0.4, 1.25, {}, {}, ""}}}};
  evaluation.curves_x = "root of KL";
  return evaluation;
}

TEST(EvaluationTest, ComesBackFromItsJson) {
  const std::string line = to_line(to_json(example()));
  const auto back = parse_evaluation(parse_json(line).value());
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(to_line(to_json(*back)), line);
}

TEST(EvaluationTest, WhatIsNotDefinedIsLeftOut) {
  Evaluation evaluation = example();
  evaluation.figures.push_back(Figure::of("nothing", std::nullopt, "pairs", "no pair"));
  EXPECT_EQ(to_json(evaluation)["figures"].size(), 2U);
  EXPECT_EQ(to_text(evaluation).find("nothing"), std::string::npos);
}

TEST(EvaluationTest, FilesGatherInOnePageAndDamageIsNamed) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_evaluation(folder.path(), "b", example()).ok());
  Evaluation other = example();
  other.title = "Another";
  const auto page = write_evaluation(folder.path(), "a", other);
  ASSERT_TRUE(page.ok());
  const std::string html = read_file(*page).value();
  EXPECT_LT(html.find("Another"), html.find("Win rate &lt;of two&gt;"));
  EXPECT_NE(html.find("0.5 to 0.9"), std::string::npos);
  ASSERT_TRUE(write_file(join_path(folder.path(), "evaluations/c.json"), "{}").ok());
  const auto damaged = read_evaluations(folder.path());
  ASSERT_FALSE(damaged.ok());
  EXPECT_NE(damaged.error().message().find("c.json"), std::string::npos);
}

// x1 and x2 of the bars, and of their intervals, in order.
std::vector<std::pair<double, double>> spans_of(const std::string& html, const std::string& cls) {
  std::vector<std::pair<double, double>> spans;
  const std::string mark = "<line class=\"line " + cls + "\"";
  for (size_t at = html.find(mark); at != std::string::npos; at = html.find(mark, at + 1)) {
    const auto number = [&](const char* name) {
      return std::stod(html.substr(html.find(name, at) + 4));
    };
    spans.emplace_back(number("x1=\""), number("x2=\""));
  }
  return spans;
}

TEST(EvaluationTest, FiguresWithoutBoundsHaveAnAxisThatHoldsThem) {
  Evaluation evaluation;
  evaluation.measure = "kl";
  evaluation.title = "KL";
  evaluation.figures = {{"kl", 12, -3, 21, 40, "prompts", "nats"},
                        {"kl_per_token", -1.5, {}, {}, 40, "prompts", "nats a token"}};
  evaluation.bars = {"kl", "kl_per_token"};
  evaluation.bars_are_shares = false;
  const auto back = parse_evaluation(parse_json(to_line(to_json(evaluation))).value());
  ASSERT_TRUE(back.ok());
  const std::string html = draw_evaluations({*back});
  EXPECT_NE(html.find("<svg"), std::string::npos);
  const auto bars = spans_of(html, "s0");
  const auto intervals = spans_of(html, "s1");
  ASSERT_EQ(bars.size(), 2U);
  ASSERT_EQ(intervals.size(), 1U);
  EXPECT_EQ(bars[0].first, bars[1].first);  // zero
  EXPECT_LT(bars[1].second, bars[1].first);
  const double unit = (bars[0].second - bars[0].first) / 12;
  EXPECT_NEAR(bars[1].second, bars[1].first - 1.5 * unit, 0.2);
  EXPECT_NEAR(intervals[0].first, bars[0].first - 3 * unit, 0.2);
  EXPECT_NEAR(intervals[0].second, bars[0].first + 21 * unit, 0.2);
}

TEST(ReportPoints, PointsThatAreNoNumbersAreLeftOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string empty = draw_points({"t", "", "x", {{"a", {{1, nan, {}, {}, ""}}}}});
  EXPECT_NE(empty.find("nothing measured yet"), std::string::npos);
  const std::string one =
      draw_points({"t", "", "x", {{"a", {{1, 2, {}, {}, ""}, {2, nan, {}, {}, ""}}}}});
  EXPECT_EQ(one.find("nan"), std::string::npos);
  EXPECT_NE(one.find("<circle"), std::string::npos);
}

TEST(ReportPoints, BarsStayWithinTheirAxis) {
  BarChart chart{"t", "", {{"over", 1.5, 0.9, 1.7, ""}, {"below", -1, -2, 0.1, ""}}, 0, 1, 0.5};
  const std::string html = draw_bars(chart);
  EXPECT_EQ(html.find("x2=\"-"), std::string::npos);
  EXPECT_NE(html.find("1.5"), std::string::npos);  // the figure itself is shown as it is
}

}  // namespace
}  // namespace attune::cli
