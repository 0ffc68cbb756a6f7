#include "cli/yaml.h"

#include <yaml-cpp/yaml.h>

#include <set>

#include "base/file.h"
#include "text/unicode.h"

namespace attune::cli {
namespace {

constexpr int kYamlDepthMax = 20;

Result<Json> to_json(const YAML::Node& node, int depth, int& nodes_left) {
  if (depth > kYamlDepthMax) return usage_error("YAML is nested deeper than {}", kYamlDepthMax);
  if (--nodes_left < 0) return usage_error("more than {} values in one file", kYamlNodesMax);
  if (node.IsNull()) return Json();
  if (node.IsScalar()) return Json(node.Scalar());
  Json value = node.IsMap() ? Json::object() : Json::array();
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (node.IsMap()) {
      value[it->first.Scalar()] = TRY(to_json(it->second, depth + 1, nodes_left));
    } else {
      value.push_back(TRY(to_json(*it, depth + 1, nodes_left)));
    }
  }
  return value;
}

// Plain text unless YAML would read it as something else.
void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_string()) {
    out << YAML::DoubleQuoted << value.get<std::string>();
  } else if (value.is_array()) {
    out << YAML::Flow << YAML::BeginSeq;
    for (const Json& item : value) emit(out, item);
    out << YAML::EndSeq;
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << to_line(value);
  }
}

}  // namespace

Result<std::vector<recipes::Setting>> read_yaml_settings(const std::string& path) {
  return parse_yaml_settings(TRY(read_file(path, kYamlFileBytesMax)), path);
}

Result<std::vector<recipes::Setting>> parse_yaml_settings(const std::string& bytes,
                                                          const std::string& path) {
  if (text::valid_utf8_prefix(bytes) != bytes.size()) {
    return usage_error("{}: is no UTF-8; save it as UTF-8", path);
  }
  if (bytes.find('\0') != std::string::npos) {  // yaml-cpp makes another byte of it
    return usage_error("{}: holds a NUL byte; it is no text", path);
  }
  std::vector<recipes::Setting> settings;
  std::set<std::string> seen;
  int nodes_left = kYamlNodesMax;
  try {
    YAML::Node root = YAML::Load(bytes);
    if (!root.IsMap()) {
      return usage_error("{}: must be a mapping of options, for example `learning_rate: 2e-5`",
                         path);
    }
    for (const auto& entry : root) {
      std::string where = fmt::format("{}:{}", path, entry.first.Mark().line + 1);
      std::string name = entry.first.Scalar();
      if (!seen.insert(name).second) return usage_error("{}: {} is set twice", where, name);
      Result<Json> value = to_json(entry.second, 0, nodes_left);
      if (!value.ok()) return value.error().with_context(where);
      settings.push_back({name, std::move(value).value(), where});
    }
  } catch (const YAML::Exception& e) {
    return usage_error("{}:{}: not valid YAML: {}", path, e.mark.line + 1, e.msg);
  }
  return settings;
}

std::string to_yaml(const Json& config) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  for (const auto& [name, value] : config.items()) {
    out << YAML::Key << name << YAML::Value;
    emit(out, value);
  }
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace attune::cli
