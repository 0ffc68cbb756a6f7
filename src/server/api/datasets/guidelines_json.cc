#include "server/api/datasets/guidelines_json.h"

#include <charconv>

#include "server/api/or_null.h"
#include "server/domain/guidelines.h"

namespace attune::api {
namespace {

OrderedJson section_json(const domain::GuidelineSection& section) {
  OrderedJson examples = OrderedJson::array();
  for (const domain::GuidelineExample& one : section.examples) {
    examples.push_back({{"good", one.good}, {"text", one.text}});
  }
  return {{"title", section.title},
          {"level", section.level},
          {"text", section.text},
          {"examples", std::move(examples)}};
}

const char* name_of(domain::SectionChange change) {
  switch (change) {
    case domain::SectionChange::kSame: return "same";
    case domain::SectionChange::kChanged: return "changed";
    case domain::SectionChange::kAdded: return "added";
    case domain::SectionChange::kRemoved: return "removed";
  }
  return "";
}

const char* name_of(domain::LineChange change) {
  switch (change) {
    case domain::LineChange::kKept: return "kept";
    case domain::LineChange::kAdded: return "added";
    case domain::LineChange::kRemoved: return "removed";
  }
  return "";
}

}  // namespace

Answer<int64_t> path_version(const Call& call) {
  auto found = call.request.path_values.find("version");
  CHECK(found != call.request.path_values.end(), "no {{version}} in the path");
  const std::string& text = found->second;
  int64_t version = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (problem != std::errc() || end != text.data() + text.size() || version < 1) {
    return schema_failure({{"int_parsing", OrderedJson::array({"path", "version"}),
                            "Input should be a valid integer greater than 0"}});
  }
  return version;
}

OrderedJson guideline_version_json(const store::GuidelineVersion& version) {
  return {
      {"version", version.version}, {"author_id", or_null(version.author_id)}, {"at", version.at}};
}

OrderedJson guideline_text_json(const store::GuidelineVersion& version) {
  OrderedJson json = guideline_version_json(version);
  json["text"] = version.text;
  json["sections"] = OrderedJson::array();
  for (const auto& section : domain::guideline_sections(version.text)) {
    json["sections"].push_back(section_json(section));
  }
  return json;
}

OrderedJson guideline_changes_json(std::string_view before, std::string_view after) {
  OrderedJson sections = OrderedJson::array();
  for (const auto& section : domain::guideline_changes(before, after)) {
    OrderedJson lines = OrderedJson::array();
    if (section.change != domain::SectionChange::kSame) {
      for (const auto& line : section.lines) {
        lines.push_back({{"change", name_of(line.change)}, {"text", line.text}});
      }
    }
    sections.push_back({{"change", name_of(section.change)},
                        {"title", section.title},
                        {"lines", std::move(lines)}});
  }
  return sections;
}

}  // namespace attune::api
