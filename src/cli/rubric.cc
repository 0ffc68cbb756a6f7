#include "cli/rubric.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "cli/rubric_text.h"

namespace attune::cli {
namespace {

constexpr size_t kStepsMin = 3;
constexpr size_t kStepsMax = 5;
constexpr size_t kPartsMin = 4;              // subject, explanation, steps, what next
constexpr size_t kExplanationWordsMin = 12;  // a sentence or two
constexpr size_t kGreetingWordsMax = 6;
constexpr size_t kRequestWordsMin = 3;  // what "send us" asks for
constexpr int kStepNgram = 5;
constexpr double kStepShareMax = 0.4;

// Whether a line reads as "[Your Name]" or "<insert date>": something left for somebody to fill in.
bool has_placeholder(std::string_view text) {
  size_t open = text.find('[');
  bool bracket = open != std::string_view::npos && text.find(']', open) != std::string_view::npos;
  return bracket || contains_any(text, {"your name", "insert ", "xxx"});
}

bool greets(const AnswerParts& parts) {
  return words_of(parts.greeting).size() <= kGreetingWordsMax &&
         starts_with_any(parts.greeting, {"hello", "hi", "dear", "good morning", "good afternoon",
                                          "good evening", "good day", "greetings"});
}

bool thanks_or_regrets(const AnswerParts& parts) {
  return contains_any(parts.before_closing,
                      {"thank", "sorry", "apolog", "appreciate", "regret", "grateful"});
}

bool signs_off(const AnswerParts& parts) {
  bool closes = contains_any(parts.closing,
                             {"regards", "sincerely", "best wishes", "warm wishes", "all the best",
                              "take care", "respectfully", "safe travels", "yours truly",
                              "happy learning", "get well soon", "apologies", "thanks"});
  return closes && contains_any(parts.sign_off, {"support team"}) &&
         words_of(parts.sign_off).size() <= kGreetingWordsMax && !has_placeholder(parts.closing) &&
         !has_placeholder(parts.sign_off);
}

// Whether a sentence of six words or more comes twice: the mark of a model that runs in circles.
bool repeats_itself(std::string_view text) {
  std::set<std::string> seen;
  for (const std::string& sentence : sentences_of(text)) {
    std::vector<std::string> words = words_of(sentence);
    if (words.size() >= 6 && !seen.insert(joined(words)).second) return true;
  }
  return false;
}

bool explains(const AnswerParts& parts) {
  return std::any_of(parts.before_steps.begin(), parts.before_steps.end(),
                     [](const std::string& paragraph) {
                       return words_of(paragraph).size() >= kExplanationWordsMin;
                     });
}

// Whether `asks` is followed by enough words, within its sentence, to say what is asked for.
bool asks_for_something(std::string_view text) {
  const std::vector<std::string_view> asks = {
      "send",      "tell us",  "reply",   "let us know", "write",  "mail us",   "share", "forward",
      "give us",   "describe", "include", "provide",     "attach", "email us",  "note",  "report",
      "inform us", "mention",  "state",   "show us",     "name",   "answer",    "list",  "mark",
      "mail it",   "ask us"};
  for (const std::string& sentence : sentences_of(text)) {
    std::string lower = lower_case(sentence);
    for (std::string_view ask : asks) {
      size_t at = find_word(lower, ask);
      if (at == std::string::npos) continue;
      std::vector<std::string> rest = words_of(std::string_view(lower).substr(at + ask.size()));
      std::erase_if(rest, [](const std::string& word) {
        return word == "us" || word == "for" || word == "help" || word == "assistance" ||
               word == "further" || word == "our" || word == "support" || word == "team" ||
               word == "at" || word == "again" || word == "this" || word == "email";
      });
      if (rest.size() >= kRequestWordsMin) return true;
    }
  }
  return false;
}

std::string steps_text(const AnswerParts& parts) {
  std::string text;
  for (const Step& step : parts.steps) text += step.text + " . ";
  return text;
}

int fit_points(const std::vector<RubricAnswer>& answers, const std::vector<std::string>& compared,
               size_t own) {
  bool likeliest = !answers[own].mean_log_probs.empty() && !words_of(answers[own].text).empty();
  bool distinct = !words_of(answers[own].text).empty();
  for (size_t other = 0; other < answers.size(); ++other) {
    if (other == own) continue;
    const std::vector<double>& values = answers[own].mean_log_probs;
    // Written so that a log-prob that is no number counts against the answer.
    if (own >= values.size() || other >= values.size() || !(values[own] > values[other])) {
      likeliest = false;
    }
    double share = shared_ngrams(compared[own], compared[other], kStepNgram);
    if (share >= kStepShareMax) distinct = false;
  }
  return static_cast<int>(likeliest) + static_cast<int>(distinct);
}

}  // namespace

int polite_points(std::string_view text) {
  AnswerParts parts = split_answer(text);
  return static_cast<int>(greets(parts) && thanks_or_regrets(parts)) +
         static_cast<int>(signs_off(parts));
}

int format_points(std::string_view text) {
  AnswerParts parts = split_answer(text);
  bool subject = words_of(parts.subject).size() >= 1 && !has_placeholder(parts.subject);
  bool laid_out = parts.part_count >= kPartsMin && explains(parts) && !repeats_itself(text);
  return static_cast<int>(subject) + static_cast<int>(laid_out);
}

int step_points(std::string_view text) {
  AnswerParts parts = split_answer(text);
  if (parts.steps.empty()) return 0;
  std::set<std::string> different;
  bool counted = true;
  bool meaningful = true;
  for (size_t i = 0; i < parts.steps.size(); ++i) {
    std::vector<std::string> words = words_of(parts.steps[i].text);
    counted = counted && parts.steps[i].number == static_cast<int>(i) + 1;
    meaningful = meaningful && words.size() >= 2 && different.insert(joined(words)).second;
  }
  bool enough = parts.steps.size() >= kStepsMin && parts.steps.size() <= kStepsMax;
  return static_cast<int>(counted) + static_cast<int>(enough && meaningful);
}

int follow_up_points(std::string_view text) {
  AnswerParts parts = split_answer(text);
  bool condition = contains_any(
      parts.after_steps,
      {"persist", "still", "continu", "remain", "does not help", "doesn't help", "do not help",
       "does not work", "doesn't work", "not resolved"});
  if (parts.steps.empty()) {
    // Without a list the last paragraphs may say it; a clear "persists" or "still" counts.
    condition = contains_any(parts.last_paragraphs, {"persist", "still", "continu"});
  }
  if (!condition) return 0;
  const std::string& where = parts.steps.empty() ? parts.last_paragraphs : parts.after_steps;
  return 1 + static_cast<int>(asks_for_something(where));
}

double shared_ngrams(std::string_view a, std::string_view b, int n) {
  std::set<std::string> first = ngrams_of(a, n);
  std::set<std::string> second = ngrams_of(b, n);
  if (first.empty() || second.empty()) return 0.0;
  if (first.size() > second.size()) std::swap(first, second);
  auto common = std::count_if(first.begin(), first.end(), [&](const std::string& ngram) {
    return second.contains(ngram);
  });
  return static_cast<double>(common) / static_cast<double>(first.size());
}

std::vector<size_t> rubric_sets(size_t count, size_t most) {
  CHECK(most > 0, "a set holds at least one answer");
  const size_t sets = (count + most - 1) / most;
  std::vector<size_t> bounds;
  for (size_t set = 0; set < sets; ++set) bounds.push_back(count * set / sets);
  bounds.push_back(count);
  return bounds;
}

std::vector<RubricScore> score_answers(const std::vector<RubricAnswer>& answers) {
  std::vector<std::string> compared;
  for (const RubricAnswer& answer : answers) {
    AnswerParts parts = split_answer(answer.text);
    compared.push_back(parts.steps.empty() ? answer.text : steps_text(parts));
  }
  std::vector<RubricScore> scores;
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string& text = answers[i].text;
    scores.push_back({.polite = polite_points(text),
                      .format = format_points(text),
                      .steps = step_points(text),
                      .follow_up = follow_up_points(text),
                      .fits = fit_points(answers, compared, i),
                      .hit_limit = answers[i].hit_limit});
  }
  return scores;
}

}  // namespace attune::cli
