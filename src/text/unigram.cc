#include "text/unigram.h"

#include <algorithm>
#include <cmath>

#include "text/reference_number.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

constexpr double kUnknownPenalty = 10.0;  // below the worst token

}  // namespace

Result<Unigram> Unigram::create(Vocabulary vocabulary, std::vector<double> scores,
                                const std::vector<bool>& excluded, UnigramOptions options) {
  double worst = 0;
  std::vector<std::pair<std::string_view, int32_t>> entries;
  if (options.unk_id && !vocabulary.contains(*options.unk_id)) {
    return invalid_input("unk_id: no token has id {}", *options.unk_id);
  }
  Unigram model(std::move(vocabulary), std::move(scores), options);
  for (int32_t id = 0; id < model.vocabulary_.id_end(); ++id) {
    auto index = static_cast<size_t>(id);
    if (!std::isfinite(model.scores_[index])) {
      return invalid_input("the score of token {} is not finite", id);
    }
    model.weights_.push_back(options.single_precision ? model.scores_[index]
                                                      : as_reference_reads(model.scores_[index]));
    bool left_out = !excluded.empty() && excluded[index];
    if (left_out || !model.vocabulary_.contains(id)) continue;
    worst = entries.empty() ? model.weights_[index] : std::min(worst, model.weights_[index]);
    entries.emplace_back(model.vocabulary_.token(id), id);
  }
  model.trie_.build(std::move(entries));
  model.unk_score_ = model.sum(options.worst_score.value_or(worst), -kUnknownPenalty);
  for (int byte = 0; byte < 256; ++byte) {
    model.byte_ids_.push_back(model.vocabulary_.find(fmt::format("<0x{:02X}>", byte)).value_or(-1));
  }
  return model;
}

void Unigram::find_best_path(std::string_view piece, ModelScratch& scratch) const {
  auto& nodes = scratch.nodes;
  nodes.assign(piece.size() + 1, {0.0, -1, -1});
  auto offer = [&](size_t end, size_t begin, double score, int32_t id) {
    auto& node = nodes[end];
    if (node.begin < 0 || score > node.score) node = {score, id, static_cast<int32_t>(begin)};
  };
  for (size_t at = 0; at < piece.size();) {
    size_t length = decode_char(piece, at).length;
    double here = nodes[at].score;
    bool has_char = false;
    trie_.prefixes(piece.substr(at), [&](size_t size, int32_t id) {
      offer(at + size, at, sum(here, weights_[static_cast<size_t>(id)]), id);
      has_char = has_char || size == length;
    });
    if (!has_char) offer(at + length, at, sum(here, unk_score_), -1);
    at += length;
  }
}

void Unigram::push_unknown(std::string_view piece, Span span, std::vector<ModelToken>& out) const {
  std::string_view text = piece.substr(span.begin, span.end - span.begin);
  if (auto id = vocabulary_.find(text)) {
    out.push_back({*id, span.begin, span.end});
    return;
  }
  bool bytes = options_.byte_fallback && std::all_of(text.begin(), text.end(), [&](char c) {
                 return byte_ids_[static_cast<uint8_t>(c)] >= 0;
               });
  if (bytes) {
    for (uint32_t at = span.begin; at < span.end; ++at) {
      out.push_back({byte_ids_[static_cast<uint8_t>(piece[at])], at, at + 1});
    }
  } else if (options_.unk_id) {
    out.push_back({*options_.unk_id, span.begin, span.end});
  }
}

void Unigram::encode(std::string_view piece, ModelScratch& scratch,
                     std::vector<ModelToken>& out) const {
  find_best_path(piece, scratch);
  // Backwards along the best path; what is unknown joins its unknown neighbours.
  std::vector<ModelToken> path;
  for (auto end = static_cast<uint32_t>(piece.size()); end > 0;) {
    const auto& node = scratch.nodes[end];
    auto begin = static_cast<uint32_t>(node.begin);
    int32_t id = options_.unk_id && node.id == *options_.unk_id ? -1 : node.id;
    if (id < 0 && !path.empty() && path.back().id < 0) {
      path.back().begin = begin;
    } else {
      path.push_back({id, begin, end});
    }
    end = begin;
  }
  for (auto token = path.rbegin(); token != path.rend(); ++token) {
    if (token->id >= 0) {
      out.push_back(*token);
    } else {
      push_unknown(piece, {token->begin, token->end}, out);
    }
  }
}

Json Unigram::to_json() const {
  Json vocab = Json::array();
  for (int32_t id = 0; id < vocabulary_.id_end(); ++id) {
    vocab.push_back(
        Json::array({std::string(vocabulary_.token(id)), scores_[static_cast<size_t>(id)]}));
  }
  return {{"type", "Unigram"},
          {"unk_id", options_.unk_id ? Json(*options_.unk_id) : Json()},
          {"vocab", std::move(vocab)},
          {"byte_fallback", options_.byte_fallback}};
}

}  // namespace attune::text
