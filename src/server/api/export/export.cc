// GET /api/attune/v1/datasets/{id}/export: a data set as a file, streamed page by page.
#include <fmt/format.h>

#include <memory>
#include <set>

#include "base/log.h"
#include "server/api/audit.h"
#include "server/api/endpoints.h"
#include "server/api/export/export_rows.h"
#include "server/api/export/snapshot_rows.h"
#include "server/api/records/record_access.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/store/snapshots.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

// All that the stream needs, since it outlives the call.
struct Export {
  store::Database* database = nullptr;
  domain::Schema schema;
  ExportPlan plan;  // points into schema
  store::RecordParts parts;
  store::SaidBeside beside;
  std::string snapshot_name;                 // "": what stands now
  std::optional<domain::Snapshot> snapshot;  // instead of what stands now

  // Up to a page of records behind `after`, which becomes the last one's; `end` where none is left.
  Result<store::ExportPage> next_page(int64_t& after, bool& end) const;
};

Result<store::ExportPage> Export::next_page(int64_t& after, bool& end) const {
  if (!snapshot) {
    auto page = TRY(database->read([&](store::Connection& connection) {
      return store::export_page(connection, schema, after, store::kExportPageRecords, parts,
                                beside);
    }));
    end = page.records.empty();
    if (!end) after = page.records.back().position;
    return page;
  }
  const auto rows = TRY(database->read([&](store::Connection& connection) {
    return store::snapshot_page(connection, snapshot->position, after, store::kExportPageRecords);
  }));
  end = rows.empty();
  if (!end) after = rows.back().number;
  return page_of_snapshot(schema, rows);
}

// Which formats an option says something to. `answers=adjudicated`, which clients send with every
// format, is true of all.
Answer<void> check_options(const SchemaReader& query, const ExportPlan& plan) {
  using enum ExportFormat;
  static const std::pair<const char*, std::set<ExportFormat>> kTakenBy[] = {
      {"question", {kSft, kPreference, kRankings, kUnpaired, kPrompts}},
      {"prompt", {kSft, kPreference, kRankings, kUnpaired, kPrompts}},
      {"completion", {kUnpaired}},
      {"positive", {kUnpaired}},
      {"negative", {kUnpaired}},
      {"answers", {kSft, kPreference, kRankings, kUnpaired}},
      {"rule", {kPreference}},
      {"ties", {kPreference}},
      {"status", {kJsonl, kCsv, kSft, kPreference, kRankings, kUnpaired}},
      {"include", {kJsonl}}};
  for (const auto& [option, formats] : kTakenBy) {
    if (!query.given(option) || formats.contains(plan.format)) continue;
    if (plan.adjudicated && option == std::string_view("answers")) continue;
    return detail(422, fmt::format("format `{}` does not take `{}`",
                                   kExportFormats[static_cast<size_t>(plan.format)], option));
  }
  return {};
}

Answer<void> read_plan(const Call& call, Export& job) {
  const OrderedJson json =
      query_json(call.request.query, {"status", "include", "positive", "negative"});
  SchemaReader query(json, "query");
  const std::string format = query.choice_or("format", "jsonl", kExportFormats);
  NamedColumns named{query.text_or("question", ""), query.text_or("prompt", ""),
                     query.text_or("completion", ""), {}, {}};
  if (query.given("positive")) named.positive = query.texts("positive");
  if (query.given("negative")) named.negative = query.texts("negative");
  job.plan.adjudicated =
      query.choice_or("answers", "adjudicated", {"adjudicated", "annotators"}) == "adjudicated";
  const std::string rule = query.text_or("rule", "all");
  const std::string ties = query.text_or("ties", "skip");
  job.snapshot_name = query.text_or("snapshot", "");
  std::vector<std::string> statuses, includes;
  if (query.given("status")) {
    statuses = query.choices("status", {"draft", "submitted", "discarded"});
  }
  if (query.given("include")) includes = query.choices("include", {"vectors"});
  query.no_others();
  TRY(query.done());
  job.plan.format = *export_format_of(format);
  TRY(check_options(query, job.plan));
  const auto pair_rule = feedback::parse_pair_rule(rule);
  if (!pair_rule.ok()) return detail(422, pair_rule.error().message());
  const auto tie_rule = feedback::parse_tie_rule(ties);
  if (!tie_rule.ok()) return detail(422, tie_rule.error().message());
  job.plan.pairs = {.rule = *pair_rule, .ties = *tie_rule};
  const bool whole =
      job.plan.format == ExportFormat::kJsonl || job.plan.format == ExportFormat::kCsv;
  if (statuses.empty() && !whole) statuses = {"submitted"};
  for (const std::string& one : statuses) {
    job.plan.statuses.insert(*domain::response_status_of(one));
  }
  job.parts = {.responses = true, .suggestions = true, .vectors = !includes.empty()};
  const bool lossless = job.plan.format == ExportFormat::kJsonl;
  job.beside = {.adjudications = whole || job.plan.adjudicated, .gold = lossless,
                .comments = lossless};
  TRY(choose_columns(job.schema, named, job.plan));
  return {};
}

// The connection is closed without an end, so that the client does not take the part for the whole.
[[noreturn]] void break_off(const Export& job, const Error& error) {
  log_error("export of data set {}: {}", job.schema.dataset.id, error.message());
  throw std::runtime_error("the export broke off");
}

// Pages are read one at a time, so a slow client holds no reader of the data base; records that
// are added behind the last page meanwhile come too.
void stream_out(const Export& job, http::BodyWriter& out) {
  std::string text = header_line(job.schema, job.plan);
  ExportCounts counts;
  int64_t after = 0;
  bool end = false;
  while (!end && !out.stopping()) {
    const auto page = job.next_page(after, end);
    if (!page.ok()) break_off(job, page.error());
    for (const store::ExportedRecord& record : page->records) {
      const Status made = append_rows(job.schema, job.plan, *page, record, text, counts);
      if (!made.ok()) break_off(job, made.error().with_context("record " + record.id));
    }
    if (!text.empty() && !out.write(text)) return;
    text.clear();
  }
  log_info("export of data set {}: {} records, {} rows, {} rankings without pairs",
           job.schema.dataset.id, counts.records, counts.rows, counts.unreadable_rankings);
}

Answer<void> choose_snapshot(Export& job) {
  if (job.snapshot_name.empty()) return {};
  const auto read = [&](store::Connection& connection) {
    return store::find_snapshot_named(connection, job.schema.dataset, job.snapshot_name);
  };
  job.snapshot = TRY(job.database->read(read));
  if (!job.snapshot) {
    return detail(404, fmt::format("data set `{}` has no snapshot `{}`", job.schema.dataset.name,
                                   job.snapshot_name));
  }
  job.plan.snapshot = job.snapshot->hash;
  return {};
}

const char* extension_of(ExportFormat format) {
  return format == ExportFormat::kCsv ? "csv" : "jsonl";
}

// A file name of ASCII letters, digits and `-_.`, so that the header needs no quoting.
std::string file_name(const std::string& dataset, ExportFormat format) {
  std::string name;
  for (const char c : dataset) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '_';
    name += plain ? c : '_';
  }
  return fmt::format("{}.{}", name, extension_of(format));
}

// Whoever saves data from a full disk gets them all the same.
void tell_of_export(const Call& call, const Export& job) {
  const std::string& id = job.schema.dataset.id;
  const Status told = call.database().write([&](store::Connection& connection) {
    return audit(connection, call, "dataset.export", id, {{"snapshot", job.snapshot_name}});
  });
  if (!told.ok()) {
    log_error("export of data set {} by {}: not in the audit log: {}", id, call.user->username,
              told.error().message());
  }
}

Answer<http::Response> export_dataset(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const auto job = std::make_shared<Export>();
  job->database = &call.database();
  const auto read = [&](store::Connection& connection) -> Answer<void> {
    job->schema = TRY(schema_for(call, connection, id, Right::kManage));
    const auto workspace =
        TRY(store::find_workspace(connection, job->schema.dataset.workspace_id));
    job->plan.dataset_name =
        fmt::format("{}/{}", workspace ? workspace->name : "", job->schema.dataset.name);
    return {};
  };
  TRY(answer_read(call.database(), read));
  TRY(read_plan(call, *job));
  TRY(choose_snapshot(*job));
  tell_of_export(call, *job);
  http::Response response;
  response.headers.set("Content-Type", job->plan.format == ExportFormat::kCsv
                                           ? "text/csv; charset=utf-8"
                                           : "application/x-ndjson");
  response.headers.set(
      "Content-Disposition",
      fmt::format("attachment; filename=\"{}\"",
                  file_name(job->schema.dataset.name, job->plan.format)));
  if (job->snapshot) response.headers.set("X-Attune-Snapshot", job->snapshot->hash);
  response.stream = [job](http::BodyWriter& out) { stream_out(*job, out); };
  return response;
}

}  // namespace

void add_export_endpoints(Endpoints& endpoints) {
  endpoints.push_back({http::Method::kGet, "/api/attune/v1/datasets/{dataset_id}/export",
                       Access::kAdmins,
                       "A data set as JSON lines, CSV, TRL's forms or whole rankings, streamed",
                       export_dataset});
}

}  // namespace attune::api
