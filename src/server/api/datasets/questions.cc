// Questions: what annotators are asked of a record.
#include "server/api/datasets/dataset_access.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/datasets/question_body.h"
#include "server/api/datasets/settings_reader.h"
#include "server/api/endpoints.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/domain/settings.h"

namespace attune::api {
namespace {

Answer<http::Response> list_questions(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    TRY(dataset_for(call, connection, id, Right::kRead));
    return items_json(TRY(store::list_settings<domain::Question>(connection, id)), question_json);
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> create_question(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  const domain::Question asked = TRY(read_new_question(json, UnknownKeys::kIgnored));
  auto write = [&](store::Connection& connection) -> Answer<domain::Question> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    TRY(domain::check_new_question(schema, asked));
    domain::Question question = TRY(insert_question(connection, asked, id));
    TRY(audit_settings(connection, call, "question.create", question));
    return question;
  };
  return http::json_response(201, question_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> update_question(const Call& call) {
  const std::string id = TRY(call.path_id("question_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  body.not_null({"title", "settings"});
  const std::optional<std::string> title = body.text_or_null("title", kQuestionTitle);
  const bool describes = body.has("description");
  const auto description = body.text_or_null("description", kQuestionDescription);
  const OrderedJson settings = read_question_settings_change(body);
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<domain::Question> {
    auto found =
        TRY(settings_for<domain::Question>(call, connection, "Question", id, Right::kManage));
    domain::Question question = std::move(found.item);
    if (title) question.title = *title;
    if (describes) question.description = description;
    if (!settings.is_null()) {
      question.settings = TRY(domain::changed_question_settings(question, settings));
    }
    question.updated_at = domain::now();
    TRY(store::update_settings(connection, question));
    TRY(audit_settings(connection, call, "question.update", question));
    return question;
  };
  return http::json_response(200, question_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> delete_question(const Call& call) {
  const std::string id = TRY(call.path_id("question_id"));
  auto write = [&](store::Connection& connection) -> Answer<domain::Question> {
    auto found =
        TRY(settings_for<domain::Question>(call, connection, "Question", id, Right::kManage));
    TRY(domain::check_question_deletion(found.schema));
    TRY(store::delete_settings(connection, found.item));
    TRY(audit_settings(connection, call, "question.delete", found.item));
    return std::move(found.item);
  };
  return http::json_response(200, question_json(TRY(answer_write(call.database(), write))));
}

}  // namespace

void add_question_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string all = "/api/v1/datasets/{dataset_id}/questions";
  const std::string one = "/api/v1/questions/{question_id}";
  endpoints.push_back({kGet, all, Access::kAnyone, "Questions of a data set", list_questions});
  endpoints.push_back({kPost, all, Access::kAdmins, "Add a question", create_question});
  endpoints.push_back({kPatch, one, Access::kAdmins, "Change a question", update_question});
  endpoints.push_back({kDelete, one, Access::kAdmins, "Delete a question", delete_question});
}

}  // namespace attune::api
