// Writes rows of the append-only history; read by store/responses.h.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/responses.h"

namespace attune::store {

// How an answer came about, as far as the client or a lease told.
struct AnswerOrigin {
  std::optional<double> seconds_spent;
  OrderedJson shown_order = nullptr;
};

// Collects rows of one data set and author, stamped with the guideline version that stands now.
class HistoryWriter {
 public:
  static Result<HistoryWriter> of(Connection& connection, int64_t dataset,
                                  const Authorship& authorship);
  // Where it is known; 0: the data set has none.
  HistoryWriter(int64_t dataset, Authorship authorship, int64_t guideline_version)
      : dataset_(dataset),
        authorship_(std::move(authorship)),
        guideline_version_(guideline_version > 0 ? Value(guideline_version) : Value(nullptr)) {}
  // What the answer is after `action`; of a deleted one, what it was.
  void add(std::string_view action, const domain::Response& response,
           const AnswerOrigin& origin = {});
  // An answer that is again what it was in `restored`: given under that one's guidelines, in its
  // time and order, with its client. Only the author is the one who took the change back.
  void add_undone(const domain::Response& response, const HistoryEntry& restored);
  Status write(Connection& connection);

 private:
  void add_row(std::string_view action, const domain::Response& response,
               const AnswerOrigin& origin, Value guideline_version, Value client);

  int64_t dataset_;
  Authorship authorship_;
  Value guideline_version_;
  std::vector<Value> rows_;
};

// What the last row of each of these answers says of its origin, by response id.
Result<std::map<std::string, AnswerOrigin>> origins_of(Connection& connection,
                                                       std::span<const Value> response_ids);

// The place in `entries` (of one answer, oldest first) of the state that stands at their end, or
// nothing when the answer does not exist then. `undone`: the state before the last change that was
// not taken back. Nothing at all is left to take back: `changes` is 0.
struct HistoryState {
  std::optional<size_t> entry;
  size_t changes = 0;  // that were not taken back
};
HistoryState state_after(std::span<const HistoryEntry> entries);
HistoryState state_before_last(std::span<const HistoryEntry> entries);

}  // namespace attune::store
