#include "cli/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/file.h"
#include "cli/report_chart.h"
#include "cli/report_data.h"
#include "cli/report_html.h"

namespace attune::cli {
namespace {

using Ticks = std::vector<double>;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* kEvents =
    R"({"event":"start","step":0,"total_steps":4})"
    "\n"
    R"({"event":"sample","step":0,"prompt":"Why?","answer":"No idea."})"
    "\n"
    R"({"event":"eval","step":0,"eval_loss":2.5})"
    "\n"
    R"({"event":"step","step":1,"loss":2.4,"grad_norm":3,"num_tokens":100,"seconds":2})"
    "\n"
    R"({"event":"step","step":2,"loss":9.9,"grad_norm":1,"num_tokens":300,"seconds":2})"
    "\n"
    R"({"event":"resume","step":1,"total_steps":4})"
    "\n"
    R"({"event":"step","step":2,"loss":1.2,"grad_norm":1,"num_tokens":300,"seconds":4})"
    "\n"
    R"({"event":"eval","step":2,"eval_loss":1.25})"
    "\n"
    R"({"event":"sample","step":2,"prompt":"Why?","answer":"Because."})"
    "\n";

class ReportTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file(directory_.file(name), text).ok());
  }
  std::string page() {
    Result<std::string> path = write_report(directory_.path());
    EXPECT_TRUE(path.ok()) << path.error().message();
    EXPECT_EQ(*path, directory_.file("report.html"));
    return read_file(*path).value();
  }
  TemporaryDirectory directory_;
};

TEST_F(ReportTest, ReadsCurvesAndLetsResumedStepsReplaceEarlierOnes) {
  write("events.jsonl", kEvents);
  RunData run = read_run(directory_.path()).value();
  EXPECT_EQ(run.curve("loss"), (Curve{{1, 2.4}, {2, 1.2}}));
  EXPECT_EQ(run.held_out("loss"), (Curve{{0, 2.5}, {2, 1.25}}));
  EXPECT_TRUE(run.curve("rewards/margins").empty());
  EXPECT_EQ(run.throughput, (Curve{{1, 50.0}, {2, 50.0}}));
  EXPECT_EQ(run.total_steps, 4);
  EXPECT_EQ(run.last_step, 2);
  EXPECT_EQ(run.tokens, 300);
  EXPECT_DOUBLE_EQ(run.seconds, 6.0);
  EXPECT_FALSE(run.finished);
  ASSERT_EQ(run.samples.size(), 1u);
  EXPECT_EQ(run.samples[0].before, "No idea.");
  EXPECT_EQ(run.samples[0].after, "Because.");
}

TEST_F(ReportTest, IgnoresTheCutLastLineAndCountsOtherUnreadableOnes) {
  write("events.jsonl",
        std::string(kEvents) + "not json\n[1]\n{\"event\":\"step\",\"step\":3,\"lo");
  RunData run = read_run(directory_.path()).value();
  EXPECT_EQ(run.last_step, 2);
  EXPECT_EQ(run.unreadable_lines, 2);
  EXPECT_TRUE(has(page(), "2 lines of events.jsonl could not be read"));
}

TEST_F(ReportTest, WrongTypesAndMissingMembersDoNotStopIt) {
  write("events.jsonl",
        "{}\n{\"event\":3}\n{\"event\":\"step\",\"step\":\"x\",\"loss\":null,\"grad_norm\":[1]}\n"
        "{\"event\":\"eval\",\"step\":1}\n{\"event\":\"sample\",\"prompt\":1,\"answer\":{}}\n");
  write("job.json", "{\"config\":{\"run_name\":7,\"use_peft\":\"maybe\"}}");
  write("lineage.json", "[1]");
  write("data_report.json", "{\"train\":{\"rows\":{\"read\":\"many\"},\"dropped\":[3]},\"x\":3,"
                            "\"y\":{\"rows\":[0]}}");
  EXPECT_TRUE(has(page(), "nothing measured yet"));
}

TEST_F(ReportTest, ShowsARunThatIsStillGoingWithoutTheOtherFiles) {
  write("events.jsonl", kEvents);
  std::string html = page();
  EXPECT_TRUE(has(html, "still going"));
  EXPECT_TRUE(has(html, "2 of 4"));
  EXPECT_TRUE(has(html, "2.500 → 1.250"));
  EXPECT_TRUE(has(html, "-50 % since step 0"));
  EXPECT_TRUE(has(html, "<h3>Step 0</h3><div class=\"text\">No idea.</div>"));
  EXPECT_TRUE(has(html, "<h3>Step 2</h3><div class=\"text\">Because.</div>"));
  EXPECT_FALSE(has(html, ("Configuration")));
}

TEST_F(ReportTest, WhatAFinishedRunDidNotMeasureWillNotCome) {
  const std::string step = R"({"event":"step","step":1,"loss":2.4})" "\n";
  write("events.jsonl", step);
  EXPECT_TRUE(has(page(), "none yet"));
  write("events.jsonl", step + R"({"event":"end","step":1})" "\n");
  EXPECT_TRUE(has(page(), "not measured"));
  EXPECT_FALSE(has(page(), "none yet"));
}

TEST_F(ReportTest, NamesWhoSaidItAndUnderWhat) {
  write("events.jsonl", kEvents);
  std::string crowd = R"("<b>ann</b>":1200,"bob":3)";
  for (int i = 0; i < 25; ++i) crowd += fmt::format(R"(,"crowd-{:02}":2)", i);
  const std::string hash(64, 'e');
  write("data_report.json", R"({"train":{"rows":{"read":9},"annotators":{)" + crowd +
                                R"(},"guideline_versions":{"2":7},"licences":{"CC0-1.0":5},
                                   "licence_warnings":{"no <sale>":1200},
                                   "snapshots":{")" +
                                hash + R"(":4,"fifteen bytes: é and more":1}},
            "evaluation":{"rows":{"read":1},"licences":{"CC0-1.0":1,"mit":"many"},
                          "snapshots":[3],"annotators":{"bob":1}},"odd":7})");
  const std::string html = page();
  EXPECT_TRUE(has(html, "<td>Annotator</td><td>&lt;b&gt;ann&lt;/b&gt;</td>"
                        "<td class=\"number\">1,200</td>"));
  EXPECT_TRUE(has(html, "<td></td><td>bob</td><td class=\"number\">4</td>"));
  EXPECT_TRUE(has(html, "<td>crowd-17</td>"));
  EXPECT_FALSE(has(html, "<td>crowd-18</td>"));
  EXPECT_TRUE(has(html, "<td>7 more</td><td class=\"number\">14</td>"));
  EXPECT_TRUE(has(html, "<td>Guideline version</td><td>2</td><td class=\"number\">7</td>"));
  EXPECT_TRUE(has(html, "<td>Licence</td><td>CC0-1.0</td><td class=\"number\">6</td>"));
  EXPECT_FALSE(has(html, "<td>mit</td>"));
  EXPECT_TRUE(has(html, "<td class=\"number\">1,200</td><td>no &lt;sale&gt;</td>"));
  EXPECT_TRUE(has(html, "<td>fifteen bytes: …</td>")) << "no half of a character";
  EXPECT_TRUE(has(html, "<td>Snapshot</td><td>eeeeeeeeeeeeeeee…</td>"
                        "<td class=\"number\">4</td>"));
}

TEST_F(ReportTest, ShowsDataConfigurationAndLineage) {
  write("events.jsonl", std::string(kEvents) + "{\"event\":\"end\",\"step\":4}\n");
  write("job.json", R"({"config":{"learning_rate":0.0001,"seed":null,"run_name":"my run"}})");
  write("lineage.json", R"({"model":[{"path":"m.gguf","sha256":"abc"}]})");
  write("data_report.json",
        R"({"train":{"rows":{"read":12345,"kept":12340,"dropped":5,"truncated":2,
                            "disagreeing":1200},
            "tokens":{"kept":99,"trained":88},
            "licence_warnings":{"the licence CC BY-NC 4.0 forbids <commercial> use":7},
            "dropped":[{"reason":"no trained token","count":3,"first":"it is empty",
                        "rows":{"data/a.jsonl":[3,7],"b.jsonl":[1]}},
                       {"reason":"empty prompt","count":2000,"first":"nothing",
                        "rows":{"c.jsonl":[1,2,3,4,5,6,7,8,9,10,11,12]}}]},
            "evaluation":{"rows":{"read":0,"kept":0,"dropped":0,"truncated":0}}})");
  std::string html = page();
  EXPECT_TRUE(has(html, "<td class=\"number\">7</td><td>the licence CC BY-NC 4.0 forbids "
                        "&lt;commercial&gt; use</td>"));
  EXPECT_TRUE(has(html, "<h1>my run</h1>"));
  EXPECT_TRUE(has(html, ">finished<"));
  EXPECT_TRUE(has(html, "<td class=\"number\">12,345</td>"));
  EXPECT_FALSE(has(html, "<td>evaluation</td>"));
  EXPECT_TRUE(has(html, "<td>no trained token</td><td>it is empty</td>"
                        "<td>b.jsonl 1; a.jsonl 3, 7</td>"));
  EXPECT_TRUE(has(html, "<td class=\"number\">2,000</td><td>empty prompt</td>"));
  EXPECT_TRUE(has(html, "<td>c.jsonl 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1,990 more</td>"));
  EXPECT_TRUE(has(html, "the same two answers, and stay: 1,200."));
  EXPECT_TRUE(has(html, "<code>learning_rate</code></th><td><code>0.0001</code>"));
  EXPECT_TRUE(has(html, "<code>seed</code></th><td><code>not set</code>"));
  EXPECT_TRUE(has(html, "<code>model[0].sha256</code></th><td><code>abc</code>"));
}

TEST_F(ReportTest, SaysWhyARunFailedUntilItIsResumed) {
  const std::string failed =
      std::string(kEvents) + "{\"event\":\"failed\",\"step\":2,\"message\":\"step 3: a < b\"}\n";
  write("events.jsonl", failed);
  EXPECT_TRUE(has(page(), ">failed</span>"));
  EXPECT_TRUE(has(page(), "<p class=\"failure\">step 3: a &lt; b</p>"));
  write("events.jsonl", failed + "{\"event\":\"resume\",\"step\":2,\"total_steps\":4}\n");
  EXPECT_TRUE(has(page(), "still going"));
}

TEST_F(ReportTest, ShowsThePointsOfJudgedAnswers) {
  write("events.jsonl",
        "{\"event\":\"sample\",\"step\":0,\"prompt\":\"p\",\"answer\":\"a\",\"points\":2}\n"
        "{\"event\":\"sample\",\"step\":9,\"prompt\":\"p\",\"answer\":\"b\",\"points\":10}\n");
  std::string html = page();
  EXPECT_TRUE(has(html, "<h3>Step 0 · 2 of 10 points</h3>"));
  EXPECT_TRUE(has(html, "<h3>Step 9 · 10 of 10 points</h3>"));
}

TEST_F(ReportTest, HostileTextStaysText) {
  const std::string evil = "<script>alert(1)</script>\\\" onload='x' & \\u0000";
  write("events.jsonl", "{\"event\":\"sample\",\"step\":0,\"prompt\":\"" + evil +
                            "\",\"answer\":\"" + evil + "\"}\n");
  write("job.json",
        "{\"config\":{\"run_name\":\"" + evil + "\",\"" + evil + "\":\"" + evil + "\"}}");
  write("lineage.json", "{\"" + evil + "\":\"" + evil + "\"}");
  write("data_report.json", "{\"" + evil + "\":{\"rows\":{},\"dropped\":[{\"reason\":\"" + evil +
                                "\",\"first\":\"" + evil + "\",\"count\":\"" + evil + "\"}]}}");
  std::string html = page();
  EXPECT_FALSE(has(html, ("<script")));
  EXPECT_FALSE(has(html, ("' onload")));
  EXPECT_FALSE(has(html, ("\" onload")));
  EXPECT_TRUE(has(html, "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp; "));
  EXPECT_EQ(html.find('\0'), std::string::npos);
}

TEST_F(ReportTest, IsOnePageWithoutOtherFiles) {
  write("events.jsonl", kEvents);
  std::string html = page();
  for (const char* outside : {"http:", "https:", "src=", "<link", "@import", "url("}) {
    EXPECT_FALSE(has(html, (outside)));
  }
}

TEST_F(ReportTest, SaysWhatIsMissingOrDamaged) {
  Result<std::string> none = write_report(directory_.path());
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(has(none.error().message(), "events.jsonl is missing"));
  write("events.jsonl", kEvents);
  write("lineage.json", "{");
  Result<std::string> damaged = write_report(directory_.path());
  ASSERT_FALSE(damaged.ok());
  EXPECT_TRUE(has(damaged.error().message(), "lineage.json"));
}

TEST_F(ReportTest, OnlyALossOfTokensIsSaidToBeOne) {
  write("events.jsonl", "{\"event\":\"step\",\"step\":1,\"loss\":0.69}\n");
  write("job.json", R"({"recipe":"sft","config":{}})");
  EXPECT_TRUE(has(page(), "nats per token"));
  write("job.json", R"({"recipe":"dpo","config":{}})");
  EXPECT_FALSE(has(page(), "nats per token"));
  EXPECT_TRUE(has(page(), "of dpo, lower is better"));
}

TEST(ReportFrameTest, LabelsTellTicksApart) {
  using Labels = std::vector<std::string>;
  EXPECT_EQ(tick_labels({0.693, 0.6931, 0.6932}), (Labels{"0.6930", "0.6931", "0.6932"}));
  EXPECT_EQ(tick_labels({0, 0.5, 1}), (Labels{"0", "0.5", "1.0"}));
  EXPECT_EQ(tick_labels({0, 2e-6, 4e-6}), (Labels{"0", "2e-6", "4e-6"}));
  EXPECT_EQ(tick_labels({12340, 12345, 12350}), (Labels{"12.340k", "12.345k", "12.350k"}));
  EXPECT_EQ(tick_labels({-0.1, 0, 0.1}), (Labels{"-0.1", "0", "0.1"}));
  for (double middle : {0.0, 1e-9, 0.00042, 0.69314718, 3.0, 123.4, 98765.4, 3e7, -5.5}) {
    for (double share : {0.0, 1e-12, 1e-6, 1e-3, 0.002, 0.01, 0.3, 4.0}) {
      const double room = std::abs(middle) * share;
      const Axis axis = axis_over(middle - room, middle + room, 0, 100);
      const double rounding = std::abs(middle) * 1e-12;
      EXPECT_LE(axis.low, middle - room + rounding);
      EXPECT_GE(axis.high, middle + room - rounding);
      const std::set<std::string> different(axis.labels.begin(), axis.labels.end());
      EXPECT_EQ(different.size(), axis.ticks.size()) << middle << " " << share;
      for (const std::string& label : axis.labels) EXPECT_LE(label.size(), 9U) << label;
    }
  }
}

TEST(ReportFrameTest, StepsHaveWholeTicksAndZeroIsOnAnAxisFromZero) {
  const Axis steps = axis_over(1, 3, 0, 100, {.count = 6, .whole = true});
  EXPECT_EQ(steps.ticks, (Ticks{1, 2, 3}));
  EXPECT_EQ(steps.low, 1);
  const Axis one = axis_over(5, 5, 0, 100, {.count = 6, .whole = true});
  EXPECT_EQ(one.high, 6);
  const Axis zero = axis_over(0, 0, 0, 100, {.from_zero = true});
  EXPECT_EQ(zero.low, 0);
  EXPECT_EQ(zero.high, 1);
  EXPECT_EQ(axis_over(0.4, 0.9, 0, 100, {.from_zero = true}).low, 0);
}

TEST(ReportChartTest, TicksAreRoundAndCoverTheRange) {
  EXPECT_EQ(axis_ticks(0, 1, 5), (Ticks{0, 0.2, 0.4, 3 * 0.2, 0.8, 1}));
  EXPECT_EQ(axis_ticks(0.7, 3.9, 5), (Ticks{0, 1, 2, 3, 4}));
  EXPECT_EQ(axis_ticks(-3, 12, 5), (Ticks{-5, 0, 5, 10, 15}));
  for (double high : {1e-7, 0.3, 7.0, 1234.5}) {
    std::vector<double> ticks = axis_ticks(0, high, 5);
    EXPECT_LE(ticks.size(), 7u);
    EXPECT_GE(ticks.back(), high * (1 - 1e-9));
  }
}

TEST(ReportChartTest, DrawsOnePointConstantsAndNothing) {
  EXPECT_TRUE(has(draw_chart({.title = "t"}), "nothing measured yet"));
  std::string one = draw_chart({.title = "t", .lines = {{.name = "a<b", .points = {{5, 0.0}}}}});
  EXPECT_TRUE(has(one, "<title>a&lt;b, step 5: 0</title>"));
  EXPECT_FALSE(has(one, ("nan")));
  EXPECT_FALSE(has(one, ("inf")));
  std::string flat =
      draw_chart({.title = "t", .lines = {{.name = "a", .points = {{1, 2.0}, {2, 2.0}}}}});
  EXPECT_TRUE(has(flat, "<polyline class=\"line s0\""));
  EXPECT_FALSE(has(flat, ("nan")));
}

TEST(ReportChartTest, RunningMeanBeginsAtTheFirstValueAndFollows) {
  std::map<int64_t, double> means = running_mean({{1, 4.0}, {2, 2.0}}, 2);
  EXPECT_DOUBLE_EQ(means[1], 4.0);
  EXPECT_DOUBLE_EQ(means[2], (0.5 * 4.0 + 2.0) / 1.5);
}

TEST(ReportHtmlTest, NumbersAndTexts) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(-1000), "-1,000");
  EXPECT_EQ(duration_text(8.31), "8.3 s");
  EXPECT_EQ(duration_text(725), "12 min 5 s");
  EXPECT_EQ(duration_text(3780), "1 h 03 min");
  EXPECT_EQ(short_number(12345678), "12.35M");
  EXPECT_EQ(short_number(0.00005), "5e-05");
  EXPECT_EQ(escape_html("a\xffz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(escape_html(""), "");
}

}  // namespace
}  // namespace attune::cli
