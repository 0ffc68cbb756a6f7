// Speed of Tokenizer::encode on one thread: tokenizer_bench TOKENIZER.json TEXT PASSES. The text is
// cut into documents of about 10 kB at line ends and encoded once with empty caches, then PASSES
// times. Prints one JSON line: megabytes of text per second of processor time, and a hash of the
// ids.
#include <iostream>
#include <numeric>

#include "base/file.h"
#include "text/tokenizer.h"

#include "clock.h"

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

Status run(const std::string& tokenizer_path, const std::string& text_path, int passes) {
  text::Tokenizer tokenizer = TRY(text::Tokenizer::from_json_file(tokenizer_path));
  std::string text = TRY(read_file(text_path));
  std::vector<std::string_view> documents = documents_of(text);
  std::vector<std::vector<int32_t>> ids(documents.size());
  std::vector<double> seconds;
  for (int pass = 0; pass <= passes; ++pass) {
    double begin = bench::processor_seconds();
    for (size_t i = 0; i < documents.size(); ++i) ids[i] = tokenizer.encode(documents[i]);
    seconds.push_back(bench::processor_seconds() - begin);
  }
  uint64_t hash = 0;
  size_t count = 0;
  for (const auto& document : ids) {
    for (int32_t id : document) hash = hash * 31 + static_cast<uint64_t>(id);
    count += document.size();
  }
  double megabytes = static_cast<double>(text.size()) / 1e6;
  double warm = std::accumulate(seconds.begin() + 1, seconds.end(), 0.0);
  std::cout << to_line(Json{{"mb_per_s", megabytes * passes / warm},
                            {"first_mb_per_s", megabytes / seconds[0]},
                            {"bytes", text.size()},
                            {"ids", count},
                            {"hash", fmt::format("{:016x}", hash)}})
            << "\n";
  return {};
}

}  // namespace
}  // namespace attune

int main(int count, char** arguments) {
  int passes = count == 4 ? std::atoi(arguments[3]) : 0;
  if (passes < 1) {
    std::cerr << "usage: tokenizer_bench TOKENIZER.json TEXT PASSES\n";
    return 2;
  }
  auto status = attune::run(arguments[1], arguments[2], passes);
  if (status.ok()) return 0;
  std::cerr << status.error().message() << "\n";
  return 1;
}
