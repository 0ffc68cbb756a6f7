#include "cli/report.h"

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "cli/command.h"
#include "cli/evaluation.h"
#include "cli/report_data.h"
#include "cli/report_html.h"
#include "cli/report_metrics.h"
#include "cli/report_sources.h"

namespace attune::cli {
namespace {

std::string from_to(const RunData& run, const Curve& curve) {
  if (curve.empty()) return run.finished ? "not measured" : "none yet";
  std::string last = fmt::format("{:.3f}", curve.rbegin()->second);
  if (curve.size() == 1) return last;
  return fmt::format("{:.3f} → {}", curve.begin()->second, last);
}

std::string change_text(const Curve& curve, const Headline& headline) {
  if (curve.size() < 2) return "";
  const double first = curve.begin()->second;
  const double last = curve.rbegin()->second;
  const int64_t since = curve.begin()->first;
  if (!headline.share_of_start) return fmt::format("{:+.3f} since step {}", last - first, since);
  if (first == 0) return "";
  return fmt::format("{:+.0f} % since step {}", 100 * (last / first - 1), since);
}

// "LoRA fine-tuning", "dpo with LoRA".
std::string method_of(const RunData& run) {
  const bool lora = run.config.value("use_peft", Json()) == Json(true);
  if (run.recipe.empty() || run.recipe == "sft") return lora ? "LoRA fine-tuning" : "fine-tuning";
  return escape_html(run.recipe) + (lora ? " with LoRA" : "");
}

std::string title_part(const RunData& run) {
  std::string state = run.interrupted        ? "interrupted"
                      : !run.failure.empty() ? "failed"
                      : run.finished         ? "finished"
                                             : "still going";
  std::string model = plain_text(run.config.value("model_name_or_path", Json("unknown model")));
  std::string html = fmt::format(
      "<header><h1>{}</h1><p class=\"lead\"><span class=\"state{}\">{}</span> {} from {}</p>",
      escape_html(run.name), state == "finished" ? "" : " open", state,
      method_of(run), escape_html(model));
  if (!run.failure.empty()) {
    html += fmt::format("<p class=\"failure\">{}</p>", escape_html(run.failure));
  }
  return html + "</header>\n";
}

std::string key_figures(const RunData& run) {
  double speed = run.seconds > 0 ? static_cast<double>(run.tokens) / run.seconds : 0;
  std::string steps = grouped(run.last_step);
  if (run.total_steps > 0) steps += " of " + grouped(run.total_steps);
  const Headline headline = headline_of(run);
  const Curve& held_out = run.held_out(headline.metric);
  const Curve& training = run.curve(headline.metric);
  return draw_tiles({{"Held-out " + headline.name, from_to(run, held_out),
                      change_text(held_out, headline)},
                     {"Training " + headline.name, from_to(run, training),
                      change_text(training, headline)},
                     {"Steps", steps, "optimizer steps"},
                     {"Tokens", grouped(run.tokens), "read in training"},
                     {"Speed", grouped(std::llround(speed)), "tokens a second, over all steps"},
                     {"Time", duration_text(run.seconds), "in training steps"}});
}

std::string sample_title(int64_t step, const std::optional<double>& points) {
  std::string text = fmt::format("Step {}", step);
  return points ? text + fmt::format(" · {:g} of 10 points", *points) : text;
}

std::string samples_part(const RunData& run) {
  if (run.samples.empty()) return "";
  std::string html = "<h2>What does it say now?</h2>\n";
  for (const SamplePair& sample : run.samples) {
    html +=
        fmt::format("<article class=\"card sample\"><p class=\"prompt\">{}</p><div class=\"pair\">",
                    escape_html(sample.prompt));
    html += fmt::format("<section><h3>{}</h3><div class=\"text\">{}</div></section>",
                        sample_title(sample.before_step, sample.before_points),
                        escape_html(sample.before));
    if (sample.after_step > sample.before_step) {
      html += fmt::format("<section class=\"after\"><h3>{}</h3><div class=\"text\">{}</div>"
                          "</section>",
                          sample_title(sample.after_step, sample.after_points),
                          escape_html(sample.after));
    }
    html += "</div></article>\n";
  }
  return html;
}

std::string count_cell(const Json& report, const char* group, const char* key) {
  const Json* counts = find(report, group);
  const Json* value = counts == nullptr ? nullptr : find(*counts, key);
  return fmt::format("<td class=\"number\">{}</td>",
                     value != nullptr && value->is_number_integer() ? grouped(value->get<int64_t>())
                                                                    : "–");
}

// "a.jsonl 3, 7; b.jsonl 1 and 12 more".
std::string which_rows(const Json& entry, int64_t count) {
  constexpr int64_t kShown = 10;
  const Json* files = find(entry, "rows");
  if (files == nullptr || !files->is_object()) return "";
  std::string text;
  int64_t shown = 0;
  for (const auto& [file, numbers] : files->items()) {
    if (!numbers.is_array() || shown == kShown) continue;
    const std::string name = std::filesystem::path(file).filename().string();
    text += fmt::format("{}{} ", text.empty() ? "" : "; ", name);
    std::string separator;
    for (const Json& number : numbers) {
      if (shown == kShown) break;
      text += separator + plain_text(number);
      separator = ", ";
      ++shown;
    }
  }
  if (shown < count) text += fmt::format(" and {} more", grouped(count - shown));
  return text;
}

std::string dropped_rows(const Json& report, const std::string& split) {
  const Json* dropped = find(report, "dropped");
  if (dropped == nullptr || !dropped->is_array()) return "";
  std::string html;
  for (const Json& entry : *dropped) {
    if (!entry.is_object()) continue;
    const Json count = entry.value("count", Json(0));
    const int64_t rows = count.is_number_integer() ? count.get<int64_t>() : 0;
    html += fmt::format(
        "<tr><td>{}</td><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        escape_html(split), grouped(rows),
        escape_html(plain_text(entry.value("reason", Json("unknown")))),
        escape_html(plain_text(entry.value("first", Json("")))),
        escape_html(which_rows(entry, rows)));
  }
  return html;
}

// People who differ stay in the data; how many of them there are bounds what can be learnt.
std::string disagreeing_rows(const Json& report, const std::string& split) {
  const Json* counts = find(report, "rows");
  const Json* count = counts == nullptr ? nullptr : find(*counts, "disagreeing");
  if (count == nullptr || !count->is_number_integer() || *count == 0) return "";
  return fmt::format(
      "<p class=\"note\">{}: rows that say the opposite of somebody else's about the same two "
      "answers, and stay: {}.</p>\n",
      escape_html(split), grouped(count->get<int64_t>()));
}

std::string data_part(const RunData& run) {
  if (!run.data_report.is_object()) return "";
  std::string html =
      "<h2>From what?</h2>\n<div class=\"card scroll\"><table><tr><th>Rows</th>"
      "<th class=\"number\">read</th><th class=\"number\">kept</th><th "
      "class=\"number\">dropped</th>"
      "<th class=\"number\">cut to max_length</th><th class=\"number\">tokens</th>"
      "<th class=\"number\">tokens with loss</th></tr>\n";
  std::string dropped, disagreeing;
  for (const auto& [split, report] : run.data_report.items()) {
    const Json* rows = report.is_object() ? find(report, "rows") : nullptr;
    if (rows == nullptr) continue;
    const Json* read = find(*rows, "read");
    if (read != nullptr && *read == 0) continue;  // a split that there is not
    html += fmt::format("<tr><td>{}</td>", escape_html(split));
    for (const char* key : {"read", "kept", "dropped", "truncated"}) {
      html += count_cell(report, "rows", key);
    }
    html +=
        count_cell(report, "tokens", "kept") + count_cell(report, "tokens", "trained") + "</tr>\n";
    dropped += dropped_rows(report, split);
    disagreeing += disagreeing_rows(report, split);
  }
  html += "</table></div>\n" + disagreeing + draw_sources(run.data_report);
  if (dropped.empty()) return html;
  return html +
         "<p class=\"note\">Rows that were left out:</p><div class=\"card scroll\"><table><tr>"
         "<th>Rows</th><th class=\"number\">count</th><th>why</th><th>the first of "
         "them</th><th>which</th></tr>\n" +
         dropped + "</table></div>\n";
}

void flatten(const std::string& name, const Json& value,
             std::vector<std::pair<std::string, std::string>>& rows) {
  if (!value.is_structured()) {
    rows.emplace_back(name, plain_text(value));
    return;
  }
  size_t index = 0;
  for (const auto& [key, member] : value.items()) {
    std::string part =
        value.is_array() ? fmt::format("[{}]", index++) : (name.empty() ? "" : ".") + key;
    flatten(name + part, member, rows);
  }
}

std::string details_part(const std::string& title, const Json& value, bool nested) {
  if (!value.is_object() || value.empty()) return "";
  std::vector<std::pair<std::string, std::string>> rows;
  if (nested) flatten("", value, rows);
  for (const auto& [key, member] : value.items()) {
    if (!nested) rows.emplace_back(key, plain_text(member));
  }
  return fmt::format("<details><summary><h2>{}</h2></summary>\n{}</details>\n", escape_html(title),
                     draw_pairs(rows));
}

std::string page_of(const RunData& run) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{} · Attune</title>\n<style>{}</style></head>\n<body><main>\n",
      escape_html(run.name), report_style());
  html += title_part(run) + key_figures(run) + draw_metrics(run) + samples_part(run);
  html += draw_evaluations(run.evaluations) + data_part(run);
  html += details_part("Configuration", run.config, false);
  html += details_part("Precision, threads and memory", run.plan, false);
  html += details_part("Lineage", run.lineage, true);
  html += fmt::format("<footer>Made by <code>attune report {}</code>",
                      escape_html(run.directory));
  if (run.unreadable_lines > 0) {
    html += fmt::format("; {} lines of events.jsonl could not be read", run.unreadable_lines);
  }
  return html + ".</footer>\n</main></body></html>\n";
}

}  // namespace

Result<std::string> write_report(const std::string& run_directory) {
  RunData run = TRY(read_run(run_directory));
  run.evaluations = TRY(read_evaluations(run_directory));
  std::string path = join_path(run_directory, "report.html");
  TRY(write_file(path, page_of(run)));
  return path;
}

Status run_report(Arguments arguments) {
  bool help = arguments.take_switch("help");
  bool json = arguments.take_switch("json");
  if (help || arguments.positional.size() != 1 || !arguments.flags.empty()) {
    constexpr const char* kUsage =
        "usage: attune report RUN [--json]; RUN is the --output_dir of a training run";
    if (!help) return usage_error("{}", kUsage);
    fmt::print(
        "{}\n\nWrites RUN/report.html, one page without any other file: losses, learning rate,"
        " speed,\nanswers before and after, the data report, the configuration, lineage.\n",
        kUsage);
    return {};
  }
  std::string path = TRY(write_report(arguments.positional[0]));
  fmt::print("{}\n", json ? to_line(OrderedJson{{"report", path}}) : path);
  return {};
}

}  // namespace attune::cli
