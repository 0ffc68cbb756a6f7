#include "cli/report_html.h"

#include <fmt/format.h>

namespace attune::cli {
namespace {

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --ink: #1b2430; --soft: #5f6b7a;
  --rule: #e1e5ea; --c0: #2563c9; --c1: #d9622b;
  --c2: #1d7f4e; --c3: #7a3fb0; --good: #1d7f4e; --warn: #a85b00;
  --before: #f1f3f6; --after: #eaf5ee; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --card: #1a2029; --ink: #e6eaf0;
  --soft: #97a3b3; --rule: #2c3542; --c0: #78a9ff; --c1: #ffa06a;
  --c2: #63d297; --c3: #c39bef; --good: #63d297; --warn: #f0b45c;
  --before: #202731; --after: #1b2e26; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em;
  overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 44px 0 14px; }
.lead { color: var(--soft); margin: 0 0 24px; overflow-wrap: anywhere; }
.state { display: inline-block; padding: 1px 10px; border-radius: 99px; font-size: 13px;
  border: 1px solid currentColor; color: var(--good); }
.state.open { color: var(--warn); }
.failure { margin: -8px 0 24px; padding: 10px 14px; border-left: 3px solid var(--warn);
  background: var(--card); overflow-wrap: anywhere; }
.card, .tile { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); }
.tile { padding: 14px 16px; }
.tile .label { color: var(--soft); font-size: 13px; }
.tile .value { font-size: 20px; font-weight: 650; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.tile .detail { color: var(--soft); font-size: 13px; }
.charts { display: grid; gap: 16px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
figure { margin: 0; padding: 14px 16px 8px; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: baseline; }
.note, .empty { color: var(--soft); font-size: 13px; }
.legend { margin-left: auto; display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px;
  color: var(--soft); }
.legend span { white-space: nowrap; }
.key { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle; }
.s0 { --own: var(--c0); } .s1 { --own: var(--c1); } .s2 { --own: var(--c2); }
.s3 { --own: var(--c3); }
.key { background: var(--own); }
.key.dashed { background: repeating-linear-gradient(90deg, var(--own) 0 4px, transparent 4px 6px); }
svg { display: block; width: 100%; height: auto; margin-top: 6px; }
.grid { stroke: var(--rule); } .tick { fill: var(--soft); font-size: 11px; }
.line { fill: none; stroke: var(--own); stroke-width: 2; stroke-linejoin: round;
  stroke-linecap: round; }
.dashed { stroke-dasharray: 5 4; }
.pale { stroke-width: 1; opacity: 0.35; }
.dot { fill: var(--own); }
.hover { fill: transparent; } .hover:hover { fill: var(--own); }
.figures { padding: 14px 20px; } .figures p { margin: 0 0 10px; }
.figures ul { margin: 0; padding-left: 18px; font-size: 14px; }
.sample { padding: 16px; margin-bottom: 16px; }
.prompt { font-weight: 600; margin: 0 0 12px; overflow-wrap: anywhere; white-space: pre-wrap; }
.pair { display: grid; gap: 12px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
.pair section { border-radius: 8px; padding: 10px 14px; background: var(--before); }
.pair section.after { background: var(--after); }
.pair h3 { margin: 0 0 6px; font-size: 12px; font-weight: 600; color: var(--soft);
  text-transform: uppercase; letter-spacing: 0.05em; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 14px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 7px 16px;
  border-top: 1px solid var(--rule); overflow-wrap: anywhere; }
tr:first-child > * { border-top: 0; }
th { font-weight: 500; color: var(--soft); }
th, td.number, td:first-child { overflow-wrap: normal; }
.pairs th { width: 34%; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
details { margin-top: 44px; } details + details { margin-top: 14px; }
.charts + .card { margin-top: 16px; } details.how { margin-top: 14px; }
details h2 { display: inline; margin: 0; } summary { cursor: pointer; margin-bottom: 12px; }
code { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
footer { margin-top: 48px; color: var(--soft); font-size: 13px; }
@media (max-width: 760px) { .charts, .pair { grid-template-columns: minmax(0, 1fr); }
  main { padding: 24px 14px 40px; } }
@media print { main { max-width: none; } .card, .tile { break-inside: avoid; } }
)css";

}  // namespace

std::string escape_html(std::string_view text) {
  // One pass over JSON's own writer replaces what is no UTF-8.
  std::string clean =
      text.empty() ? "" : parse_json(to_line(Json(std::string(text))))->get<std::string>();
  std::string escaped;
  for (char c : clean) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\'') {
      escaped += "&#39;";
    } else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      escaped += "\xEF\xBF\xBD";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string_view report_style() { return kStyle; }

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value < 0 ? -value : value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return (value < 0 ? "-" : "") + digits;
}

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string draw_tiles(const std::vector<Tile>& tiles) {
  std::string html = "<div class=\"tiles\">\n";
  for (const Tile& tile : tiles) {
    html += fmt::format(
        "<div class=\"tile\"><div class=\"label\">{}</div><div class=\"value\">{}</div>"
        "<div class=\"detail\">{}</div></div>\n",
        escape_html(tile.label), escape_html(tile.value), escape_html(tile.detail));
  }
  return html + "</div>\n";
}

std::string draw_pairs(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string html = "<div class=\"card scroll\"><table class=\"pairs\">\n";
  for (const auto& [name, value] : rows) {
    html += fmt::format("<tr><th scope=\"row\"><code>{}</code></th><td><code>{}</code></td></tr>\n",
                        escape_html(name), escape_html(value));
  }
  return html + "</table></div>\n";
}

std::string plain_text(const Json& value) {
  if (value.is_null()) return "not set";
  if (value.is_string()) return value.get<std::string>();
  return to_line(value);
}

}  // namespace attune::cli
