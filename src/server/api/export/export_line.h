// The line of a whole record: form jsonl of an export. Pure.
#pragma once

#include <string>

#include "server/api/export/export_rows.h"

namespace attune::api {

// Whether an export of this plan holds the answer.
bool is_wanted(const ExportPlan& plan, const store::ExportedAnswer& answer);
// The name of a person; their id when they were deleted.
const std::string& name_of(const store::ExportPage& page, const std::string& user_id);

// Appends the line with its end: members and numbers as to_line would write them. "adjudication",
// "gold", "comments" and "vectors" are there where the record has any.
void append_whole_record(const domain::Schema& schema, const ExportPlan& plan,
                         const store::ExportPage& page, const store::ExportedRecord& record,
                         std::string& out);

}  // namespace attune::api
