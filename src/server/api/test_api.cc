#include "server/api/test_api.h"

#include "server/store/test_dataset.h"
#include "server/store/users.h"

namespace attune::api::testing {
namespace {

void add_query(const std::string& text, http::Query& query) {
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find('&', from), text.size());
    const size_t equals = text.find('=', from);
    query.add(text.substr(from, equals - from), text.substr(equals + 1, end - equals - 1));
    from = end + 1;
  }
}

}  // namespace

void ApiTest::SetUp() {
  BothDatabases::SetUp();
  if (IsSkipped()) return;
  accounts_ = std::make_unique<auth::Accounts>(database(), auth::AccountOptions{});
  services_.database = &database();
  services_.accounts = accounts_.get();
  router_ = std::make_unique<http::Router>(make_router(services_, all_endpoints()));
  schema_ = new_dataset();
  add_user("owner", domain::Role::kOwner, false);
  add_user("lead", domain::Role::kAdmin, true);
  add_user("ann", domain::Role::kAnnotator, true);
  add_user("bob", domain::Role::kAnnotator, true);
  add_user("rev", domain::Role::kReviewer, true);
  add_user("stranger", domain::Role::kAdmin, false);
}

domain::Schema ApiTest::new_dataset(const domain::Schema& schema) {
  const auto write = [&](store::Connection& c) { return store::testing::store_schema(c, schema); };
  return database().write(write).value();
}

void ApiTest::add_user(const std::string& name, domain::Role role, bool is_member) {
  domain::User user;
  user.id = domain::new_id();
  user.username = user.first_name = name;
  user.role = role;
  user.inserted_at = user.updated_at = domain::now();
  const auto key = auth::Accounts::new_key(user.id, "test", auth::Scope::kAdmin, std::nullopt);
  const auto write = [&](store::Connection& c) -> Status {
    TRY(store::insert_user(c, user, ""));
    TRY(store::insert_api_key(c, key.key));
    if (!is_member) return {};
    TRY(c.run(
        "INSERT INTO workspace_users (workspace_id, user_id, inserted_at) VALUES ($1, $2, $3)",
        {schema_.dataset.workspace_id, user.id, user.inserted_at}));
    return {};
  };
  database().write(write).value();
  keys_[name] = key.secret;
  ids_[name] = user.id;
}

Reply ApiTest::call(const std::string& as, http::Method method, const std::string& target,
                    const OrderedJson& body) {
  http::Request request;
  request.method = method;
  const size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) add_query(target.substr(mark + 1), request.query);
  if (!as.empty()) request.headers.add("X-Argilla-Api-Key", keys_.at(as));
  request.headers.add("User-Agent", "test");
  if (!body.is_null()) request.body = to_line(body);
  const http::Response response = router_->dispatch(request);
  Reply reply{response.status, nullptr, response.body, response.headers};
  if (response.stream) {
    KeptBody kept;
    response.stream(kept);
    reply.text = kept.text;
  }
  auto json = parse_ordered_json(reply.text);
  if (json.ok()) reply.body = std::move(*json);
  return reply;
}

OrderedJson ApiTest::upsert(const std::string& items) {
  const Reply reply = put("lead", records("/bulk"), {{"items", domain::json(items)}});
  EXPECT_EQ(reply.status, 200) << reply.text;
  return reply.status == 200 ? reply.body["items"] : OrderedJson::array();
}

}  // namespace attune::api::testing
