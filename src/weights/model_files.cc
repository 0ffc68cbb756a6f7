#include "weights/model_files.h"

#include "weights/model_state.h"
#include "weights/quant_blocks.h"

namespace attune::weights {
namespace {

// The view with the shape that the bytes have.
TensorView stored_view(const StoredTensor& stored) {
  TensorView view = stored.view;
  if (stored.transposed) std::swap(view.shape[0], view.shape[1]);
  if (view.shape.size() == 1 && !stored.row_order.empty()) view.shape.push_back(1);
  return view;
}

Status read_transposed(const StoredTensor& stored, int64_t first_row, int64_t row_count,
                       std::span<float> out) {
  TensorView view = stored_view(stored);
  std::vector<float> whole(static_cast<size_t>(TRY(element_count(view.shape))));
  TRY(to_float(view, whole));
  int64_t rows = view.shape[1], columns = view.shape[0];
  for (int64_t r = 0; r < row_count; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      out[static_cast<size_t>(r * columns + c)] =
          whole[static_cast<size_t>(c * rows + first_row + r)];
    }
  }
  return {};
}

Status read_stored(const StoredTensor& stored, int64_t first_row, int64_t row_count,
                   std::span<float> out) {
  if (stored.transposed) return read_transposed(stored, first_row, row_count, out);
  TensorView view = stored_view(stored);
  if (stored.row_order.empty()) return rows_to_float(view, first_row, row_count, out);
  auto row_size = static_cast<size_t>(view.shape.back());
  for (int64_t i = 0; i < row_count; ++i) {
    int64_t row = stored.row_order[static_cast<size_t>(first_row + i)];
    TRY(rows_to_float(view, row, 1, out.subspan(static_cast<size_t>(i) * row_size, row_size)));
  }
  return {};
}

struct RowShape {
  int64_t rows = 1;
  int64_t size = 1;
};

// Vectors whose elements are reordered count as rows of one.
Result<RowShape> row_shape(const StoredTensor& stored) {
  const std::vector<int64_t>& shape = stored.view.shape;
  int64_t elements = TRY(element_count(shape));
  RowShape result;
  bool by_element = shape.size() == 1 && !stored.row_order.empty();
  result.size = shape.empty() || by_element ? 1 : shape.back();
  result.rows = result.size == 0 ? 0 : elements / result.size;
  return result;
}

bool ends_with(const std::string& text, std::string_view end) {
  return std::string_view(text).ends_with(end);
}

}  // namespace

Result<ModelFiles> ModelFiles::open(const std::string& path, Parts parts) {
  auto state = std::make_shared<ModelState>();
  state->path = path;
  if (is_directory(path)) {
    TRY(open_model_folder(*state, parts));
  } else if (ends_with(path, ".bin")) {
    state->format = ModelFormat::kLlama2c;
    TRY(open_llama2c_model(*state));
  } else if (ends_with(path, ".safetensors")) {
    return invalid_input(
        "{}: a model is a folder with config.json; pass the folder instead of the "
        "weights' file",
        path);
  } else {
    state->format = ModelFormat::kGguf;
    TRY(open_gguf_model(*state, parts));
  }
  return ModelFiles(std::move(state));
}

const std::string& ModelFiles::path() const {
  return state_->path;
}
ModelFormat ModelFiles::format() const {
  return state_->format;
}
const Json& ModelFiles::config() const {
  return state_->config;
}
const Json& ModelFiles::generation_config() const {
  return state_->generation_config;
}
const Json& ModelFiles::tokenizer_config() const {
  return state_->tokenizer_config;
}
const std::string& ModelFiles::chat_template() const {
  return state_->chat_template;
}
const std::string& ModelFiles::tokenizer_json_path() const {
  return state_->tokenizer_json_path;
}
const std::string& ModelFiles::sentencepiece_path() const {
  return state_->sentencepiece_path;
}
const std::optional<text::GgufVocabulary>& ModelFiles::gguf_vocabulary() const {
  return state_->vocabulary;
}

std::vector<std::string> ModelFiles::tensor_names() const {
  std::vector<std::string> names;
  names.reserve(state_->tensors.size());
  for (const auto& [name, tensor] : state_->tensors) names.push_back(name);
  return names;
}

const TensorView* ModelFiles::find(const std::string& name) const {
  const StoredTensor* found = stored(name);
  return found == nullptr ? nullptr : &found->view;
}

const StoredTensor* ModelFiles::stored(const std::string& name) const {
  auto found = state_->tensors.find(name);
  return found == state_->tensors.end() ? nullptr : &found->second;
}

Status ModelFiles::read(const std::string& name, std::span<float> out) const {
  const StoredTensor* found = stored(name);
  if (found == nullptr) return not_found("{}: there is no tensor {}", path(), name);
  RowShape shape = TRY(row_shape(*found));
  return read_rows(name, 0, shape.rows, out);
}

Status ModelFiles::read_rows(const std::string& name, int64_t first_row, int64_t row_count,
                             std::span<float> out) const {
  const StoredTensor* found = stored(name);
  if (found == nullptr) return not_found("{}: there is no tensor {}", path(), name);
  RowShape shape = TRY(row_shape(*found));
  if (first_row < 0 || row_count < 0 || first_row > shape.rows ||
      row_count > shape.rows - first_row) {
    return invalid_input("{}: tensor {} has {} rows, {} from row {} were asked for", path(), name,
                         shape.rows, row_count, first_row);
  }
  if (out.size() != static_cast<size_t>(row_count * shape.size)) {
    return invalid_input("{}: tensor {}: {} values were asked for, {} rows of {} are there", path(),
                         name, out.size(), row_count, shape.size);
  }
  Status read = read_stored(*found, first_row, row_count, out);
  return read.ok() ? read : Status(read.error().with_context(path()));
}

}  // namespace attune::weights
