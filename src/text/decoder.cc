#include "text/decoder.h"

#include <algorithm>

#include "text/decode_stages.h"
#include "text/growth.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

constexpr int kSequenceDepthMax = 8;

class EndStage : public DecodeStage {
 public:
  explicit EndStage(std::string* out) : out_(out) {}
  void push(std::string token) override { out_->append(token); }
  void finish() override {}

 private:
  std::string* out_;
};

bool is_one_char(const std::string& text) {
  return !text.empty() && decode_char(text, 0).length == text.size();
}

}  // namespace

DecodeRun::DecodeRun(std::vector<std::unique_ptr<DecodeStage>> stages)
    : stages_(std::move(stages)) {
  stages_.push_back(std::make_unique<EndStage>(out_.get()));
  for (size_t i = 0; i + 1 < stages_.size(); ++i) stages_[i]->set_next(stages_[i + 1].get());
}

Result<Decoder::Entry> Decoder::parse_entry(const std::string& type, const Json& section) {
  auto entry = [](bool joins, MakeStage make, double growth = 1) {
    return Entry{std::move(make), joins, growth};
  };
  if (type == "ByteLevel") {
    // A byte that belongs to no character becomes U+FFFD.
    return entry(true, [](Mode) { return std::make_unique<ByteLevelStage>(); }, 3);
  }
  if (type == "ByteFallback") {
    return entry(false, [](Mode mode) {
      return std::make_unique<ByteFallbackStage>(mode.streaming);
    });
  }
  if (type == "Fuse") {
    return entry(true, [](Mode mode) { return std::make_unique<FuseStage>(mode.streaming); });
  }
  if (type == "Strip") {
    std::string content = TRY(get_string(section, "content"));
    int64_t start = TRY(get_int_or(section, "start", 0));
    int64_t stop = TRY(get_int_or(section, "stop", 0));
    if (!is_one_char(content)) return invalid_input("content must be one character");
    if (start < 0 || stop < 0) return invalid_input("start and stop must not be negative");
    return entry(false, [=](Mode mode) {
      const bool whole_text = mode.streaming && mode.joined;
      const size_t of_start = whole_text && mode.continues ? 0 : static_cast<size_t>(start);
      return std::make_unique<StripStage>(content, of_start, static_cast<size_t>(stop), whole_text);
    });
  }
  if (type == "Replace") {
    std::string content = TRY(get_string(section, "content"));
    TRY(check_insert(content, "content"));
    const Json* pattern = find(section, "pattern");
    if (pattern == nullptr) return invalid_input("pattern is missing");
    std::string literal;
    std::optional<Regex> regex;
    if (find(*pattern, "String") != nullptr) {
      literal = TRY(get_string(*pattern, "String"));
      if (literal.empty()) return invalid_input("pattern.String is empty");
    } else {
      std::string source = TRY(get_string(*pattern, "Regex"));
      regex = TRY(Regex::compile(source));
    }
    bool local = is_one_char(literal);
    auto shortest_match = static_cast<double>(std::max<size_t>(literal.size(), 1));
    MakeStage make = [=](Mode mode) {
      return std::make_unique<ReplaceStage>(literal, regex, content,
                                            mode.streaming && mode.joined && !local);
    };
    return entry(false, std::move(make),
                 std::max(1.0, static_cast<double>(content.size()) / shortest_match));
  }
  if (type == "Metaspace") {
    std::string replacement = TRY(get_string_or(section, "replacement", "\xE2\x96\x81"));
    bool old_style = TRY(get_bool_or(section, "add_prefix_space", true));
    std::string scheme =
        TRY(get_string_or(section, "prepend_scheme", old_style ? "always" : "never"));
    if (replacement.empty()) return invalid_input("replacement is empty");
    return entry(false, [=](Mode mode) {
      return std::make_unique<MetaspaceStage>(replacement, scheme != "never" && !mode.continues);
    });
  }
  return unsupported("the type {:?} is not supported", type);
}

Status Decoder::append(const Json& section, int depth, std::vector<Entry>& out) {
  if (depth > kSequenceDepthMax) return invalid_input("Sequences are nested too deeply");
  std::string type = TRY(get_string(section, "type"));
  if (type != "Sequence") {
    auto entry = parse_entry(type, section);
    if (!entry.ok()) return entry.error().with_context(type);
    out.push_back(std::move(*entry));
    return {};
  }
  const Json* decoders = find(section, "decoders");
  if (decoders == nullptr || !decoders->is_array()) {
    return invalid_input("decoders: a Sequence needs a list");
  }
  for (const Json& entry : *decoders) TRY(append(entry, depth + 1, out));
  return {};
}

Result<Decoder> Decoder::parse(const Json* section) {
  Decoder decoder;
  if (section == nullptr) {
    decoder.entries_.push_back(
        {[](Mode mode) { return std::make_unique<SpacedStage>(mode.continues); }, false, 1});
    return decoder;
  }
  auto status = append(*section, 0, decoder.entries_);
  double growth = 1;
  for (const Entry& entry : decoder.entries_) growth *= entry.growth;
  if (status.ok()) status = check_chain(decoder.entries_.size(), growth);
  if (!status.ok()) return status.error().with_context("decoder");
  return decoder;
}

DecodeRun Decoder::start(bool streaming, bool continues) const {
  std::vector<std::unique_ptr<DecodeStage>> stages;
  Mode mode{streaming, continues};
  for (const Entry& entry : entries_) {
    stages.push_back(entry.make(mode));
    mode.joined = mode.joined || entry.joins;
  }
  return DecodeRun(std::move(stages));
}

}  // namespace attune::text
