// RedPajama-Data-1T (Together 2023) and SlimPajama: texts with where they came from. `meta` is an
// object in the raw files and a text that holds JSON or a Python dict in the hub's edition.

#include <cctype>

#include "data/import_columns.h"
#include "data/import_readers.h"
#include "data/python_literal.h"

namespace attune::data {
namespace {

// What the card says of each part.
struct Part {
  const char* name;
  const char* licence;
  const char* warning;
};
constexpr const char* kWeb = "pages of the web, whose authors keep their rights";
constexpr Part kParts[] = {
    {"common_crawl", "Common Crawl terms of use", kWeb},
    {"c4", "ODC-BY 1.0", kWeb},
    {"github", "MIT, BSD or Apache-2.0 by file",
     "each file's licence asks that its notice is kept"},
    {"arxiv", "arXiv terms of use", "each paper has its own licence"},
    {"wikipedia", "CC BY-SA 3.0", ""},
    {"stackexchange", "CC BY-SA 4.0", ""},
    {"book", "PG-19 Apache-2.0; Books3 none",
     "holds Books3, which was withdrawn: its authors' rights were never cleared"},
};

std::string text_in(const OrderedJson& object, const char* name) {
  const OrderedJson* value = find_column(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// The part that a row is of: said by it, or known by the columns of its `meta`; "" otherwise.
std::string part_of(const OrderedJson& row, const OrderedJson& meta) {
  std::string said = text_in(row, "red_pajama_subset");
  if (said.empty()) said = text_in(meta, "redpajama_set_name");
  if (!said.empty()) return said;
  const std::string source = text_in(meta, "source");
  for (const std::string& place : {source, text_in(row, "source")}) {
    if (place.starts_with("cc/")) return "common_crawl";
  }
  if (source == "c4" || source == "github" || source == "stackexchange") return source;
  if (find_column(meta, "arxiv_id") != nullptr) return "arxiv";
  if (find_column(meta, "question_score") != nullptr) return "stackexchange";
  if (find_column(meta, "short_book_title") != nullptr) return "book";
  const bool is_wiki = text_in(meta, "url").find(".wikipedia.org/") != std::string::npos;
  return is_wiki ? "wikipedia" : "";
}

// "RedPajamaCommonCrawl" of SlimPajama is common_crawl.
const Part* known_part(const std::string& name) {
  std::string plain;
  for (const char c : name) {
    if (c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  for (const Part& part : kParts) {
    std::string key = part.name;
    std::erase(key, '_');
    if (plain.find(key) != std::string::npos) return &part;
  }
  return nullptr;
}

// An object where the row's `meta` can be read as one, else what is there.
Result<OrderedJson> read_meta(const OrderedJson& row) {
  const OrderedJson* meta = find_column(row, "meta");
  if (meta == nullptr) return OrderedJson::object();
  if (!meta->is_string()) return *meta;
  const auto& text = meta->get_ref<const std::string&>();
  Result<OrderedJson> json = parse_ordered_json(text);
  return json.ok() ? json : parse_python_literal(text);
}

}  // namespace

bool is_redpajama(const OrderedJson& row) {
  if (find_column(row, "text") == nullptr) return false;
  if (find_column(row, "red_pajama_subset") != nullptr) return true;
  const Result<OrderedJson> meta = read_meta(row);
  return meta.ok() && known_part(part_of(row, *meta)) != nullptr;
}

Status read_redpajama(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  Example example;
  example.form = Form::kText;
  example.text = TRY(text_column(row, "text"));
  Result<OrderedJson> read = read_meta(row);
  if (!read.ok()) {
    sink.note("a \"meta\" that is neither JSON nor a Python dict, kept as a text",
              read.error().message());
  }
  const OrderedJson meta = read.ok() ? *read : row["meta"];
  const std::string name = part_of(row, meta);
  const Part* part = known_part(name);
  Source source;
  if (part != nullptr) {
    source.dataset = fmt::format("RedPajama-Data-1T/{}", part->name);
    source.licence = part->licence;
    source.warning = part->warning;
  } else if (!name.empty()) {
    sink.note("a part that is not known", name);
  }
  example.source = source;
  keep_other_columns(row, {"text", "meta"}, example);
  if (!meta.is_object() || !meta.empty()) example.extra["meta"] = meta;
  return sink.keep(std::move(example));
}

}  // namespace attune::data
