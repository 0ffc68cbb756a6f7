#include "text/normalizer.h"

#include "text/charsmap.h"
#include "text/growth.h"
#include "text/normalizer_steps.h"
#include "text/unicode_forms.h"

namespace attune::text {
namespace {

constexpr int kSequenceDepthMax = 8;
using Step = std::unique_ptr<Normalizer>;

Result<Step> parse_replace(const Json& section) {
  std::string content = TRY(get_string(section, "content"));
  TRY(check_insert(content, "content"));
  const Json* pattern = find(section, "pattern");
  if (pattern == nullptr) return invalid_input("pattern is missing");
  if (find(*pattern, "String") != nullptr) {
    std::string literal = TRY(get_string(*pattern, "String"));
    if (literal.empty()) return invalid_input("pattern.String is empty");
    return Step(std::make_unique<ReplaceStep>(literal, content));
  }
  std::string source = TRY(get_string(*pattern, "Regex"));
  Regex regex = TRY(Regex::compile(source));
  return Step(std::make_unique<ReplaceStep>(regex, content));
}

Result<Step> parse_step(const std::string& type, const Json& section) {
  if (type == "NFC") return Step(std::make_unique<UnicodeFormStep>(UnicodeForm::kNfc));
  if (type == "NFD") return Step(std::make_unique<UnicodeFormStep>(UnicodeForm::kNfd));
  if (type == "NFKC") return Step(std::make_unique<UnicodeFormStep>(UnicodeForm::kNfkc));
  if (type == "NFKD") return Step(std::make_unique<UnicodeFormStep>(UnicodeForm::kNfkd));
  if (type == "Lowercase") return Step(std::make_unique<LowercaseStep>());
  if (type == "StripAccents") return Step(std::make_unique<StripAccentsStep>());
  if (type == "ByteLevel") return Step(std::make_unique<ByteLevelNormalizer>());
  if (type == "Nmt") return Step(std::make_unique<NmtStep>());
  if (type == "Replace") return parse_replace(section);
  if (type == "Precompiled") {
    std::string base64 = TRY(get_string_or(section, "precompiled_charsmap", ""));
    std::string bytes = TRY(from_base64(base64));
    Charsmap map = TRY(Charsmap::parse(bytes));
    return Step(std::make_unique<PrecompiledStep>(std::move(map)));
  }
  if (type == "Prepend") {
    std::string prefix = TRY(get_string(section, "prepend"));
    TRY(check_insert(prefix, "prepend"));
    return Step(std::make_unique<PrependStep>(prefix));
  }
  if (type == "Strip") {
    bool left = TRY(get_bool_or(section, "strip_left", true));
    bool right = TRY(get_bool_or(section, "strip_right", true));
    return Step(std::make_unique<StripStep>(left, right));
  }
  return unsupported("the type {:?} is not supported", type);
}

Status append_steps(const Json& section, int depth, Normalizers& out) {
  if (depth > kSequenceDepthMax) return invalid_input("Sequences are nested too deeply");
  std::string type = TRY(get_string(section, "type"));
  if (type != "Sequence") {
    auto step = parse_step(type, section);
    if (!step.ok()) return step.error().with_context(type);
    out.push_back(std::move(*step));
    return {};
  }
  const Json* steps = find(section, "normalizers");
  if (steps == nullptr || !steps->is_array()) {
    return invalid_input("normalizers: a Sequence needs a list");
  }
  for (const Json& step : *steps) TRY(append_steps(step, depth + 1, out));
  return {};
}

}  // namespace

Result<Normalizers> parse_normalizer(const Json* section) {
  Normalizers steps;
  if (section == nullptr) return steps;
  auto status = append_steps(*section, 0, steps);
  if (status.ok()) status = check_chain(steps.size(), growth(steps));
  if (!status.ok()) return status.error().with_context("normalizer");
  return steps;
}

double growth(const Normalizers& steps) {
  double product = 1;
  for (const auto& step : steps) product *= step->growth();
  return product;
}

std::string normalize(const Normalizers& steps, std::string_view text) {
  AlignedText aligned(text, 0, false);
  for (const auto& step : steps) step->apply(aligned);
  return std::string(aligned.text());
}

}  // namespace attune::text
