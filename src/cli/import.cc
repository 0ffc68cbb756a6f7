// attune import: published data sets -> rows of examples, with an account of every row.

#include <cstdio>
#include <functional>

#include "base/log.h"
#include "cli/command.h"
#include "cli/rows_io.h"
#include "cli/server_import.h"
#include "cli/store_import.h"
#include "data/import.h"
#include "server/data_directory.h"

namespace attune::cli {
namespace {

constexpr const char* kDetect = "auto";

recipes::Recipe table() {
  recipes::Recipe table{"import", "attune import",
                        "Turns a published data set into rows of examples.", rows_options()};
  table.options.push_back(
      recipes::string("format", kDetect, "layout of the file (below); auto goes by its columns"));
  table.options.push_back(
      recipes::list("languages", nullptr, "keep these only (en, de, ...); oasst"));
  table.options.push_back(
      recipes::string("question", nullptr, "whose answers make the rows; argilla"));
  table.options.push_back(recipes::choice(
      "prompt_style", "chat", {"chat", "alpaca"},
      "instructions as a user's turn, or as one text in Stanford Alpaca's words"));
  table.options.push_back(recipes::boolean(
      "strip_citations", false, "take Wikipedia's marks ([42]) out of contexts; dolly"));
  table.options.push_back(
      recipes::string("source_dataset", nullptr, "name of the data set in \"source\""));
  table.options.push_back(recipes::string("licence", nullptr, "its licence in \"source\""));
  table.options.push_back(
      recipes::string("dataset", nullptr,
                      "a server's data set instead of --output: http://HOST:PORT/WORKSPACE/NAME, "
                      "made when needed; answers become suggestions (key: ATTUNE_API_KEY); with "
                      "data_dir or database_url WORKSPACE/NAME, which must be there"));
  table.options.push_back(recipes::string(
      "data_dir", nullptr, "a server's data directory on this machine: rows go straight into it"));
  table.options.push_back(recipes::string(
      "database_url", nullptr, "the same for a server on postgresql://USER@HOST/NAME"));
  table.options.push_back(recipes::boolean(
      "defer_index", false,
      "with these two: rows are found by their words only after the last is stored"));
  table.options.push_back(
      recipes::boolean("json", false, "the account as JSON; needs --output or --dataset"));
  return table;
}

std::string help() {
  std::string text = recipes::to_help(table()) + "\nformats:\n";
  for (const data::ImportFormat& format : data::import_formats()) {
    text += fmt::format("  {:<24} {}\n", format.name, format.text);
    const data::Source& source = format.source;
    if (source.dataset.empty()) continue;
    text += fmt::format("  {:<24} licence: {}{}{}\n", "",
                        source.licence.empty() ? "none stated" : source.licence,
                        source.generated_by.empty() ? "" : "; written by ", source.generated_by);
  }
  return text;
}

void log_counts(const char* what, const std::map<std::string, data::ImportCount>& counts) {
  for (const auto& [name, one] : counts) {
    log_info("{} {}: {} (first: row {}{}{})", what, one.count, name, one.first_row,
             one.first_detail.empty() ? "" : ": ", one.first_detail);
  }
}

void log_account(const data::ImportFormat& format, bool detected,
                 const data::ImportReport& report) {
  log_info("format {}{}: {} rows read, {} examples written", format.name,
           detected ? " (detected)" : "", report.rows_read, report.examples);
  log_counts("dropped", report.dropped);
  log_counts("noted", report.notes);
  for (const auto& [warning, one] : report.warnings) {
    log_warning("{} ({} examples)", warning, one.count);
  }
}

// Nothing was kept: why, by the commonest reason.
Error nothing_kept(const std::string& place, const data::ImportFormat& format,
                   const data::ImportReport& report) {
  const data::ImportCount* most = nullptr;
  std::string reason = "nothing to compare";
  for (const auto& [name, one] : report.dropped) {
    if (most != nullptr && one.count <= most->count) continue;
    most = &one;
    reason = name;
  }
  std::string first;
  if (most != nullptr) {
    first = fmt::format(" ({} times, first in row {}{}{})", most->count, most->first_row,
                        most->first_detail.empty() ? "" : ": ", most->first_detail);
  }
  return invalid_input("{}: read as {}, no row gives an example: {}{}; see attune import --help",
                       place, format.name, reason, first);
}

data::ImportOptions options_of(const Json& config) {
  data::ImportOptions options;
  if (!config["languages"].is_null()) {
    options.languages = config["languages"].get<std::vector<std::string>>();
  }
  options.dataset = text_of(config, "source_dataset");
  options.licence = text_of(config, "licence");
  options.question = text_of(config, "question");
  options.alpaca_prompt = text_of(config, "prompt_style") == "alpaca";
  options.strip_citations = config["strip_citations"].get<bool>();
  return options;
}

using Write = std::function<Status(const data::Example&)>;

Result<const data::ImportFormat*> read(const std::string& data, const data::ImportFormat* format,
                                       const data::ImportOptions& options, const Write& write,
                                       data::ImportReport& report) {
  if (!is_standard_input(data)) {
    return data::import_rows(data, format, options, write, &report);
  }
  return data::import_rows_in(read_standard_input(), row_place(data), format, options, write,
                              &report);
}

// Where the examples go: a file or standard output, a server's data set, or that in its data base.
struct Target {
  std::unique_ptr<RowWriter> file;
  std::unique_ptr<ServerImport> server;
  std::unique_ptr<StoreImport> store;

  Status add(const data::Example& example) {
    if (store) return store->add(example);
    return server ? server->add(example) : file->write(data::to_json(example));
  }
};

// Nothing where the rows do not go straight into a data base.
Result<std::optional<StoreImportOptions>> store_options(const Json& config) {
  const std::string data_dir = text_of(config, "data_dir");
  const std::string url = text_of(config, "database_url");
  StoreImportOptions options;
  options.defer_index = config["defer_index"].get<bool>();
  if (data_dir.empty() && url.empty()) {
    if (!options.defer_index) return std::optional<StoreImportOptions>();
    return usage_error("--defer_index is for rows that go straight into a data base: name it by "
                       "--data_dir or --database_url");
  }
  const std::string dataset = text_of(config, "dataset");
  const size_t slash = dataset.find('/');
  if (is_address(dataset) || slash == std::string::npos) {
    return usage_error("with --data_dir or --database_url, --dataset is WORKSPACE/NAME");
  }
  options.database_url = TRY(server::existing_database_url_in(data_dir, url));
  options.workspace = dataset.substr(0, slash);
  options.dataset = dataset.substr(slash + 1);
  return std::optional(std::move(options));
}

Result<Target> open_target(const Json& config) {
  const std::string output = text_of(config, "output"), dataset = text_of(config, "dataset");
  if (!dataset.empty() && !output.empty()) {
    return usage_error("--output and --dataset are two places for the rows: name one of them");
  }
  const bool json = config["json"].get<bool>();
  if (json && dataset.empty() && (output.empty() || output == "-")) {
    return usage_error("--json writes the account to standard output: name a file by --output");
  }
  Target target;
  if (const auto options = TRY(store_options(config))) {
    target.store = TRY(StoreImport::open(*options));
  } else if (dataset.empty()) {
    target.file = TRY(RowWriter::open(output));
  } else {
    target.server = TRY(ServerImport::open(dataset));
  }
  return target;
}

// Rows before the one that failed are stored in a data base and stay there.
Error ended_by(const Error& first, Target& target) {
  if (!target.store) return first;
  const Status indexed = target.store->index_stored();
  if (!indexed.ok()) log_warning("words of stored rows: {}", indexed.error().message());
  return first;
}

Status finish(Target& target) {
  if (target.file) return target.file->finish();
  if (target.store) {
    log_info("{} records are stored", TRY(target.store->finish()));
    return {};
  }
  const ServerImport::Account account = TRY(target.server->finish());
  log_info("{} records are on the server{}", account.sent,
           account.in_all ? fmt::format("; {} has {} now", target.server->name(), *account.in_all)
                          : "");
  return {};
}

}  // namespace

Status run_import(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(help().c_str(), stdout);
    return {};
  }
  const Json config = TRY(resolve_flags(table(), arguments));
  const std::string output = text_of(config, "output");
  const std::string dataset = text_of(config, "dataset");
  const bool json = config["json"].get<bool>();
  const std::string format_name = text_of(config, "format");
  const data::ImportFormat* format = nullptr;
  if (format_name != kDetect) format = TRY(data::find_import_format(format_name));
  const data::ImportOptions options = options_of(config);
  const std::string data = text_of(config, "data");
  data::ImportReport report;
  Target target = TRY(open_target(config));
  const auto write = [&target](const data::Example& example) { return target.add(example); };
  const auto rows = read(data, format, options, write, report);
  if (!rows.ok()) return ended_by(rows.error(), target);
  const data::ImportFormat* used = *rows;
  if (report.examples == 0) return nothing_kept(row_place(data), *used, report);
  TRY(finish(target));
  log_account(*used, format == nullptr, report);
  if (json) {
    OrderedJson account = {{"format", used->name}, {"output", dataset.empty() ? output : dataset}};
    account.update(report.to_json());
    fmt::print("{}\n", to_line(account));
  }
  return {};
}

}  // namespace attune::cli
