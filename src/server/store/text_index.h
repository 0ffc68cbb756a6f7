// The words of records, indexed in the transaction that writes the record: what was committed is
// found at once. text_words.h says what a word is, text_query.h how a question is written.
//
// A field's text is the string itself, the contents of all turns of a chat, or every string of a
// custom field; images are not indexed. Fields from the 16th on share one place of the index: a
// question to one of them alone finds the words of all of them.
#pragma once

#include <optional>
#include <span>

#include "base/json.h"
#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

struct TextToIndex {
  int64_t record = 0;                    // its position
  const OrderedJson* fields = nullptr;   // as the record keeps them
};

// Replaces what is indexed of these records of the schema's data set.
Status index_texts(Connection& connection, const domain::Schema& schema,
                   std::span<const TextToIndex> texts);
Status unindex_texts(Connection& connection, int64_t dataset, std::span<const int64_t> records);
Status unindex_dataset(Connection& connection, int64_t dataset);

// For an import that leaves the index for later: indexes those of the next `limit` records behind
// the position `after` that have no words in it yet. Gives the position to go on from; nothing when
// there are no more.
Result<std::optional<int64_t>> index_missing_texts(Connection& connection,
                                                   const domain::Schema& schema, int64_t after,
                                                   int64_t limit);

}  // namespace attune::store
