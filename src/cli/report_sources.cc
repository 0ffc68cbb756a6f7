#include "cli/report_sources.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "cli/report_html.h"
#include "text/unicode.h"

namespace attune::cli {
namespace {

using Counts = std::map<std::string, int64_t>;

// Of the commonest first, how many of a kind are listed by name.
constexpr size_t kListed = 20;
// Of a snapshot's hash, which the run's files hold whole.
constexpr size_t kHashShown = 16;

void add_counts(const Json& report, const char* kind, Counts& sums) {
  const Json* counts = find(report, kind);
  if (counts == nullptr || !counts->is_object()) return;
  for (const auto& [name, count] : counts->items()) {
    if (count.is_number_integer()) sums[name] += count.get<int64_t>();
  }
}

// Over training and evaluation rows.
Counts counts_of(const Json& data_report, const char* kind) {
  Counts sums;
  for (const auto& [split, report] : data_report.items()) add_counts(report, kind, sums);
  return sums;
}

std::string row_of(const std::string& kind, const std::string& name, int64_t rows) {
  return fmt::format("<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td></tr>\n", kind,
                     escape_html(name), grouped(rows));
}

// Never within a character.
std::string shortened(const std::string& name, size_t bytes) {
  if (name.size() <= bytes) return name;
  return name.substr(0, text::valid_utf8_prefix(std::string_view(name).substr(0, bytes))) + "…";
}

std::string rows_of(const std::string& title, const Counts& counts, size_t bytes) {
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string html;
  int64_t further = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const auto& [name, rows] = sorted[i];
    if (i >= kListed) {
      further += rows;
    } else {
      html += row_of(i == 0 ? title : "", shortened(name, bytes), rows);
    }
  }
  if (further > 0) {
    const auto others = static_cast<int64_t>(sorted.size() - kListed);
    html += row_of("", fmt::format("{} more", grouped(others)), further);
  }
  return html;
}

std::string origins(const Json& data_report) {
  std::string html = rows_of("Annotator", counts_of(data_report, "annotators"), std::string::npos);
  html += rows_of("Guideline version", counts_of(data_report, "guideline_versions"),
                  std::string::npos);
  html += rows_of("Licence", counts_of(data_report, "licences"), std::string::npos);
  html += rows_of("Snapshot", counts_of(data_report, "snapshots"), kHashShown);
  if (html.empty()) return "";
  return "<p class=\"note\">Who said it, and under what:</p>"
         "<div class=\"card scroll\"><table><tr><th></th><th>name</th>"
         "<th class=\"number\">rows</th></tr>\n" +
         html + "</table></div>\n";
}

// What the licences and the authors of the rows that were kept ask of whoever trains on them.
std::string warnings(const Json& data_report) {
  std::string html;
  for (const auto& [warning, count] : counts_of(data_report, "licence_warnings")) {
    html += fmt::format("<tr><td class=\"number\">{}</td><td>{}</td></tr>\n",
                        grouped(count), escape_html(warning));
  }
  if (html.empty()) return "";
  return "<p class=\"note\">What the data asks of whoever uses the model:</p>"
         "<div class=\"card scroll\"><table><tr><th class=\"number\">rows</th><th>what</th>"
         "</tr>\n" +
         html + "</table></div>\n";
}

}  // namespace

std::string draw_sources(const Json& data_report) {
  if (!data_report.is_object()) return "";
  return origins(data_report) + warnings(data_report);
}

}  // namespace attune::cli
