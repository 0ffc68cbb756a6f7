#include "weights/convert.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "weights/gguf_export.h"
#include "weights/quant_blocks.h"
#include "weights/tensor_encoding.h"

namespace attune::weights {
namespace {

// general.file_type
Result<uint32_t> file_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kQ4_0:
      return 2;
    case DType::kQ8_0:
      return 7;
    case DType::kBF16:
      return 32;
    default:
      return usage_error("GGUF files are written as F32, F16, BF16, Q8_0 or Q4_0, not {}",
                         to_string(dtype));
  }
}

bool is_embedding(const std::string& gguf_name) {
  return gguf_name == "token_embd.weight" || gguf_name == "output.weight";
}

DType type_in_gguf(const std::string& name, const std::vector<int64_t>& shape, DType wanted) {
  if (shape.size() < 2 || name == "position_embd.weight") return DType::kF32;
  DType dtype = wanted == DType::kQ4_0 && is_embedding(name) ? DType::kQ8_0 : wanted;
  return shape.back() % block_elements(dtype) == 0 ? dtype : DType::kF16;
}

// A tensor to be written, and how its stored rows come from Transformers' ones.
struct Planned {
  std::string source;         // Transformers' name
  std::vector<int64_t> rows;  // stored row i is row rows[i]; empty: the same
  bool transposed = false;
};

struct GgufPlan {
  std::vector<TensorSpec> specs;
  std::map<std::string, Planned> tensors;  // by GGUF name
};

std::vector<int64_t> inverse(const std::vector<int64_t>& order) {
  std::vector<int64_t> result(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    result[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  }
  return result;
}

Result<GgufPlan> plan_gguf(const ModelFiles& files, const GgufFamily& family, DType dtype) {
  GgufPlan plan;
  HeadCounts counts = TRY(head_counts_of(files.config()));
  bool tied = TRY(get_bool_or(files.config(), "tie_word_embeddings", false));
  for (const std::string& name : files.tensor_names()) {
    if (tied && name == "lm_head.weight") continue;
    std::optional<NameMatch> match = to_gguf_name(family, name);
    if (!match) {
      return unsupported("tensor {} has no place in a GGUF file of architecture {}", name,
                         family.architecture);
    }
    std::vector<int64_t> shape = files.find(name)->shape;
    Planned planned{name, {}, match->order == GgufOrder::kTransposed};
    if (planned.transposed) std::swap(shape.front(), shape.back());
    if (shape.empty() || shape.size() > 2) {
      return unsupported("tensor {} of shape {}", name, shape_text(shape));
    }
    Result<std::vector<int64_t>> order = stored_rows(match->order, shape[0], counts);
    if (!order.ok()) return order.error().with_context("tensor " + name);
    planned.rows = inverse(*order);
    plan.specs.push_back({match->name, type_in_gguf(match->name, shape, dtype), shape});
    plan.tensors[match->name] = std::move(planned);
  }
  return plan;
}

// Fills values of stored rows from `first` on.
Status fetch(const ModelFiles& files, const Planned& planned, const TensorSpec& spec, int64_t first,
             std::span<float> values) {
  if (spec.shape.size() == 1) {
    TRY(files.read(planned.source, values));
    if (planned.rows.empty()) return {};
    std::vector<float> copy(values.begin(), values.end());
    for (size_t i = 0; i < copy.size(); ++i) {
      values[i] = copy[static_cast<size_t>(planned.rows[i])];
    }
    return {};
  }
  auto row_size = static_cast<size_t>(spec.shape[1]);
  auto count = static_cast<int64_t>(values.size() / row_size);
  if (planned.transposed) {
    auto columns = static_cast<size_t>(spec.shape[0]);
    std::vector<float> whole(columns * row_size);
    TRY(files.read(planned.source, whole));
    for (size_t i = 0; i < values.size(); ++i) {
      size_t row = static_cast<size_t>(first) + i / row_size;
      values[i] = whole[i % row_size * columns + row];
    }
    return {};
  }
  if (planned.rows.empty()) return files.read_rows(planned.source, first, count, values);
  for (int64_t i = 0; i < count; ++i) {
    int64_t row = planned.rows[static_cast<size_t>(first + i)];
    auto place = values.subspan(static_cast<size_t>(i) * row_size, row_size);
    TRY(files.read_rows(planned.source, row, 1, place));
  }
  return {};
}

// Nothing for a model without tokenizer.
Result<std::optional<text::GgufVocabulary>> vocabulary_of(const ModelFiles& files) {
  std::optional<text::GgufVocabulary> vocabulary = files.gguf_vocabulary();
  bool none = files.tokenizer_json_path().empty() && files.sentencepiece_path().empty();
  if (!vocabulary && none) return vocabulary;
  int64_t size = TRY(get_int(files.config(), "vocab_size"));
  if (!vocabulary) {
    text::Tokenizer tokenizer = TRY(load_tokenizer(files));
    vocabulary = TRY(gguf_vocabulary_of(tokenizer, size));
  }
  auto tokens = static_cast<int64_t>(vocabulary->tokens.size());
  if (tokens <= size) return vocabulary;
  return invalid_input(
      "the tokenizer has {} tokens, the embedding {} rows (key vocab_size); they do not belong "
      "together",
      tokens, size);
}

Result<GgufMetadata> metadata_of(const ModelFiles& files, const GgufFamily& family, DType dtype) {
  GgufMetadata metadata;
  TRY(add_config_metadata(files.config(), family, metadata));
  metadata.add_u32("general.file_type", TRY(file_type(dtype)));
  if (is_quantised(dtype)) metadata.add_u32("general.quantization_version", 2);
  std::optional<text::GgufVocabulary> vocabulary = TRY(vocabulary_of(files));
  if (vocabulary) add_vocabulary_metadata(*vocabulary, files.chat_template(), metadata);
  return metadata;
}

uint64_t total_bytes(const std::vector<TensorSpec>& specs) {
  uint64_t total = 0;
  for (const TensorSpec& spec : specs) {
    Result<size_t> bytes = byte_count(spec.dtype, spec.shape);
    total += bytes.ok() ? *bytes : 0;
  }
  return total;
}

Result<ConvertReport> to_gguf(const ModelFiles& files, const std::string& output, DType dtype) {
  if (exists(output)) {
    return invalid_input("{}: there is something already; remove it or choose another name",
                         output);
  }
  std::string type = TRY(get_string(files.config(), "model_type"));
  bool second_norm = files.has("transformer.h.0.ln_attn.weight");
  const GgufFamily* family = gguf_family_of_model(type, second_norm);
  if (family == nullptr) {
    return unsupported("models of type {} cannot be written as GGUF; {} can", type,
                       gguf_family_list());
  }
  GgufMetadata metadata = TRY(metadata_of(files, *family, dtype));
  GgufPlan plan = TRY(plan_gguf(files, *family, dtype));
  std::vector<float> divisors = TRY(rope_divisors(files.config()));
  std::vector<TensorSpec> specs = plan.specs;
  if (!divisors.empty()) {
    specs.push_back({"rope_freqs.weight", DType::kF32, {static_cast<int64_t>(divisors.size())}});
  }
  auto writer = TRY(GgufWriter::create(output, metadata, specs));
  auto sink = [&](std::span<const uint8_t> bytes) { return writer->append(bytes); };
  for (const TensorSpec& spec : plan.specs) {
    const Planned& planned = plan.tensors.at(spec.name);
    TRY(encode_rows(spec, sink, [&](int64_t first, std::span<float> values) {
      return fetch(files, planned, spec, first, values);
    }));
  }
  if (!divisors.empty()) {
    TRY(writer->append({reinterpret_cast<const uint8_t*>(divisors.data()), divisors.size() * 4}));
  }
  TRY(writer->finish());
  return ConvertReport{static_cast<int64_t>(specs.size()), total_bytes(specs), dtype};
}

Result<ConvertReport> to_folder(const ModelFiles& files, const std::string& output, DType dtype) {
  if (!can_quantize_to(dtype) || is_quantised(dtype)) {
    return usage_error("folders are written as F32, F16 or BF16, not {}; end the output in .gguf",
                       to_string(dtype));
  }
  ModelFolder folder = TRY(folder_like(files));
  folder.config["torch_dtype"] = torch_dtype_name(dtype);
  folder.config.erase("dtype");
  for (const std::string& name : files.tensor_names()) {
    folder.tensors.push_back({name, dtype, files.find(name)->shape});
  }
  TRY(write_model_folder(output, folder, [&](const TensorSpec& spec, const ByteSink& sink) {
    int64_t row_size = spec.shape.empty() ? 1 : spec.shape.back();
    return encode_rows(spec, sink, [&](int64_t first, std::span<float> values) {
      if (spec.shape.size() < 2) return files.read(spec.name, values);
      int64_t count = static_cast<int64_t>(values.size()) / row_size;
      return files.read_rows(spec.name, first, count, values);
    });
  }));
  return ConvertReport{static_cast<int64_t>(folder.tensors.size()), total_bytes(folder.tensors),
                       dtype};
}

}  // namespace

Result<ConvertReport> convert_model(const ConvertOptions& options) {
  ModelFiles files = TRY(ModelFiles::open(options.model));
  Status fits = check_embedding(files);
  if (!fits.ok()) return fits.error().with_context(options.model);
  DType dtype = options.dtype.value_or(common_float_type(files));
  Result<ConvertReport> report = options.output.ends_with(".gguf")
                                     ? to_gguf(files, options.output, dtype)
                                     : to_folder(files, options.output, dtype);
  if (report.ok() || report.error().code() == ErrorCode::kUsage) return report;
  return report.error().with_context(options.model);
}

Json to_json(const ConvertReport& report) {
  return {{"tensors", report.tensors}, {"bytes", report.bytes}, {"dtype", to_string(report.dtype)}};
}

}  // namespace attune::weights
