// attune backup: a consistent copy of a server's data base, while it serves or not.

#include <cstdio>

#include "base/log.h"
#include "cli/command.h"
#include "cli/rows_io.h"
#include "server/data_directory.h"
#include "server/store/database.h"

namespace attune::cli {
namespace {

recipes::Recipe table() {
  using namespace recipes;
  return {"backup",
          "attune backup",
          "Writes a consistent copy of the feedback server's data base to a file, while it serves "
          "too. To restore it: put it as attune.db into a new data directory.",
          {string("data_dir", "attune-data", "of the server"),
           string("database_url", nullptr,
                  "of a server with another data base; for PostgreSQL names the command to use"),
           string("output", nullptr, "the file to write; one that is there is replaced")}};
}

}  // namespace

Status run_backup(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  const Json config = TRY(resolve_flags(table(), arguments));
  const std::string output = text_of(config, "output");
  if (output.empty()) return usage_error("--output is not set: name the file of the backup");
  store::DatabaseOptions options;
  options.url = TRY(server::existing_database_url_in(text_of(config, "data_dir"),
                                                     text_of(config, "database_url")));
  const auto database = TRY(store::Database::open(options));
  TRY(database->backup(output));
  log_info("{} holds the data base", output);
  return {};
}

}  // namespace attune::cli
