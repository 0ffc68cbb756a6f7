#include "data/hindsight.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

namespace attune::data {
namespace {

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

// One space between two pieces of text, unless either has white space there or is empty.
std::string joined(const std::string& a, const std::string& b) {
  const bool apart = a.empty() || b.empty() || is_space(a.back()) || is_space(b.front());
  return a + (apart ? "" : " ") + b;
}

Result<HindsightTemplates::Phrases> phrases(const Json& value, const std::string& where) {
  if (!value.is_array()) return invalid_input("{}: must be a list of phrases", where);
  HindsightTemplates::Phrases list;
  for (const Json& phrase : value) {
    if (!phrase.is_string() || phrase.get<std::string>().empty()) {
      return invalid_input("{}: a phrase must be a text that is not empty", where);
    }
    list.push_back(phrase.get<std::string>());
  }
  return list;
}

Result<HindsightTemplates::Phrases> relative(const Json& value, const char* key, size_t count) {
  const Json* member = find(value, key);
  if (member == nullptr) return HindsightTemplates::Phrases();
  auto list = TRY(phrases(*member, key));
  if (list.size() != count) {
    return invalid_input("{}: has {} phrases, the levels have {}: they belong together one by one",
                         key, list.size(), count);
  }
  return list;
}

// The first `count` answers; of two ranks at least, where there are two.
void keep_some(std::vector<size_t>& judged, size_t count,
               const std::vector<std::optional<int>>& ranks) {
  const auto end = judged.begin() + static_cast<std::ptrdiff_t>(count);
  const auto other = [&](size_t index) { return ranks[index] != ranks[judged.front()]; };
  if (std::none_of(judged.begin(), end, other)) {
    const auto found = std::find_if(end, judged.end(), other);
    if (found != judged.end()) std::iter_swap(end - 1, found);
  }
  judged.resize(count);
}

// Judged answers by rank, best first; answers of one rank in a random order.
std::vector<std::vector<size_t>> by_rank(const std::vector<std::optional<int>>& ranks,
                                         const ChainOptions& options, Random& random) {
  std::vector<size_t> judged;
  for (int64_t index : random.permutation(static_cast<int64_t>(ranks.size()))) {
    if (ranks[static_cast<size_t>(index)]) judged.push_back(static_cast<size_t>(index));
  }
  const bool chosen = options.max_answers && *options.max_answers >= 2 &&
                      static_cast<size_t>(*options.max_answers) < judged.size();
  if (chosen) keep_some(judged, static_cast<size_t>(*options.max_answers), ranks);
  std::stable_sort(judged.begin(), judged.end(),
                   [&](size_t a, size_t b) { return *ranks[a] < *ranks[b]; });
  std::vector<std::vector<size_t>> groups;
  for (size_t index : judged) {
    if (groups.empty() || ranks[groups.back().front()] != ranks[index]) groups.emplace_back();
    groups.back().push_back(index);
  }
  return groups;
}

// The phrase of an answer whose group is `place` of `places` (0 = best), by its level: the places
// are spread evenly over the levels, halves towards the better one.
const std::string& level_phrase(const HindsightTemplates& templates, size_t place, size_t places,
                                size_t phrase) {
  const auto top = static_cast<double>(templates.levels.size() - 1);
  const double from_worst =
      static_cast<double>(places - 1 - place) / static_cast<double>(places - 1);
  const auto level = static_cast<size_t>(std::floor(from_worst * top + 0.5));
  return templates.levels[level][phrase];
}

struct Placed {
  size_t completion = 0;
  size_t place = 0;  // 0 = best
};

std::vector<Placed> in_order(const std::vector<std::vector<size_t>>& groups, ChainForm form,
                             Random& random) {
  std::vector<Placed> all;
  for (size_t place = 0; place < groups.size(); ++place) {
    for (size_t index : groups[place]) all.push_back({index, place});
  }
  switch (form) {
    case ChainForm::kPositive: return {all.front()};
    case ChainForm::kNegative: return {all.back()};
    case ChainForm::kBestFirst: return all;
    case ChainForm::kWorstFirst: std::reverse(all.begin(), all.end()); return all;
    case ChainForm::kShuffled: break;
  }
  std::vector<Placed> shuffled;
  for (int64_t index : random.permutation(static_cast<int64_t>(all.size()))) {
    shuffled.push_back(all[static_cast<size_t>(index)]);
  }
  return shuffled;
}

}  // namespace

Result<HindsightTemplates> parse_hindsight_templates(const Json& value) {
  if (!value.is_object()) return invalid_input("must be an object with \"levels\"");
  HindsightTemplates templates;
  templates.name = TRY(get_string_or(value, "name", ""));
  templates.source = TRY(get_string_or(value, "source", ""));
  templates.user = TRY(get_string_or(value, "user", templates.user));
  const Json* levels = find(value, "levels");
  if (levels == nullptr || !levels->is_array() || levels->size() < 2) {
    return invalid_input("levels: must be a list of two or more lists of phrases, worst first");
  }
  for (size_t i = 0; i < levels->size(); ++i) {
    templates.levels.push_back(TRY(phrases((*levels)[i], fmt::format("levels[{}]", i))));
    if (templates.levels.back().size() != templates.levels.front().size()) {
      return invalid_input("levels[{}]: has {} phrases, levels[0] has {}: they belong together "
                           "one by one",
                           i, templates.levels.back().size(), templates.levels.front().size());
    }
  }
  if (templates.phrase_count() == 0) return invalid_input("levels: hold no phrase");
  for (size_t phrase = 0; phrase < templates.phrase_count(); ++phrase) {
    std::set<std::string> seen;
    for (const auto& level : templates.levels) {
      if (!seen.insert(level[phrase]).second) {
        return invalid_input("levels: \"{}\" marks two levels; nothing could be learned from it",
                             level[phrase]);
      }
    }
  }
  templates.better = TRY(relative(value, "better", templates.phrase_count()));
  templates.worse = TRY(relative(value, "worse", templates.phrase_count()));
  templates.equal = TRY(relative(value, "equal", templates.phrase_count()));
  return templates;
}

Result<HindsightTemplates> read_hindsight_templates(const std::string& path) {
  const Json value = TRY(read_json_file(path));
  auto templates = parse_hindsight_templates(value);
  if (!templates.ok()) return templates.error().with_context(path);
  return templates;
}

OrderedJson to_json(const HindsightTemplates& templates) {
  OrderedJson value = {{"name", templates.name},
                       {"source", templates.source},
                       {"user", templates.user},
                       {"levels", templates.levels}};
  if (!templates.better.empty()) value["better"] = templates.better;
  if (!templates.worse.empty()) value["worse"] = templates.worse;
  if (!templates.equal.empty()) value["equal"] = templates.equal;
  return value;
}

const std::string& positive_marker(const HindsightTemplates& templates) {
  return templates.levels.back().front();
}

std::string hindsight_prompt(const HindsightTemplates& templates, const std::string& prompt) {
  return joined(joined(templates.user, prompt), positive_marker(templates));
}

Messages with_marker(Messages messages, const std::string& marker) {
  if (messages.empty() || messages.back().role != "user") {
    messages.push_back({"user", marker, {{"role", "user"}, {"content", marker}}});
    return messages;
  }
  Message& last = messages.back();
  last.content += (last.content.empty() ? "" : "\n") + marker;
  last.raw["content"] = last.content;
  return messages;
}

Result<ChainForm> parse_chain_form(const std::string& name) {
  if (name == "p") return ChainForm::kPositive;
  if (name == "n") return ChainForm::kNegative;
  if (name == "pn") return ChainForm::kBestFirst;
  if (name == "np") return ChainForm::kWorstFirst;
  if (name == "shuffled") return ChainForm::kShuffled;
  return invalid_input("hindsight_forms: {} is unknown; use p, n, pn, np or shuffled", name);
}

RowResult<std::vector<ChainLink>> make_chain(const std::vector<std::optional<int>>& ranks,
                                             const HindsightTemplates& templates,
                                             const ChainOptions& options, Random& random) {
  ChainOptions whole = options;
  const bool single = options.form == ChainForm::kPositive || options.form == ChainForm::kNegative;
  if (single) whole.max_answers.reset();  // the best and the worst are those of the whole ranking
  const auto groups = by_rank(ranks, whole, random);
  if (groups.size() < 2) {
    return refuse_row(kNoDifference,
                      "its judged answers are all of one rank: none is better or worse");
  }
  const size_t phrase = options.draw_phrase ? random.below(templates.phrase_count()) : 0;
  std::vector<ChainLink> chain;
  std::optional<size_t> before;
  for (const Placed& placed : in_order(groups, options.form, random)) {
    const auto* relation = &templates.equal;
    if (before && placed.place < *before) relation = &templates.better;
    if (before && placed.place > *before) relation = &templates.worse;
    const bool by_level = !before || relation->empty();
    chain.push_back({placed.completion,
                     by_level ? level_phrase(templates, placed.place, groups.size(), phrase)
                              : (*relation)[phrase]});
    before = placed.place;
  }
  return chain;
}

std::vector<ChainField> chain_fields(const HindsightTemplates& templates, const std::string& prompt,
                                     const std::vector<std::string>& completions,
                                     const std::vector<ChainLink>& chain) {
  std::vector<ChainField> fields;
  for (const ChainLink& link : chain) {
    ChainField field;
    field.context = fields.empty() ? joined(joined(templates.user, prompt), link.marker)
                                   : " " + link.marker;
    const std::string& answer = completions[link.completion];
    field.answer = joined(field.context, answer).substr(field.context.size());
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace attune::data
