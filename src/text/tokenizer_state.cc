#include "text/tokenizer_state.h"

#include "text/bpe.h"
#include "text/growth.h"

namespace attune::text {
namespace {

// Added tokens go by the id that the model's vocabulary gives them, if it knows them.
Status index_added_tokens(TokenizerCore& core, SymbolSearch symbols) {
  const Vocabulary& vocabulary = core.model->vocabulary();
  core.id_end = vocabulary.id_end();
  for (AddedToken& token : core.sections.added_tokens) {
    if (auto known = vocabulary.find(token.content)) token.id = *known;
    auto [same_id, fresh] = core.added_by_id.emplace(token.id, &token);
    if (!fresh && same_id->second->content != token.content) {
      return invalid_input("added_tokens: {:?} and {:?} share id {}", same_id->second->content,
                           token.content, token.id);
    }
    core.added_ids.emplace(token.content, token.id);
    core.id_end = std::max(core.id_end, token.id + 1);
    token.shown = token.content;
    if (symbols != SymbolSearch::kAsStated && !token.special) {
      if (symbols == SymbolSearch::kInNormalizedText) {
        core.normalized_tokens.add(token, token.content);
      }
    } else if (token.normalized) {
      token.shown = normalize(core.normalizers, token.content);
      core.normalized_tokens.add(token, token.shown);
    } else {
      core.raw_tokens.add(token, token.content);
    }
  }
  return {};
}

Status check_post_processor(const TokenizerCore& core) {
  for (const auto* ids : {&core.post_processor.before, &core.post_processor.after}) {
    for (int32_t id : *ids) {
      if (core.model->vocabulary().contains(id) || core.added_by_id.contains(id)) continue;
      return invalid_input("post_processor: no token has id {}", id);
    }
  }
  return {};
}

const Json* or_null(const Json& section) { return section.is_null() ? nullptr : &section; }

}  // namespace

std::unique_ptr<ModelScratch> ScratchPool::take() {
  std::lock_guard lock(mutex_);
  if (free_.empty()) return std::make_unique<ModelScratch>();
  auto scratch = std::move(free_.back());
  free_.pop_back();
  return scratch;
}

void ScratchPool::give_back(std::unique_ptr<ModelScratch> scratch) {
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(scratch));
}

Result<std::shared_ptr<const TokenizerState>> build_tokenizer(TokenizerSections sections,
                                                              std::unique_ptr<TokenModel> model,
                                                              SpecialIds ids, OwnSteps own) {
  auto core = std::make_shared<TokenizerCore>();
  core->sections = std::move(sections);
  core->model = std::move(model);
  core->normalizers = own.normalizers ? std::move(*own.normalizers)
                                      : TRY(parse_normalizer(or_null(core->sections.normalizer)));
  core->pre_tokenizers = TRY(parse_pre_tokenizer(or_null(core->sections.pre_tokenizer)));
  bool rewritten = !core->normalizers.empty() || core->pre_tokenizers.size() > 1;
  for (const auto& step : core->pre_tokenizers) {
    core->needs_origins = core->needs_origins || (rewritten && step->looks_at_origin());
  }
  TRY(check_chain(0, growth(core->normalizers) * growth(core->pre_tokenizers)));
  core->post_processor = TRY(parse_post_processor(or_null(core->sections.post_processor)));
  core->decoder = TRY(Decoder::parse(or_null(core->sections.decoder)));
  TRY(index_added_tokens(*core, own.symbols));
  TRY(check_post_processor(*core));
  auto* bpe = dynamic_cast<Bpe*>(core->model.get());
  if (bpe != nullptr && bpe->can_read_bytes() && !core->pre_tokenizers.empty() &&
      core->pre_tokenizers.back()->writes_byte_level()) {
    core->pre_tokenizers.back()->leave_bytes_raw();
    bpe->read_bytes();
  }
  if (!ids.unk) ids.unk = core->model->unk_id();
  if (!ids.bos && !core->post_processor.before.empty()) ids.bos = core->post_processor.before[0];
  if (!ids.eos && !core->post_processor.after.empty()) ids.eos = core->post_processor.after.back();
  return std::shared_ptr<const TokenizerState>(
      std::make_shared<TokenizerState>(TokenizerState{std::move(core), ids}));
}

}  // namespace attune::text
