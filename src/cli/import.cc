// attune import: published data sets -> rows of examples, with an account of every row.

#include <cstdio>

#include "base/log.h"
#include "cli/command.h"
#include "cli/rows_io.h"
#include "data/import.h"

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
      recipes::string("source_dataset", nullptr, "name of the data set in \"source\""));
  table.options.push_back(recipes::string("licence", nullptr, "its licence in \"source\""));
  table.options.push_back(recipes::boolean("json", false, "the account as JSON; needs --output"));
  return table;
}

std::string help() {
  std::string text = recipes::to_help(table()) + "\nformats:\n";
  for (const data::ImportFormat& format : data::import_formats()) {
    text += fmt::format("  {:<24} {}\n", format.name, format.text);
    if (!format.source.licence.empty()) {
      text += fmt::format("  {:<24} licence: {}\n", "", format.source.licence);
    }
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
  if (format.warning[0] != '\0') log_warning("{}: {}", format.source.dataset, format.warning);
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

Result<const data::ImportFormat*> read(const std::string& data, const data::ImportFormat* format,
                                       const data::ImportOptions& options, RowWriter& writer,
                                       data::ImportReport& report) {
  auto write = [&writer](const data::Example& example) {
    return writer.write(data::to_json(example));
  };
  if (!is_standard_input(data)) {
    return data::import_rows(data, format, options, write, &report);
  }
  return data::import_rows_in(read_standard_input(), row_place(data), format, options, write,
                              &report);
}

}  // namespace

Status run_import(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(help().c_str(), stdout);
    return {};
  }
  const Json config = TRY(resolve_flags(table(), arguments));
  const std::string output = text_of(config, "output");
  const bool json = config["json"].get<bool>();
  if (json && (output.empty() || output == "-")) {
    return usage_error("--json writes the account to standard output: name a file by --output");
  }
  const std::string format_name = text_of(config, "format");
  const data::ImportFormat* format = nullptr;
  if (format_name != kDetect) format = TRY(data::find_import_format(format_name));
  data::ImportOptions options;
  if (!config["languages"].is_null()) {
    options.languages = config["languages"].get<std::vector<std::string>>();
  }
  options.dataset = text_of(config, "source_dataset");
  options.licence = text_of(config, "licence");
  const std::string data = text_of(config, "data");
  data::ImportReport report;
  auto writer = TRY(RowWriter::open(output));
  const data::ImportFormat* used = TRY(read(data, format, options, *writer, report));
  if (report.examples == 0) return nothing_kept(row_place(data), *used, report);
  TRY(writer->finish());
  log_account(*used, format == nullptr, report);
  if (json) {
    OrderedJson account = {{"format", used->name}, {"output", output}};
    account.update(report.to_json());
    fmt::print("{}\n", to_line(account));
  }
  return {};
}

}  // namespace attune::cli
