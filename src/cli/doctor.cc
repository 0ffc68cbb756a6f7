// attune doctor: what this machine has, and whether the two programs fit together.

#include <cstdio>

#include "base/file.h"
#include "cli/command.h"
#include "protocol/engine_process.h"

namespace attune::cli {
namespace {

constexpr int kDoctorTimeoutMs = 120'000;

recipes::Recipe table() {
  return {"doctor", "attune doctor", "Says what this machine has and how fast it is.",
          {recipes::boolean("json", false, "machine output")}};
}

// The engine writes its findings into a file; its log stays on standard error.
Result<Json> ask_engine(const std::string& engine) {
  auto directory = TRY(TemporaryDirectory::create());
  std::string path = directory->file("doctor.json");
  auto child = TRY(protocol::EngineProcess::start(engine, {"doctor", path}));
  std::optional<int> code = child->wait(kDoctorTimeoutMs);
  if (code != 0) {
    return make_error(ErrorCode::kInternal, "{}: doctor ended with exit code {}", engine,
                      code.value_or(-1));
  }
  return read_json_file(path);
}

double gibibytes(const Json& found, const char* name) {
  return static_cast<double>(found.value(name, int64_t{0})) / (1 << 30);
}

void print_findings(const std::string& engine, const Json& found) {
  fmt::print("engine      {}\n", engine);
  fmt::print("LibTorch    {}{}\n", found.value("torch", ""),
             found.value("cuda", false) ? " with CUDA" : ", CPU");
  fmt::print("processor   {}, {} cores, {} threads\n", found.value("cpu", ""),
             found.value("cores", 0), found.value("threads", 0));
  fmt::print("memory      {:.1f} GiB, {:.1f} free\n", gibibytes(found, "memory_bytes"),
             gibibytes(found, "free_bytes"));
  fmt::print("speed       {:.0f} GFLOP/s fp32 products, {:.1f} GB/s read\n",
             found.value("fp32_gflops", 0.0), found.value("read_gb_per_s", 0.0));
  fmt::print("precision   {}\n", found.value("precision", ""));
}

}  // namespace

Status run_doctor(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  Json config = TRY(resolve_flags(table(), arguments));
  std::string engine = TRY(protocol::find_engine());
  Json found = TRY(ask_engine(engine));
  found["engine"] = engine;
  if (config["json"].get<bool>()) {
    fmt::print("{}\n", to_line(found));
  } else {
    print_findings(engine, found);
  }
  return {};
}

}  // namespace attune::cli
