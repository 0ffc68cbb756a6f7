#include "text/post_processor.h"

#include "text/vocabulary.h"

namespace attune::text {
namespace {

constexpr int kSequenceDepthMax = 8;

Result<int32_t> checked_id(const Json& value, const char* key) {
  if (!value.is_number_integer()) return invalid_input("{}: must be an id", key);
  auto id = value.get<int64_t>();
  if (id < 0 || id >= Vocabulary::kIdEnd) {
    return invalid_input("{}: id {} is out of range", key, id);
  }
  return static_cast<int32_t>(id);
}

Status append_special(const Json& section, const Json& item, std::vector<int32_t>& out) {
  std::string name = TRY(get_string(item, "id"));
  const Json* tokens = find(section, "special_tokens");
  const Json* token = tokens == nullptr ? nullptr : find(*tokens, name);
  const Json* ids = token == nullptr ? nullptr : find(*token, "ids");
  if (ids == nullptr || !ids->is_array()) {
    return invalid_input("special_tokens: {:?} of the template is missing or has no ids", name);
  }
  for (const Json& id : *ids) out.push_back(TRY(checked_id(id, "special_tokens.ids")));
  return {};
}

Result<PostProcessor> parse_template(const Json& section) {
  const Json* single = find(section, "single");
  if (single == nullptr || !single->is_array()) return invalid_input("single: must be a list");
  PostProcessor result;
  bool seen_text = false;
  for (const Json& item : *single) {
    if (const Json* special = find(item, "SpecialToken")) {
      TRY(append_special(section, *special, seen_text ? result.after : result.before));
    } else if (find(item, "Sequence") != nullptr && !seen_text) {
      seen_text = true;
    } else {
      return invalid_input("single: entries are SpecialToken, and Sequence once");
    }
  }
  if (!seen_text) return invalid_input("single: has no Sequence, so that the text would be lost");
  return result;
}

Result<int32_t> paired_id(const Json& section, const char* key) {
  const Json* pair = find(section, key);
  if (pair == nullptr || !pair->is_array() || pair->size() != 2) {
    return invalid_input("{}: must be [token, id]", key);
  }
  return checked_id((*pair)[1], key);
}

Result<PostProcessor> parse_one(const Json& section, int depth) {
  if (depth > kSequenceDepthMax) return invalid_input("Sequences are nested too deeply");
  std::string type = TRY(get_string(section, "type"));
  PostProcessor result;
  if (type == "ByteLevel") return result;  // trims offsets only
  if (type == "TemplateProcessing") return parse_template(section);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    result.before = {TRY(paired_id(section, "cls"))};
    result.after = {TRY(paired_id(section, "sep"))};
    return result;
  }
  if (type != "Sequence") return unsupported("the type {:?} is not supported", type);
  const Json* processors = find(section, "processors");
  if (processors == nullptr || !processors->is_array()) {
    return invalid_input("processors: a Sequence needs a list");
  }
  for (const Json& processor : *processors) {
    PostProcessor outer = TRY(parse_one(processor, depth + 1));
    result.before.insert(result.before.begin(), outer.before.begin(), outer.before.end());
    result.after.insert(result.after.end(), outer.after.begin(), outer.after.end());
  }
  return result;
}

}  // namespace

Result<PostProcessor> parse_post_processor(const Json* section) {
  if (section == nullptr) return PostProcessor{};
  auto result = parse_one(*section, 0);
  if (!result.ok()) return result.error().with_context("post_processor");
  return result;
}

}  // namespace attune::text
