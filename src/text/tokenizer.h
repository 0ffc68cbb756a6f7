// Tokenizers: text to ids and back, from a tokenizer.json (Hugging Face `tokenizers`), from GGUF
// metadata, or from a SentencePiece .model file. Ids are those of the reference libraries:
// `tokenizers` 0.23 for tokenizer.json, llama.cpp's vectors for GGUF, sentencepiece for .model
// files.
//
// A text goes through: added tokens that match raw text -> normaliser -> added tokens that match
// normalised text -> pre-tokenizer -> model (BPE, or Unigram) -> post-processor. Padding and
// truncation sections of a tokenizer.json are not applied: encode always gives the whole text.
//
// Bytes that are no UTF-8 are read as U+FFFD, one for each maximal ill-formed sequence (Unicode
// §3.9, as browsers do); offsets still count bytes of the text as given. Texts are cut at 1 GiB.
//
// A Tokenizer is immutable, cheap to copy (shared state) and may be used from many threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/gguf_vocabulary.h"

namespace attune::text {

struct EncodeOptions {
  bool add_special_tokens = true;    // what the post-processor adds: BOS, EOS, [CLS], ...
  bool parse_special_tokens = true;  // "<|im_start|>" in the text becomes its id
};

struct Encoding {
  std::vector<int32_t> ids;
  // For each id the bytes [first, second) of the text that it came from; spaces that belong to a
  // token are part of it, ids that share a character hold just their bytes of it, and tokens that
  // the post-processor added have an empty range.
  std::vector<std::pair<uint32_t, uint32_t>> offsets;
};

// Ids of tokens with a role. tokenizer.json names none of them; see from_json_file.
struct SpecialIds {
  std::optional<int32_t> bos, eos, pad, unk;
};

struct TokenizerState;

class Tokenizer {
 public:
  // The contents of a tokenizer.json. Errors name the key: kInvalidInput for what is wrong,
  // kUnsupported for what is valid but not supported (WordPiece and WordLevel models, BPE dropout).
  // Roles: BOS and EOS are what the post-processor puts first and last, UNK the model's.
  static Result<Tokenizer> from_json(const Json& tokenizer_json);

  // The same from a file. A tokenizer_config.json beside it names bos, eos, pad and unk tokens.
  static Result<Tokenizer> from_json_file(const std::string& path);

  // Models "gpt2" (byte-level BPE with the pre-tokenizer that `pre` names), "llama" (SentencePiece
  // BPE with byte fallback) and "t5" (SentencePiece Unigram).
  static Result<Tokenizer> from_gguf(const GgufVocabulary& vocabulary);

  // A SentencePiece .model file (BPE or Unigram). As SentencePiece itself, adds no BOS or EOS.
  static Result<Tokenizer> from_sentencepiece_file(const std::string& path);

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;
  Encoding encode_with_offsets(std::string_view text, const EncodeOptions& options = {}) const;

  // Ids outside of the vocabulary are passed over. The result is UTF-8: incomplete or invalid byte
  // sequences become U+FFFD.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  int64_t vocabulary_size() const;  // highest id + 1
  std::optional<int32_t> token_to_id(std::string_view token) const;
  std::string id_to_token(int32_t id) const;  // "" for an id that names no token
  bool is_special(int32_t id) const;

  std::optional<int32_t> bos_id() const;
  std::optional<int32_t> eos_id() const;
  std::optional<int32_t> pad_id() const;
  std::optional<int32_t> unk_id() const;
  // The same tokenizer with other roles (a model folder's generation_config knows better).
  Tokenizer with_special_ids(const SpecialIds& ids) const;

  // A tokenizer.json that the `tokenizers` package opens and that gives the same ids, also for a
  // tokenizer from GGUF. Of a SentencePiece file some things cannot be stated
  // (docs/formats/tokenizers.md).
  Json to_json() const;

 private:
  friend class StreamDecoder;
  explicit Tokenizer(std::shared_ptr<const TokenizerState> state);
  std::shared_ptr<const TokenizerState> state_;
};

// Decodes ids as they arrive. The pieces joined are decode() of all ids; a piece never ends within
// a UTF-8 character (held back until it is complete or known to be broken). One difference: in a
// run of byte tokens (<0xE4>...) that is broken somewhere, decode() gives U+FFFD for each byte of
// the run as the reference does, while the stream has already shown the run's whole characters. Not
// thread-safe; outlives its Tokenizer object.
//
// With `continues` the ids stand behind others that have a text (a completion behind its prompt).
// The text is what they add to it: the blank that SentencePiece's decoders cut where a text begins
// is then part of it, as it is with byte-level tokenizers, and both texts joined have the same ids.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens = true,
                         bool continues = false);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  std::string push(int32_t id);  // the text that became certain, often ""
  std::string finish();          // what was held back; ends the stream

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attune::text
