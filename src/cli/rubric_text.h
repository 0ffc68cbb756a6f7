// How the rubric reads an answer: its lines, parts, steps, sentences and words. Pure functions.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace attune::cli {

struct Step {
  int number = 0;
  std::string text;
};

// A support mail taken apart. What is missing is empty.
struct AnswerParts {
  std::string subject;   // after "Subject:" on the first line
  std::string greeting;  // the line after the subject, if it is short
  std::string closing;   // the last line but one, if it is short
  std::string sign_off;  // the last line, if it is short
  std::vector<Step> steps;
  std::vector<std::string> before_steps;  // paragraphs between greeting and steps
  std::string before_closing;             // everything between greeting and closing
  std::string after_steps;                // between the last step and the closing
  std::string last_paragraphs;            // the last two paragraphs before the closing
  size_t part_count = 0;                  // runs of lines between blank lines
};

AnswerParts split_answer(std::string_view text);

std::string lower_case(std::string_view text);                 // ASCII letters
std::vector<std::string> words_of(std::string_view text);      // lower-cased
std::vector<std::string> sentences_of(std::string_view text);  // cut at . ? ! : and line ends
std::string joined(const std::vector<std::string>& words);     // with single spaces
std::set<std::string> ngrams_of(std::string_view text, int n);

// Where `word` begins in `text` at the start of a word, or npos.
size_t find_word(std::string_view text, std::string_view word);
// Case does not matter; `any` is lower-cased. Each is looked for at the start of words.
bool contains_any(std::string_view text, std::initializer_list<std::string_view> any);
bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> any);

}  // namespace attune::cli
