// Loads a feedback server over HTTP and measures it: server_bench STAGE '{"port":...,...}'.
//
//   rows      writes them as rows for `attune import` to a file: {"rows"}; needs no server
//   import    stores them, and their ids in a file: {"connections","per_call","ids"}
//   count     checks the number of records and of hits; measures nothing
//   export    reads all of them as JSON lines
//   search    filtered searches by words of up to 10,000 hits: {"searches"}
//   submit    answers as fast as they are taken, one on each record: {"seconds","ids"}
//   annotate  people who take a record, think, and submit: {"seconds","per_second"}
//
// All take {"port","dataset","records","bytes","keys","server_pid"}; the first key is an
// admin's, every one stands for a person. Prints one JSON line of figures, the processor time of
// client and server among them, and fails when an answer is not what it must be.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "http_load.h"
#include "load_records.h"

namespace attune::bench {
namespace {

struct Task {
  Json settings;
  LoadRecords records;
  std::vector<std::string> keys;
  std::string dataset;

  int64_t integer(const char* name) const { return get_int(settings, name).value(); }
};

Task task_of(Json settings) {
  Task task;
  task.settings = std::move(settings);
  task.records = {task.integer("records"), task.integer("bytes")};
  task.dataset = get_string_or(task.settings, "dataset", "").value();
  if (task.settings.contains("keys")) task.keys = task.settings["keys"];
  return task;
}

std::string request(const std::string& method, const std::string& path, const std::string& key,
                    const std::string& body = "") {
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Argilla-Api-Key: {}\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      method, path, key, body.size(), body);
}

// The text behind `before` up to the next quote; `at` moves behind it.
std::string_view quoted_behind(std::string_view text, std::string_view before, size_t& at) {
  const size_t found = text.find(before, at);
  if (found == std::string_view::npos) return "";
  const size_t begin = found + before.size();
  at = text.find('"', begin);
  return text.substr(begin, at - begin);
}

// Processor time of another process, all its threads (proc(5), fields 14 and 15).
int64_t processor_us_of(int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  size_t at = text.rfind(')') + 2;
  for (int field = 3; field < 14; ++field) at = text.find(' ', at) + 1;
  char* end = nullptr;
  const long long user = std::strtoll(text.c_str() + at, &end, 10);
  return (user + std::strtoll(end, nullptr, 10)) * 10'000;
}

double megabytes_of(int64_t pid, const char* line_name) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(line_name)) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

// What a stage cost, from its making to finish().
class Stage {
 public:
  explicit Stage(const Task& task)
      : pid_(task.integer("server_pid")),
        begin_us_(monotonic_us()),
        client_us_(processor_us()),
        server_us_(processor_us_of(pid_)) {}

  double seconds() const { return static_cast<double>(monotonic_us() - begin_us_) / 1e6; }
  void finish(Json figures) const {
    const double wall = seconds();
    figures["seconds"] = wall;
    figures["client_cpu_s"] = static_cast<double>(processor_us() - client_us_) / 1e6;
    figures["server_cpu_s"] = static_cast<double>(processor_us_of(pid_) - server_us_) / 1e6;
    figures["server_rss_mib"] = megabytes_of(pid_, "VmRSS:");
    figures["server_peak_mib"] = megabytes_of(pid_, "VmHWM:");
    std::cout << to_line(figures) << std::endl;
  }

 private:
  int64_t pid_, begin_us_, client_us_, server_us_;
};

double percentile_ms(std::vector<int64_t>& micros, double share) {
  if (micros.empty()) return 0;
  const auto rank = static_cast<size_t>(share * static_cast<double>(micros.size() - 1));
  std::nth_element(micros.begin(), micros.begin() + static_cast<std::ptrdiff_t>(rank),
                   micros.end());
  return static_cast<double>(micros[rank]) / 1000;
}

Json latencies(const std::string& name, std::vector<int64_t>& micros) {
  return {{name + "_p50_ms", percentile_ms(micros, 0.5)},
          {name + "_p95_ms", percentile_ms(micros, 0.95)},
          {name + "_p99_ms", percentile_ms(micros, 0.99)},
          {name + "_max_ms", percentile_ms(micros, 1)}};
}

Result<HttpLoad> load_of(const Task& task, size_t connections) {
  return HttpLoad::connect("127.0.0.1", static_cast<int>(task.integer("port")), connections);
}

// ---- records ----

Status write_rows(const Task& task) {
  std::ofstream file(TRY(get_string(task.settings, "rows")), std::ios::binary);
  for (int64_t number = 0; number < task.records.count; ++number) {
    std::string row;
    task.records.append_row(number, row);
    file << row << '\n';
  }
  file.close();
  if (!file) return io_error("the rows could not be written");
  std::cout << "{}\n";
  return {};
}

Status import(const Task& task) {
  const auto connections = static_cast<size_t>(task.integer("connections"));
  HttpLoad load = TRY(load_of(task, connections));
  int64_t next = 0;
  const auto send = [&](size_t connection) {
    if (next == task.records.count) return;
    std::string body = "{\"items\":[";
    const int64_t end = std::min(next + task.integer("per_call"), task.records.count);
    for (; next < end; ++next) {
      if (body.back() != '[') body += ',';
      task.records.append_record(next, body);
    }
    load.send_at(connection, monotonic_us(),
                 request("PUT", "/api/v1/datasets/" + task.dataset + "/records/bulk",
                         task.keys[0], body + "]}"));
  };
  std::ofstream ids(TRY(get_string(task.settings, "ids")), std::ios::binary);
  const Stage stage(task);
  for (size_t i = 0; i < connections; ++i) send(i);
  TRY(load.run([&](size_t connection, const HttpAnswer& answer) {
    for (size_t at = 0;;) {
      const std::string_view id = quoted_behind(answer.body, R"({"id":")", at);
      if (id.empty()) break;
      ids << id << '\n';
    }
    send(connection);
  }));
  stage.finish({{"records_per_s", static_cast<double>(task.records.count) / stage.seconds()}});
  return {};
}

Status export_all(const Task& task) {
  HttpLoad load = TRY(load_of(task, 1));
  int64_t lines = 0, bytes = 0;
  load.take_pieces([&](std::string_view piece) {
    lines += std::count(piece.begin(), piece.end(), '\n');
    bytes += static_cast<int64_t>(piece.size());
  });
  const Stage stage(task);
  load.send_at(0, monotonic_us(),
               request("GET", "/api/attune/v1/datasets/" + task.dataset + "/export", task.keys[0]));
  TRY(load.run([](size_t, const HttpAnswer&) {}));
  if (lines != task.records.count) {
    return io_error("{} lines were exported of {} records", lines, task.records.count);
  }
  stage.finish({{"records_per_s", static_cast<double>(lines) / stage.seconds()},
                {"mb_per_s", static_cast<double>(bytes) / 1e6 / stage.seconds()}});
  return {};
}

// ---- searches ----

struct Question {
  std::string body;
  int64_t total = 0;
};

// One word of 100, 1,000 or 10,000 hits in a million records, and one term to filter by.
std::vector<Question> questions(const Task& task, int64_t count) {
  std::vector<Question> all;
  Random random(1);
  for (int64_t i = 0; i < count; ++i) {
    const char letter = "cde"[i % 3];
    const auto number = static_cast<int64_t>(random.below(100));
    const auto source = static_cast<int64_t>(random.below(static_cast<uint64_t>(kSources)));
    Question one{fmt::format(R"({{"query":{{"text":{{"q":"{}{}"}}}})", letter, number), 0};
    one.body += fmt::format(
        R"(,"filters":{{"and":[{{"type":"terms","scope":{{"entity":"metadata",)"
        R"("metadata_property":"source"}},"values":["s{}"]}}]}})",
        source);
    one.total = task.records.hits(letter, number, source);
    one.body += "}";
    all.push_back(std::move(one));
  }
  return all;
}

Status ask(const Task& task, const std::vector<Question>& all, std::vector<int64_t>& micros) {
  HttpLoad load = TRY(load_of(task, 1));
  size_t next = 0;
  std::string wrong;
  const auto send = [&] {
    load.send_at(0, monotonic_us(),
                 request("POST", "/api/v1/datasets/" + task.dataset + "/records/search?limit=50",
                         task.keys[0], all[next].body));
  };
  send();
  TRY(load.run([&](size_t, const HttpAnswer& answer) {
    micros.push_back(answer.micros);
    if (!answer.body.ends_with(fmt::format("\"total\":{}}}", all[next].total))) {
      wrong = fmt::format("{}: not {} hits: ...{}", all[next].body, all[next].total,
                          answer.body.substr(answer.body.size() - std::min<size_t>(
                                                                      answer.body.size(), 40)));
    }
    if (++next < all.size() && wrong.empty()) send();
  }));
  if (!wrong.empty()) return io_error("{}", wrong);
  return {};
}

Status count(const Task& task) {
  std::vector<Question> all = questions(task, 30);
  all.push_back({"{}", task.records.count});
  std::vector<int64_t> micros;
  TRY(ask(task, all, micros));
  std::cout << "{}\n";
  return {};
}

Status search(const Task& task) {
  const std::vector<Question> all = questions(task, task.integer("searches"));
  std::vector<int64_t> micros;
  const Stage stage(task);
  TRY(ask(task, all, micros));
  stage.finish(latencies("search", micros));
  return {};
}

// ---- answers ----

constexpr const char* kAnswer =
    R"({"status":"submitted","values":{"quality":{"value":"good"},"note":{"value":"as it is"}}})";

std::string submission(const std::string& record, const std::string& key) {
  return request("POST", "/api/v1/records/" + record + "/responses", key, kAnswer);
}

// Ids as `import` left them; those of the second half, which annotators do not reach.
Result<std::vector<std::string>> record_ids(const Task& task) {
  const std::string path = TRY(get_string(task.settings, "ids"));
  const std::string text = TRY(read_file(path));
  constexpr size_t kLine = 37;
  std::vector<std::string> ids;
  for (size_t at = text.size() / kLine / 2 * kLine; at < text.size(); at += kLine) {
    ids.push_back(text.substr(at, kLine - 1));
  }
  return ids;
}

// Each person answers records of their own, as fast as the server takes them.
Status submit(const Task& task) {
  const size_t people = task.keys.size();
  const std::vector<std::string> ids = TRY(record_ids(task));
  HttpLoad load = TRY(load_of(task, people));
  std::vector<int64_t> micros;
  size_t next = 0;
  const Stage stage(task);
  const auto send = [&](size_t person) {
    if (stage.seconds() > static_cast<double>(task.integer("seconds"))) return;
    if (next == ids.size()) return;
    load.send_at(person, monotonic_us(), submission(ids[next++], task.keys[person]));
  };
  for (size_t person = 0; person < people; ++person) send(person);
  TRY(load.run([&](size_t person, const HttpAnswer& answer) {
    micros.push_back(answer.micros);
    send(person);
  }));
  Json figures = latencies("submit", micros);
  figures["submits"] = micros.size();
  figures["submits_per_s"] = static_cast<double>(micros.size()) / stage.seconds();
  figures["people"] = people;
  stage.finish(std::move(figures));
  return {};
}

// One who takes a record, thinks about it, submits, and takes the next.
class Annotators {
 public:
  Annotators(const Task& task, HttpLoad& load)
      : task_(task), load_(load), end_us_(monotonic_us() + task.integer("seconds") * 1'000'000) {
    thinking_us_ = static_cast<double>(task.keys.size()) * 1e6 /
                   static_cast<double>(task.integer("per_second"));
    for (size_t person = 0; person < task.keys.size(); ++person) {
      thinks_.push_back(false);
      take_at(person, monotonic_us() + static_cast<int64_t>(random_.uniform() * thinking_us_));
    }
  }

  void answered(size_t person, const HttpAnswer& answer) {
    if (thinks_[person]) {  // what was answered is a submission
      thinks_[person] = false;
      submits.push_back(answer.micros);
      if (monotonic_us() < end_us_) take_at(person, monotonic_us());
      return;
    }
    takes.push_back(answer.micros);
    size_t at = 0;
    const std::string_view record = quoted_behind(answer.body, R"("record":{"id":")", at);
    if (record.empty()) {
      ++empty;
      return;
    }
    thinks_[person] = true;
    // Half of the mean for sure, the rest at random.
    const double thought = thinking_us_ * (0.5 + random_.uniform());
    load_.send_at(person, monotonic_us() + static_cast<int64_t>(thought),
                  submission(std::string(record), task_.keys[person]));
  }

  std::vector<int64_t> takes, submits;
  int64_t empty = 0;  // times that nothing was left to take

 private:
  void take_at(size_t person, int64_t at_us) {
    load_.send_at(person, at_us,
                  request("POST", "/api/attune/v1/datasets/" + task_.dataset + "/next",
                          task_.keys[person]));
  }

  const Task& task_;
  HttpLoad& load_;
  int64_t end_us_;
  double thinking_us_ = 0;
  Random random_{2};
  std::vector<bool> thinks_;
};

Status annotate(const Task& task) {
  HttpLoad load = TRY(load_of(task, task.keys.size()));
  const Stage stage(task);
  Annotators annotators(task, load);
  TRY(load.run([&](size_t person, const HttpAnswer& answer) {
    annotators.answered(person, answer);
  }));
  if (annotators.empty > 0) return io_error("nothing was left to take");
  Json figures = latencies("next", annotators.takes);
  figures.update(latencies("submit", annotators.submits));
  figures["people"] = task.keys.size();
  figures["submits"] = annotators.submits.size();
  figures["submits_per_s"] = static_cast<double>(annotators.submits.size()) / stage.seconds();
  stage.finish(std::move(figures));
  return {};
}

Status run(const std::string& stage, const std::string& settings) {
  const Task task = task_of(TRY(parse_json(settings)));
  if (stage == "rows") return write_rows(task);
  if (stage == "import") return import(task);
  if (stage == "count") return count(task);
  if (stage == "export") return export_all(task);
  if (stage == "search") return search(task);
  if (stage == "submit") return submit(task);
  if (stage == "annotate") return annotate(task);
  return usage_error("{}: no such stage", stage);
}

}  // namespace
}  // namespace attune::bench

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: server_bench STAGE SETTINGS\n";
    return 2;
  }
  const auto status = attune::bench::run(arguments[1], arguments[2]);
  if (status.ok()) return 0;
  std::cerr << status.error().message() << "\n";
  return 1;
}
