// The records that the server is loaded with: the same for the same number, about as many bytes of
// text as asked for, made of 50,000 words of which few are frequent. Words at the end have known
// numbers of hits: `c7` stands in every 100th record, `d7` in every 1000th, `e7` in every 10,000th.
#pragma once

#include <cstdint>
#include <string>

namespace attune::bench {

inline constexpr int64_t kSources = 7;  // terms of the metadata property `source`

struct LoadRecords {
  int64_t count = 0;
  int64_t bytes = 0;  // of a record's text

  // {"external_id","fields":{"prompt"},"metadata":{"source"}} of one.
  void append_record(int64_t number, std::string& json) const;
  // The same text as a row of examples: {"prompt","source":{"dataset","row","licence"}}.
  void append_row(int64_t number, std::string& json) const;
  // How many records hold the word of this letter and number, and that term of `source`.
  int64_t hits(char letter, int64_t number, int64_t source) const;

 private:
  void append_text(int64_t number, std::string& json) const;
};

}  // namespace attune::bench
