#include "server/api/openapi/openapi.h"

#include <algorithm>
#include <cctype>
#include <memory>

#include "server/api/endpoints.h"
#include "server/api/service.h"

namespace attune::api {
namespace {

std::string lower(std::string_view text) {
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return low;
}

// {names} of a pattern, in order.
std::vector<std::string> path_names(const std::string& path) {
  std::vector<std::string> names;
  for (size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
    names.push_back(path.substr(at + 1, path.find('}', at) - at - 1));
  }
  return names;
}

// "get_api_v1_users_user_id"
std::string operation_id(const Endpoint& endpoint) {
  std::string id = lower(http::to_string(endpoint.method));
  for (const char c : endpoint.path) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (!letter && id.back() == '_') continue;
    id += letter ? c : '_';
  }
  while (id.back() == '_') id.pop_back();
  return id;
}

// The first word that says what it is about: "users" of /api/v1/users/{user_id}.
std::string tag_of(const std::string& path) {
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string word = path.substr(begin, end - begin);
    const bool says_nothing = word == "api" || word == "v1" || word == "attune" || word == "me";
    if (!says_nothing && !word.starts_with('{')) return word;
    begin = end + 1;
  }
  return "me";
}

const char* access_name(Access access) {
  switch (access) {
    case Access::kPublic: return "public";
    case Access::kAnyone: return "anyone";
    case Access::kReviewers: return "reviewers";
    case Access::kAdmins: return "admins";
    case Access::kOwners: return "owners";
  }
  return "";
}

// A name stands for a schema of the components.
OrderedJson schema_json(const OrderedJson& schema) {
  if (!schema.is_string()) return schema;
  return {{"$ref", "#/components/schemas/" + schema.get<std::string>()}};
}

OrderedJson content(const char* type, const OrderedJson& schema) {
  return {{type, {{"schema", schema_json(schema)}}}};
}

OrderedJson parameters(const Endpoint& endpoint, const OrderedJson& schema) {
  OrderedJson all = OrderedJson::array();
  for (const std::string& name : path_names(endpoint.path)) {
    OrderedJson type = {{"type", "string"}};
    if (name.ends_with("_id")) type["format"] = "uuid";
    all.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", type}});
  }
  if (!schema.contains("query")) return all;
  const OrderedJson query = schema_of(schema["query"].get<std::string>());
  for (const auto& [name, type] : query["properties"].items()) {
    const OrderedJson needed = query.value("required", OrderedJson::array());
    const bool required = std::find(needed.begin(), needed.end(), name) != needed.end();
    all.push_back({{"name", name}, {"in", "query"}, {"required", required}, {"schema", type}});
  }
  return all;
}

OrderedJson responses(const Endpoint& endpoint, const OrderedJson& schema) {
  OrderedJson all = OrderedJson::object();
  const int status = schema.value("status", 200);
  OrderedJson good = {{"description", status < 300 ? "Done" : "Refused"}};
  if (schema.contains("response")) {
    good["content"] = content("application/json", schema["response"]);
  } else if (schema.contains("type")) {
    good["content"] = content(schema["type"].get<std::string>().c_str(), {{"type", "string"}});
  }
  all[std::to_string(status)] = std::move(good);
  const auto refusal = [&](const char* code, const char* description) {
    if (all.contains(code)) return;
    all[code] = {{"description", description}, {"content", content("application/json", "Refusal")}};
  };
  if (endpoint.access != Access::kPublic) {
    refusal("401", "Nobody is known by these credentials");
    refusal("403", "Not allowed to this user or key");
  }
  if (!path_names(endpoint.path).empty()) refusal("404", "It is not there");
  refusal("422", "The request does not fit its schema, or a rule");
  return all;
}

OrderedJson operation(const Endpoint& endpoint) {
  const std::string route =
      std::string(http::to_string(endpoint.method)) + " " + endpoint.path;
  OrderedJson schema = endpoint.schema.is_null() ? route_schema(route) : endpoint.schema;
  if (schema.is_null()) schema = OrderedJson::object();
  OrderedJson json = {{"operationId", operation_id(endpoint)},
                      {"summary", endpoint.summary},
                      {"tags", OrderedJson::array({tag_of(endpoint.path)})},
                      {"x-attune-access", access_name(endpoint.access)}};
  if (endpoint.access == Access::kPublic) json["security"] = OrderedJson::array();
  OrderedJson names = parameters(endpoint, schema);
  if (!names.empty()) json["parameters"] = std::move(names);
  const bool form = schema.contains("form");
  if (form || schema.contains("body")) {
    json["requestBody"] = {
        {"required", true},
        {"content", form ? content("application/x-www-form-urlencoded", schema["form"])
                         : content("application/json", schema["body"])}};
  }
  json["responses"] = responses(endpoint, schema);
  return json;
}

}  // namespace

OrderedJson openapi(const Endpoints& endpoints) {
  OrderedJson paths = OrderedJson::object();
  for (const Endpoint& endpoint : endpoints) {
    paths[endpoint.path][lower(http::to_string(endpoint.method))] = operation(endpoint);
  }
  const OrderedJson key = {
      {"type", "apiKey"}, {"in", "header"}, {"name", "X-Argilla-Api-Key"}};
  const OrderedJson bearer = {{"type", "http"}, {"scheme", "bearer"}};
  const OrderedJson session = {
      {"type", "apiKey"},
      {"in", "cookie"},
      {"name", "attune_session"},
      {"description", "What changes something also needs the header X-CSRF-Token"}};
  const OrderedJson none = OrderedJson::array();
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Attune"},
            {"description", "The feedback server: Argilla's contract under /api/v1, what goes "
                            "beyond it under /api/attune/v1, and what the 1.x client needs "
                            "without a version"},
            {"version", kContractVersion}}},
          {"security", OrderedJson::array({{{"key", none}}, {{"bearer", none}},
                                           {{"session", none}}})},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", openapi_schemas()},
            {"securitySchemes", {{"key", key}, {"bearer", bearer}, {"session", session}}}}}};
}

void add_openapi_endpoints(Endpoints& endpoints) {
  const auto document = std::make_shared<std::string>();
  const auto serve = [document](const Call&) -> Answer<http::Response> {
    http::Response response;
    response.headers.set("Content-Type", "application/json");
    response.body = *document;
    return response;
  };
  for (const char* path : {"/api/openapi.json", "/api/v1/openapi.json"}) {
    endpoints.push_back({http::Method::kGet, path, Access::kPublic, "This document", serve});
  }
  *document = to_line(openapi(endpoints));
}

}  // namespace attune::api
