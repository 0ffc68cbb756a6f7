// A llama2.c checkpoint ("version 0") as a ModelState: seven little-endian int32 (dim, hidden_dim,
// n_layers, n_heads, n_kv_heads, vocab_size, seq_len; a negative vocab_size means a head of its
// own), then fp32 tensors, one kind after the other over all layers. Rotary pairs are neighbours
// (2i, 2i+1), as in GGUF's llama rows. Its vocabulary, "tok*.bin", lies in the same folder.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "weights/gguf_names.h"
#include "weights/half.h"
#include "weights/model_state.h"

namespace attune::weights {
namespace {

constexpr int64_t kHeaderBytes = 28;
constexpr int64_t kSizeMax = int64_t{1} << 24;

struct Sizes {
  int64_t dim, hidden, layers, heads, key_heads, vocabulary, context;
  bool tied;
  int64_t key_dim() const { return dim / heads * key_heads; }
};

Result<Sizes> read_sizes(const MappedFile& file) {
  if (file.size() < kHeaderBytes) return invalid_input("the file is too short for a model");
  std::array<int64_t, 7> n;
  for (size_t i = 0; i < n.size(); ++i) n[i] = load<int32_t>(file.data() + 4 * i);
  Sizes sizes{n[0], n[1], n[2], n[3], n[4], std::abs(n[5]), n[6], n[5] > 0};
  n[5] = sizes.vocabulary;
  bool sane = std::all_of(n.begin(), n.end(), [](int64_t v) { return v > 0 && v <= kSizeMax; });
  if (!sane || sizes.dim % (2 * sizes.heads) != 0 || sizes.heads % sizes.key_heads != 0) {
    return invalid_input("the header's sizes make no model; is this a llama2.c version 0 file?");
  }
  return sizes;
}

// Takes tensors one after the other from the file.
class Taker {
 public:
  Taker(const MappedFile& file, const Sizes& sizes, ModelState& state)
      : file_(file), sizes_(sizes), state_(state) {}

  // One tensor a layer, named "model.layers.N.<stem>.weight".
  Status layers(const std::string& stem, std::vector<int64_t> shape,
                GgufOrder order = GgufOrder::kSame) {
    for (int64_t layer = 0; layer < sizes_.layers; ++layer) {
      TRY(one(fmt::format("model.layers.{}.{}.weight", layer, stem), shape, order));
    }
    return {};
  }
  Status one(const std::string& name, std::vector<int64_t> shape,
             GgufOrder order = GgufOrder::kSame) {
    size_t bytes = TRY(byte_count(DType::kF32, shape));
    TRY(skip(bytes));
    StoredTensor stored;
    stored.row_order = TRY(stored_rows(order, shape[0], {sizes_.heads, sizes_.key_heads}));
    stored.view = {name, DType::kF32, std::move(shape), file_.data() + position_ - bytes, bytes};
    state_.tensors.emplace(name, std::move(stored));
    return {};
  }
  Status skip(size_t bytes) {
    if (bytes > file_.size() - position_) return invalid_input("the file is cut short");
    position_ += bytes;
    return {};
  }
  bool at_end() const { return position_ == file_.size(); }

 private:
  const MappedFile& file_;
  const Sizes& sizes_;
  ModelState& state_;
  size_t position_ = kHeaderBytes;
};

Status take_tensors(const MappedFile& file, const Sizes& s, ModelState& state) {
  Taker take(file, s, state);
  TRY(take.one("model.embed_tokens.weight", {s.vocabulary, s.dim}));
  TRY(take.layers("input_layernorm", {s.dim}));
  TRY(take.layers("self_attn.q_proj", {s.dim, s.dim}, GgufOrder::kRotaryQuery));
  TRY(take.layers("self_attn.k_proj", {s.key_dim(), s.dim}, GgufOrder::kRotaryKey));
  TRY(take.layers("self_attn.v_proj", {s.key_dim(), s.dim}));
  TRY(take.layers("self_attn.o_proj", {s.dim, s.dim}));
  TRY(take.layers("post_attention_layernorm", {s.dim}));
  TRY(take.layers("mlp.gate_proj", {s.hidden, s.dim}));
  TRY(take.layers("mlp.down_proj", {s.dim, s.hidden}));
  TRY(take.layers("mlp.up_proj", {s.hidden, s.dim}));
  TRY(take.one("model.norm.weight", {s.dim}));
  // Two tables of rotary cosines and sines that readers compute themselves.
  TRY(take.skip(static_cast<size_t>(s.context * (s.dim / s.heads)) * sizeof(float)));
  if (!s.tied) TRY(take.one("lm_head.weight", {s.vocabulary, s.dim}));
  if (!take.at_end()) return invalid_input("there are bytes after the last tensor");
  return {};
}

// The header counts pieces by the model; each is score, length, bytes. Spaces are plain.
Result<text::GgufVocabulary> read_pieces(const std::string& path, int64_t count) {
  std::string bytes = TRY(read_file(path));
  text::GgufVocabulary vocabulary;
  vocabulary.model = "llama";
  vocabulary.bos = 1;
  vocabulary.eos = 2;
  vocabulary.unk = 0;
  vocabulary.add_bos = true;
  size_t position = 4;
  for (int64_t id = 0; id < count; ++id) {
    if (position + 8 > bytes.size()) return invalid_input("{}: piece {} is missing", path, id);
    const auto* at = reinterpret_cast<const uint8_t*>(bytes.data()) + position;
    float score = load<float>(at);
    int32_t length = load<int32_t>(at + 4);
    position += 8;
    if (length < 0 || static_cast<size_t>(length) > bytes.size() - position) {
      return invalid_input("{}: piece {} is cut short", path, id);
    }
    std::string piece = bytes.substr(position, static_cast<size_t>(length));
    position += static_cast<size_t>(length);
    std::string marked;
    for (char c : piece) marked += c == ' ' ? std::string("\u2581") : std::string(1, c);
    bool byte = piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with('>');
    vocabulary.token_types.push_back(id == 0   ? text::kGgufTokenUnknown
                                     : id <= 2 ? text::kGgufTokenControl
                                     : byte    ? text::kGgufTokenByte
                                               : text::kGgufTokenNormal);
    // The special pieces are stored with line ends around them ("\n<s>\n").
    vocabulary.tokens.push_back(id == 1 ? "<s>" : id == 2 ? "</s>" : marked);
    vocabulary.scores.push_back(score);
  }
  return vocabulary;
}

}  // namespace

Status open_llama2c_model(ModelState& state) {
  state.plain_file = TRY(MappedFile::open(state.path));
  Result<Sizes> sizes = read_sizes(state.plain_file);
  if (!sizes.ok()) return sizes.error().with_context(state.path);
  Status taken = take_tensors(state.plain_file, *sizes, state);
  if (!taken.ok()) return taken.error().with_context(state.path);
  state.generation_config = {{"bos_token_id", 1}, {"eos_token_id", 2}};
  state.config = {{"model_type", "llama"},
                  {"architectures", {"LlamaForCausalLM"}},
                  {"hidden_size", sizes->dim},
                  {"intermediate_size", sizes->hidden},
                  {"num_hidden_layers", sizes->layers},
                  {"num_attention_heads", sizes->heads},
                  {"num_key_value_heads", sizes->key_heads},
                  {"head_dim", sizes->dim / sizes->heads},
                  {"vocab_size", sizes->vocabulary},
                  {"max_position_embeddings", sizes->context},
                  {"rms_norm_eps", 1e-5},
                  {"rope_theta", 10000.0},
                  {"hidden_act", "silu"},
                  {"attention_bias", false},
                  {"mlp_bias", false},
                  {"tie_word_embeddings", sizes->tied},
                  {"bos_token_id", 1},
                  {"eos_token_id", 2},
                  {"torch_dtype", "float32"}};
  std::string folder = state.path.substr(0, state.path.rfind('/') + 1);
  for (const std::string& name : TRY(list_directory(folder.empty() ? "." : folder))) {
    if (!name.starts_with("tok") || !name.ends_with(".bin")) continue;
    state.vocabulary = TRY(read_pieces(folder + name, sizes->vocabulary));
    break;
  }
  return {};
}

}  // namespace attune::weights
