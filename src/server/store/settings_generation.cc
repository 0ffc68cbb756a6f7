#include "server/store/settings_generation.h"

namespace attune::store {
namespace {

constexpr const char* kSelect = "SELECT number FROM settings_generation";

}  // namespace

Result<int64_t> settings_generation(Connection& connection) {
  return TRY(connection.run(kSelect)).at(0).integer(0);
}

Result<int64_t> settings_generation(Database& database) {
  return TRY(database.ask(kSelect)).at(0).integer(0);
}

}  // namespace attune::store
