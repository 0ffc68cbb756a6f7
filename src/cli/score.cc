// attune score: examples -> one line per completion with its log-probability or reward.

#include <cstdio>

#include "cli/command.h"
#include "cli/engine_session.h"
#include "cli/model_source.h"
#include "cli/rows_io.h"

namespace attune::cli {
namespace {

constexpr int64_t kInFlight = 64;

recipes::Recipe table() {
  recipes::Recipe table{
      "score", "attune score",
      "Writes {\"id\", \"index\", \"sum_logprob\", \"tokens\", \"mean_logprob\"} per completion, "
      "with a reward model {\"id\", \"index\", \"tokens\", \"reward\"}.",
      rows_options()};
  std::vector<recipes::Option> model = served_model_options();
  table.options.insert(table.options.end(), model.begin(), model.end());
  recipes::Option append_eos =
      recipes::boolean("append_eos", false,
                       "string completions end in the end token; unset: with a reward model, which "
                       "is read there");
  append_eos.fallback = nullptr;
  table.options.push_back(std::move(append_eos));
  return table;
}

}  // namespace

Status run_score(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  Json config = TRY(resolve_flags(table(), arguments));
  TRY(check_model(config));
  std::string data = text_of(config, "data");
  std::vector<data::Row> rows = TRY(read_input_rows(data));
  std::vector<OrderedJson> requests;
  for (const data::Row& row : rows) {
    if (!row.value.is_object()) {
      return invalid_input("{}: must be an object", row_place(data, row.number));
    }
    OrderedJson request = row.value;
    request["kind"] = "score";
    if (config["append_eos"].is_boolean()) request["append_eos"] = config["append_eos"].get<bool>();
    requests.push_back(std::move(request));
  }
  EngineSession session = TRY(EngineSession::start(config));
  auto writer = TRY(RowWriter::open(text_of(config, "output")));
  auto place = [&](size_t index) { return row_place(data, rows[index].number); };
  auto write = [&](size_t index, const Json& done) -> Status {
    const OrderedJson& row = rows[index].value;
    for (const Json& score : done["scores"]) {
      OrderedJson out = OrderedJson::object();
      out["id"] = row.contains("id") ? row["id"] : OrderedJson(rows[index].number);
      for (const char* name : {"index", "sum_logprob", "tokens", "mean_logprob", "reward"}) {
        if (score.contains(name)) out[name] = OrderedJson(score[name]);
      }
      TRY(writer->write(out));
    }
    return {};
  };
  TRY(session.run(requests, kInFlight, write, place));
  return writer->finish();
}

}  // namespace attune::cli
