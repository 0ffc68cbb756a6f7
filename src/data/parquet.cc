#include "data/parquet.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

#include "data/parquet_plugin.h"

namespace attune::data {
namespace {

constexpr const char* kLibrary = "attune_parquet.so";

// ATTUNE_PARQUET, or the library beside the program.
std::string library_path() {
  const char* named = std::getenv("ATTUNE_PARQUET");
  if (named != nullptr && *named != '\0') return named;
  std::error_code failure;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failure);
  return join_path(program.parent_path().string(), kLibrary);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ATTUNE_SANITIZED 1
#elif defined(__has_feature)  // clang's way to say so
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ATTUNE_SANITIZED 1
#endif
#endif

int load_flags() {
  int flags = RTLD_NOW | RTLD_LOCAL;
#if !defined(ATTUNE_SANITIZED)
  // Arrow finds its own symbols before those of other libraries in the program (LibTorch's). The
  // sanitizers' runtimes refuse it.
  flags |= RTLD_DEEPBIND;
#endif
  return flags;
}

Result<const AttuneParquet*> load() {
  const std::string path = library_path();
  void* library = ::dlopen(path.c_str(), load_flags());
  const char* why = library == nullptr ? ::dlerror() : nullptr;
  const void* symbol = library == nullptr ? nullptr : ::dlsym(library, "attune_parquet");
  const auto* functions = static_cast<const AttuneParquet*>(symbol);
  if (functions != nullptr && functions->version == kAttuneParquetVersion) return functions;
  return unsupported(
      "Parquet files need {}, which cannot be loaded ({}): run scripts/setup.sh and build Attune "
      "again, let ATTUNE_PARQUET name it, or convert the file to JSON lines",
      kLibrary, why != nullptr ? why : path + " is of another version");
}

// Loaded once; a failure is kept too.
Result<const AttuneParquet*> arrow() {
  static const Result<const AttuneParquet*> loaded = load();
  return loaded;
}

std::string text_of(const AttuneParquetText& text) {
  return {text.data, text.size};
}

AttuneParquetText text_of(std::string_view text) {
  return {text.data(), text.size()};
}

struct CloseReader {
  const AttuneParquet* functions;
  void operator()(AttuneParquetReader* reader) const { functions->close(reader); }
};

struct DiscardWriter {
  const AttuneParquet* functions;
  void operator()(AttuneParquetWriter* writer) const { functions->discard(writer); }
};

// The file that Arrow writes into, and the error that it met.
struct Output {
  std::unique_ptr<AtomicFile> file;
  std::optional<Error> error;
};

int write_bytes(void* context, const void* bytes, size_t size) {
  auto* output = static_cast<Output*>(context);
  const Status written = output->file->write(bytes, size);
  if (!written.ok() && !output->error) output->error = written.error();
  return written.ok() ? 1 : 0;
}

// What the disk said, else what Arrow says.
Error failure_of(const Output& output, const std::string& path, const AttuneParquetText& message) {
  if (output.error) return *output.error;
  return invalid_input("{}: cannot be written as Parquet: {}", path, text_of(message));
}

Status write_lines(std::string_view lines, const ParquetSchema& schema, const std::string& path) {
  const AttuneParquet* functions = TRY(arrow());
  Output output;
  output.file = TRY(AtomicFile::create(path));
  AttuneParquetText message = {"", 0};
  const std::string columns = to_line(schema.to_json());
  const std::unique_ptr<AttuneParquetWriter, DiscardWriter> writer(
      functions->create(text_of(std::string_view(columns)), write_bytes, &output, &message),
      {functions});
  if (!writer) return failure_of(output, path, message);
  for (size_t at = 0; at < lines.size();) {
    const size_t end = lines.find('\n', at);
    if (functions->write(writer.get(), text_of(lines.substr(at, end - at)), &message) == 0) {
      return failure_of(output, path, message);
    }
    at = end + 1;
  }
  if (functions->finish(writer.get(), &message) == 0) return failure_of(output, path, message);
  return output.file->commit();
}

}  // namespace

bool names_parquet(std::string_view path) {
  return path.ends_with(".parquet");
}

Status for_each_parquet_row(
    std::string_view bytes, const std::string& name,
    const std::function<Status(int64_t, std::string_view)>& on_row,
    const std::function<Status(int64_t, const Error&)>& on_bad_row) {
  const Result<const AttuneParquet*> loaded = arrow();
  if (!loaded.ok()) return loaded.error().with_context(name);
  const AttuneParquet* functions = *loaded;
  AttuneParquetText text = {"", 0};
  const std::unique_ptr<AttuneParquetReader, CloseReader> reader(
      functions->open(bytes.data(), bytes.size(), &text), {functions});
  if (!reader) return invalid_input("{}: {}", name, text_of(text));
  for (int64_t number = 1;; ++number) {
    const int what = functions->next(reader.get(), &text);
    if (what == kAttuneParquetEnd && number == 1) {
      return invalid_input("{}: the file has no rows; give at least one row", name);
    }
    if (what == kAttuneParquetEnd) return {};
    if (what == kAttuneParquetFailed) {
      return invalid_input("{}: row {} and what follows cannot be read: {}", name, number,
                           text_of(text));
    }
    TRY(what == kAttuneParquetBadRow ? on_bad_row(number, invalid_input("{}", text_of(text)))
                                     : on_row(number, {text.data, text.size}));
  }
}

Result<std::unique_ptr<ParquetFile>> ParquetFile::create(const std::string& path) {
  TRY(arrow());  // before the work, not after it
  std::unique_ptr<ParquetFile> file(new ParquetFile());
  file->path_ = path;
  file->directory_ = TRY(TemporaryDirectory::create());
  file->waiting_ = TRY(AtomicFile::create(file->directory_->file("rows")));
  return file;
}

Status ParquetFile::write(const OrderedJson& row) {
  if (!row.is_object()) {
    return invalid_input("{}: a row of a table must be an object, found {}", path_,
                         row.type_name());
  }
  schema_.add(row);
  return waiting_->write(to_line(row) + "\n");
}

Result<std::vector<std::string>> ParquetFile::finish() {
  TRY(waiting_->commit());
  const MappedFile lines = TRY(MappedFile::open(directory_->file("rows")));
  if (lines.size() == 0) return invalid_input("{}: there are no rows to write", path_);
  if (schema_.kind != ParquetType::Kind::kObject) {
    return invalid_input("{}: rows without a column, or with more than 256, are no table; write "
                         "them as JSON lines",
                         path_);
  }
  TRY(write_lines(lines.text(), schema_, path_));
  std::vector<std::string> as_json;
  schema_.name_json("", as_json);
  return as_json;
}

}  // namespace attune::data
