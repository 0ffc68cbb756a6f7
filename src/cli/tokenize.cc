// attune tokenize: {"id", "text"} -> {"id", "ids"}.

#include <cstdio>

#include "cli/command.h"
#include "cli/model_source.h"
#include "cli/rows_io.h"
#include "text/tokenizer.h"
#include "weights/model_files.h"

namespace attune::cli {
namespace {

recipes::Recipe table() {
  recipes::Recipe table{"tokenize", "attune tokenize",
                        "Turns rows of \"text\" into rows of token \"ids\".", rows_options()};
  table.options.push_back(recipes::string(
      "model_name_or_path", nullptr, "model folder, tokenizer folder, GGUF file or owner/name"));
  table.options.push_back(recipes::string("model_revision", "main", "revision of a hub model"));
  table.options.push_back(recipes::boolean("add_special_tokens", true,
                                           "add what the model's tokenizer adds (BOS, ...)"));
  table.options.push_back(recipes::boolean("decode", false, "turn \"ids\" into \"text\" instead"));
  return table;
}

Result<OrderedJson> encode_row(const text::Tokenizer& tokenizer, const OrderedJson& row,
                               const text::EncodeOptions& options) {
  if (!row.is_object() || !row.contains("text") || !row["text"].is_string()) {
    return invalid_input("needs a string in \"text\"");
  }
  OrderedJson out = OrderedJson::object();
  if (row.contains("id")) out["id"] = row["id"];
  out["ids"] = tokenizer.encode(row["text"].get_ref<const std::string&>(), options);
  return out;
}

Result<OrderedJson> decode_row(const text::Tokenizer& tokenizer, const OrderedJson& row) {
  if (!row.is_object() || !row.contains("ids") || !row["ids"].is_array()) {
    return invalid_input("needs a list of numbers in \"ids\"");
  }
  std::vector<int32_t> ids;
  for (const OrderedJson& id : row["ids"]) {
    bool known = id.is_number_integer() && id.get<int64_t>() >= 0 &&
                 id.get<int64_t>() < tokenizer.vocabulary_size();
    if (!known) return invalid_input("\"ids\" holds {}, which is no token", to_line(id));
    ids.push_back(id.get<int32_t>());
  }
  OrderedJson out = OrderedJson::object();
  if (row.contains("id")) out["id"] = row["id"];
  out["text"] = tokenizer.decode(ids, false);
  return out;
}

}  // namespace

Status run_tokenize(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  Json config = TRY(resolve_flags(table(), arguments));
  std::string path = TRY(local_model(config));
  text::Tokenizer tokenizer = TRY(weights::load_tokenizer(path));
  text::EncodeOptions options{.add_special_tokens = config["add_special_tokens"].get<bool>()};
  bool decode = config["decode"].get<bool>();
  auto writer = TRY(RowWriter::open(text_of(config, "output")));
  std::string data = text_of(config, "data");
  for (const data::Row& row : TRY(read_input_rows(data))) {
    Result<OrderedJson> out =
        decode ? decode_row(tokenizer, row.value) : encode_row(tokenizer, row.value, options);
    if (!out.ok()) return out.error().with_context(row_place(data, row.number));
    TRY(writer->write(*out));
  }
  return writer->finish();
}

}  // namespace attune::cli
