#include "server/api/judgement/judged_question.h"

#include <cmath>

namespace attune::api {

Answer<domain::Question> question_for(const domain::Schema& schema, const std::string& name) {
  std::string names;
  for (const domain::Question& question : schema.questions) {
    const bool free = domain::answer_kind(question) == domain::AnswerKind::kFree;
    if (name.empty() ? !free : question.name == name) return question;
    names += (names.empty() ? "`" : ", `") + question.name + "`";
  }
  if (name.empty()) {
    return detail(422, fmt::format("data set `{}` has no question whose answers are compared "
                                   "(label, rating, multi-label or ranking)",
                                   schema.dataset.name));
  }
  return detail(422, fmt::format("data set `{}` has no question `{}`; it has {}",
                                 schema.dataset.name, name, names));
}

OrderedJson question_name_json(const domain::Question& question) {
  return {{"id", question.id},
          {"name", question.name},
          {"type", domain::type_of(question.settings)}};
}

feedback::BootstrapOptions read_bootstrap(SchemaReader& query) {
  feedback::BootstrapOptions options;
  options.resamples = query.integer_or("resamples", 200, {.ge = 0, .le = 10'000});
  options.confidence = query.number_or_null("confidence", {.gt = 0, .lt = 1}).value_or(0.95);
  options.seed = static_cast<uint64_t>(query.integer_or("seed", 0, {.ge = 0}));
  return options;
}

OrderedJson number_json(const std::optional<double>& number) {
  if (!number || !std::isfinite(*number)) return nullptr;
  return *number;
}

OrderedJson interval_json(const std::optional<feedback::Interval>& interval) {
  if (!interval) return nullptr;
  const bool drawn = interval->resamples > 1;  // one is what stands for none asked
  const auto if_drawn = [&](double number) {
    return drawn ? number_json(number) : OrderedJson(nullptr);
  };
  return {{"value", number_json(interval->estimate)},
          {"low", if_drawn(interval->low)},
          {"high", if_drawn(interval->high)},
          {"standard_error", if_drawn(interval->standard_error)},
          {"units", interval->units},
          {"resamples", drawn ? interval->resamples : 0}};
}

}  // namespace attune::api
