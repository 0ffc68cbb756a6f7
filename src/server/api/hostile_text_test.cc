// Text that would be code somewhere else: SQL, templates, markup, format strings. It is data here,
// wherever it comes in: stored and given back as it is, or refused; never run, never a failure of
// the server.
#include <gtest/gtest.h>

#include <algorithm>

#include "server/api/testing/api_fixture.h"
#include "server/http/target.h"

namespace attune::api {
namespace {

const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> texts = {
      "'; DROP TABLE records; --",
      "\" OR \"\"=\"",
      "x') UNION SELECT id, username, password_hash FROM users --",
      "$1 $2 $99 ? ?1 :name @name",
      "a\\' OR 1=1; /* \\",
      "%' OR position > 0 OR '%' = '",
      "' || (SELECT hash FROM api_keys LIMIT 1) || '",
      "{{7*7}} ${7*7} <%= 7*7 %> #{7*7} {% include '/etc/passwd' %}",
      "{} {0} {:>100000000} %s %n %1000000000d",
      "<script>alert(document.cookie)</script>",
      "<img src=x onerror=alert(1)><svg/onload=alert(2)>",
      "[click](javascript:alert(1)) ![x](data:text/html;base64,PHNjcmlwdD4=)",
      "</textarea><iframe srcdoc='<script>1</script>'></iframe>",
      "=HYPERLINK(\"http://example.org\",\"x\")",
      "NEAR(a b, 3) AND NOT \"c\" * ^ a:b -d (e OR",
      "a & b | !c <-> d:* \\ '",
      "line\r\nSet-Cookie: a=b\r\n\r\n<b>",
      std::string("\u202eevil\0after", 13)};
  return texts;
}

class HostileTextTest : public testing::ApiTest {
 protected:
  // Every table, with how many rows it has.
  std::map<std::string, int64_t> tables() {
    const auto read = [&](store::Connection& c) -> Result<std::map<std::string, int64_t>> {
      const store::Rows names = TRY(c.run(
          on_sqlite() ? "SELECT name FROM sqlite_master WHERE type = 'table'"
                      : "SELECT table_name FROM information_schema.tables WHERE table_schema = "
                        "current_schema()"));
      std::map<std::string, int64_t> counts;
      for (const store::Row& name : names) {
        counts[name.text(0)] =
            TRY(c.run("SELECT COUNT(*) FROM \"" + name.text(0) + "\"")).at(0).integer(0);
      }
      return counts;
    };
    return database().read(read).value();
  }
  std::string dataset(const std::string& more) const {
    return "/api/attune/v1/datasets/" + schema_.dataset.id + more;
  }
  OrderedJson record_with(const std::string& text) {
    const OrderedJson item = {
        {"fields", {{"text", text}, {"talk", {{{"role", "user"}, {"content", text}}}}}},
        {"metadata", {{"any", text}}},
        {"external_id", text},
        {"suggestions", {{{"question_id", question_id("note")}, {"value", text}}}}};
    const auto reply = put("lead", records("/bulk"), {{"items", {item}}});
    EXPECT_EQ(reply.status, 200) << text << reply.text;
    return reply.status == 200 ? reply.body["items"][0] : OrderedJson();
  }
};
INSTANTIATE_BOTH_DATABASES(HostileTextTest);

bool holds_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

TEST_P(HostileTextTest, RecordsAnswersAndCommentsComeBackAsTheyWere) {
  for (const std::string& text : hostile_texts()) {
    if (holds_nul(text)) continue;
    const std::string id = record_with(text)["id"];
    const std::string of_record = "/api/v1/records/" + id;
    const auto made = post("ann", of_record + "/responses",
                           {{"status", "draft"}, {"values", {{"note", {{"value", text}}}}}});
    ASSERT_EQ(made.status, 201) << text << made.text;
    const auto said = post("ann", "/api/attune/v1/records/" + id + "/comments", {{"text", text}});
    ASSERT_EQ(said.status, 201) << text << said.text;
    EXPECT_EQ(said.body["text"], text);
    const OrderedJson record = get("lead", of_record).body;
    EXPECT_EQ(record["fields"]["text"], text);
    EXPECT_EQ(record["fields"]["talk"][0]["content"], text);
    EXPECT_EQ(record["metadata"]["any"], text);
    EXPECT_EQ(record["external_id"], text);
    EXPECT_EQ(record["suggestions"][0]["value"], text);
    EXPECT_EQ(record["responses"][0]["values"]["note"]["value"], text);
  }
  const std::string exported = get("lead", dataset("/export")).text;
  for (const std::string& text : hostile_texts()) {
    if (holds_nul(text)) continue;
    EXPECT_NE(exported.find(to_line(OrderedJson(text))), std::string::npos) << text;
  }
}

TEST_P(HostileTextTest, NamesAndGuidelinesComeBackAsTheyWereOrAreRefused) {
  int kept = 0;
  for (const std::string& text : hostile_texts()) {
    const auto same_or_refused = [&](const testing::Reply& reply, const char* key) {
      ASSERT_TRUE(reply.status == 200 || reply.status == 201 || reply.status == 422)
          << key << " " << text << reply.text;
      if (reply.status == 422) return;
      ++kept;
      EXPECT_EQ(reply.body[key], text);
    };
    const std::string path = "/api/v1/datasets/" + schema_.dataset.id;
    same_or_refused(patch("lead", path, {{"guidelines", text}}), "guidelines");
    same_or_refused(patch("lead", "/api/v1/questions/" + question_id("note"), {{"title", text}}),
                    "title");
    same_or_refused(
        patch("lead", "/api/v1/questions/" + question_id("note"), {{"description", text}}),
        "description");
    same_or_refused(post("owner", "/api/v1/users",
                         {{"username", "u" + std::to_string(kept)},
                          {"first_name", text},
                          {"password", "12345678"}}),
                    "first_name");
    same_or_refused(post("lead", "/api/attune/v1/projects",
                         {{"name", text}, {"workspace_id", schema_.dataset.workspace_id}}),
                    "name");
    same_or_refused(post("ann", "/api/attune/v1/me/keys", {{"name", text}, {"scope", "read"}}),
                    "name");
  }
  EXPECT_GT(kept, 60);
}

TEST_P(HostileTextTest, SearchesFindTextAndNothingElse) {
  record_with("an innocent record");
  for (const std::string& text : hostile_texts()) {
    const OrderedJson queries = {
        {{"query", {{"text", {{"q", text}}}}}},
        {{"query", {{"text", {{"q", text}, {"field", text}}}}}},
        {{"filters",
          {{"type", "and"},
           {"and",
            {{{"type", "terms"},
              {"scope", {{"entity", "metadata"}, {"metadata_property", "any"}}},
              {"values", {text}}}}}}}},
        {{"filters",
          {{"type", "and"},
           {"and",
            {{{"type", "terms"},
              {"scope", {{"entity", "metadata"}, {"metadata_property", text}}},
              {"values", {text}}}}}}}},
        {{"sort", {{{"scope", {{"entity", "record"}, {"property", text}}}, {"order", text}}}}}};
    for (const OrderedJson& query : queries) {
      const auto reply = post("ann", "/api/v1/me/datasets/" + schema_.dataset.id +
                                         "/records/search",
                              query);
      EXPECT_TRUE(reply.status == 200 || reply.status == 404 || reply.status == 422)
          << to_line(query) << reply.status << reply.text;
      if (reply.status == 200) {
        EXPECT_EQ(reply.body["total"], 0) << to_line(query);
      }
    }
  }
  EXPECT_EQ(get("lead", records()).body["total"], 1);
}

// Every route with every text as its ids, its query and in its body.
TEST_P(HostileTextTest, NoRouteFailsAndNoTableIsTouched) {
  record_with("an innocent record");
  const std::map<std::string, int64_t> before = tables();
  const std::vector<const char*> members = {
      "name", "text", "values", "settings", "question_id", "username", "title", "ids", "items",
      "url", "token", "reason", "record_ids"};
  const std::vector<const char*> parameters = {"name", "question", "ids", "format", "limit"};
  int64_t asked = 0, refused = 0, answered = 0;
  for (const Endpoint& endpoint : all_endpoints()) {
    for (const std::string& text : hostile_texts()) {
      std::string segment = text;
      std::replace(segment.begin(), segment.end(), '/', '|');  // would be another route
      segment = http::percent_encoded(segment);
      std::string path = endpoint.path;
      for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{', open)) {
        const size_t close = path.find('}', open);
        // A data set's id is right, so that what stands behind it is reached too.
        const bool is_right = path.substr(open, close - open) == "{dataset_id" &&
                              endpoint.method != http::Method::kDelete;
        const std::string id = is_right ? schema_.dataset.id : segment;
        path.replace(open, close - open + 1, id);
        open += id.size();
      }
      // One member and one parameter at a time: what a route does not know is refused at once.
      OrderedJson body = nullptr;
      if (endpoint.method != http::Method::kGet) {
        body[members[static_cast<size_t>(asked + refused) % members.size()]] = text;
      }
      path += std::string("?") + parameters[static_cast<size_t>(asked) % parameters.size()] + '=' +
              http::percent_encoded(text);
      if (!http::parse_target(path).ok()) {  // line breaks in a path: refused before any route
        ++refused;
        continue;
      }
      ++asked;
      const auto reply = call("owner", endpoint.method, path, body);
      EXPECT_LT(reply.status, 500) << endpoint.path << " " << text << reply.text;
      answered += reply.status < 400 ? 1 : 0;
      const std::string* type = reply.headers.find("Content-Type");
      const bool is_html = type != nullptr && type->find("html") != std::string::npos;
      // One page is HTML, and nothing of what it was asked stands in it as it was given.
      EXPECT_EQ(is_html, endpoint.path == std::string("/setup")) << endpoint.path << reply.text;
      if (is_html) {
        EXPECT_EQ(reply.text.find(text), std::string::npos) << reply.text;
      }
    }
  }
  EXPECT_GT(asked, 4 * refused);
  EXPECT_GT(answered, asked / 10) << "few get past the checks of parameters";
  const std::map<std::string, int64_t> after = tables();
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [table, rows] : before) {
    EXPECT_GE(after.at(table), rows) << table << " lost rows";
  }
  EXPECT_EQ(after.at("users"), before.at("users"));
  EXPECT_EQ(after.at("records"), before.at("records"));
  EXPECT_EQ(after.at("datasets"), before.at("datasets"));
}

}  // namespace
}  // namespace attune::api
