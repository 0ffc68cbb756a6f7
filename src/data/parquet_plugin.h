// What `attune` and the library that holds Apache Arrow (attune_parquet.so) say to each other:
// plain C, rows as JSON texts, so that the programs start without Arrow and need not match its
// compiler.
//
// A text that is handed out lives until the next call with the same object. No function throws; one
// object is for one thread at a time.
#pragma once

#include <cstddef>

extern "C" {

struct AttuneParquetText {
  const char* data;
  size_t size;
};

enum AttuneParquetRow {
  kAttuneParquetEnd = 0,
  kAttuneParquetRow = 1,
  kAttuneParquetBadRow = 2,  // the text says why; the next row can be read
  kAttuneParquetFailed = 3,  // the text says why; nothing more can be read
};

struct AttuneParquetReader;
struct AttuneParquetWriter;

// Takes what is to be written to the file; 0 when that failed.
typedef int (*AttuneParquetSink)(void* context, const void* bytes, size_t size);

// The one symbol of the library: `attune_parquet`.
struct AttuneParquet {
  int version;  // kAttuneParquetVersion of the header that the library was built with

  // The bytes must outlive the reader. Null with a message.
  AttuneParquetReader* (*open)(const void* bytes, size_t size, AttuneParquetText* message);
  int (*next)(AttuneParquetReader* reader, AttuneParquetText* row_or_message);
  void (*close)(AttuneParquetReader* reader);

  // `schema` is the JSON of parquet_schema.h. Null with a message.
  AttuneParquetWriter* (*create)(AttuneParquetText schema, AttuneParquetSink sink, void* context,
                                 AttuneParquetText* message);
  // 0 with a message. finish() writes what is left and the footer.
  int (*write)(AttuneParquetWriter* writer, AttuneParquetText row, AttuneParquetText* message);
  int (*finish)(AttuneParquetWriter* writer, AttuneParquetText* message);
  void (*discard)(AttuneParquetWriter* writer);
};

}  // extern "C"

inline constexpr int kAttuneParquetVersion = 1;
