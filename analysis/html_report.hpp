// Pieces of a report page: one self-contained HTML document with its style and its drawings inside, no scripts, nothing
// fetched from elsewhere; readable on a phone and on paper. Bars are SVG (browsers print those, but no backgrounds), their
// labels are text beside them, so that both keep their size on a narrow screen.
// Colours are those of Okabe and Ito (see svg_plot.hpp); every bar has its numbers next to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/metrics.hpp"

namespace orrery {

struct HtmlBarPart {
  double value = 0;
  std::string_view colour;
  std::string title;  // shown when pointed at
};
// One horizontal bar of `full` units; `mark` >= 0 draws a line there (a capacity).
std::string html_bar(const std::vector<HtmlBarPart>& parts, double full, double mark = -1);
// Of a signed change: to the right of the middle when positive; `full` is the half width.
std::string html_signed_bar(double value, double full);

struct HtmlLegendEntry {
  std::string_view name, colour;
};
std::string html_legend(const std::vector<HtmlLegendEntry>&);

struct HtmlColumn {
  std::string heading;
  enum class Kind { text, number, bar } kind = Kind::text;  // cells of a bar column are HTML, others are escaped
};
struct HtmlTable {
  std::vector<HtmlColumn> columns;
  std::vector<std::vector<std::string>> rows;
  bool total = false;  // the last row is a sum
};
std::string html_table(const HtmlTable&);

struct HtmlCard {
  std::string label, value, detail;
  bool alarm = false;
};
std::string html_cards(const std::vector<HtmlCard>&);

// Colours of the four parts of an iteration: compute, exposed communication, bubble, other.
inline constexpr std::string_view part_colours[] = {"#0072B2", "#D55E00", "#E69F00", "#A9AFB8"};
std::vector<HtmlBarPart> iteration_parts(const StageMetrics&);
std::string iteration_legend();

// A heading <h3>, what it says under it, and `content` as HTML.
std::string html_section(const std::string& heading, const std::string& detail, const std::string& content);

// The sections of one job: summary cards, time per stage, kernels, communication, memory, energy. Headings are <h3>.
std::string html_job(const JobMetrics&);

// The document. `body` is HTML; `title` and `subtitle` are text.
std::string html_page(const std::string& title, const std::string& subtitle, const std::string& body,
                      const std::string& footer);

}  // namespace orrery
