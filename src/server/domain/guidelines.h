// Guidelines as annotators work with them: Markdown, read as sections with good and bad examples,
// so that a version can be compared with another clause by clause and a clause can be named as the
// reason of an answer. The text itself is never changed by this.
//
//   # Tone                       a heading begins a section; what stands before the first one is
//   Be polite.                   a section without a title
//   Good: Dear Ms Doe, ...       a paragraph that begins with "Good:", "Bad:", "Good example:" or
//   Bad: Hi!                     "Bad example:" (in a list or bold, too) is an example,
//   ## Good example              and so is all below a heading "Good example" or "Bad examples"
//   > Dear Ms Doe, ...           (up to the next heading), of the section above it
//
// Headings and examples inside code fences are text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attune::domain {

struct GuidelineExample {
  bool good = true;
  std::string text;
  bool operator==(const GuidelineExample&) const = default;
};

struct GuidelineSection {
  std::string title;  // "" for what stands before the first heading
  int level = 0;      // 1 to 6, 0 without a heading
  std::string text;   // without the heading and the examples, trimmed
  std::vector<GuidelineExample> examples;
  bool operator==(const GuidelineSection&) const = default;
};

std::vector<GuidelineSection> guideline_sections(std::string_view markdown);

// One line of a comparison.
enum class LineChange { kKept, kAdded, kRemoved };
struct ChangedLine {
  LineChange change = LineChange::kKept;
  std::string text;
};

// The fewest added and removed lines that lead from one text to the other, in order. Of texts with
// more than 2000 lines that differ, all differing lines are given as removed, then added.
std::vector<ChangedLine> line_changes(std::string_view before, std::string_view after);

enum class SectionChange { kSame, kChanged, kAdded, kRemoved };
struct ChangedSection {
  SectionChange change = SectionChange::kSame;
  std::string title;
  std::vector<ChangedLine> lines;  // of the section as it is written, heading and examples included
};

// Sections are the same one when their titles are (the n-th of a title is the n-th). In the order
// of `after`, with removed ones where they stood.
std::vector<ChangedSection> guideline_changes(std::string_view before, std::string_view after);

}  // namespace attune::domain
