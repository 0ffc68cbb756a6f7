#include "cli/rubric_text.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace attune::cli {
namespace {

bool is_word_byte(char c) {
  auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || byte == '\'' || byte >= 0x80;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(trimmed(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// "12. Open the door" or "12) Open the door".
std::optional<Step> step_of(const std::string& line) {
  size_t digits = 0;
  while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) {
    ++digits;
  }
  bool marked = digits > 0 && digits <= 2 && digits + 1 < line.size() &&
                (line[digits] == '.' || line[digits] == ')') && line[digits + 1] == ' ';
  if (!marked) return std::nullopt;
  return Step{std::stoi(line.substr(0, digits)),
              std::string(trimmed(std::string_view(line).substr(digits + 1)))};
}

// Takes the subject off the front and closing and sign-off off the end.
void take_frame(std::vector<std::string>& lines, AnswerParts& parts) {
  auto drop_blank = [&](bool front) {
    while (!lines.empty() && (front ? lines.front() : lines.back()).empty()) {
      lines.erase(front ? lines.begin() : lines.end() - 1);
    }
  };
  drop_blank(true);
  if (!lines.empty() && lower_case(lines.front()).starts_with("subject:")) {
    parts.subject = trimmed(std::string_view(lines.front()).substr(8));
    lines.erase(lines.begin());
  }
  drop_blank(true);
  // A paragraph in the greeting's place is no greeting; it stays part of the body.
  if (!lines.empty() && words_of(lines.front()).size() <= 8 && !step_of(lines.front())) {
    parts.greeting = lines.front();
    lines.erase(lines.begin());
  }
  for (std::string* part : {&parts.sign_off, &parts.closing}) {
    drop_blank(false);
    if (lines.empty() || step_of(lines.back())) return;
    *part = lines.back();
    // The same at the end.
    if (words_of(*part).size() > 8) {
      part->clear();
      return;
    }
    lines.pop_back();
  }
}

void append_line(std::string& text, const std::string& line) {
  if (!text.empty()) text += '\n';
  text += line;
}

}  // namespace

AnswerParts split_answer(std::string_view text) {
  AnswerParts parts;
  std::vector<std::string> lines = lines_of(text);
  bool inside = false;
  for (const std::string& line : lines) {
    if (!line.empty() && !inside) ++parts.part_count;
    inside = !line.empty();
  }
  take_frame(lines, parts);
  std::vector<std::string> paragraphs(1);
  for (const std::string& line : lines) {
    append_line(parts.before_closing, line);
    if (std::optional<Step> step = step_of(line)) {
      parts.steps.push_back(*step);
      parts.after_steps.clear();
      paragraphs.emplace_back();
      continue;
    }
    if (!parts.steps.empty()) append_line(parts.after_steps, line);
    if (parts.steps.empty() && !line.empty()) parts.before_steps.push_back(line);
    if (line.empty() && !paragraphs.back().empty()) paragraphs.emplace_back();
    if (!line.empty()) append_line(paragraphs.back(), line);
  }
  if (paragraphs.back().empty()) paragraphs.pop_back();
  for (size_t i = paragraphs.size() - std::min<size_t>(2, paragraphs.size()); i < paragraphs.size();
       ++i) {
    append_line(parts.last_paragraphs, paragraphs[i]);
  }
  return parts;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (char c : lower_case(text) + " ") {
    if (is_word_byte(c)) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

std::vector<std::string> sentences_of(std::string_view text) {
  std::vector<std::string> sentences;
  std::string sentence;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool stop = c == '.' || c == '?' || c == '!' || c == ':';
    bool end = c == '\n' || (stop && (i + 1 == text.size() || text[i + 1] == ' ' ||
                                      text[i + 1] == '\n'));
    if (!end) sentence += c;
    if (end || i + 1 == text.size()) {
      if (!words_of(sentence).empty()) sentences.push_back(sentence);
      sentence.clear();
    }
  }
  return sentences;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::set<std::string> ngrams_of(std::string_view text, int n) {
  std::vector<std::string> words = words_of(text);
  auto length = static_cast<size_t>(n);
  std::set<std::string> ngrams;
  for (size_t i = 0; i + length <= words.size(); ++i) {
    auto first = words.begin() + static_cast<std::ptrdiff_t>(i);
    ngrams.insert(joined({first, first + n}));
  }
  return ngrams;
}

size_t find_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    if (at == 0 || !is_word_byte(text[at - 1])) return at;
  }
  return std::string_view::npos;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> any) {
  std::string lower = lower_case(text);
  return std::any_of(any.begin(), any.end(), [&](std::string_view word) {
    return find_word(lower, word) != std::string_view::npos;
  });
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> any) {
  std::string lower = lower_case(text);
  return std::any_of(any.begin(), any.end(), [&](std::string_view word) {
    return lower.starts_with(word) &&
           (lower.size() == word.size() || !is_word_byte(lower[word.size()]));
  });
}

}  // namespace attune::cli
