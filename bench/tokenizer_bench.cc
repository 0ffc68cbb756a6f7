// Speed of Tokenizer::encode on one core: tokenizer_bench TOKENIZER.json TEXT. The text is cut into
// documents of about 10 kB at line ends; one pass warms up, one is timed. Prints one JSON line with
// the megabytes of text per second of processor time and a hash of the ids.
#include <ctime>
#include <iostream>

#include "base/file.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace attune {
namespace {

constexpr size_t kDocumentBytes = 10'000;

std::vector<std::string_view> documents_of(std::string_view text) {
  std::vector<std::string_view> documents;
  while (!text.empty()) {
    size_t end = text.size() > kDocumentBytes ? text.find('\n', kDocumentBytes) : text.size() - 1;
    size_t size = end == std::string_view::npos ? text.size() : end + 1;
    documents.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return documents;
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Status run(const std::string& tokenizer_path, const std::string& text_path) {
  text::Tokenizer tokenizer = TRY(text::Tokenizer::from_json_file(tokenizer_path));
  std::string text = TRY(read_file(text_path));
  size_t ids = 0;
  uint64_t hash = 0;
  double seconds = 0;
  for (int pass = 0; pass < 2; ++pass) {
    ids = 0;
    hash = 0;
    double begin = processor_seconds();
    for (std::string_view document : documents_of(text)) {
      for (int32_t id : tokenizer.encode(document)) {
        hash = hash * 31 + static_cast<uint64_t>(id);
        ++ids;
      }
    }
    seconds = processor_seconds() - begin;
  }
  Json row = {{"program", "attune"},
              {"megabytes_per_second", static_cast<double>(text.size()) / seconds / 1e6},
              {"bytes", text.size()},
              {"ids", ids},
              {"hash", hash}};
  std::cout << to_line(row) << "\n";
  return {};
}

}  // namespace
}  // namespace attune

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: tokenizer_bench TOKENIZER.json TEXT\n";
    return 2;
  }
  auto status = attune::run(arguments[1], arguments[2]);
  if (status.ok()) return 0;
  std::cerr << status.error().message() << "\n";
  return 1;
}
