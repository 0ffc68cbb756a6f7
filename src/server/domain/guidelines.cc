#include "server/domain/guidelines.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <utility>

namespace attune::domain {
namespace {

constexpr size_t kComparedLinesMax = 2000;
constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text = end == text.npos ? "" : text.substr(end + 1);
  }
  return lines;
}

bool is_fence(std::string_view line) {
  std::string_view text = trimmed(line);
  return text.starts_with("```") || text.starts_with("~~~");
}

struct Heading {
  int level = 0;
  std::string_view title;
};

std::optional<Heading> heading_of(std::string_view line) {
  size_t level = line.find_first_not_of('#');
  if (level == line.npos) level = line.size();
  if (level == 0 || level > 6) return std::nullopt;
  std::string_view rest = line.substr(level);
  if (!rest.empty() && rest[0] != ' ' && rest[0] != '\t') return std::nullopt;
  std::string_view title = trimmed(rest);
  // A closing row of '#' belongs to the mark, not to the title.
  size_t last = title.find_last_not_of('#');
  if (last == title.npos) {
    title = "";
  } else if (last + 1 < title.size() && title[last] == ' ') {
    title = trimmed(title.substr(0, last));
  }
  return Heading{static_cast<int>(level), title};
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// "good", "Bad examples", "Good example 2:" name examples.
std::optional<bool> example_heading(std::string_view title) {
  std::string text = lower(title);
  while (!text.empty() && (std::isdigit(static_cast<unsigned char>(text.back())) ||
                           text.back() == ':' || text.back() == ' ')) {
    text.pop_back();
  }
  for (bool good : {true, false}) {
    std::string word = good ? "good" : "bad";
    if (text == word || text == word + " example" || text == word + " examples") return good;
  }
  return std::nullopt;
}

// The example that a paragraph's line begins: whether it is good, and the text behind the mark.
std::optional<GuidelineExample> example_line(std::string_view line) {
  std::string_view text = trimmed(line);
  if (text.starts_with("- ") || text.starts_with("* ") || text.starts_with("+ ")) {
    text = trimmed(text.substr(2));
  }
  bool bold = text.starts_with("**");
  if (bold) text.remove_prefix(2);
  size_t colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  std::string_view mark = text.substr(0, colon), rest = text.substr(colon + 1);
  if (bold) {
    // **Good:** text, or **Good**: text
    if (rest.starts_with("**")) {
      rest.remove_prefix(2);
    } else if (mark.ends_with("**")) {
      mark.remove_suffix(2);
    }
  }
  std::optional<bool> good = example_heading(mark);
  if (!good) return std::nullopt;
  return GuidelineExample{*good, std::string(trimmed(rest))};
}

// Puts sections together line by line.
class SectionReader {
 public:
  void take(std::string_view line) {
    if (is_fence(line)) fenced_ = !fenced_;
    if (!fenced_ && !is_fence(line)) {
      if (auto heading = heading_of(line)) return begin(*heading);
      if (take_example(line)) return;
    }
    if (trimmed(line).empty() && !fenced_ && paragraph_example_) finish_example();
    append(line);
  }

  std::vector<GuidelineSection> finish() {
    finish_example();
    for (GuidelineSection& section : sections_) section.text = trimmed(section.text);
    std::erase_if(sections_, [](const GuidelineSection& section) {
      return section.level == 0 && section.text.empty() && section.examples.empty();
    });
    return std::move(sections_);
  }

 private:
  void begin(const Heading& heading) {
    finish_example();
    if (auto good = example_heading(heading.title)) {
      example_ = GuidelineExample{*good, ""};
      paragraph_example_ = false;
      return;
    }
    sections_.push_back({std::string(heading.title), heading.level, "", {}});
  }

  bool take_example(std::string_view line) {
    if (example_ && !paragraph_example_) return false;  // all below such a heading is one
    std::optional<GuidelineExample> found = example_line(line);
    if (!found) return false;
    finish_example();
    example_ = std::move(found);
    paragraph_example_ = true;
    return true;
  }

  void append(std::string_view line) {
    std::string& text = example_ ? example_->text : current().text;
    if (!text.empty()) text += '\n';
    text += line;
  }

  void finish_example() {
    if (!example_) return;
    example_->text = trimmed(example_->text);
    if (!example_->text.empty()) current().examples.push_back(std::move(*example_));
    example_.reset();
  }

  GuidelineSection& current() {
    if (sections_.empty()) sections_.emplace_back();
    return sections_.back();
  }

  std::vector<GuidelineSection> sections_;
  std::optional<GuidelineExample> example_;
  bool paragraph_example_ = false;
  bool fenced_ = false;
};

// The sections as they are written: title and all lines.
struct WrittenSection {
  std::string key;  // title, and which one of that title
  std::string title;
  std::string text;
};

std::vector<WrittenSection> written_sections(std::string_view markdown) {
  std::vector<WrittenSection> sections;
  std::map<std::string, int> seen;
  bool fenced = false;
  auto begin = [&](std::string_view title) {
    std::string name(title);
    std::string key = name + '\n' + std::to_string(seen[name]++);
    sections.push_back({std::move(key), std::move(name), ""});
  };
  for (std::string_view line : lines_of(markdown)) {
    if (is_fence(line)) fenced = !fenced;
    auto heading = fenced || is_fence(line) ? std::nullopt : heading_of(line);
    if (heading && !example_heading(heading->title)) {
      begin(heading->title);
    } else if (sections.empty()) {
      if (trimmed(line).empty()) continue;
      begin("");
    }
    sections.back().text += std::string(line) + '\n';
  }
  for (WrittenSection& section : sections) section.text = trimmed(section.text);
  return sections;
}

using Lines = std::vector<std::string_view>;

// Longest common subsequence, from the ends: lengths[i][j] for before[i..], after[j..].
void compare(const Lines& before, const Lines& after, std::vector<ChangedLine>& out) {
  const size_t columns = after.size() + 1;
  std::vector<uint32_t> lengths((before.size() + 1) * columns, 0);
  for (size_t i = before.size(); i-- > 0;) {
    for (size_t j = after.size(); j-- > 0;) {
      lengths[i * columns + j] =
          before[i] == after[j]
              ? lengths[(i + 1) * columns + j + 1] + 1
              : std::max(lengths[(i + 1) * columns + j], lengths[i * columns + j + 1]);
    }
  }
  size_t i = 0, j = 0;
  auto remove = [&] { out.push_back({LineChange::kRemoved, std::string(before[i++])}); };
  auto add = [&] { out.push_back({LineChange::kAdded, std::string(after[j++])}); };
  while (i < before.size() && j < after.size()) {
    if (before[i] == after[j]) {
      out.push_back({LineChange::kKept, std::string(before[i++])});
      ++j;
    } else if (lengths[(i + 1) * columns + j] >= lengths[i * columns + j + 1]) {
      remove();
    } else {
      add();
    }
  }
  while (i < before.size()) remove();
  while (j < after.size()) add();
}

ChangedSection only(SectionChange change, const WrittenSection& section) {
  ChangedSection changed{change, section.title, {}};
  LineChange line = change == SectionChange::kAdded ? LineChange::kAdded : LineChange::kRemoved;
  for (std::string_view text : lines_of(section.text)) {
    changed.lines.push_back({line, std::string(text)});
  }
  return changed;
}

}  // namespace

std::vector<GuidelineSection> guideline_sections(std::string_view markdown) {
  SectionReader reader;
  for (std::string_view line : lines_of(markdown)) reader.take(line);
  return reader.finish();
}

std::vector<ChangedLine> line_changes(std::string_view before, std::string_view after) {
  Lines old_lines = lines_of(before), new_lines = lines_of(after);
  size_t head = 0;
  while (head < std::min(old_lines.size(), new_lines.size()) &&
         old_lines[head] == new_lines[head]) {
    ++head;
  }
  size_t tail = 0;
  while (tail < std::min(old_lines.size(), new_lines.size()) - head &&
         old_lines[old_lines.size() - 1 - tail] == new_lines[new_lines.size() - 1 - tail]) {
    ++tail;
  }
  std::vector<ChangedLine> changes;
  auto keep = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      changes.push_back({LineChange::kKept, std::string(old_lines[i])});
    }
  };
  keep(0, head);
  auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<ptrdiff_t>(head),
                 lines.end() - static_cast<ptrdiff_t>(tail));
  };
  Lines removed = middle(old_lines), added = middle(new_lines);
  if (std::max(removed.size(), added.size()) <= kComparedLinesMax) {
    compare(removed, added, changes);
  } else {
    for (auto line : removed) changes.push_back({LineChange::kRemoved, std::string(line)});
    for (auto line : added) changes.push_back({LineChange::kAdded, std::string(line)});
  }
  keep(old_lines.size() - tail, old_lines.size());
  return changes;
}

std::vector<ChangedSection> guideline_changes(std::string_view before, std::string_view after) {
  const std::vector<WrittenSection> old_ones = written_sections(before);
  const std::vector<WrittenSection> new_ones = written_sections(after);
  auto find = [](const std::vector<WrittenSection>& sections, const std::string& key) {
    return std::find_if(sections.begin(), sections.end(),
                        [&](const WrittenSection& section) { return section.key == key; });
  };
  std::vector<ChangedSection> changes;
  size_t next = 0;  // of the old sections, the first that was not spoken of
  auto tell_removed = [&](size_t until) {
    for (; next < until; ++next) {
      if (find(new_ones, old_ones[next].key) == new_ones.end()) {
        changes.push_back(only(SectionChange::kRemoved, old_ones[next]));
      }
    }
  };
  for (const WrittenSection& section : new_ones) {
    auto old_one = find(old_ones, section.key);
    if (old_one == old_ones.end()) {
      changes.push_back(only(SectionChange::kAdded, section));
      continue;
    }
    tell_removed(static_cast<size_t>(old_one - old_ones.begin()));
    bool same = old_one->text == section.text;
    changes.push_back({same ? SectionChange::kSame : SectionChange::kChanged, section.title,
                       line_changes(old_one->text, section.text)});
  }
  tell_removed(old_ones.size());
  return changes;
}

}  // namespace attune::domain
