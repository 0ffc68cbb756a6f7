// Comments on records (/api/attune/v1).
#include "server/api/endpoints.h"
#include "server/api/records/blindness.h"
#include "server/api/records/record_access.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/store/comments.h"

namespace attune::api {
namespace {

constexpr size_t kCommentCharactersMax = 10'000;

OrderedJson comment_json(const store::Comment& comment) {
  return {{"id", comment.id},
          {"user_id", comment.user_id},
          {"text", comment.text},
          {"inserted_at", comment.inserted_at},
          {"updated_at", comment.updated_at}};
}

Answer<std::string> read_text(const Call& call) {
  const OrderedJson body = TRY(call.body());
  SchemaReader reader(body, "body");
  std::string text = reader.text("text", {.min = 1, .max = kCommentCharactersMax});
  reader.no_others();
  TRY(reader.done());
  return text;
}

Answer<http::Response> list(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kRead));
    const std::string& caller = call.user->id;
    const bool own_only = TRY(works_blind(call, connection, place.schema.dataset)) &&
                          !TRY(has_answered(connection, place.position, caller));
    OrderedJson all = OrderedJson::array();
    for (const store::Comment& one : TRY(store::list_comments(connection, place.position))) {
      if (own_only && one.user_id != caller) continue;
      all.push_back(comment_json(one));
    }
    return all;
  };
  const OrderedJson items = TRY(answer_read(call.database(), read));
  return http::json_response(200, {{"items", items}});
}

Answer<http::Response> add(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const std::string text = TRY(read_text(call));
  const auto write = [&](store::Connection& connection) -> Answer<store::Comment> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kRead));
    return TRY(store::add_comment(connection, place.position, call.user->id, text));
  };
  const store::Comment comment = TRY(answer_write(call.database(), write));
  return http::json_response(201, comment_json(comment));
}

// One's own, or, for `others`, somebody else's.
Answer<store::Comment> comment_for(const Call& call, store::Connection& connection,
                                   const std::string& id, bool others) {
  auto placed = TRY(store::find_comment(connection, id));
  if (!placed) return not_found_with_id("Comment", id);
  const bool own = placed->comment.user_id == call.user->id;
  TRY(schema_for(call, connection, placed->dataset_id, own ? Right::kRead : Right::kManage));
  if (!own && !others) return forbidden();
  return std::move(placed->comment);
}

Answer<http::Response> change(const Call& call) {
  const std::string id = TRY(call.path_id("comment_id"));
  const std::string text = TRY(read_text(call));
  const auto write = [&](store::Connection& connection) -> Answer<store::Comment> {
    store::Comment before = TRY(comment_for(call, connection, id, false));
    return TRY(store::change_comment(connection, std::move(before), text));
  };
  const store::Comment comment = TRY(answer_write(call.database(), write));
  return http::json_response(200, comment_json(comment));
}

Answer<http::Response> remove(const Call& call) {
  const std::string id = TRY(call.path_id("comment_id"));
  const auto write = [&](store::Connection& connection) -> Answer<void> {
    TRY(comment_for(call, connection, id, true));
    TRY(store::delete_comment(connection, id));
    return {};
  };
  TRY(answer_write(call.database(), write));
  return http::empty_response(204);
}

}  // namespace

void add_comment_endpoints(Endpoints& endpoints) {
  using http::Method;
  const std::string of_record = "/api/attune/v1/records/{record_id}/comments";
  const std::string one = "/api/attune/v1/comments/{comment_id}";
  endpoints.push_back({Method::kGet, of_record, Access::kAnyone,
                       "What people said about a record, oldest first", list});
  endpoints.push_back({Method::kPost, of_record, Access::kAnyone, "Says something about a record",
                       add});
  endpoints.push_back(
      {Method::kPatch, one, Access::kAnyone, "Changes the text of one's own comment", change});
  endpoints.push_back({Method::kDelete, one, Access::kAnyone,
                       "Deletes one's own comment, or, for admins, any", remove});
}

}  // namespace attune::api
