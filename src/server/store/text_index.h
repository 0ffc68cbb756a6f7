// The words of records, indexed in the transaction that writes the record: what was committed is
// found at once. text_words.h says what a word is, text_query.h how a question is written.
//
// A field's text is the string itself, the contents of all turns of a chat, or every string of a
// custom field; images are not indexed. Fields from the 16th on share one place of the index: a
// question to one of them alone finds the words of all of them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

// The folded words of fields, by name: this part of indexing needs no data base and may be done
// before a write begins, since writes of SQLite stand in one queue.
using FoldedFields = std::vector<std::pair<std::string, std::string>>;
FoldedFields fold_fields(const OrderedJson& fields);

struct TextToIndex {
  int64_t record = 0;                    // its position
  const OrderedJson* fields = nullptr;   // as the record keeps them
  const FoldedFields* folded = nullptr;  // of these fields, where they are folded already
  bool fresh = false;                    // nothing is indexed of it yet
};

// Replaces what is indexed of these records of the schema's data set; quickest in the order of
// their positions.
Status index_texts(Connection& connection, const domain::Schema& schema,
                   std::span<const TextToIndex> texts);
Status unindex_texts(Connection& connection, int64_t dataset, std::span<const int64_t> records);
Status unindex_dataset(Connection& connection, int64_t dataset);

// For an import that leaves the index for later: of the next `limit` records behind the position
// `after`, those whose words the index does not hold, folded.
struct MissingTexts {
  struct One {
    int64_t record = 0;
    OrderedJson fields;
    FoldedFields folded;
  };
  std::vector<One> texts;
  std::optional<int64_t> last;  // the position to go on from; nothing where there are no more
};
Result<MissingTexts> missing_texts(Connection& connection, const domain::Schema& schema,
                                   int64_t after, int64_t limit);
// Indexes those that are still there and still missing: others may have written since they were
// read.
Status index_missing(Connection& connection, const domain::Schema& schema,
                     const MissingTexts& missing);

}  // namespace attune::store
