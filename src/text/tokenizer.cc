#include "text/tokenizer.h"

#include <algorithm>

#include "base/file.h"
#include "text/sentencepiece_model.h"
#include "text/tokenizer_state.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

constexpr size_t kTextBytesMax = size_t{1} << 30;

// One encode call: walks a text and collects its ids.
class EncodeRun {
 public:
  EncodeRun(const TokenizerCore& core, const EncodeOptions& options, bool track, Encoding& out)
      : core_(core),
        options_(options),
        track_(track),
        out_(out),
        scratch_(core.scratches.take()) {}
  ~EncodeRun() { core_.scratches.give_back(std::move(scratch_)); }
  EncodeRun(const EncodeRun&) = delete;
  EncodeRun& operator=(const EncodeRun&) = delete;

  void run(std::string_view text) {
    if (options_.add_special_tokens) push_all(core_.post_processor.before, 0);
    std::vector<AddedTokenMatcher::Part> parts;
    split(core_.raw_tokens, text, parts);
    for (const auto& part : parts) {
      if (part.id) {
        push(*part.id, part.span);
      } else {
        encode_part(text.substr(part.span.begin, part.span.end - part.span.begin),
                    part.span.begin);
      }
    }
    auto end = static_cast<uint32_t>(text.size());
    if (options_.add_special_tokens) push_all(core_.post_processor.after, end);
  }

 private:
  void push(int32_t id, Span source) {
    out_.ids.push_back(id);
    if (track_) out_.offsets.emplace_back(source.begin, source.end);
  }
  void push_all(const std::vector<int32_t>& ids, uint32_t at) {
    for (int32_t id : ids) push(id, {at, at});
  }

  void split(const AddedTokenMatcher& matcher, std::string_view text,
             std::vector<AddedTokenMatcher::Part>& parts) const {
    if (matcher.empty()) {
      if (!text.empty()) parts.push_back({{0, static_cast<uint32_t>(text.size())}, std::nullopt});
    } else {
      matcher.split(text, options_.parse_special_tokens, parts);
    }
  }

  // A stretch of text between added tokens that match raw text.
  void encode_part(std::string_view source, uint32_t base) {
    PieceList list{{source, base, track_ || core_.needs_origins}, {}};
    for (const auto& step : core_.normalizers) step->apply(list.text);
    std::vector<AddedTokenMatcher::Part> parts;
    split(core_.normalized_tokens, list.text.text(), parts);
    if (parts.size() == 1 && !parts[0].id) {
      list.pieces.push_back(parts[0].span);
      return encode_pieces(list);
    }
    for (const auto& part : parts) {
      if (part.id) {
        push(*part.id, list.text.source(part.span));
        continue;
      }
      // Pre-tokenizers may rewrite: each stretch gets a text of its own.
      std::string_view stretch =
          list.text.text().substr(part.span.begin, part.span.end - part.span.begin);
      PieceList inner{{stretch, part.span.begin, track_ || core_.needs_origins, &list.text}, {}};
      inner.pieces.push_back({0, static_cast<uint32_t>(stretch.size())});
      encode_pieces(inner);
    }
  }

  void encode_pieces(PieceList& list) {
    for (const auto& step : core_.pre_tokenizers) step->apply(list);
    for (Span piece : list.pieces) {
      tokens_.clear();
      core_.model->encode(list.text.text().substr(piece.begin, piece.end - piece.begin), *scratch_,
                          tokens_);
      for (const ModelToken& token : tokens_) {
        out_.ids.push_back(token.id);
        if (!track_) continue;
        Span span = list.text.source({piece.begin + token.begin, piece.begin + token.end});
        out_.offsets.emplace_back(span.begin, span.end);
      }
    }
  }

  const TokenizerCore& core_;
  const EncodeOptions& options_;
  bool track_;
  Encoding& out_;
  std::unique_ptr<ModelScratch> scratch_;
  std::vector<ModelToken> tokens_;
};

Encoding encode_text(const TokenizerCore& core, std::string_view text,
                     const EncodeOptions& options, bool track) {
  text = text.substr(0, std::min(text.size(), kTextBytesMax));
  Encoding out;
  if (valid_utf8_prefix(text) == text.size()) {
    EncodeRun(core, options, track, out).run(text);
    return out;
  }
  std::vector<uint32_t> origin;
  std::string repaired = replace_invalid(text, &origin);
  EncodeRun(core, options, track, out).run(std::string_view(repaired).substr(0, kTextBytesMax));
  for (auto& [begin, end] : out.offsets) {
    begin = origin[begin];
    end = std::max(begin, origin[end]);
  }
  return out;
}

bool is_special_of(const TokenizerCore& core, int32_t id) {
  auto found = core.added_by_id.find(id);
  return found != core.added_by_id.end() && found->second->special;
}

std::string token_of(const TokenizerCore& core, int32_t id) {
  auto found = core.added_by_id.find(id);
  if (found != core.added_by_id.end()) return found->second->shown;
  return std::string(core.model->vocabulary().token(id));
}

void push_token(const TokenizerCore& core, DecodeRun& run, int32_t id, bool skip_special) {
  bool added = core.added_by_id.contains(id);
  if (!added && !core.model->vocabulary().contains(id)) return;
  if (skip_special && is_special_of(core, id)) return;
  run.push(token_of(core, id));
}

Result<std::optional<std::string>> named_token(const Json& config, const char* key) {
  const Json* value = find(config, key);
  if (value == nullptr) return std::optional<std::string>();
  if (value->is_object()) {
    std::string content = TRY(get_string(*value, "content"));
    return std::optional<std::string>(content);
  }
  std::string content = TRY(get_string(config, key));
  return std::optional<std::string>(content);
}

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const TokenizerState> state) : state_(std::move(state)) {}

Result<Tokenizer> Tokenizer::from_json(const Json& tokenizer_json) {
  return Tokenizer(TRY(build_from_json(tokenizer_json)));
}

Result<Tokenizer> Tokenizer::from_json_file(const std::string& path) {
  Json json = TRY(read_json_file(path));
  auto built = from_json(json);
  if (!built.ok()) return built.error().with_context(path);
  Tokenizer tokenizer = std::move(*built);
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  std::string config_path = join_path(folder, "tokenizer_config.json");
  if (!exists(config_path)) return tokenizer;
  Json config = TRY(read_json_file(config_path));
  SpecialIds ids = tokenizer.state_->special_ids;
  std::pair<const char*, std::optional<int32_t>*> roles[] = {
      {"bos_token", &ids.bos}, {"eos_token", &ids.eos},
      {"pad_token", &ids.pad}, {"unk_token", &ids.unk}};
  for (auto [key, id] : roles) {
    auto name = named_token(config, key);
    if (!name.ok()) return name.error().with_context(config_path);
    if (*name) *id = tokenizer.token_to_id(**name);
  }
  return tokenizer.with_special_ids(ids);
}

Result<Tokenizer> Tokenizer::from_sentencepiece_file(const std::string& path) {
  std::string bytes = TRY(read_file(path));
  auto source = parse_sentencepiece(bytes);
  if (!source.ok()) return source.error().with_context(path);
  auto state = build_from_sentencepiece(*source);
  if (!state.ok()) return state.error().with_context(path);
  return Tokenizer(std::move(*state));
}

Result<Tokenizer> Tokenizer::from_gguf(const GgufVocabulary& vocabulary) {
  return Tokenizer(TRY(build_from_gguf(vocabulary)));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return encode_text(*state_->core, text, options, false).ids;
}

Encoding Tokenizer::encode_with_offsets(std::string_view text, const EncodeOptions& options) const {
  return encode_text(*state_->core, text, options, true);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  DecodeRun run = state_->core->decoder.start(false);
  for (int32_t id : ids) push_token(*state_->core, run, id, skip_special_tokens);
  run.finish();
  return run.take();
}

int64_t Tokenizer::vocabulary_size() const { return state_->core->id_end; }

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  auto added = state_->core->added_ids.find(std::string(token));
  if (added != state_->core->added_ids.end()) return added->second;
  return state_->core->model->vocabulary().find(token);
}

std::string Tokenizer::id_to_token(int32_t id) const { return token_of(*state_->core, id); }
bool Tokenizer::is_special(int32_t id) const { return is_special_of(*state_->core, id); }
std::optional<int32_t> Tokenizer::bos_id() const { return state_->special_ids.bos; }
std::optional<int32_t> Tokenizer::eos_id() const { return state_->special_ids.eos; }
std::optional<int32_t> Tokenizer::pad_id() const { return state_->special_ids.pad; }
std::optional<int32_t> Tokenizer::unk_id() const { return state_->special_ids.unk; }

Tokenizer Tokenizer::with_special_ids(const SpecialIds& ids) const {
  return Tokenizer(std::make_shared<TokenizerState>(TokenizerState{state_->core, ids}));
}

Json Tokenizer::to_json() const {
  const TokenizerCore& core = *state_->core;
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", text::to_json(core.sections.added_tokens)},
          {"normalizer", core.sections.normalizer},
          {"pre_tokenizer", core.sections.pre_tokenizer},
          {"post_processor", core.sections.post_processor},
          {"decoder", core.sections.decoder},
          {"model", core.model->to_json()}};
}

struct StreamDecoder::State {
  std::shared_ptr<const TokenizerCore> core;
  DecodeRun run;
  bool skip_special_tokens;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens, bool continues)
    : state_(new State{tokenizer.state_->core,
                       tokenizer.state_->core->decoder.start(true, continues),
                       skip_special_tokens}) {}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

std::string StreamDecoder::push(int32_t id) {
  push_token(*state_->core, state_->run, id, state_->skip_special_tokens);
  return state_->run.take();
}

std::string StreamDecoder::finish() {
  state_->run.finish();
  return state_->run.take();
}

}  // namespace attune::text
