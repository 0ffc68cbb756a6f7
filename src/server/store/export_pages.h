// Records with everything that was said about them, page by page in the order of insertion, for
// exports of any length: memory holds one page.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/store/database.h"
#include "server/store/records.h"

namespace attune::store {

// What the history says of the answer that stands now.
struct AnswerOrigin {
  std::optional<int64_t> guideline_version;
  std::optional<double> seconds_spent;
  OrderedJson shown_order;
};

struct ExportPage {
  std::vector<domain::Record> records;           // with the parts that were asked for
  std::map<std::string, AnswerOrigin> origins;   // by response id
  std::map<std::string, std::string> usernames;  // by user id; none for people who were deleted
};

// Up to `limit` records behind the position `after` (0: from the first). An empty page is the end.
Result<ExportPage> export_page(Connection& connection, const domain::Schema& schema, int64_t after,
                               int64_t limit, const RecordParts& parts);

}  // namespace attune::store
