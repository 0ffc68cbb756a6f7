// Reads and writes of the store whose body gives an Answer: a Failure takes back the write and
// reaches the caller as it is.
//
//   return answer_write(call.database(), [&](store::Connection& c) -> Answer<domain::Workspace> {
//     if (TRY(store::find_workspace_named(c, name))) return detail(409, "... is not unique");
//     ...
//   });
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "server/api/answer.h"
#include "server/store/database.h"

namespace attune::api {

namespace transaction_internal {

template <typename Kept, typename Run>
Kept run(Run&& run_body) {
  std::optional<Kept> kept;
  Status status = run_body(kept);
  if (kept && !kept->ok()) return kept->error();
  if (!status.ok()) return Failure(status.error());
  return std::move(*kept);
}

// The store decides by the error whether to run the body again, so it gets the one that was met.
template <typename Kept>
Status outcome(const Kept& kept) {
  if (kept.ok()) return {};
  if (kept.error().cause) return *kept.error().cause;
  return Error(ErrorCode::kInvalidInput, "refused");
}

}  // namespace transaction_internal

template <typename F>
auto answer_read(store::Database& database, F&& body) {
  using Kept = std::invoke_result_t<F, store::Connection&>;
  return transaction_internal::run<Kept>([&](std::optional<Kept>& kept) {
    return database.read([&](store::Connection& connection) -> Status {
      kept.emplace(body(connection));
      return transaction_internal::outcome(*kept);
    });
  });
}

template <typename F>
auto answer_write(store::Database& database, F&& body) {
  using Kept = std::invoke_result_t<F, store::Connection&>;
  return transaction_internal::run<Kept>([&](std::optional<Kept>& kept) {
    return database.write([&](store::Connection& connection) -> Status {
      kept.emplace(body(connection));
      return transaction_internal::outcome(*kept);
    });
  });
}

}  // namespace attune::api
