#include "text/pre_tokenizer.h"

#include "text/byte_level.h"
#include "text/growth.h"
#include "text/split_steps.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

constexpr int kSequenceDepthMax = 8;

bool starts_with(const PieceList& list, Span piece, std::string_view prefix) {
  return list.text.text().substr(piece.begin, piece.end - piece.begin).starts_with(prefix);
}

class ByteLevelStep : public PreTokenizer {
 public:
  ByteLevelStep(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}

  void apply(PieceList& list) const override {
    if (add_prefix_space_) put_space_before(list);
    if (use_regex_) cut_pieces(list, SplitPattern::kGpt2);
    if (!raw_) spell_bytes(list);
  }
  bool writes_byte_level() const override { return true; }
  void leave_bytes_raw() override { raw_ = true; }
  double growth() const override { return add_prefix_space_ ? 4 : 2; }

 private:
  static void put_space_before(PieceList& list) {
    bool wanted = false;
    for (Span piece : list.pieces) wanted = wanted || !starts_with(list, piece, " ");
    if (!wanted) return;
    Rewrite rewrite(list.text);
    for (Span& piece : list.pieces) {
      uint32_t begin = rewrite.size();
      if (!starts_with(list, piece, " ")) rewrite.replace(piece.begin, piece.begin, " ");
      rewrite.copy(piece.begin, piece.end);
      piece = {begin, rewrite.size()};
    }
    rewrite.finish();
  }

  static void spell_bytes(PieceList& list) {
    Rewrite rewrite(list.text);
    for (Span& piece : list.pieces) {
      uint32_t begin = rewrite.size();
      for (uint32_t at = piece.begin; at < piece.end; ++at) {
        rewrite.replace(at, at + 1,
                        byte_level_char(static_cast<uint8_t>(list.text.text()[at])));
      }
      piece = {begin, rewrite.size()};
    }
    rewrite.finish();
  }

  bool add_prefix_space_;
  bool use_regex_;
  bool raw_ = false;
};

enum class PrependScheme { kAlways, kFirst, kNever };

class MetaspaceStep : public PreTokenizer {
 public:
  MetaspaceStep(std::string replacement, PrependScheme scheme, bool split)
      : replacement_(std::move(replacement)), scheme_(scheme), split_(split) {}

  void apply(PieceList& list) const override {
    Rewrite rewrite(list.text);
    for (Span& piece : list.pieces) {
      uint32_t begin = rewrite.size();
      bool marked = starts_with(list, piece, " ") || starts_with(list, piece, replacement_);
      bool wanted = scheme_ == PrependScheme::kAlways ||
                    (scheme_ == PrependScheme::kFirst &&
                     list.text.source({piece.begin, piece.begin + 1}).begin == 0);
      if (wanted && !marked) rewrite.replace(piece.begin, piece.begin, replacement_);
      uint32_t done = piece.begin;
      for (uint32_t at = piece.begin; at < piece.end; ++at) {
        if (list.text.text()[at] != ' ') continue;
        rewrite.copy(done, at);
        rewrite.replace(at, at + 1, replacement_);
        done = at + 1;
      }
      rewrite.copy(done, piece.end);
      piece = {begin, rewrite.size()};
    }
    rewrite.finish();
    if (split_) SplitStep(replacement_, Delimiter::kMergedWithNext, false).apply(list);
  }
  bool looks_at_origin() const override { return scheme_ == PrependScheme::kFirst; }
  double growth() const override { return 2 * static_cast<double>(replacement_.size()); }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

Result<Delimiter> parse_delimiter(const Json& section) {
  std::string name = TRY(get_string_or(section, "behavior", "Isolated"));
  if (name == "Removed") return Delimiter::kRemoved;
  if (name == "Isolated") return Delimiter::kIsolated;
  if (name == "MergedWithPrevious") return Delimiter::kMergedWithPrevious;
  if (name == "MergedWithNext") return Delimiter::kMergedWithNext;
  if (name == "Contiguous") return Delimiter::kContiguous;
  return invalid_input("behavior {:?} is none of Removed, Isolated, MergedWithPrevious, "
                       "MergedWithNext, Contiguous", name);
}

Result<std::unique_ptr<PreTokenizer>> parse_split(const Json& section) {
  Delimiter behavior = TRY(parse_delimiter(section));
  bool invert = TRY(get_bool_or(section, "invert", false));
  const Json* pattern = find(section, "pattern");
  if (pattern == nullptr) return invalid_input("pattern is missing");
  if (find(*pattern, "String") != nullptr) {
    std::string literal = TRY(get_string(*pattern, "String"));
    if (literal.empty()) return invalid_input("pattern.String is empty");
    return std::unique_ptr<PreTokenizer>(
        std::make_unique<SplitStep>(literal, behavior, invert));
  }
  std::string regex = TRY(get_string(*pattern, "Regex"));
  if (auto known = find_split_pattern(regex)) {
    return std::unique_ptr<PreTokenizer>(std::make_unique<SplitStep>(*known, behavior, invert));
  }
  return std::unique_ptr<PreTokenizer>(
      std::make_unique<SplitStep>(TRY(Regex::compile(regex)), behavior, invert));
}

Result<std::unique_ptr<PreTokenizer>> parse_metaspace(const Json& section) {
  std::string replacement = TRY(get_string_or(section, "replacement", "\xE2\x96\x81"));
  if (replacement.empty()) return invalid_input("replacement is empty");
  TRY(check_insert(replacement, "replacement"));
  bool old_style = TRY(get_bool_or(section, "add_prefix_space", true));
  std::string scheme =
      TRY(get_string_or(section, "prepend_scheme", old_style ? "always" : "never"));
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return invalid_input("prepend_scheme {:?} is none of always, first, never", scheme);
  }
  PrependScheme parsed = scheme == "always"  ? PrependScheme::kAlways
                         : scheme == "first" ? PrependScheme::kFirst
                                             : PrependScheme::kNever;
  return std::unique_ptr<PreTokenizer>(std::make_unique<MetaspaceStep>(
      std::move(replacement), parsed, TRY(get_bool_or(section, "split", true))));
}

Result<std::unique_ptr<PreTokenizer>> parse_step(const std::string& type, const Json& section) {
  auto made = [](auto step) -> std::unique_ptr<PreTokenizer> { return step; };
  if (type == "ByteLevel") {
    return made(std::make_unique<ByteLevelStep>(TRY(get_bool_or(section, "add_prefix_space", true)),
                                                TRY(get_bool_or(section, "use_regex", true))));
  }
  if (type == "Split") return parse_split(section);
  if (type == "Metaspace") return parse_metaspace(section);
  if (type == "Digits") {
    bool individual = TRY(get_bool_or(section, "individual_digits", false));
    return made(std::make_unique<ClassStep>(
        kNumeric, individual ? Delimiter::kIsolated : Delimiter::kContiguous));
  }
  if (type == "Punctuation") {
    return made(std::make_unique<ClassStep>(kSymbol, TRY(parse_delimiter(section))));
  }
  if (type == "Whitespace") return made(std::make_unique<WhitespaceStep>());
  if (type == "WhitespaceSplit") {
    return made(std::make_unique<ClassStep>(kSpace, Delimiter::kRemoved));
  }
  if (type == "CharDelimiterSplit") {
    std::string delimiter = TRY(get_string(section, "delimiter"));
    if (delimiter.empty()) return invalid_input("delimiter is empty");
    return made(std::make_unique<SplitStep>(delimiter, Delimiter::kRemoved, false));
  }
  return unsupported("the type {:?} is not supported", type);
}

Status append_steps(const Json& section, int depth, PreTokenizers& out) {
  if (depth > kSequenceDepthMax) return invalid_input("Sequences are nested too deeply");
  std::string type = TRY(get_string(section, "type"));
  if (type != "Sequence") {
    auto step = parse_step(type, section);
    if (!step.ok()) return step.error().with_context(type);
    out.push_back(std::move(*step));
    return {};
  }
  const Json* steps = find(section, "pretokenizers");
  if (steps == nullptr || !steps->is_array()) {
    return invalid_input("pretokenizers: a Sequence needs a list");
  }
  for (const Json& step : *steps) TRY(append_steps(step, depth + 1, out));
  return {};
}

}  // namespace

Result<PreTokenizers> parse_pre_tokenizer(const Json* section) {
  PreTokenizers steps;
  if (section == nullptr) return steps;
  auto status = append_steps(*section, 0, steps);
  if (status.ok()) status = check_chain(steps.size(), growth(steps));
  if (!status.ok()) return status.error().with_context("pre_tokenizer");
  return steps;
}

double growth(const PreTokenizers& steps) {
  double product = 1;
  for (const auto& step : steps) product *= step->growth();
  return product;
}

}  // namespace attune::text
