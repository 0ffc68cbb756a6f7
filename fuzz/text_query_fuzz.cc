// A question to the text search of any bytes, put to a real index: FTS5 understands what is made of
// it, whatever people write, and a folded word stays as it is when it is folded again.
#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/store/dialect.h"
#include "server/store/text_match.h"
#include "server/store/text_query.h"
#include "server/store/text_words.h"

namespace {

namespace store = attune::store;

sqlite3* index_of_words() {
  sqlite3* database = nullptr;
  CHECK(sqlite3_open(":memory:", &database) == SQLITE_OK);
  const std::string tables = store::in_dialect("{text_index}", store::Dialect::kSqlite);
  CHECK(sqlite3_exec(database, tables.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, "{}",
        sqlite3_errmsg(database));
  return database;
}

void run(sqlite3* database, const char* sql, const std::string& text) {
  sqlite3_stmt* statement = nullptr;
  CHECK(sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) == SQLITE_OK);
  sqlite3_bind_text(statement, 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  CHECK(code == SQLITE_DONE, "{} for {}", sqlite3_errmsg(database), text);
  sqlite3_finalize(statement);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static sqlite3* database = index_of_words();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string& word : store::words_of(text)) {
    CHECK(!word.empty() && word.size() <= store::kWordBytesMax);
    CHECK(store::words_of(word) == std::vector<std::string>{word}, "{} is folded twice", word);
  }
  const auto tree = store::parse_text_query(text);
  if (!tree) return 0;
  run(database, "DELETE FROM record_text WHERE $1 = $1", "");
  run(database, "INSERT INTO record_text (rowid, f1) VALUES (1, $1)",
      store::folded_words(text, 100'000));
  const char* ask = "SELECT rowid, bm25(record_text) FROM record_text WHERE record_text MATCH $1";
  run(database, ask, store::fts5_question(*tree, std::nullopt));
  run(database, ask, store::fts5_question(*tree, 1));
  return 0;
}
