#include "analysis/svg_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "analysis/markup.hpp"

namespace orrery {
namespace {

constexpr std::array<std::string_view, 7> palette = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                     "#E69F00", "#56B4E9", "#4D4D4D"};
constexpr std::string_view grey = "#8A8F98", ink = "#23272F", grid = "#E6E8EC";

// In lines of at most so many letters, cut between words.
std::vector<std::string> wrapped(std::string_view text, std::size_t letters) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t space = text.size() > letters ? text.rfind(' ', letters) : text.npos;
    lines.emplace_back(text.substr(0, space));
    text.remove_prefix(space == text.npos ? text.size() : space + 1);
  }
  return lines;
}

// One axis: which values it spans and where they lie on the page.
class Scale {
 public:
  Scale(const PlotAxis& axis, double low, double high) : logarithmic_(axis.scale == AxisScale::logarithmic) {
    if (!(low <= high)) low = logarithmic_ ? 1 : 0, high = logarithmic_ ? 10 : 1;
    if (!logarithmic_ && axis.from_zero) low = std::min(low, 0.0), high = std::max(high, 0.0);
    double from = forward(low), to = forward(high);
    const double margin = to > from ? 0.06 * (to - from) : (logarithmic_ ? 0.3 : std::max(1.0, std::abs(to)) * 0.5);
    const bool keeps_zero = !logarithmic_ && axis.from_zero;
    from_ = keeps_zero && low == 0 ? from : from - margin;
    to_ = keeps_zero && high == 0 ? to : to + margin;
  }
  void place(double begin, double end) { begin_ = begin, end_ = end; }

  bool shows(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0); }
  double at(double value) const { return begin_ + (forward(value) - from_) / (to_ - from_) * (end_ - begin_); }
  double low() const { return backward(from_); }
  double high() const { return backward(to_); }
  double clamped(double value) const { return std::clamp(at(value), std::min(begin_, end_), std::max(begin_, end_)); }
  std::vector<double> ticks() const {
    return axis_ticks(low(), high(), logarithmic_ ? AxisScale::logarithmic : AxisScale::linear);
  }

 private:
  double forward(double v) const { return logarithmic_ ? std::log10(v) : v; }
  double backward(double v) const { return logarithmic_ ? std::pow(10, v) : v; }

  bool logarithmic_;
  double from_ = 0, to_ = 1, begin_ = 0, end_ = 1;
};

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void add(double value, AxisScale scale) {
    if (!std::isfinite(value) || (scale == AxisScale::logarithmic && value <= 0)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

std::pair<Scale, Scale> scales_of(const Plot& plot) {
  Extent x, y;
  for (const PlotSeries& series : plot.series)
    for (const PlotPoint& p : series.points) {
      x.add(p.x, plot.x.scale);
      for (const double value : {p.y, p.low.value_or(p.y), p.high.value_or(p.y)}) y.add(value, plot.y.scale);
    }
  if (plot.diagonal) {
    x = {std::min(x.low, y.low), std::max(x.high, y.high)};
    y = x;
  }
  return {Scale(plot.x, x.low, x.high), Scale(plot.y, y.low, y.high)};
}

class SvgPlot {
 public:
  explicit SvgPlot(const Plot& plot) : SvgPlot(plot, scales_of(plot)) {}

  std::string draw() {
    add(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:g} {1:g}" width="{0:g}" height="{1:g}" )"
        R"(font-family="system-ui, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif" font-size="13" fill="{2}">)"
        "<!-- written by orrery -->\n",
        plot_.width, height_, ink);
    add(R"(<rect width="{:g}" height="{:g}" fill="#FFFFFF"/>)"
        "\n",
        plot_.width, height_);
    if (!plot_.title.empty()) text(left_, 28, "start", plot_.title, R"( font-size="17" font-weight="600")");
    for (std::size_t i = 0; i < subtitle_.size(); ++i)
      text(left_, 48 + line_height * static_cast<double>(i), "start", subtitle_[i], R"( fill="#5B616B")");
    axes();
    add(R"(<svg x="{0:g}" y="{1:g}" width="{2:g}" height="{3:g}" viewBox="{0:g} {1:g} {2:g} {3:g}">)"
        "\n",
        left_, top_, right_ - left_, bottom_ - top_);  // a nested svg clips what lies outside
    if (plot_.diagonal) diagonal();
    for (std::size_t i = 0; i < plot_.series.size(); ++i) series(plot_.series[i], look(i));
    add("</svg>\n");
    legend();
    add("</svg>\n");
    return std::move(svg_);
  }

 private:
  struct Look {
    std::string_view colour;
    std::size_t shape = 0;
  };

  SvgPlot(const Plot& plot, const std::pair<Scale, Scale>& scales) : plot_(plot), x_(scales.first), y_(scales.second) {
    std::size_t longest = 0, entries = plot.diagonal ? plot.diagonal_band > 0 ? 2 : 1 : 0;
    for (const PlotSeries& s : plot.series) {
      longest = std::max(longest, s.name.size());
      entries += s.name.empty() ? 0 : 1;
    }
    if (plot.diagonal) longest = std::max<std::size_t>(longest, 10);
    constexpr double letter = 6.4;  // mean width at the subtitle's size
    subtitle_ = wrapped(plot.subtitle, static_cast<std::size_t>((plot.width - left_ - 12) / letter));
    top_ = plot.title.empty() && plot.subtitle.empty() ? 24 : 68;
    if (subtitle_.size() > 1) top_ += line_height * static_cast<double>(subtitle_.size() - 1);
    height_ = std::max(plot.height, top_ + 8 + entry_height * static_cast<double>(entries) + 8);
    right_ = plot.width - (longest > 0 ? std::min(plot.width / 2, 44 + 7.2 * static_cast<double>(longest)) : 24);
    bottom_ = height_ - 58;
    x_.place(left_, right_);
    y_.place(bottom_, top_);
  }

  template <class... Args> void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(svg_), format, std::forward<Args>(args)...);
  }

  void text(double x, double y, std::string_view anchor, std::string_view content, std::string_view more = {}) {
    add(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>)"
        "\n",
        x, y, anchor, more, markup_escaped(content));
  }

  void line(double x1, double y1, double x2, double y2, std::string_view colour, std::string_view more = {}) {
    add(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}"{}/>)"
        "\n",
        x1, y1, x2, y2, colour, more);
  }

  struct Tick {
    double at = 0;
    std::string text;
  };
  static std::vector<Tick> ticks_of(const PlotAxis& axis, const Scale& scale) {
    std::vector<Tick> ticks;
    if (axis.ticks.empty())
      for (const double tick : scale.ticks()) ticks.push_back({tick, tick_text(tick)});
    const std::size_t every = axis.ticks.size() > 10 ? 2 : 1;
    for (std::size_t i = 0; i < axis.ticks.size(); i += every)
      ticks.push_back({axis.ticks[i], fmt::format("{:.0f}", axis.ticks[i])});
    return ticks;
  }

  void axes() {
    for (const Tick& tick : ticks_of(plot_.x, x_)) {
      line(x_.at(tick.at), top_, x_.at(tick.at), bottom_, grid);
      text(x_.at(tick.at), bottom_ + 20, "middle", tick.text, R"( font-size="12")");
    }
    for (const Tick& tick : ticks_of(plot_.y, y_)) {
      line(left_, y_.at(tick.at), right_, y_.at(tick.at), grid);
      text(left_ - 9, y_.at(tick.at) + 4, "end", tick.text, R"( font-size="12")");
    }
    line(left_, bottom_, right_, bottom_, grey);
    line(left_, top_, left_, bottom_, grey);
    text((left_ + right_) / 2, height_ - 14, "middle", plot_.x.label);
    const double middle = (top_ + bottom_) / 2;
    text(20, middle, "middle", plot_.y.label, fmt::format(R"~( transform="rotate(-90 20 {:.1f})")~", middle));
  }

  // Drawn point by point: y = f x is straight on equal scales only.
  void diagonal() {
    const auto edge = [&](double factor, bool backwards) {
      constexpr int steps = 64;
      for (int i = 0; i <= steps; ++i) {
        const double page = left_ + (right_ - left_) * (backwards ? steps - i : i) / steps;
        add("{:.1f},{:.1f} ", page, y_.at(std::max(value_at(page) * factor, smallest())));
      }
    };
    if (plot_.diagonal_band > 0) {
      add(R"(<polygon fill="#EEF1F5" points=")");
      edge(1 + plot_.diagonal_band, false);
      edge(std::max(0.0, 1 - plot_.diagonal_band), true);
      add("\"/>\n");
    }
    add(R"(<polyline fill="none" stroke="{}" stroke-dasharray="5 4" points=")", grey);
    edge(1, false);
    add("\"/>\n");
  }
  double smallest() const { return plot_.y.scale == AxisScale::logarithmic ? y_.low() * 1e-3 : -1e300; }
  double value_at(double page) const {
    const double part = (page - left_) / (right_ - left_);
    return plot_.x.scale == AxisScale::logarithmic ? x_.low() * std::pow(x_.high() / x_.low(), part)
                                                   : x_.low() + (x_.high() - x_.low()) * part;
  }

  void series(const PlotSeries& s, Look look) {
    std::vector<const PlotPoint*> shown;
    for (const PlotPoint& p : s.points)
      if (x_.shows(p.x) && y_.shows(p.y)) shown.push_back(&p);
    if (s.line && shown.size() > 1) {
      add(R"(<polyline fill="none" stroke="{}" stroke-width="{}"{} points=")", look.colour, s.reference ? 1.4 : 2.0,
          s.reference ? R"( stroke-dasharray="5 4")" : R"( stroke-linejoin="round")");
      for (const PlotPoint* p : shown) add("{:.1f},{:.1f} ", x_.at(p->x), y_.at(p->y));
      add("\"/>\n");
    }
    for (const PlotPoint* p : shown) {
      if (p->low && p->high && std::isfinite(*p->high) && (y_.shows(*p->low) || *p->low <= 0))
        line(x_.at(p->x), y_.shows(*p->low) ? y_.clamped(*p->low) : bottom_, x_.at(p->x), y_.clamped(*p->high),
             look.colour, R"( stroke-width="1.4" stroke-opacity="0.55")");
      if (s.markers) marker(x_.at(p->x), y_.at(p->y), look, p->title);
    }
  }

  void marker(double x, double y, Look look, const std::string& title) {
    const std::string style = fmt::format(R"(fill="{}" fill-opacity="0.85" stroke="#FFFFFF" stroke-width="0.8")",
                                          look.colour);
    std::string shape;
    switch (look.shape % 4) {
      case 0:
        shape = fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="4.4" {})", x, y, style);
        break;
      case 1:
        shape = fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="8" height="8" {})", x - 4, y - 4, style);
        break;
      case 2:
        shape = fmt::format(R"(<path d="M{:.1f} {:.1f}l5 8.6h-10z" {})", x, y - 5.2, style);
        break;
      default:
        shape = fmt::format(R"(<path d="M{:.1f} {:.1f}l5.2 5.2l-5.2 5.2l-5.2 -5.2z" {})", x, y - 5.2, style);
    }
    const std::string_view name = shape.starts_with("<circle") ? "circle"
                                  : shape.starts_with("<rect") ? "rect"
                                                               : "path";
    if (title.empty()) {
      add("{}/>\n", shape);
    } else {
      add("{}><title>{}</title></{}>\n", shape, markup_escaped(title), name);
    }
  }

  Look look(std::size_t i) const {
    if (plot_.series[i].reference) return {grey, 0};
    std::size_t number = 0;
    for (std::size_t k = 0; k < i; ++k) number += !plot_.series[k].reference;
    return {palette[number % palette.size()], number};
  }

  void legend() {
    double y = top_ + 8;
    const double x = right_ + 16;
    const auto entry = [&](const std::string& name) {
      text(x + 24, y + 4, "start", name, R"( font-size="12")");
      y += entry_height;
    };
    for (std::size_t i = 0; i < plot_.series.size(); ++i) {
      const PlotSeries& s = plot_.series[i];
      if (s.name.empty()) continue;
      if (s.line)
        line(x, y, x + 18, y, look(i).colour, s.reference ? R"( stroke-dasharray="5 4")" : R"( stroke-width="2")");
      if (s.markers) marker(x + 9, y, look(i), {});
      entry(s.name);
    }
    if (!plot_.diagonal) return;
    line(x, y, x + 18, y, grey, R"( stroke-dasharray="5 4")");
    entry("y = x");
    if (plot_.diagonal_band <= 0) return;
    add(R"(<rect x="{:.1f}" y="{:.1f}" width="18" height="12" fill="#EEF1F5" stroke="#D5D9E0"/>)"
        "\n",
        x, y - 6);
    entry(fmt::format("± {:g} %", plot_.diagonal_band * 100));
  }

  const Plot& plot_;
  Scale x_, y_;
  static constexpr double line_height = 18, entry_height = 20;  // of the subtitle, of the legend
  double left_ = 74, right_ = 0, top_ = 0, bottom_ = 0, height_ = 0;
  std::vector<std::string> subtitle_;
  std::string svg_;
};

}  // namespace

std::string svg_plot(const Plot& plot) { return SvgPlot(plot).draw(); }

}  // namespace orrery
