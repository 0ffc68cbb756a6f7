// Records: writing them with all that hangs on them (suggestions, answers, vectors, the tables that
// they are filtered by, the text index) in the caller's transaction, and reading them in pages.
// A page or a batch costs a fixed number of statements, whatever its size.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/domain/record_change.h"
#include "server/store/database.h"
#include "server/store/responses.h"
#include "server/store/text_index.h"

namespace attune::store {

// What is read with a record.
struct RecordParts {
  bool responses = false, suggestions = false, vectors = false;
  std::optional<std::string> responses_of = {};  // of this person only
  std::vector<std::string> vector_names = {};    // these only; none named: all
};

// The record that each change means: by id, else by external id; nothing where it means a new one.
// In the order of the changes, without parts. Records of another data set are not met. Errors:
// kInvalidInput for one whose id and external id are those of two records.
Result<std::vector<std::optional<domain::Record>>> match_records(
    Connection& connection, const domain::Schema& schema,
    std::span<const domain::RecordChange> changes);

// When new records are found by their words: once they are written, or only after index_missing
// (text_index.h), which an import of many asks for at its end.
enum class Indexing { kNow, kLater };

// What a change gives the row and the text index, made before the write begins: on SQLite all other
// writes wait while one is under way.
struct PreparedRecord {
  std::string fields, metadata;  // as the row keeps them; "" where the change has none
  FoldedFields words;
};
PreparedRecord prepare(const domain::RecordChange& change, Indexing indexing = Indexing::kNow);

// A checked change and the record that it changes; no record: a new one.
struct RecordWrite {
  const domain::RecordChange* change = nullptr;
  const domain::Record* existing = nullptr;
  const PreparedRecord* prepared = nullptr;  // of the change, where it is prepared
};

struct WrittenRecord {
  int64_t position = 0;
  std::string id;
  bool is_new = false;
  bool completed_now = false;  // was not, is
};

// Writes all; no record twice. What a record said before is kept (record_history.h), completion is
// recomputed where there are answers. Gives them in order. Errors: kConflict for an external id
// that another record has.
Result<std::vector<WrittenRecord>> write_records(Connection& connection,
                                                 const domain::Schema& schema,
                                                 std::span<const RecordWrite> writes,
                                                 const Authorship& authorship,
                                                 Indexing indexing = Indexing::kNow);

// The records at these positions, in that order, with their parts. Those that are not there are
// left out.
Result<std::vector<domain::Record>> records_at(Connection& connection,
                                               const domain::Schema& schema,
                                               std::span<const int64_t> positions,
                                               const RecordParts& parts);

// A page in the order of insertion.
Result<std::vector<domain::Record>> list_records(Connection& connection,
                                                 const domain::Schema& schema, int64_t offset,
                                                 int64_t limit, const RecordParts& parts);
Result<int64_t> count_records(Connection& connection, const domain::Schema& schema);

// Where the record with this id is.
struct RecordPlace {
  int64_t position = 0;
  std::string dataset_id;
};
Result<std::optional<RecordPlace>> find_record(Connection& connection, const std::string& id);

// Those of these ids that the data set has, without parts, in the order of insertion.
Result<std::vector<domain::Record>> records_with_ids(Connection& connection,
                                                     const domain::Schema& schema,
                                                     std::span<const std::string> ids);

// Deletes records of the data set with all that hangs on them but the history of answers.
Status delete_records(Connection& connection, const domain::Schema& schema,
                      std::span<const domain::Record> records);
// All records of a data set that is being deleted.
Status delete_records_of(Connection& connection, int64_t dataset);

}  // namespace attune::store
