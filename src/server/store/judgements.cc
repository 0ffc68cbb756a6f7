#include "server/store/judgements.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "server/domain/contract_text.h"
#include "server/store/statements.h"

namespace attune::store {
namespace {

struct Origin {
  double seconds = 0;
  std::vector<std::vector<int64_t>> shown;  // [questions]
};

// What one question collects while the answers go by.
struct Collected {
  explicit Collected(const domain::Question& asked) : question(asked), coder(asked) {}

  const domain::Question& question;
  domain::AnswerCoder coder;
  std::unordered_map<std::string, int64_t> raters;  // by id, as they come
  Judgements found;
};

class Reading {
 public:
  Reading(Connection& connection, const domain::Schema& schema,
          const std::vector<domain::Question>& questions)
      : connection_(connection), schema_(schema) {
    for (const domain::Question& question : questions) collected_.emplace_back(question);
  }

  Result<std::vector<Judgements>> all(const JudgementParts& parts) {
    if (parts.origins) TRY(read_origins());
    TRY(connection_.each(
        "SELECT a.record, r.id, a.user_id, a.id, a.response_values FROM responses a JOIN records r "
        "ON r.position = a.record WHERE a.dataset = $1 AND a.status = 'submitted' "
        "ORDER BY a.record, a.user_id",
        {schema_.dataset.position}, [&](const Row& row) { return add_response(row); }));
    if (parts.gold) TRY(add_gold());
    if (parts.decisions) TRY(add_decisions());
    TRY(name_raters());
    std::vector<Judgements> all;
    for (Collected& one : collected_) {
      one.found.kind = one.coder.kind();
      one.found.options = one.coder.options().values();
      one.found.categories = one.coder.categories();
      all.push_back(std::move(one.found));
    }
    return all;
  }

 private:
  Status read_origins() {
    const auto take = [&](const Row& row) -> Status {
      // The last row counts, as in exports. But edits of earlier versions have nothing where the
      // first row has it: only what was taken back goes back to nothing.
      Origin& origin = origins_[row.text(0)];
      if (row.text(3) == "undone") origin = {};
      if (!row.is_null(1)) origin.seconds = row.real(1);
      if (row.is_null(2)) return {};
      origin.shown.clear();
      const OrderedJson order = TRY(parse_ordered_json(row.text(2)));
      for (const Collected& one : collected_) {
        origin.shown.push_back(one.coder.options().shown(one.question.name, order));
      }
      return {};
    };
    return connection_.each(
        "SELECT response_id, seconds_spent, shown_order, action FROM response_history "
        "WHERE dataset = $1 AND action <> 'deleted' ORDER BY number",
        {schema_.dataset.position}, take);
  }

  Status add_response(const Row& row) {
    const OrderedJson values = TRY(parse_ordered_json(row.text(4)));
    const auto origin = origins_.find(row.text(3));
    for (size_t q = 0; q < collected_.size(); ++q) {
      Collected& to = collected_[q];
      const OrderedJson* value = domain::value_of(values, to.question.name);
      if (value == nullptr) continue;
      std::optional<domain::CodedAnswer> answer = to.coder.code(*value);
      if (!answer) continue;
      if (to.found.items.empty() || to.found.items.back().position != row.integer(0)) {
        to.found.items.push_back({row.integer(0), row.text(1)});
      }
      answer->item = std::ssize(to.found.items) - 1;
      answer->rater =
          to.raters.emplace(row.text(2), static_cast<int64_t>(to.raters.size())).first->second;
      if (origin != origins_.end()) {
        answer->seconds = origin->second.seconds;
        if (!origin->second.shown.empty()) answer->shown = origin->second.shown[q];
      }
      to.found.answers.push_back(std::move(*answer));
    }
    return {};
  }

  Status add_gold() {
    return each_answer_of("gold_records",
                          [](Collected& to, JudgedItem& item, const OrderedJson& value) {
                            const auto gold = to.coder.code(value);
                            if (gold) item.gold = gold->category;
                          });
  }

  Status add_decisions() {
    return each_answer_of("adjudications",
                          [](Collected&, JudgedItem& item, const OrderedJson& value) {
                            item.decision = value;
                          });
  }

  // Calls take(question, item, value) for what the table says of each record that was answered.
  template <typename Take>
  Status each_answer_of(const std::string& table, const Take& take) {
    const auto take_row = [&](const Row& row) -> Status {
      const OrderedJson values = TRY(parse_ordered_json(row.text(1)));
      for (Collected& to : collected_) {
        const auto item = std::lower_bound(
            to.found.items.begin(), to.found.items.end(), row.integer(0),
            [](const JudgedItem& one, int64_t position) { return one.position < position; });
        if (item == to.found.items.end() || item->position != row.integer(0)) continue;
        const OrderedJson* value = domain::value_of(values, to.question.name);
        if (value != nullptr) take(to, *item, *value);
      }
      return {};
    };
    return connection_.each(
        "SELECT record, answer FROM " + table + " WHERE dataset = $1 ORDER BY record",
        {schema_.dataset.position}, take_row);
  }

  // Raters were counted as they came; they are told by name.
  Status name_raters() {
    std::set<std::string> different;
    for (const Collected& one : collected_) {
      for (const auto& [id, number] : one.raters) different.insert(id);
    }
    const std::vector<Value> ids(different.begin(), different.end());
    std::unordered_map<std::string, std::string> names;
    for (const Row& row :
         TRY(run_in(connection_, "SELECT id, username FROM users WHERE id IN ", ids))) {
      names[row.text(0)] = row.text(1);
    }
    for (Collected& one : collected_) order_by_name(names, one);
    return {};
  }

  static void order_by_name(const std::unordered_map<std::string, std::string>& names,
                            Collected& of) {
    std::map<std::pair<std::string, std::string>, int64_t> by_name;
    for (const auto& [id, number] : of.raters) {
      const auto name = names.find(id);
      by_name[{name == names.end() ? id : name->second, id}] = number;
    }
    std::vector<int64_t> place(of.raters.size());
    for (const auto& [name, number] : by_name) {
      place[static_cast<size_t>(number)] = std::ssize(of.found.raters);
      of.found.raters.push_back({name.second, name.first});
    }
    for (domain::CodedAnswer& answer : of.found.answers) {
      answer.rater = place[static_cast<size_t>(answer.rater)];
    }
  }

  Connection& connection_;
  const domain::Schema& schema_;
  std::vector<Collected> collected_;
  std::unordered_map<std::string, Origin> origins_;  // by response id
};

}  // namespace

Result<std::vector<Judgements>> read_judgements(Connection& connection,
                                                const domain::Schema& schema,
                                                const std::vector<domain::Question>& questions,
                                                const JudgementParts& parts) {
  return Reading(connection, schema, questions).all(parts);
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
