#include "cli/server_rows.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "cli/server_dataset.h"

namespace attune::cli {
namespace {

// A file name that says where the rows are from: letters, digits, `-_.`, all else `_`.
std::string file_name(const std::string& address) {
  std::string name;
  for (const char c : address.substr(address.find("://") + 3)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    name += plain ? c : '_';
  }
  return name + ".jsonl";
}

bool names_rows(const std::string& option) {
  return option == "dataset_name" || option.ends_with("_dataset_name");
}

bool is_server_address(const Json& name) {
  return name.is_string() && is_address(name.get_ref<const std::string&>());
}

// What stands behind the '?' of an address.
ExportQuery query_of(std::string_view text) {
  ExportQuery query;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view one = text.substr(0, end);
    const size_t equals = std::min(one.find('='), one.size());
    query.emplace_back(one.substr(0, equals),
                       equals < one.size() ? one.substr(equals + 1) : std::string_view());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return query;
}

Result<std::string> fetch(const std::string& address, const std::string& format,
                          const std::string& directory, bool keep) {
  const size_t mark = std::min(address.find('?'), address.size());
  const ServerDataset dataset = TRY(parse_server_dataset(address.substr(0, mark)));
  ExportQuery query =
      query_of(std::string_view(address).substr(std::min(mark + 1, address.size())));
  const bool has_format = std::any_of(query.begin(), query.end(),
                                      [](const auto& one) { return one.first == "format"; });
  if (!has_format) query.emplace_back("format", format);
  const std::string file = join_path(directory, file_name(address));
  if (keep && exists(file)) {
    log_info("{}: rows of the run's beginning, in {}", address, file);
    return file;
  }
  TRY(make_directories(directory));
  TRY(export_dataset(dataset, query, file));
  if (TRY(file_size_bytes(file)) == 0) {
    return invalid_input("{}: nobody has submitted an answer that makes a row of {} yet", address,
                         query.back().second);
  }
  log_info("{}: rows are in {}", address, file);
  return file;
}

}  // namespace

bool names_server(const Json& config) {
  for (const auto& [option, names] : config.items()) {
    if (!names_rows(option) || !names.is_array()) continue;
    if (std::any_of(names.begin(), names.end(), is_server_address)) return true;
  }
  return false;
}

std::string export_format_for(const std::string& recipe) {
  static const std::set<std::string> kOnPrompts = {"ppo", "rloo", "grpo", "reinforce_plus_plus",
                                                   "online_dpo"};
  if (recipe == "sft" || recipe == "spin") return "trl_sft";
  return kOnPrompts.contains(recipe) ? "prompts" : "rankings";
}

Status fetch_server_rows(const std::string& recipe, const std::string& directory, bool keep,
                         Json& config) {
  for (auto& [option, names] : config.items()) {
    if (!names_rows(option) || !names.is_array()) continue;
    for (Json& name : names) {
      if (!is_server_address(name)) continue;
      const std::string format = option == "pretrain_dataset_name" ? "trl_sft"
                                                                   : export_format_for(recipe);
      const auto file = fetch(name.get<std::string>(), format, directory, keep);
      if (!file.ok()) return file.error().with_context(option);
      name = *file;
    }
  }
  return {};
}

}  // namespace attune::cli
