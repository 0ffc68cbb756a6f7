#include "cli/report_optimisation.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/report_frame.h"
#include "cli/report_html.h"

namespace attune::cli {
namespace {

std::optional<feedback::OptimisationFit> fit_of(const PointCurve& curve,
                                                feedback::OptimisedBy by) {
  std::vector<feedback::RewardPoint> points;
  for (const PointValue& point : curve.points) points.push_back({point.x, point.y});
  return feedback::fit_optimisation(by, points);
}

PointCurve drawn_fit(const feedback::OptimisationFit& fit, const PointCurve& measured) {
  constexpr int kPoints = 80;
  PointCurve curve{measured.name + ", fitted", {}, /*dots=*/false};
  curve.colour = measured.colour;
  const double first = measured.points.front().x;
  const double last = measured.points.back().x;
  for (int i = 0; i <= kPoints; ++i) {
    const double x = first + (last - first) * i / kPoints;
    curve.points.push_back({x, fit.at(x)});
  }
  return curve;
}

std::string fit_text(const std::string& name, const feedback::OptimisationFit& fit, double reach) {
  const bool learned = fit.by == feedback::OptimisedBy::kReinforcement;
  std::string text = fmt::format("{}: {} + d ({} {} {} {}), R² {:.2f}", name,
                                 short_number(fit.start), short_number(fit.a),
                                 fit.b < 0 ? "+" : "−", short_number(std::abs(fit.b)),
                                 learned ? "ln d" : "d", fit.r_squared);
  const auto peak = fit.peak();
  if (!peak) return text + "; no highest point";
  return text + fmt::format("; highest at d = {}{}", short_number(*peak),
                            *peak > reach ? ", beyond what was seen"
                                          : ": further on the proxy is being over-optimised");
}

}  // namespace

std::string draw_optimisation(PointChart measured, feedback::OptimisedBy by) {
  std::string fits;
  PointChart chart = measured;
  chart.curves.clear();
  for (size_t i = 0; i < measured.curves.size(); ++i) {
    PointCurve& curve = measured.curves[i];
    curve.colour = i;
    if (const auto fit = fit_of(curve, by)) {
      curve.line = false;
      chart.curves.push_back(drawn_fit(*fit, curve));
      fits += fmt::format("<li>{}</li>",
                          escape_html(fit_text(curve.name, *fit, curve.points.back().x)));
    }
    chart.curves.push_back(std::move(curve));
  }
  std::string html = draw_points(chart);
  html += "<div class=\"card figures\"><p>The proxy is the reward that is optimised, the gold what "
          "it stands for. Where gold falls while proxy rises, the proxy's mistakes are being "
          "optimised (Gao et al. 2022).</p>";
  html += fits.empty() ? fmt::format("<p class=\"note\">No fit: it takes {} points at different "
                                     "distances.</p>", feedback::kFitPoints)
                       : "<ul>" + fits + "</ul>";
  return html + "</div>\n";
}

}  // namespace attune::cli
