#include "analysis/svg_plot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

Plot scatter() {
  Plot plot;
  plot.title = "Predicted & measured";
  plot.x = {"measured (s)", AxisScale::logarithmic, false};
  plot.y = {"predicted (s)", AxisScale::logarithmic, false};
  plot.series.push_back({"a < b", {{1, 2, 1.5, 3.0, "run \"1\""}, {30, 40, {}, {}, ""}}, true, false, false});
  return plot;
}

}  // namespace

TEST_CASE("ticks are round, inside the axis, increasing and neither few nor many") {
  for (const double low : {1e-6, 0.013, 1.0, 740.0, 5e8})
    for (const double span : {1.01, 1.3, 2.0, 5.0, 9.0, 40.0, 500.0, 1e5, 1e12})
      for (const AxisScale scale : {AxisScale::linear, AxisScale::logarithmic}) {
        const double high = low * span;
        INFO(low << " to " << high);
        const auto ticks = axis_ticks(low, high, scale);
        CHECK(ticks.size() >= 2);
        CHECK(ticks.size() <= 11);
        CHECK(std::is_sorted(ticks.begin(), ticks.end()));
        for (const double t : ticks) {
          CHECK(t >= low - 1e-6 * (scale == AxisScale::linear ? high - low : low));
          CHECK(t <= high * (1 + 1e-6));
        }
      }
}

TEST_CASE("an axis of no length has one tick") { CHECK(axis_ticks(3, 3, AxisScale::linear) == std::vector<double>{3}); }

TEST_CASE("ticks are written short") {
  CHECK(tick_text(0) == "0");
  CHECK(tick_text(0.05) == "0.05");
  CHECK(tick_text(20) == "20");
  CHECK(tick_text(1000) == "1k");
  CHECK(tick_text(2.5e6) == "2.5M");
  CHECK(tick_text(1e-5) == "1e-05");
}

TEST_CASE("a plot holds one marker per point and one per legend entry, and escapes its texts") {
  const std::string svg = svg_plot(scatter());
  CHECK(count(svg, "<circle") == 2 + 1);
  CHECK(count(svg, "<svg") == count(svg, "</svg>"));
  CHECK(count(svg, "Predicted &amp; measured") == 1);
  CHECK(count(svg, "a &lt; b") == 1);
  CHECK(count(svg, "run &quot;1&quot;") == 1);
  CHECK(count(svg, "nan") + count(svg, "inf") == 0);
}

TEST_CASE("points that an axis cannot show are left out") {
  Plot plot = scatter();
  plot.series[0].points = {{1, 1, {}, {}, ""},
                           {0, 1, {}, {}, ""},
                           {1, -1, {}, {}, ""},
                           {std::numeric_limits<double>::infinity(), 1, {}, {}, ""},
                           {std::nan(""), 1, {}, {}, ""}};
  const std::string svg = svg_plot(plot);
  CHECK(count(svg, "<circle") == 1 + 1);
  CHECK(count(svg, "nan") + count(svg, "inf") == 0);
}

TEST_CASE("a plot without points still has its axes") {
  Plot plot = scatter();
  plot.series.clear();
  const std::string svg = svg_plot(plot);
  CHECK(count(svg, "measured (s)") == 1);
  CHECK(count(svg, "nan") + count(svg, "inf") == 0);
}

TEST_CASE("the ideal line and its band are drawn when asked for") {
  Plot plot = scatter();
  CHECK(count(svg_plot(plot), "<polyline") == 0);
  plot.diagonal = true;
  plot.diagonal_band = 0.1;
  const std::string svg = svg_plot(plot);
  CHECK(count(svg, "<polyline") == 1);
  CHECK(count(svg, "<polygon") == 1);
  CHECK(count(svg, "± 10 %") == 1);
}

TEST_CASE("the same plot gives the same text") { CHECK(svg_plot(scatter()) == svg_plot(scatter())); }

TEST_CASE("a long legend and a long subtitle stay on the page") {
  Plot plot = scatter();
  plot.subtitle = "980 of 985 rows";
  for (int i = 0; i < 12; ++i) plot.subtitle += "; something more to say of them";
  for (int i = 0; i < 60; ++i)
    plot.series.push_back({"device-" + std::to_string(i), {{1, 2, {}, {}, ""}}, true, false, false});
  const std::string svg = svg_plot(plot);
  const auto number = [&](std::size_t at) { return std::stod(svg.substr(at)); };
  const std::size_t box = svg.find("viewBox=\"0 0 ") + 13;
  const double width = number(box), height = number(svg.find(' ', box));
  CHECK(width == plot.width);
  std::size_t texts = 0;
  for (std::size_t at = svg.find("<text"); at != std::string::npos; at = svg.find("<text", at + 1), ++texts) {
    CHECK(number(svg.find(" y=\"", at) + 4) < height);
    const std::size_t begin = svg.find('>', at) + 1, letters = svg.find('<', begin) - begin;
    if (svg.find("text-anchor=\"start\"", at) < begin)
      CHECK(number(svg.find(" x=\"", at) + 4) + 5 * static_cast<double>(letters) < width);
  }
  CHECK(texts > 60);
  CHECK(count(svg, "something") == 12);
}
