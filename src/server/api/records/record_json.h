// Records, answers and suggestions as the contract writes them.
#pragma once

#include "base/json.h"
#include "server/domain/record.h"
#include "server/store/records.h"

namespace attune::api {

OrderedJson to_json(const domain::Response& response);
OrderedJson to_json(const domain::Suggestion& suggestion);
// With the keys responses, suggestions and vectors where these parts were asked for.
OrderedJson to_json(const domain::Record& record, const store::RecordParts& parts);

}  // namespace attune::api
