// Scatter and line plots as self-contained SVG text: no scripts, no fonts or styles from elsewhere, so a plot can be saved
// as a file or put into an HTML page as it is. Colours are those of Okabe and Ito ("Color Universal Design", 2008), which
// colour-blind readers can tell apart; markers differ in shape as well.
// Points that an axis cannot show (not finite, or not positive on a logarithmic axis) are left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace orrery {

enum class AxisScale { linear, logarithmic };

struct PlotAxis {
  std::string label;  // with the unit: "measured iteration time (s)"
  AxisScale scale = AxisScale::linear;
  bool from_zero = false;  // linear axes only
  std::vector<double> ticks =
      {};  // whole numbers to stand there as they are (every second of more than ten); none: chosen
};

struct PlotPoint {
  double x = 0, y = 0;
  std::optional<double> low, high;  // a vertical bar
  std::string title;                // shown by browsers when pointed at
};

struct PlotSeries {
  std::string name;
  std::vector<PlotPoint> points;
  bool markers = true;
  bool line = false;
  bool reference = false;  // grey and dashed: an ideal to compare with
};

struct Plot {
  std::string title, subtitle;
  PlotAxis x, y;
  std::vector<PlotSeries> series;
  // Predicted against measured: both axes get the same range, the line y = x is drawn, and with `diagonal_band` > 0 the
  // region where |y - x| <= diagonal_band * x.
  bool diagonal = false;
  double diagonal_band = 0;
  double width = 760, height = 520;
};

std::string svg_plot(const Plot&);

// Between 2 and about 10 round values that lie in [low, high].
std::vector<double> axis_ticks(double low, double high, AxisScale);
// "20", "0.05", "5k", "2M", "1e-05"
std::string tick_text(double);

}  // namespace orrery
