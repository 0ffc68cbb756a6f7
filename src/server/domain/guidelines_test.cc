#include "server/domain/guidelines.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::domain {
namespace {

std::string shown(const std::vector<ChangedLine>& lines) {
  std::string text;
  for (const ChangedLine& line : lines) {
    text += line.change == LineChange::kKept ? ' ' : line.change == LineChange::kAdded ? '+' : '-';
    text += line.text + "|";
  }
  return text;
}

std::string shown(const std::vector<ChangedSection>& sections) {
  const char* names[] = {"same", "changed", "added", "removed"};
  std::string text;
  for (const ChangedSection& section : sections) {
    text += std::string(names[static_cast<int>(section.change)]) + " " + section.title + "; ";
  }
  return text;
}

TEST(Guidelines, SectionsAndTheirExamples) {
  auto sections = guideline_sections(
      "Rank the answers.\n"
      "\n"
      "# Tone ##\n"
      "Be polite.\n"
      "\n"
      "- Good: Dear Ms Doe,\n"
      "  thank you.\n"
      "- **Bad:** Hi!\n"
      "\n"
      "Never shout.\n"
      "## Good example 2\n"
      "> # no heading of the guidelines? It is one of the quote.\n"
      "\n"
      "Good: still the same example\n"
      "### Length\n"
      "Short.\r\n");
  ASSERT_EQ(sections.size(), 3u);
  EXPECT_EQ(sections[0], (GuidelineSection{"", 0, "Rank the answers.", {}}));
  GuidelineSection tone{"Tone", 1, "Be polite.\n\n\nNever shout.", {}};
  tone.examples = {{true, "Dear Ms Doe,\n  thank you."},
                   {false, "Hi!"},
                   {true,
                    "> # no heading of the guidelines? It is one of the quote.\n\n"
                    "Good: still the same example"}};
  EXPECT_EQ(sections[1].text, tone.text);
  EXPECT_EQ(sections[1].examples, tone.examples);
  EXPECT_EQ(sections[1], tone);
  EXPECT_EQ(sections[2], (GuidelineSection{"Length", 3, "Short.", {}}));
}

TEST(Guidelines, FencesAndOddHeadings) {
  auto sections = guideline_sections(
      "# Code\n```\n# a comment\nGood: no example\n```\n#tag\n#######\n");
  ASSERT_EQ(sections.size(), 1u);
  EXPECT_EQ(sections[0].text, "```\n# a comment\nGood: no example\n```\n#tag\n#######");
  EXPECT_TRUE(sections[0].examples.empty());
  EXPECT_TRUE(guideline_sections("").empty());
  EXPECT_TRUE(guideline_sections("\n \n").empty());
  EXPECT_EQ(guideline_sections("# \n")[0].title, "");
}

TEST(Guidelines, ASentenceAboutGoodAnswersIsNoExample) {
  auto sections = guideline_sections("Good answers: those that help.\nBad idea, says: nobody");
  ASSERT_EQ(sections.size(), 1u);
  EXPECT_TRUE(sections[0].examples.empty());
}

TEST(GuidelineChanges, BySections) {
  std::string before = "Intro\n# A\none\n# B\ntwo\n# C\nthree\n";
  std::string after = "Intro\n# A\none\nmore\n# D\nfour\n# C\nthree\n";
  auto changes = guideline_changes(before, after);
  EXPECT_EQ(shown(changes), "same ; changed A; added D; removed B; same C; ");
  EXPECT_EQ(shown(changes[1].lines), " # A| one|+more|");
  EXPECT_EQ(shown(changes[2].lines), "+# D|+four|");
  EXPECT_EQ(shown(changes[3].lines), "-# B|-two|");
}

TEST(GuidelineChanges, SectionsOfOneTitleAreToldApartByTheirOrder) {
  EXPECT_EQ(shown(guideline_changes("# A\nx\n# A\ny", "# A\nx\n# A\nz\n# A\ny")),
            "same A; changed A; added A; ");
}

TEST(GuidelineChanges, ExamplesBelongToTheirSection) {
  auto changes = guideline_changes("# A\none", "# A\none\n## Bad example\ntwo");
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(shown(changes[0].lines), " # A| one|+## Bad example|+two|");
}

TEST(GuidelineChanges, FewestLines) {
  EXPECT_EQ(shown(line_changes("a\nb\nc\nd", "a\nc\nx\nd")), " a|-b| c|+x| d|");
  EXPECT_EQ(shown(line_changes("", "a")), "+a|");
  EXPECT_EQ(shown(line_changes("a", "")), "-a|");
  EXPECT_EQ(shown(line_changes("a", "a")), " a|");
}

TEST(GuidelineChanges, LongTextsThatDifferEntirelyAreReplaced) {
  std::string before, after;
  for (int i = 0; i < 2001; ++i) before += "a\n", after += "b\n";
  auto changes = line_changes(before, after);
  ASSERT_EQ(changes.size(), 4002u);
  EXPECT_EQ(changes[2000].change, LineChange::kRemoved);
  EXPECT_EQ(changes[2001].change, LineChange::kAdded);
}

// Whatever the texts are: kept and removed lines are the old text, kept and added ones the new.
TEST(GuidelineChanges, LeadFromOneTextToTheOther) {
  EXPECT_TRUE(rc::check([] {
    auto lines = rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4));
    std::vector<int> numbers[2] = {*lines, *lines};
    std::string text[2], told[2];
    for (int side : {0, 1}) {
      for (int number : numbers[side]) text[side] += std::to_string(number) + "\n";
    }
    for (const ChangedLine& line : line_changes(text[0], text[1])) {
      if (line.change != LineChange::kAdded) told[0] += line.text + "\n";
      if (line.change != LineChange::kRemoved) told[1] += line.text + "\n";
    }
    RC_ASSERT(told[0] == text[0]);
    RC_ASSERT(told[1] == text[1]);
  }));
}

}  // namespace
}  // namespace attune::domain
