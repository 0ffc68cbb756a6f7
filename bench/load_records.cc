#include "load_records.h"

#include <fmt/format.h>

#include <iterator>

#include "base/check.h"

namespace attune::bench {
namespace {

constexpr uint64_t kWords = 50'000;

int64_t every(char letter) { return letter == 'c' ? 100 : letter == 'd' ? 1000 : 10'000; }

// SplitMix64 (Steele, Lea, Flood 2014): a stream that starts anywhere.
uint64_t mixed(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// Small numbers are frequent, about as 1 / rank.
uint64_t word_number(uint64_t random) {
  const double unit = static_cast<double>(random >> 11) * 0x1p-53;
  return static_cast<uint64_t>(unit * unit * unit * static_cast<double>(kWords));
}

// A word of letters alone, 4 to 9 long.
void append_word(uint64_t number, std::string& text) {
  const uint64_t length = 4 + mixed(number) % 6;
  uint64_t letters = mixed(number + kWords);
  for (uint64_t i = 0; i < length; ++i, letters /= 26) {
    text += static_cast<char>('a' + letters % 26);
  }
}

}  // namespace

void LoadRecords::append_text(int64_t number, std::string& json) const {
  const size_t begin = json.size();
  auto random = static_cast<uint64_t>(number) << 20;
  while (json.size() - begin < static_cast<size_t>(bytes)) {
    append_word(word_number(mixed(++random)), json);
    json += random % 12 == 0 ? ". " : " ";
  }
  fmt::format_to(std::back_inserter(json), "c{} d{} e{}", number % 100, number % 1000,
                 number % 10'000);
}

void LoadRecords::append_record(int64_t number, std::string& json) const {
  fmt::format_to(std::back_inserter(json), R"({{"external_id":"r{}","fields":{{"prompt":")",
                 number);
  append_text(number, json);
  fmt::format_to(std::back_inserter(json), R"("}},"metadata":{{"source":"s{}"}}}})",
                 number % kSources);
}

void LoadRecords::append_row(int64_t number, std::string& json) const {
  json += R"({"prompt":")";
  append_text(number, json);
  fmt::format_to(std::back_inserter(json),
                 R"(","source":{{"dataset":"load","row":"{}","licence":"s{}"}}}})", number,
                 number % kSources);
}

int64_t LoadRecords::hits(char letter, int64_t number, int64_t source) const {
  int64_t found = 0;
  for (int64_t one = number; one < count; one += every(letter)) found += one % kSources == source;
  return found;
}

}  // namespace attune::bench
