#include "server/api/datasets/question_body.h"

#include "server/api/datasets/settings_reader.h"
#include "server/domain/identity.h"
#include "server/store/settings.h"

namespace attune::api {

Answer<domain::Question> read_new_question(const OrderedJson& json, UnknownKeys unknown) {
  SchemaReader body(json, "body");
  domain::Question question;
  question.name = body.text("name", kQuestionName);
  question.title = body.text("title", kQuestionTitle);
  question.description = body.text_or_null("description", kQuestionDescription);
  question.required = body.boolean_or_null("required").value_or(false);
  question.settings = read_question_settings(body, unknown);
  if (unknown == UnknownKeys::kRefused) body.no_others();
  TRY(body.done());
  return question;
}

Answer<domain::Question> insert_question(store::Connection& connection, domain::Question question,
                                         const std::string& dataset_id) {
  question.id = domain::new_id();
  question.dataset_id = dataset_id;
  question.inserted_at = question.updated_at = domain::now();
  TRY(store::insert_settings(connection, question));
  return question;
}

}  // namespace attune::api
