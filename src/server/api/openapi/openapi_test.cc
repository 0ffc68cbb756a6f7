#include "server/api/openapi/openapi.h"

#include <set>

#include "base/file.h"
#include "server/api/testing/accounts_fixture.h"
#include "tests/support/test_paths.h"

namespace attune::api {
namespace {

class OpenApiTest : public testing::AccountsTest {};
INSTANTIATE_BOTH_DATABASES(OpenApiTest);

std::string method_of(http::Method method) {
  std::string name(http::to_string(method));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

TEST_P(OpenApiTest, HoldsTheRoutesOfTheRouterAndNoOthers) {
  const OrderedJson document = get("/api/openapi.json", "").body;
  EXPECT_EQ(document, get("/api/v1/openapi.json", "").body);
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> documented, routed, ids;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      documented.insert(method + " " + path);
      EXPECT_TRUE(ids.insert(operation["operationId"].get<std::string>()).second) << path;
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << path;
      EXPECT_FALSE(operation["responses"].empty());
    }
  }
  for (const http::Route& route : router().routes()) {
    routed.insert(method_of(route.method) + " " + route.pattern);
  }
  EXPECT_EQ(documented, routed);
  for (const char* path : {"/healthz", "/readyz", "/metrics", "/setup"}) {
    const std::string type = path == std::string_view("/setup") ? "text/html" : "text/plain";
    EXPECT_TRUE(document["paths"][path]["get"]["responses"]["200"]["content"].contains(type))
        << path;
  }
  EXPECT_GT(routed.size(), 40u);
}

TEST_P(OpenApiTest, EveryRouteOfTheContractSaysWhatItAnswers) {
  const OrderedJson document = get("/api/openapi.json", "").body;
  for (const auto& [path, operations] : document["paths"].items()) {
    if (!path.starts_with("/api/v1/") || path.find("/oauth2/") != std::string::npos) continue;
    if (path.ends_with("openapi.json")) continue;
    for (const auto& [method, operation] : operations.items()) {
      bool said = false;
      for (const auto& [status, response] : operation["responses"].items()) {
        said |= status == "204" || (status[0] == '2' && response.contains("content"));
        said |= operation["summary"].get<std::string>().starts_with("Refused");
      }
      EXPECT_TRUE(said) << method << " " << path;
    }
  }
}

TEST_P(OpenApiTest, AnAnswerMaySayHowItWasGiven) {
  const OrderedJson schemas = get("/api/openapi.json", "").body["components"]["schemas"];
  for (const char* name : {"ResponseCreate", "ResponseBulkItem"}) {
    const OrderedJson& properties = schemas[name]["properties"];
    ASSERT_TRUE(properties.contains("seconds_spent")) << name;
    EXPECT_TRUE(properties.contains("shown_order")) << name;
    const std::string required = to_line(schemas[name]["required"]);
    EXPECT_EQ(required.find("seconds_spent"), std::string::npos) << required;
    EXPECT_EQ(required.find("shown_order"), std::string::npos) << required;
  }
}

TEST_P(OpenApiTest, NamesOnlyRoutesThatAreThere) {
  std::set<std::string> routed;
  for (const http::Route& route : router().routes()) {
    routed.insert(std::string(http::to_string(route.method)) + " " + route.pattern);
  }
  for (const std::string& route : described_routes()) {
    EXPECT_TRUE(routed.contains(route)) << route;
  }
}

// What the contract's own documents list is what its SDKs and its browser client may call.
TEST_P(OpenApiTest, HoldsEveryOperationOfTheContractsDocuments) {
  std::set<std::string> routed;
  const auto shape = [](const std::string& method, const std::string& path) {
    std::string text = method + " ";
    bool inside = false;
    for (const char c : path) {
      if (!inside) text += c;
      inside = c == '{' || (inside && c != '}');
      if (c == '}') text += c;
    }
    return text;
  };
  for (const http::Route& route : router().routes()) {
    routed.insert(shape(method_of(route.method), route.pattern));
  }
  for (const char* name : {"openapi-2.8.0.json", "openapi-1.29.1-v1.json"}) {
    SKIP_WITHOUT_SAMPLE(file, std::string("argilla-recorded/") + name);
    const OrderedJson document = parse_ordered_json(read_file(file).value()).value();
    size_t operations = 0;
    for (const auto& [path, methods] : document["paths"].items()) {
      const std::string whole = path.starts_with("/api/") ? path : "/api/v1" + path;
      for (const auto& [method, operation] : methods.items()) {
        ++operations;
        EXPECT_TRUE(routed.contains(shape(method, whole))) << name << " " << method << " " << whole;
      }
    }
    EXPECT_GT(operations, 60u);
  }
}

void collect_references(const OrderedJson& json, std::set<std::string>& names) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (key == "$ref") names.insert(value.get<std::string>());
      collect_references(value, names);
    }
  } else if (json.is_array()) {
    for (const auto& value : json) collect_references(value, names);
  }
}

TEST_P(OpenApiTest, EveryReferenceLeadsToASchemaAndEverySchemaIsUsed) {
  const OrderedJson document = openapi(all_endpoints());
  std::set<std::string> used, known;
  collect_references(document, used);
  for (const auto& [name, schema] : document["components"]["schemas"].items()) {
    known.insert("#/components/schemas/" + name);
  }
  EXPECT_EQ(used, known);
}

// What the schemas say of answers is what the server answers.
TEST_P(OpenApiTest, AnswersHaveTheMembersOfTheirSchemas) {
  const domain::Workspace workspace = make_workspace("w");
  const auto expect_fits = [&](const OrderedJson& answer, const char* name) {
    const OrderedJson& schema = openapi_schemas()[name];
    for (const auto& [key, value] : answer.items()) {
      EXPECT_TRUE(schema["properties"].contains(key)) << name << " has no " << key;
    }
    for (const auto& key : schema["required"]) EXPECT_TRUE(answer.contains(key)) << name << key;
  };
  expect_fits(get("/api/v1/me").body, "User");
  expect_fits(get("/api/me").body, "UserV0");
  expect_fits(get("/api/v1/version").body, "Version");
  expect_fits(get("/api/v1/status").body, "Status");
  expect_fits(get("/api/v1/workspaces/" + workspace.id).body, "Workspace");
  expect_fits(get("/api/attune/v1/me/keys").body["items"][0], "ApiKey");
  expect_fits(post("/api/v1/webhooks",
                   {{"url", "https://example.org/"}, {"events", {"record.created"}}})
                  .body,
              "Webhook");
  expect_fits(get("/api/attune/v1/audit").body["items"][0], "AuditEntry");
  const OrderedJson dataset =
      post("/api/v1/datasets", {{"name", "d"}, {"workspace_id", workspace.id}}).body;
  expect_fits(dataset, "Dataset");
  expect_fits(post("/api/v1/datasets/" + dataset["id"].get<std::string>() + "/fields",
                   {{"name", "text"},
                    {"title", "T"},
                    {"required", true},
                    {"settings", {{"type", "text"}, {"use_markdown", false}}}})
                  .body,
              "Field");
}

TEST(OpenApiNotation, IsReadAsItIsDescribed) {
  EXPECT_EQ(to_line(schema_of("id:uuid name?:text tags:Tag[] about:text? kind:a|b")),
            R"({"type":"object","properties":{"id":{"type":"string","format":"uuid"},)"
            R"("name":{"type":"string"},"tags":{"type":"array","items":{"$ref":)"
            R"("#/components/schemas/Tag"}},"about":{"anyOf":[{"type":"string"},)"
            R"({"type":"null"}]},"kind":{"type":"string","enum":["a","b"]}},)"
            R"("required":["id","tags","about","kind"]})");
  EXPECT_EQ(to_line(schema_of("=int[]")), R"({"type":"array","items":{"type":"integer"}})");
  EXPECT_EQ(to_line(schema_of("=number{}")),
            R"({"type":"object","additionalProperties":{"type":"number"}})");
}

}  // namespace
}  // namespace attune::api
