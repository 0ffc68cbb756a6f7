// A data set as it stood at one moment, named by the hash of its content. Pure rules.
//
// The hash is of what was said, not of the ids and times that a server gave: the same records with
// the same answers have the same hash on any server and data base. It is the SHA-256 of the hashes,
// in hexadecimal and one a line, first of the settings (fields, questions, metadata properties),
// then of each record in its order. What is hashed of a record is its row of the export (jsonl)
// without ids, times, comments and gold answers, answers in the order of their annotators' names,
// suggestions in that of their questions, every object with its keys sorted. Vectors are not part
// of it.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/sha256.h"
#include "server/domain/dataset.h"

namespace attune::domain {

struct Snapshot {
  std::string id, dataset_id, name;
  std::string hash;  // 64 hexadecimal digits
  int64_t records = 0, answers = 0;
  int64_t forgotten = 0;  // rows of which something was forgotten since
  std::optional<std::string> author_id;
  std::string inserted_at;
  int64_t position = 0;
};

// Of one row of the jsonl export.
std::string content_hash(const OrderedJson& row);
std::string settings_hash(const Schema& schema);

class SnapshotHash {
 public:
  explicit SnapshotHash(const Schema& schema) { add(settings_hash(schema)); }
  void add(const std::string& hash);
  std::string hex() { return sha_.hex(); }

 private:
  Sha256 sha_;
};

// What stands for a row of which everything was forgotten: {"id", "forgotten": SHA-256 of the
// text}.
std::string forgotten_row(const std::string& record_id, const std::string& text);
// The row without what this person answered: values are {"forgotten": SHA-256}, and the name is
// gone. Nothing where the person said nothing in it. Errors: text that is no row.
Result<std::optional<std::string>> without_person(const std::string& text,
                                                  const std::string& user_id);

}  // namespace attune::domain
