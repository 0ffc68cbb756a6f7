#include "server/api/records/record_check.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "server/domain/assignment.h"
#include "server/domain/values.h"
#include "server/store/statements.h"

namespace attune::api {
namespace {

using UserIds = std::set<std::string>;

Result<UserIds> known_users(store::Connection& connection,
                            std::span<const domain::RecordChange> changes) {
  UserIds named;
  for (const domain::RecordChange& change : changes) {
    for (const domain::ResponseChange& one : change.responses) named.insert(one.user_id);
  }
  UserIds known;
  const std::vector<store::Value> keys(named.begin(), named.end());
  for (const store::Row& row :
       TRY(store::run_in(connection, "SELECT id FROM users WHERE id IN ", keys))) {
    known.insert(row.text(0));
  }
  return known;
}

Status check_suggestions(const domain::Schema& schema, const OrderedJson& fields,
                         std::vector<domain::SuggestionChange>& suggestions) {
  std::set<std::string> seen;
  for (domain::SuggestionChange& one : suggestions) {
    const domain::Question* question = domain::question_with_id(schema, one.question_id);
    if (question == nullptr) {
      return invalid_input("question id={} does not exists", one.question_id);
    }
    if (!seen.insert(one.question_id).second) {
      return invalid_input("found duplicate suggestions for question id={}", one.question_id);
    }
    TRY(domain::check_suggestion(*question, fields, one.value, one.score));
  }
  return {};
}

Status check_responses(const domain::Schema& schema, const UserIds& users,
                       const OrderedJson& fields,
                       std::vector<domain::ResponseChange>& responses) {
  std::set<std::string> seen;
  for (domain::ResponseChange& one : responses) {
    if (!users.contains(one.user_id)) {
      return invalid_input("user with id {} not found", one.user_id);
    }
    if (!seen.insert(one.user_id).second) {
      return invalid_input("found more than one response of the user with id {}", one.user_id);
    }
    TRY(domain::check_response(schema, one.status, fields, one.values));
    TRY(domain::check_shown_order(schema, one.shown_order));
  }
  return {};
}

Status check_change(const domain::Schema& schema, const UserIds& users,
                    domain::RecordChange& change, const domain::Record* existing) {
  static const OrderedJson kNoFields = OrderedJson::object();
  if (existing == nullptr || change.fields) {
    TRY(domain::check_record_fields(schema, change.fields ? *change.fields : kNoFields));
  }
  const OrderedJson& fields = change.fields ? *change.fields : existing->fields;
  if (change.metadata) TRY(domain::check_metadata(schema, *change.metadata));
  const auto within = [](Status status, const char* where) -> Status {
    return status.ok() ? status : status.error().with_context(where);
  };
  if (change.suggestions) {
    TRY(within(check_suggestions(schema, fields, *change.suggestions),
               "record does not have valid suggestions"));
  }
  TRY(within(check_responses(schema, users, fields, change.responses),
             "record does not have valid responses"));
  return within(domain::check_vectors(schema, change.vectors),
                "record does not have valid vectors");
}

}  // namespace

Answer<void> check_record_changes(store::Connection& connection, const domain::Schema& schema,
                                  std::span<domain::RecordChange> changes,
                                  std::span<const std::optional<domain::Record>> matched) {
  const UserIds users = TRY(known_users(connection, changes));
  std::map<std::string, size_t> changed_at;
  for (size_t i = 0; i < changes.size(); ++i) {
    const domain::Record* existing = matched[i] ? &*matched[i] : nullptr;
    Status status = check_change(schema, users, changes[i], existing);
    if (status.ok() && existing != nullptr) {
      const auto [other, is_first] = changed_at.emplace(existing->id, i);
      if (!is_first) {
        status = invalid_input("it is the same record as the one at position {}", other->second);
      }
    }
    if (!status.ok()) {
      return detail(422, fmt::format("Record at position {} is not valid because {}", i,
                                     status.error().message()));
    }
  }
  return {};
}

Answer<void> check_record_change(store::Connection& connection, const domain::Schema& schema,
                                 domain::RecordChange& change, const domain::Record* existing) {
  const UserIds users = TRY(known_users(connection, std::span(&change, 1)));
  const Status status = check_change(schema, users, change, existing);
  if (!status.ok()) return detail(422, status.error().message());
  return {};
}

}  // namespace attune::api
