#include "server/store/judgements.h"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

#include "server/domain/contract_text.h"
#include "server/store/statements.h"

namespace attune::store {
namespace {

struct Origin {
  double seconds = 0;
  std::vector<int64_t> shown;
};
using Origins = std::unordered_map<std::string, Origin>;  // by response id

Result<Origins> read_origins(Connection& connection, const domain::Schema& schema,
                             const std::string& question, const domain::OptionCodes& options) {
  Origins origins;
  const auto take = [&](const Row& row) -> Status {
    Origin& origin = origins[row.text(0)];
    if (!row.is_null(1)) origin.seconds = row.real(1);
    if (!row.is_null(2)) {
      origin.shown = options.shown(question, TRY(parse_ordered_json(row.text(2))));
    }
    return {};
  };
  TRY(connection.each("SELECT response_id, seconds_spent, shown_order FROM response_history "
                      "WHERE dataset = $1 AND action <> 'deleted' ORDER BY number",
                      {schema.dataset.position}, take));
  return origins;
}

// The answer to the question in the values of a response.
const OrderedJson* value_of(const OrderedJson& values, const std::string& question) {
  const auto answer = values.find(question);
  if (answer == values.end() || !answer->contains("value")) return nullptr;
  return &(*answer)["value"];
}

class Reading {
 public:
  Reading(Connection& connection, const domain::Schema& schema, const domain::Question& question)
      : connection_(connection), schema_(schema), question_(question), coder_(question) {}

  Result<Judgements> all(bool with_origins) {
    if (with_origins) {
      origins_ =
          TRY(read_origins(connection_, schema_, question_.name, coder_.options()));
    }
    TRY(connection_.each(
        "SELECT a.record, r.id, a.user_id, a.id, a.response_values FROM responses a JOIN records r "
        "ON r.position = a.record WHERE a.dataset = $1 AND a.status = 'submitted' "
        "ORDER BY a.record, a.user_id",
        {schema_.dataset.position}, [&](const Row& row) { return add_answer(row); }));
    TRY(add_gold());
    TRY(name_raters());
    found_.kind = coder_.kind();
    found_.options = coder_.options().values();
    found_.categories = coder_.categories();
    return std::move(found_);
  }

 private:
  Status add_answer(const Row& row) {
    const OrderedJson values = TRY(parse_ordered_json(row.text(4)));
    const OrderedJson* value = value_of(values, question_.name);
    if (value == nullptr) return {};
    std::optional<domain::CodedAnswer> answer = coder_.code(*value);
    if (!answer) return {};
    if (found_.items.empty() || found_.items.back().position != row.integer(0)) {
      found_.items.push_back({row.integer(0), row.text(1)});
    }
    answer->item = std::ssize(found_.items) - 1;
    answer->rater =
        raters_.emplace(row.text(2), static_cast<int64_t>(raters_.size())).first->second;
    if (const auto origin = origins_.find(row.text(3)); origin != origins_.end()) {
      answer->seconds = origin->second.seconds;
      answer->shown = origin->second.shown;
    }
    found_.answers.push_back(std::move(*answer));
    return {};
  }

  Status add_gold() {
    const auto take = [&](const Row& row) -> Status {
      const auto item = std::lower_bound(
          found_.items.begin(), found_.items.end(), row.integer(0),
          [](const JudgedItem& one, int64_t position) { return one.position < position; });
      if (item == found_.items.end() || item->position != row.integer(0)) return {};
      const OrderedJson values = TRY(parse_ordered_json(row.text(1)));
      const OrderedJson* value = value_of(values, question_.name);
      if (value == nullptr) return {};
      if (const auto gold = coder_.code(*value)) item->gold = gold->category;
      return {};
    };
    return connection_.each("SELECT record, answer FROM gold_records WHERE dataset = $1 "
                            "ORDER BY record",
                            {schema_.dataset.position}, take);
  }

  // Raters were counted as they came; they are told by name.
  Status name_raters() {
    std::vector<Value> ids;
    for (const auto& [id, number] : raters_) ids.emplace_back(id);
    std::unordered_map<std::string, std::string> names;
    for (const Row& row :
         TRY(run_in(connection_, "SELECT id, username FROM users WHERE id IN ", ids))) {
      names[row.text(0)] = row.text(1);
    }
    std::map<std::pair<std::string, std::string>, int64_t> by_name;
    for (const auto& [id, number] : raters_) {
      const auto name = names.find(id);
      by_name[{name == names.end() ? id : name->second, id}] = number;
    }
    std::vector<int64_t> place(raters_.size());
    for (const auto& [name, number] : by_name) {
      place[static_cast<size_t>(number)] = std::ssize(found_.raters);
      found_.raters.push_back({name.second, name.first});
    }
    for (domain::CodedAnswer& answer : found_.answers) {
      answer.rater = place[static_cast<size_t>(answer.rater)];
    }
    return {};
  }

  Connection& connection_;
  const domain::Schema& schema_;
  const domain::Question& question_;
  domain::AnswerCoder coder_;
  Origins origins_;
  std::unordered_map<std::string, int64_t> raters_;
  Judgements found_;
};

}  // namespace

Result<Judgements> read_judgements(Connection& connection, const domain::Schema& schema,
                                   const domain::Question& question, bool with_origins) {
  return Reading(connection, schema, question).all(with_origins);
}

Result<std::vector<std::vector<double>>> candidate_lengths(Connection& connection,
                                                           const domain::Schema& schema,
                                                           const Judgements& judgements) {
  std::vector<std::string> names;
  bool any = false;
  for (const OrderedJson& option : judgements.options) {
    names.push_back(option.is_string() ? option.get<std::string>() : "");
    any = any || domain::field_named(schema, names.back()) != nullptr;
  }
  std::vector<std::vector<double>> lengths;
  if (!any) return lengths;
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  lengths.assign(judgements.items.size(), std::vector<double>(names.size(), unknown));
  size_t item = 0;
  const auto take = [&](const Row& row) -> Status {
    while (item < judgements.items.size() && judgements.items[item].position < row.integer(0)) {
      ++item;
    }
    if (item == judgements.items.size() || judgements.items[item].position != row.integer(0)) {
      return {};
    }
    const OrderedJson fields = TRY(parse_ordered_json(row.text(1)));
    for (size_t i = 0; i < names.size(); ++i) {
      const auto text = fields.find(names[i]);
      if (text == fields.end() || !text->is_string()) continue;
      const auto count = domain::characters(text->get_ref<const std::string&>());
      lengths[item][i] = static_cast<double>(count);
    }
    return {};
  };
  TRY(connection.each("SELECT position, fields FROM records WHERE dataset = $1 ORDER BY position",
                      {schema.dataset.position}, take));
  return lengths;
}

}  // namespace attune::store
