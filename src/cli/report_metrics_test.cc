#include "cli/report_metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cli/report_optimisation.h"

namespace attune::cli {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

RunData preference_run() {
  RunData run;
  run.recipe = "dpo";
  run.metrics = {{"loss", {{1, 0.69}, {2, 0.6}}},
                 {"rewards/accuracies", {{1, 0.5}, {2, 0.75}}},
                 {"rewards/margins", {{1, 0.0}, {2, 0.2}}},
                 {"rewards/chosen", {{1, 0.0}, {2, 0.1}}},
                 {"rewards/rejected", {{1, 0.0}, {2, -0.1}}},
                 {"logits/chosen", {{1, -2.0}, {2, -2.1}}},
                 {"epoch", {{1, 0.1}, {2, 0.2}}},
                 {"pairs", {{1, 4}, {2, 4}}}};
  run.held_out_metrics = {{"loss", {{2, 0.65}}}, {"rewards/accuracies", {{0, 0.5}, {2, 0.7}}},
                          {"rewards/chosen", {{2, 0.05}}}};
  return run;
}

// Evaluations on a curve R(d) = 1 + d (2 - ln d) of gold; the proxy is a straight line.
RunData policy_run(int evaluations) {
  RunData run;
  run.recipe = "ppo";
  run.metrics = {{"loss", {{1, 0.1}}}, {"objective/scores", {{1, 0.3}, {2, 0.4}}},
                 {"objective/kl", {{1, 0.0}, {2, 3.0}}}, {"policy/approxkl_avg", {{1, 0.01}}}};
  for (int i = 0; i < evaluations; ++i) {
    const double d = 0.7 * i;
    run.held_out_metrics["gold/kl"][i] = d * d;
    run.held_out_metrics["gold/scores"][i] = 1 + (d > 0 ? d * (2 - std::log(d)) : 0);
    run.held_out_metrics["gold/scores_error"][i] = 0.1;
    run.held_out_metrics["gold/proxy"][i] = 1 + d;
  }
  return run;
}

TEST(ReportMetrics, APreferenceRunShowsWhatItPrefers) {
  const std::string html = draw_metrics(preference_run());
  for (const char* title : {"<b>Loss</b>", "<b>Accuracy</b>", "<b>Margin</b>", "<b>Rewards</b>"}) {
    EXPECT_EQ(count(html, title), 1U) << title;
  }
  EXPECT_TRUE(has(html, "</i>chosen</span>"));
  EXPECT_TRUE(has(html, "</i>chosen, held out</span>"));
  EXPECT_TRUE(has(html, "</i>held out</span>"));
  EXPECT_TRUE(has(html, "of dpo, lower is better"));
  // In no picture of its own; and what only counts is nowhere.
  EXPECT_TRUE(has(html, "Other metrics (1)"));
  EXPECT_TRUE(has(html, "<b>logits/chosen</b>"));
  EXPECT_FALSE(has(html, "<b>epoch</b>"));
  EXPECT_FALSE(has(html, "<b>pairs</b>"));
  EXPECT_FALSE(has(html, "being gamed"));
  EXPECT_EQ(headline_of(preference_run()).metric, "rewards/accuracies");
}

TEST(ReportMetrics, WhatIsMeasuredIsSmoothedAndWhatIsSetIsNot) {
  RunData run;
  for (int step = 1; step <= 20; ++step) {
    run.metrics["grad_norm"][step] = step % 3;
    run.metrics["learning_rate"][step] = 1e-3 * (20 - step);
  }
  const std::string html = draw_metrics(run);
  const size_t norm = html.find("<b>Gradient norm</b>"), rate = html.find("<b>Learning rate</b>");
  EXPECT_EQ(count(html.substr(norm, rate - norm), "<polyline"), 2U);
  EXPECT_EQ(count(html.substr(rate, html.find("</figure>", rate) - rate), "<polyline"), 1U);
}

TEST(ReportMetrics, APolicysRewardComesBeforeItsLoss) {
  const std::string html = draw_metrics(policy_run(0));
  EXPECT_LT(html.find("<b>Reward</b>"), html.find("<b>Loss</b>"));
  EXPECT_TRUE(has(html, "<b>Distance from the reference</b>"));
  EXPECT_TRUE(has(html, "<b>Size of an update</b>"));
  EXPECT_EQ(headline_of(policy_run(0)).name, "reward");
  EXPECT_EQ(headline_of(RunData()).metric, "loss");
}

TEST(ReportMetrics, GoldAndProxyAreDrawnOverTheDistanceWithTheirFits) {
  const std::string html = draw_metrics(policy_run(9));
  EXPECT_EQ(count(html.substr(html.find("gamed"), html.find("How did it go") - html.find("gamed")),
                  "<polyline"),
            2U);
  EXPECT_TRUE(has(html, "Is the reward being gamed?"));
  EXPECT_TRUE(has(html, "gold: 1 + d (2 − 1 ln d), R² 1.00; highest at d = 2.718: further on"))
      << html.substr(html.find("gamed"));
  EXPECT_TRUE(has(html, "gold, step 3: "));
  EXPECT_EQ(count(html, "<title>gold, step"), 9U);
  EXPECT_EQ(count(html, "<title>proxy, step"), 9U);
  EXPECT_FALSE(has(html, "gold/"));
  EXPECT_FALSE(has(html, "nan"));
}

// R(d) = d (2 - 0.5 d) is highest at 2.
TEST(ReportMetrics, BestOfNHasItsOwnFit) {
  PointChart chart{"Best of n", "", "d", {{"gold", {}}}};
  for (double d : {0.0, 0.4, 0.8, 1.2, 1.6, 2.4}) {
    chart.curves[0].points.push_back({d, d * (2 - 0.5 * d)});
  }
  const std::string html = draw_optimisation(chart, feedback::OptimisedBy::kBestOfN);
  EXPECT_TRUE(has(html, "d (2 − 0.5 d), R² 1.00; highest at d = 2: further on")) << html;
  EXPECT_EQ(count(html, "<polyline"), 1U);
}

TEST(ReportMetrics, FewEvaluationsAreDrawnWithoutAFit) {
  const std::string html = draw_metrics(policy_run(3));
  EXPECT_TRUE(has(html, "No fit: it takes 5 points"));
  EXPECT_EQ(count(html, "<title>gold, step"), 3U);
  // An estimate below zero is no distance.
  RunData below = policy_run(3);
  below.held_out_metrics["gold/kl"][0] = -0.01;
  EXPECT_FALSE(has(draw_metrics(below), "nan"));
}

}  // namespace
}  // namespace attune::cli
