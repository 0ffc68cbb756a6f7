#include "weights/tensor_encoding.h"

#include <algorithm>
#include <optional>

#include "weights/quant_blocks.h"

namespace attune::weights {

int64_t rows_per_part(int64_t row_size) {
  constexpr int64_t kPartValues = int64_t{1} << 20;
  return std::max<int64_t>(1, kPartValues / std::max<int64_t>(1, row_size));
}

Status encode_rows(const TensorSpec& spec, const ByteSink& sink,
                   const std::function<Status(int64_t, std::span<float>)>& fetch) {
  int64_t elements = TRY(element_count(spec.shape));
  int64_t row_size = spec.shape.empty() ? 1 : spec.shape.back();
  if (elements == 0) return sink({});
  int64_t rows = elements / row_size, part = rows_per_part(row_size);
  std::vector<float> values;
  std::vector<uint8_t> bytes;
  for (int64_t first = 0; first < rows; first += part) {
    int64_t count = std::min(part, rows - first);
    values.resize(static_cast<size_t>(count * row_size));
    TRY(fetch(first, values));
    bytes.resize(TRY(byte_count(spec.dtype, {count, row_size})));
    Status encoded = quantize(spec.dtype, values, bytes);
    if (!encoded.ok()) return encoded.error().with_context("tensor " + spec.name);
    TRY(sink(bytes));
  }
  return {};
}

Status check_embedding(const ModelFiles& files) {
  if (find(files.config(), "vocab_size") == nullptr) return {};
  int64_t size = TRY(get_int(files.config(), "vocab_size"));
  for (const char* name :
       {"model.embed_tokens.weight", "transformer.wte.weight", "transformer.word_embeddings.weight",
        "gpt_neox.embed_in.weight"}) {
    const TensorView* view = files.find(name);
    if (view == nullptr || view->shape.empty() || view->shape[0] == size) continue;
    return invalid_input(
        "tensor {} has {} rows, but key vocab_size of the configuration is {}; they do not belong "
        "together",
        name, view->shape[0], size);
  }
  return {};
}

DType common_float_type(const ModelFiles& files) {
  std::optional<DType> common;
  for (const std::string& name : files.tensor_names()) {
    const TensorView* view = files.find(name);
    if (view->shape.size() < 2) continue;
    if (common && *common != view->dtype) return DType::kF32;
    common = view->dtype;
  }
  bool plain = common == DType::kF16 || common == DType::kBF16;
  return plain ? *common : DType::kF32;
}

const char* torch_dtype_name(DType dtype) {
  if (dtype == DType::kBF16) return "bfloat16";
  return dtype == DType::kF16 ? "float16" : "float32";
}

}  // namespace attune::weights
