// openapi.json (OpenAPI 3.1) made from the table of endpoints: what is not in the table is not in
// it, and the other way round. Bodies and answers are named schemas, written once in a short
// notation (openapi_schemas.cc).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/api/endpoint.h"

namespace attune::api {

// The whole document. A route's query, body and answer come from Endpoint::schema or, where that is
// null, from the table in openapi_routes.cc.
OrderedJson openapi(const Endpoints& endpoints);

// "components/schemas": all named schemas.
const OrderedJson& openapi_schemas();
// Of the notation, "id:uuid name?:text tags:text[] description:text? settings:any" (see there).
OrderedJson schema_of(std::string_view members);

// What openapi_routes.cc knows of a route "GET /api/v1/me", null for nothing.
OrderedJson route_schema(std::string_view route);
// The routes that it names, for the test that each is in the table.
std::vector<std::string> described_routes();

}  // namespace attune::api
