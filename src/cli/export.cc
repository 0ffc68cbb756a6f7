// attune export: a feedback server's data set -> rows of a file.

#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/rows_io.h"
#include "cli/server_dataset.h"

namespace attune::cli {
namespace {

recipes::Recipe table() {
  recipes::Recipe table{"export", "attune export",
                        "Writes what people said about a server's data set to a file.", {}};
  table.options = {
      recipes::string("dataset", nullptr,
                      "http://HOST:PORT/WORKSPACE/DATASET; the key is that of ATTUNE_API_KEY"),
      recipes::choice("format", "jsonl",
                      {"jsonl", "csv", "trl_sft", "trl_preference", "rankings", "trl_unpaired",
                       "prompts"},
                      "jsonl and csv hold everything; the others are rows for training"),
      recipes::string("question", nullptr, "whose answers make the rows; default: the first fit"),
      recipes::string("prompt", nullptr, "field of the prompt; default: prompt, instruction, ..."),
      recipes::string("completion", nullptr,
                      "field of the answer (trl_unpaired); default: response, completion, ..."),
      recipes::list("positive", nullptr,
                    "labels that mean a good answer (trl_unpaired); default: yes, good, ..."),
      recipes::list("negative", nullptr, "labels that mean a bad one; default: all others"),
      recipes::choice("answers", "adjudicated", {"adjudicated", "annotators"},
                      "whether a reviewer's decision stands in place of people's answers"),
      recipes::string("rule", nullptr, "which pairs a ranking makes (trl_preference)"),
      recipes::string("ties", nullptr, "what tied answers make: skip or half (trl_preference)"),
      recipes::list("status", nullptr,
                    "answers to take: submitted (for training alone), draft, discarded"),
      recipes::string("output", nullptr,
                      "file for the rows, Parquet where it is NAME.parquet; default stdout")};
  return table;
}

// The exported lines once more, as a table. What is wrong with its name is said before they come.
Status export_parquet(const ServerDataset& dataset, const ExportQuery& query,
                      const std::string& output) {
  const auto writer = TRY(RowWriter::open(output));
  const auto directory = TRY(TemporaryDirectory::create());
  const std::string lines = directory->file("rows");
  TRY(export_dataset(dataset, query, lines));
  TRY(data::for_each_row(
      lines, [&writer](data::Row row) { return writer->write(row.value); },
      [&lines](int64_t number, const Error& error) -> Status {
        return error.with_context(row_place(lines, number));
      }));
  return writer->finish();
}

Status print(const std::string& file) {
  const std::string bytes = TRY(read_file(file));
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) {
    return io_error("standard output: cannot write: is the disk full?");
  }
  return {};
}

}  // namespace

Status run_export(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  const Json config = TRY(resolve_flags(table(), arguments));
  const std::string address = text_of(config, "dataset");
  if (address.empty()) {
    return usage_error("--dataset is not set: name http://HOST:PORT/WORKSPACE/DATASET");
  }
  const ServerDataset dataset = TRY(parse_server_dataset(address));
  ExportQuery query;
  for (const char* name :
       {"format", "question", "prompt", "completion", "answers", "rule", "ties"}) {
    query.emplace_back(name, text_of(config, name));
  }
  for (const char* name : {"status", "positive", "negative"}) {
    if (config[name].is_null()) continue;
    for (const Json& one : config[name]) query.emplace_back(name, one.get<std::string>());
  }
  const std::string output = text_of(config, "output");
  if (is_standard_input(output)) {
    const auto directory = TRY(TemporaryDirectory::create());
    TRY(export_dataset(dataset, query, directory->file("rows")));
    return print(directory->file("rows"));
  }
  TRY(data::names_parquet(output) ? export_parquet(dataset, query, output)
                                  : export_dataset(dataset, query, output));
  std::error_code none;
  if (std::filesystem::is_regular_file(output, none)) {
    log_info("{} holds {}", output, address);
  } else {  // a device, which keeps nothing
    log_info("{}: written to {}", address, output);
  }
  return {};
}

}  // namespace attune::cli
