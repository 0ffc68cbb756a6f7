// Changes to a data set that is published, beyond the contract: fields, questions and options are
// added, and answers that were given stay as they are.
#include "server/api/audit.h"
#include "server/api/datasets/dataset_access.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/datasets/field_body.h"
#include "server/api/datasets/question_body.h"
#include "server/api/datasets/settings_reader.h"
#include "server/api/endpoints.h"
#include "server/api/transaction.h"
#include "server/domain/evolution.h"
#include "server/domain/identity.h"

namespace attune::api {
namespace {

Answer<http::Response> add_field(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  const domain::Field asked = TRY(read_new_field(json, UnknownKeys::kRefused));
  auto write = [&](store::Connection& connection) -> Answer<domain::Field> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    TRY(domain::check_added_field(schema, asked));
    domain::Field field = TRY(insert_field(connection, asked, id));
    TRY(audit(connection, call, "field.add", field.id));
    TRY(tell_of_dataset(call, connection, "dataset.updated", id));
    return field;
  };
  return http::json_response(201, field_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> add_question(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  const domain::Question asked = TRY(read_new_question(json, UnknownKeys::kRefused));
  auto write = [&](store::Connection& connection) -> Answer<domain::Question> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    TRY(domain::check_added_question(schema, asked));
    domain::Question question = TRY(insert_question(connection, asked, id));
    TRY(audit(connection, call, "question.add", question.id));
    TRY(tell_of_dataset(call, connection, "dataset.updated", id));
    return question;
  };
  return http::json_response(201, question_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> change_required(const Call& call) {
  const std::string id = TRY(call.path_id("question_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const bool required = body.boolean("required");
  body.no_others();
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<domain::Question> {
    auto found =
        TRY(settings_for<domain::Question>(call, connection, "Question", id, Right::kManage));
    found.item.required = required;
    found.item.updated_at = domain::now();
    TRY(store::update_settings(connection, found.item));
    TRY(audit(connection, call, "question.require", id, {{"required", required}}));
    TRY(tell_of_dataset(call, connection, "dataset.updated", found.item.dataset_id));
    return std::move(found.item);
  };
  return http::json_response(200, question_json(TRY(answer_write(call.database(), write))));
}

// The type of the question decides what an option is, so the body is read inside the write.
Answer<http::Response> add_option(const Call& call) {
  const std::string id = TRY(call.path_id("question_id"));
  const OrderedJson json = TRY(call.body());
  auto write = [&](store::Connection& connection) -> Answer<domain::Question> {
    auto found =
        TRY(settings_for<domain::Question>(call, connection, "Question", id, Right::kManage));
    domain::Question question = std::move(found.item);
    SchemaReader body(json, "body");
    const OrderedJson option =
        read_option(body, domain::type_of(question.settings) == "rating");
    const std::optional<int64_t> at = body.integer_or_null("at", {.ge = 0});
    body.no_others();
    TRY(body.done());
    question.settings = TRY(domain::settings_with_option(question, option, at));
    question.updated_at = domain::now();
    TRY(store::update_settings(connection, question));
    TRY(audit(connection, call, "question.add_option", id, {{"option", option}}));
    TRY(tell_of_dataset(call, connection, "dataset.updated", question.dataset_id));
    return question;
  };
  return http::json_response(201, question_json(TRY(answer_write(call.database(), write))));
}

}  // namespace

void add_evolution_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string dataset = "/api/attune/v1/datasets/{dataset_id}";
  const std::string question = "/api/attune/v1/questions/{question_id}";
  endpoints.push_back({kPost, dataset + "/fields", Access::kAdmins,
                       "Add a field, also after publishing", add_field});
  endpoints.push_back({kPost, dataset + "/questions", Access::kAdmins,
                       "Add a question, also after publishing", add_question});
  endpoints.push_back({kPatch, question, Access::kAdmins,
                       "Make a question required or optional", change_required});
  endpoints.push_back({kPost, question + "/options", Access::kAdmins,
                       "Add an option to a question, also after publishing", add_option});
}

}  // namespace attune::api
