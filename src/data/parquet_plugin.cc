// attune_parquet.so: Parquet through Apache Arrow behind the functions of parquet_plugin.h.

#include "data/parquet_plugin.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include <exception>
#include <memory>
#include <string>

#include "data/parquet_arrow.h"

namespace {

using attune::Json;
using attune::OrderedJson;

constexpr int64_t kRowsAtATime = 256;
constexpr int64_t kMemoryBytesMax = int64_t{1} << 30;  // a damaged page may say that it has 2 GiB
constexpr int64_t kRowsPerGroup = 16384;

AttuneParquetText text_of(const std::string& text) {
  return {text.data(), text.size()};
}

// Arrow hands errors back, Parquet throws some: both as a text.
template <typename Work>
bool succeeds(std::string& message, Work work) {
  try {
    const arrow::Status status = work();
    if (!status.ok()) message = status.message();
    return status.ok();
  } catch (const std::exception& error) {
    message = error.what();
  }
  return false;
}

// Where messages of calls that made no object live.
std::string& last_message() {
  static thread_local std::string message;
  return message;
}

}  // namespace

struct AttuneParquetReader {
  arrow::CappedMemoryPool pool{arrow::system_memory_pool(), kMemoryBytesMax};
  std::unique_ptr<parquet::arrow::FileReader> file;
  std::unique_ptr<arrow::RecordBatchReader> batches;
  std::shared_ptr<arrow::RecordBatch> batch;
  int64_t row = 0;  // within the batch
  std::string text;

  arrow::Status open(const void* bytes, size_t size) {
    const auto buffer = std::make_shared<arrow::Buffer>(static_cast<const uint8_t*>(bytes),
                                                        static_cast<int64_t>(size));
    parquet::ReaderProperties properties(&pool);
    properties.enable_buffered_stream();
    parquet::ArrowReaderProperties as_arrow(/*use_threads=*/false);
    as_arrow.set_batch_size(kRowsAtATime);
    as_arrow.set_pre_buffer(false);
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(
        builder.Open(std::make_shared<arrow::io::BufferReader>(buffer), properties));
    ARROW_RETURN_NOT_OK(builder.memory_pool(&pool)->properties(as_arrow)->Build(&file));
    ARROW_ASSIGN_OR_RAISE(batches, file->GetRecordBatchReader());
    return arrow::Status::OK();
  }

  // The next row's batch and place; `batch` is null at the end.
  arrow::Status advance() {
    ++row;
    while (batches != nullptr && (batch == nullptr || row >= batch->num_rows())) {
      ARROW_RETURN_NOT_OK(batches->ReadNext(&batch));
      row = 0;
      if (batch == nullptr) batches.reset();
    }
    if (batches == nullptr) batch.reset();
    return arrow::Status::OK();
  }

  arrow::Status read(std::string& line) const {
    OrderedJson object = OrderedJson::object();
    for (int i = 0; i < batch->num_columns(); ++i) {
      auto value = attune::data::json_of(*batch->column(i), row);
      if (!value.ok()) {
        return value.status().WithMessage("column \"", batch->column_name(i), "\" holds ",
                                          value.status().message());
      }
      object[batch->column_name(i)] = std::move(*value);
    }
    line = attune::to_line(object);
    return arrow::Status::OK();
  }
};

namespace {

// Hands what Arrow writes to the program.
class SinkStream : public arrow::io::OutputStream {
 public:
  SinkStream(AttuneParquetSink sink, void* context) : sink_(sink), context_(context) {}
  arrow::Status Write(const void* bytes, int64_t size) override {
    if (sink_(context_, bytes, static_cast<size_t>(size)) == 0) {
      return arrow::Status::IOError("cannot write");
    }
    written_ += size;
    return arrow::Status::OK();
  }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Tell() const override { return written_; }
  bool closed() const override { return closed_; }

 private:
  AttuneParquetSink sink_;
  void* context_;
  int64_t written_ = 0;
  bool closed_ = false;
};

}  // namespace

struct AttuneParquetWriter {
  Json schema;
  std::shared_ptr<arrow::Schema> columns;
  std::unique_ptr<arrow::RecordBatchBuilder> builder;
  std::unique_ptr<parquet::arrow::FileWriter> file;
  int64_t waiting = 0;
  std::string text;

  arrow::Status open(std::string_view described, AttuneParquetSink sink, void* context) {
    schema = Json::parse(described);
    ARROW_ASSIGN_OR_RAISE(const auto type, attune::data::type_of(schema));
    columns = arrow::schema(type->fields());
    ARROW_ASSIGN_OR_RAISE(builder,
                          arrow::RecordBatchBuilder::Make(columns, arrow::system_memory_pool()));
    const auto properties = parquet::WriterProperties::Builder()
                                .compression(arrow::Compression::ZSTD)
                                ->max_row_group_length(kRowsPerGroup)
                                ->build();
    ARROW_ASSIGN_OR_RAISE(file, parquet::arrow::FileWriter::Open(
                                    *columns, arrow::system_memory_pool(),
                                    std::make_shared<SinkStream>(sink, context), properties));
    return arrow::Status::OK();
  }

  arrow::Status flush() {
    if (waiting == 0) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto batch, builder->Flush());
    waiting = 0;
    return file->WriteRecordBatch(*batch);
  }

  arrow::Status write(std::string_view line) {
    const OrderedJson row = OrderedJson::parse(line);
    int place = 0;
    for (const Json& one : schema.at("members")) {
      const auto value = row.find(one.at(0).get_ref<const std::string&>());
      ARROW_RETURN_NOT_OK(attune::data::append_json(one.at(1),
                                                    value == row.end() ? nullptr : &*value,
                                                    *builder->GetField(place++)));
    }
    return ++waiting < kRowsAtATime ? arrow::Status::OK() : flush();
  }

  arrow::Status finish() {
    ARROW_RETURN_NOT_OK(flush());
    return file->Close();
  }
};

namespace {

AttuneParquetReader* open_reader(const void* bytes, size_t size, AttuneParquetText* message) {
  std::unique_ptr<AttuneParquetReader> reader;
  const bool opened = succeeds(last_message(), [&] {
    reader = std::make_unique<AttuneParquetReader>();
    return reader->open(bytes, size);
  });
  if (opened) return reader.release();
  *message = text_of(last_message());
  return nullptr;
}

int next_row(AttuneParquetReader* reader, AttuneParquetText* text) {
  int what = kAttuneParquetFailed;
  if (succeeds(reader->text, [&] { return reader->advance(); })) {
    if (reader->batch == nullptr) return kAttuneParquetEnd;
    what = succeeds(reader->text, [&] { return reader->read(reader->text); })
               ? kAttuneParquetRow
               : kAttuneParquetBadRow;
  }
  *text = text_of(reader->text);
  return what;
}

void close_reader(AttuneParquetReader* reader) {
  delete reader;
}

AttuneParquetWriter* create_writer(AttuneParquetText schema, AttuneParquetSink sink,
                                   void* context, AttuneParquetText* message) {
  std::unique_ptr<AttuneParquetWriter> writer;
  const bool opened = succeeds(last_message(), [&] {
    writer = std::make_unique<AttuneParquetWriter>();
    return writer->open({schema.data, schema.size}, sink, context);
  });
  if (opened) return writer.release();
  *message = text_of(last_message());
  return nullptr;
}

int write_row(AttuneParquetWriter* writer, AttuneParquetText row, AttuneParquetText* message) {
  if (succeeds(writer->text, [&] { return writer->write({row.data, row.size}); })) return 1;
  *message = text_of(writer->text);
  return 0;
}

int finish_writer(AttuneParquetWriter* writer, AttuneParquetText* message) {
  if (succeeds(writer->text, [&] { return writer->finish(); })) return 1;
  *message = text_of(writer->text);
  return 0;
}

void discard_writer(AttuneParquetWriter* writer) {
  delete writer;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const AttuneParquet attune_parquet;
const AttuneParquet attune_parquet = {kAttuneParquetVersion, open_reader, next_row,
                                      close_reader,          create_writer, write_row,
                                      finish_writer,         discard_writer};
