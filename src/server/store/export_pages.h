// Records with everything that was said about them, page by page in the order of insertion, for
// exports of any length: memory holds one page.
//
// What is stored as JSON stays text: it was written by to_line, so an export that writes it again
// splices it in, which takes a tenth of the time of reading it and writing it anew.
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

inline constexpr int64_t kExportPageRecords = 500;

// An answer as it stands, and what the history says of its last change.
struct ExportedAnswer {
  std::string id, user_id;
  domain::ResponseStatus status = domain::ResponseStatus::kDraft;
  std::string values;  // JSON
  std::string inserted_at, updated_at;
  std::optional<int64_t> guideline_version;
  std::optional<double> seconds_spent;
  std::string shown_order;  // JSON, "null" where nobody said it
};

// What stands above people's answers (store/review.h).
struct ExportedDecision {
  std::string user_id;
  std::string values;  // JSON
  std::optional<std::string> note;
  std::string at;
};

struct ExportedComment {
  std::string id, user_id, text, inserted_at, updated_at;
};

struct ExportedSuggestion {
  std::string question_id;
  std::string value;  // JSON
  std::optional<std::string> type, agent;
  std::string score;  // JSON
};

struct ExportedRecord {
  int64_t position = 0;
  std::string id;
  std::optional<std::string> external_id;
  bool completed = false;
  std::string fields, metadata;  // JSON; metadata may be "null"
  std::string inserted_at, updated_at;
  std::vector<ExportedAnswer> answers;          // in the order of writing
  std::vector<ExportedSuggestion> suggestions;  // in the order of the data set's questions
  std::map<std::string, std::vector<float>> vectors;  // by the vector's name
  std::optional<ExportedDecision> adjudication, gold;
  std::vector<ExportedComment> comments;  // in the order of writing
};

// What is read beside the parts of records, each by a statement of its own.
struct SaidBeside {
  bool adjudications = false, gold = false, comments = false;
};

struct ExportPage {
  std::vector<ExportedRecord> records;           // with the parts that were asked for
  std::map<std::string, std::string> usernames;  // by user id; none for people who were deleted
};

// Up to `limit` records behind the position `after` (0: from the first). An empty page is the end.
// Of `parts` the kinds count, not the persons and vectors that it may name.
Result<ExportPage> export_page(Connection& connection, const domain::Schema& schema, int64_t after,
                               int64_t limit, const RecordParts& parts,
                               const SaidBeside& beside = {});

}  // namespace attune::store
