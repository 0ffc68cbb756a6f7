#include "server/api/records/record_parts.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace attune::api {
namespace {

constexpr size_t kClientBytesMax = 200;

Failure unknown_part(size_t index, const std::string& part) {
  return detail(
      422, fmt::format("1 validation error for RecordIncludeParam\nkeys.{}\n  Input should be "
                       "'responses', 'suggestions' or 'vectors' [type=enum, input_value='{}', "
                       "input_type=str]\n    For further information visit "
                       "https://errors.pydantic.dev/2.9/v/enum",
                       index, part));
}

void add_names(std::string_view names, std::vector<std::string>& all) {
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    if (comma > 0) all.emplace_back(names.substr(0, comma));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
}

}  // namespace

Answer<store::RecordParts> read_parts(const http::Query& query) {
  store::RecordParts parts;
  const std::vector<std::string> includes = query.all("include");
  for (size_t i = 0; i < includes.size(); ++i) {
    const std::string& part = includes[i];
    if (part == "responses") {
      parts.responses = true;
    } else if (part == "suggestions") {
      parts.suggestions = true;
    } else if (part == "vectors") {
      parts.vectors = true;
      parts.vector_names.clear();
    } else if (part.starts_with("vectors:")) {
      parts.vectors = true;
      add_names(std::string_view(part).substr(8), parts.vector_names);
    } else {
      return unknown_part(i, part);
    }
  }
  return parts;
}

Answer<PageQuery> read_page(const http::Query& query) {
  const OrderedJson json = query_json(query);
  SchemaReader reader(json, "query");
  PageQuery page;
  page.offset = reader.integer_or("offset", 0, {.ge = 0});
  page.limit = reader.integer_or("limit", 50, {.ge = 1, .le = 1000});
  TRY(reader.done());
  return page;
}

store::Authorship authorship_of(const Call& call) {
  store::Authorship authorship;
  authorship.author_id = call.user ? call.user->id : "";
  const std::string* client = call.request.headers.find("X-Attune-Client");
  if (client == nullptr) client = call.request.headers.find("User-Agent");
  if (client != nullptr) authorship.client = client->substr(0, kClientBytesMax);
  return authorship;
}

}  // namespace attune::api
