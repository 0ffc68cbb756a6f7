// What a Tokenizer is made of, and how one is put together. Internal to text/.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/added_tokens.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/token_model.h"
#include "text/tokenizer.h"

namespace attune::text {

// The sections of a tokenizer.json other than the model, as read or as made from another format.
struct TokenizerSections {
  std::vector<AddedToken> added_tokens;
  Json normalizer, pre_tokenizer, post_processor, decoder;  // null: absent
};

// Scratches of encode calls, kept so that word caches stay warm. Thread-safe.
class ScratchPool {
 public:
  std::unique_ptr<ModelScratch> take();
  void give_back(std::unique_ptr<ModelScratch> scratch);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<ModelScratch>> free_;
};

// Everything that stays the same when only the roles of ids differ.
struct TokenizerCore {
  TokenizerSections sections;
  Normalizers normalizers;
  PreTokenizers pre_tokenizers;
  std::unique_ptr<TokenModel> model;
  PostProcessor post_processor;
  Decoder decoder;
  AddedTokenMatcher raw_tokens;         // match the text as given
  AddedTokenMatcher normalized_tokens;  // match the normalised text
  std::unordered_map<std::string, int32_t> added_ids;
  std::unordered_map<int32_t, const AddedToken*> added_by_id;
  int32_t id_end = 0;
  bool needs_origins = false;  // of each byte, even when no offsets are asked for
  mutable ScratchPool scratches;
};

struct TokenizerState {
  std::shared_ptr<const TokenizerCore> core;
  SpecialIds special_ids;
};

// Where added tokens that are not special are looked for.
enum class SymbolSearch {
  kAsStated,          // by their flag `normalized`
  kInNormalizedText,  // as written, whatever the flag says
  kNowhere,           // the model finds them
};

// What SentencePiece does and a tokenizer.json cannot state.
struct OwnSteps {
  std::optional<Normalizers> normalizers;  // in place of what the section says
  SymbolSearch symbols = SymbolSearch::kAsStated;
};

// Parses the sections and joins them with the model. Errors name the section and key.
Result<std::shared_ptr<const TokenizerState>> build_tokenizer(TokenizerSections sections,
                                                              std::unique_ptr<TokenModel> model,
                                                              SpecialIds ids, OwnSteps own = {});

// As above from a whole tokenizer.json.
Result<std::shared_ptr<const TokenizerState>> build_from_json(const Json& tokenizer_json);

// As above from GGUF metadata.
Result<std::shared_ptr<const TokenizerState>> build_from_gguf(const GgufVocabulary& vocabulary);

// The "model" section.
Result<std::unique_ptr<TokenModel>> parse_model(const Json& section);

// BOS and EOS around the text, as a "post_processor" section; null when neither is added.
Json template_section(const std::optional<std::pair<std::string, int32_t>>& bos,
                      const std::optional<std::pair<std::string, int32_t>>& eos);

}  // namespace attune::text
