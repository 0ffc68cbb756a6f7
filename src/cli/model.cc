// attune model info | convert | merge.

#include <cstdio>

#include "base/nearest.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "cli/rows_io.h"
#include "weights/convert.h"
#include "weights/merge.h"
#include "weights/model_info.h"

namespace attune::cli {
namespace {

recipes::Recipe info_table() {
  return {"info",
          "attune model info",
          "Says what a model folder, a GGUF file or a PEFT adapter holds.",
          {recipes::string("model_name_or_path", nullptr, "the model; also as the first word"),
           recipes::string("model_revision", "main", "revision of a hub model"),
           recipes::boolean("json", false, "machine output")}};
}

recipes::Recipe convert_table() {
  return {"convert",
          "attune model convert",
          "Writes a model as a Hugging Face folder, or as GGUF when the output ends in .gguf.",
          {recipes::string("model_name_or_path", nullptr, "the model"),
           recipes::string("model_revision", "main", "revision of a hub model"),
           recipes::string("output", nullptr, "folder, or file ending in .gguf"),
           recipes::choice("dtype", "auto",
                           {"auto", "float32", "bfloat16", "float16", "q8_0", "q4_0"},
                           "type of the matrices; q8_0 and q4_0 for GGUF only"),
           recipes::boolean("json", false, "machine output")}};
}

recipes::Recipe merge_table() {
  return {"merge",
          "attune model merge",
          "Adds a LoRA adapter to its base and writes one model folder.",
          {recipes::string("model_name_or_path", nullptr, "the base model"),
           recipes::string("model_revision", "main", "revision of a hub model"),
           recipes::string("adapter", nullptr, "the PEFT folder"),
           recipes::string("output", nullptr, "the folder to write"),
           recipes::choice("dtype", "auto", {"auto", "float32", "bfloat16", "float16"},
                           "type of the weights; auto keeps the base's"),
           recipes::boolean("dequantise", false, "accept a quantised base"),
           recipes::boolean("json", false, "machine output")}};
}

Status show_info(Arguments arguments) {
  if (arguments.positional.size() == 1) {
    arguments.flags.push_back({"model_name_or_path", arguments.positional[0], "MODEL"});
    arguments.positional.clear();
  }
  Json config = TRY(resolve_flags(info_table(), arguments));
  std::string path = TRY(local_model(config));
  OrderedJson info = TRY(weights::model_info(path));
  std::string text =
      config["json"].get<bool>() ? to_line(info) + "\n" : weights::model_info_text(info);
  std::fputs(text.c_str(), stdout);
  return {};
}

std::optional<weights::DType> dtype_of(const std::string& name) {
  if (name == "float32") return weights::DType::kF32;
  if (name == "bfloat16") return weights::DType::kBF16;
  if (name == "float16") return weights::DType::kF16;
  if (name == "q8_0") return weights::DType::kQ8_0;
  if (name == "q4_0") return weights::DType::kQ4_0;
  return std::nullopt;
}

Status convert(const Arguments& arguments) {
  Json config = TRY(resolve_flags(convert_table(), arguments));
  weights::ConvertOptions options;
  options.model = TRY(local_model(config));
  options.output = text_of(config, "output");
  options.dtype = dtype_of(text_of(config, "dtype"));
  if (options.output.empty()) return usage_error("attune model convert needs --output");
  weights::ConvertReport report = TRY(weights::convert_model(options));
  if (config["json"].get<bool>()) {
    std::fputs((to_line(to_json(report)) + "\n").c_str(), stdout);
    return {};
  }
  fmt::print("{}: {} tensors as {}, {}\n", options.output, report.tensors,
             weights::to_string(report.dtype), weights::byte_text(report.bytes));
  return {};
}

Status merge(const Arguments& arguments) {
  Json config = TRY(resolve_flags(merge_table(), arguments));
  weights::MergeOptions options;
  options.base = TRY(local_model(config));
  options.adapter = text_of(config, "adapter");
  options.output = text_of(config, "output");
  options.dtype = dtype_of(text_of(config, "dtype"));
  options.dequantise = config["dequantise"].get<bool>();
  if (options.adapter.empty() || options.output.empty()) {
    return usage_error("attune model merge needs --adapter and --output");
  }
  weights::MergeReport report = TRY(weights::merge_adapter(options));
  if (config["json"].get<bool>()) {
    std::fputs((to_line(to_json(report)) + "\n").c_str(), stdout);
    return {};
  }
  fmt::print("{}: {} tensors, {} of them merged\n", options.output, report.tensors, report.merged);
  return {};
}

}  // namespace

Status run_model(Arguments arguments) {
  bool help = arguments.take_switch("help");
  std::string what = arguments.positional.empty() ? "" : arguments.positional[0];
  if (help) {
    for (const recipes::Recipe& table : {info_table(), convert_table(), merge_table()}) {
      if (!what.empty() && what != table.name) continue;
      std::fputs((recipes::to_help(table) + "\n").c_str(), stdout);
    }
    return {};
  }
  if (!arguments.positional.empty()) arguments.positional.erase(arguments.positional.begin());
  if (what == "info") return show_info(std::move(arguments));
  if (what == "convert") return convert(arguments);
  if (what == "merge") return merge(arguments);
  std::string nearest = nearest_name(what, {"info", "convert", "merge"});
  std::string hint = what.empty() ? "" : fmt::format("there is no \"model {}\"", what);
  if (!nearest.empty() && !what.empty()) hint += fmt::format("; did you mean {}?", nearest);
  return usage_error("{}usage: attune model info MODEL | convert | merge --option value ...",
                     hint.empty() ? "" : hint + "; ");
}

}  // namespace attune::cli
