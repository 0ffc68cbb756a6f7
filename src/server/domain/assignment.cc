#include "server/domain/assignment.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/random.h"
#include "base/sha256.h"

namespace attune::domain {
namespace {

OrderedJson number_or_null(const std::optional<int64_t>& number) {
  return number ? OrderedJson(*number) : OrderedJson(nullptr);
}

std::optional<int64_t> number_at(const OrderedJson& object, const char* key) {
  const OrderedJson& value = object.at(key);
  if (value.is_null()) return std::nullopt;
  return value.get<int64_t>();
}

AssignmentGroup group_from(const OrderedJson& json) {
  AssignmentGroup group;
  group.name = json.at("name");
  group.members = json.at("members").get<std::vector<std::string>>();
  group.quota = number_at(json, "quota");
  const OrderedJson& only = json.at("only");
  if (!only.is_null()) {
    group.only = AssignmentScope{only.at("property"),
                                 only.at("terms").get<std::vector<std::string>>()};
  }
  return group;
}

bool compares_candidates(const Schema& schema, const Question& question) {
  const std::string& type = type_of(question.settings);
  if (type == "ranking") return true;
  if (type != "label_selection") return false;
  const OrderedJson& options = question.settings.at("options");
  return std::all_of(options.begin(), options.end(), [&](const OrderedJson& option) {
    return field_named(schema, option.at("value").get_ref<const std::string&>()) != nullptr;
  });
}

Status check_order_of(const Question& question, const OrderedJson& shown) {
  std::multiset<std::string> options, named;
  for (const OrderedJson& option : question.settings.at("options")) {
    options.insert(to_line(option.at("value")));
  }
  if (shown.is_array()) {
    for (const OrderedJson& one : shown) named.insert(to_line(one));
  }
  if (shown.is_array() && named == options) return {};
  return invalid_input("shown_order: of question '{}' it must list each of the options {} once",
                       question.name, fmt::join(options, ", "));
}

uint64_t seed_of(const std::string& text) {
  return std::stoull(sha256_hex(text).substr(0, 16), nullptr, 16);
}

}  // namespace

OrderedJson to_json(const AssignmentRules& rules) {
  OrderedJson quotas = OrderedJson::object();
  for (const auto& [user_id, quota] : rules.quotas) quotas[user_id] = quota;
  OrderedJson groups = OrderedJson::array();
  for (const AssignmentGroup& group : rules.groups) {
    OrderedJson only = nullptr;
    if (group.only) only = {{"property", group.only->property}, {"terms", group.only->terms}};
    groups.push_back({{"name", group.name},
                      {"members", group.members},
                      {"quota", number_or_null(group.quota)},
                      {"only", std::move(only)}});
  }
  OrderedJson onboarding = nullptr;
  if (rules.onboarding) {
    onboarding = {{"records", rules.onboarding->records},
                  {"min_agreement", rules.onboarding->min_agreement}};
  }
  return {{"lease_seconds", rules.lease_seconds},
          {"quota", number_or_null(rules.quota)},
          {"quotas", std::move(quotas)},
          {"skips_max", number_or_null(rules.skips_max)},
          {"blind", rules.blind},
          {"onboarding", std::move(onboarding)},
          {"groups", std::move(groups)}};
}

Result<AssignmentRules> assignment_rules_of(const OrderedJson& json) try {
  AssignmentRules rules;
  rules.lease_seconds = json.at("lease_seconds");
  rules.quota = number_at(json, "quota");
  for (const auto& [user_id, quota] : json.at("quotas").items()) rules.quotas[user_id] = quota;
  rules.skips_max = number_at(json, "skips_max");
  rules.blind = json.at("blind");
  const OrderedJson& onboarding = json.at("onboarding");
  if (!onboarding.is_null()) {
    rules.onboarding = Onboarding{onboarding.at("records"), onboarding.at("min_agreement")};
  }
  for (const OrderedJson& group : json.at("groups")) rules.groups.push_back(group_from(group));
  return rules;
} catch (const OrderedJson::exception& problem) {
  return make_error(ErrorCode::kInternal, "stored rules of assignment: {}", problem.what());
}

Status check_assignment_rules(const Schema& schema, const AssignmentRules& rules) {
  std::set<std::string> names, members;
  for (const AssignmentGroup& group : rules.groups) {
    if (!names.insert(group.name).second) {
      return invalid_input("two groups are named '{}'", group.name);
    }
    for (const std::string& member : group.members) {
      if (!members.insert(member).second) {
        return invalid_input("user with id `{}` is in two groups, or twice in one", member);
      }
    }
    if (!group.only) continue;
    const MetadataProperty* property = metadata_property_named(schema, group.only->property);
    if (!property || type_of(property->settings) != "terms") {
      return invalid_input(
          "group '{}': '{}' is not a terms metadata property of this dataset; add one first",
          group.name, group.only->property);
    }
  }
  return {};
}

const AssignmentGroup* group_of(const AssignmentRules& rules, const std::string& user_id) {
  for (const AssignmentGroup& group : rules.groups) {
    const auto& members = group.members;
    if (std::find(members.begin(), members.end(), user_id) != members.end()) return &group;
  }
  return nullptr;
}

std::optional<int64_t> quota_of(const AssignmentRules& rules, const std::string& user_id) {
  auto own = rules.quotas.find(user_id);
  if (own != rules.quotas.end()) return own->second;
  return rules.quota;
}

OrderedJson shown_order(const Schema& schema, bool blind, const std::string& record_id,
                        const std::string& user_id) {
  OrderedJson shown = OrderedJson::object();
  for (const Question& question : schema.questions) {
    if (!compares_candidates(schema, question)) continue;
    const OrderedJson& options = question.settings.at("options");
    Random random(seed_of(record_id + "\n" + user_id + "\n" + question.id));
    std::vector<int64_t> order = random.permutation(static_cast<int64_t>(options.size()));
    if (!blind) std::sort(order.begin(), order.end());
    OrderedJson values = OrderedJson::array();
    for (int64_t i : order) values.push_back(options[static_cast<size_t>(i)].at("value"));
    shown[question.name] = std::move(values);
  }
  return shown;
}

Status check_shown_order(const Schema& schema, const OrderedJson& shown) {
  if (shown.is_null()) return {};
  if (shown.is_array()) {
    std::vector<const Question*> compared;
    for (const Question& question : schema.questions) {
      if (compares_candidates(schema, question)) compared.push_back(&question);
    }
    if (compared.size() == 1) return check_order_of(*compared[0], shown);
    return invalid_input(
        "shown_order: {} questions compare candidates: name them, as `next` does: "
        "{{\"QUESTION\": [options]}}",
        compared.size());
  }
  if (!shown.is_object()) return invalid_input("shown_order: neither an object nor a list");
  for (const auto& [name, order] : shown.items()) {
    const Question* question = question_named(schema, name);
    if (question == nullptr || !question->settings.contains("options")) {
      return invalid_input("shown_order: '{}' is no question with options", name);
    }
    TRY(check_order_of(*question, order));
  }
  return {};
}

}  // namespace attune::domain
