#include "analysis/html_report.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "analysis/markup.hpp"

namespace orrery {
namespace {

constexpr std::string_view style = R"(
:root{color-scheme:light;--ink:#1f2430;--soft:#5b616b;--line:#e3e6eb;--paper:#fff;--wash:#f6f7f9;--blue:#0072B2}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
main{max-width:1060px;margin:0 auto;padding:28px 20px 40px}
header h1{font-size:26px;line-height:1.25;margin:0 0 6px;letter-spacing:-.01em;overflow-wrap:anywhere}
header p{margin:0 0 18px;color:var(--soft);max-width:78ch}
h2{font-size:20px;margin:34px 0 10px;padding-top:18px;border-top:2px solid var(--ink);overflow-wrap:anywhere}
h3{font-size:16px;margin:0 0 2px}
section{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin:14px 0}
section>p{margin:0 0 10px;color:var(--soft);font-size:13.5px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin:14px 0}
.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.card .label{color:var(--soft);font-size:12.5px}
.card .value{font-size:20px;font-weight:650;letter-spacing:-.01em;font-variant-numeric:tabular-nums;white-space:nowrap}
.card .detail{color:var(--soft);font-size:12.5px;line-height:1.35}
.card.alarm{border-color:#b3261e;background:#fdf3f2}.card.alarm .value{color:#b3261e}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);font-size:12.5px;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:middle}
tr:last-child td{border-bottom:0}
tr.total td{font-weight:650;border-top:1px solid var(--ink)}
.n{text-align:right;white-space:nowrap}
.b{width:42%;min-width:150px}
td.b:last-child{padding-right:0}
svg.bar{display:block;width:100%;height:15px;border-radius:2px;background:#f0f2f5}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 8px;font-size:13px;color:var(--soft)}
.legend svg{width:12px;height:12px;margin-right:6px;vertical-align:-1px}
.plot svg{max-width:100%;height:auto;display:block;margin:0 auto}
.warning{border-left:4px solid #E69F00;background:#fff9ec;padding:8px 12px;margin:8px 0;border-radius:4px;font-size:13.5px}
.note{color:var(--soft);font-size:13.5px;margin:4px 0}
details{margin-top:10px;font-size:13.5px}summary{cursor:pointer;color:var(--blue)}
pre{overflow-x:auto;background:var(--wash);border:1px solid var(--line);border-radius:6px;padding:10px;font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
footer{color:var(--soft);font-size:12.5px;margin-top:26px}
@media(max-width:640px){main{padding:18px 12px 30px}section{padding:14px 12px}header h1{font-size:22px}.card .value{font-size:19px}.cards{grid-template-columns:repeat(2,1fr);gap:8px}.b{min-width:110px}td,th{padding-right:10px}}
@media print{body{background:#fff;font-size:12px}main{max-width:none;padding:0 2px}tr{break-inside:avoid}.scroll{overflow:visible}td,th{padding-top:2px;padding-bottom:2px}.cards{grid-template-columns:repeat(4,1fr)}.card .value{font-size:16px}.card,.plot{break-inside:avoid}section,.card{border-color:#ccc}h2,h3,section>p,.legend{break-after:avoid}details{display:none}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)";

}  // namespace

std::string html_bar(const std::vector<HtmlBarPart>& parts, double full, double mark) {
  std::string svg = "<svg class=\"bar\" viewBox=\"0 0 1000 16\" preserveAspectRatio=\"none\">";
  const auto place = [&](double value) { return full > 0 ? std::clamp(1000 * value / full, 0.0, 1000.0) : 0; };
  double sum = 0;
  for (const HtmlBarPart& part : parts) {
    const double from = place(sum), to = place(sum += std::max(0.0, part.value));
    if (to - from <= 0) continue;
    svg += fmt::format("<rect x=\"{:.2f}\" width=\"{:.2f}\" height=\"16\" fill=\"{}\">", from, to - from, part.colour);
    svg += part.title.empty() ? "</rect>" : "<title>" + markup_escaped(part.title) + "</title></rect>";
  }
  if (mark >= 0)
    svg += fmt::format("<rect x=\"{:.2f}\" width=\"3\" height=\"16\" fill=\"#1f2430\"/>", std::min(place(mark), 997.0));
  return svg + "</svg>";
}

std::string html_signed_bar(double value, double full) {
  const double width = full > 0 ? std::min(500.0, 500 * std::abs(value) / full) : 0;
  return fmt::format(
      "<svg class=\"bar\" viewBox=\"0 0 1000 16\" preserveAspectRatio=\"none\"><rect x=\"{:.2f}\" width=\"{:.2f}\" "
      "height=\"16\" fill=\"{}\"/><rect x=\"499\" width=\"2\" height=\"16\" fill=\"#5b616b\"/></svg>",
      value < 0 ? 500 - width : 500.0, width, value < 0 ? "#009E73" : "#D55E00");
}

std::string html_legend(const std::vector<HtmlLegendEntry>& entries) {
  std::string html = "<div class=\"legend\">";
  for (const HtmlLegendEntry& entry : entries)
    html += fmt::format(
        "<span><svg viewBox=\"0 0 12 12\"><rect width=\"12\" height=\"12\" rx=\"2\" fill=\"{}\"/></svg>{}</span>",
        entry.colour, markup_escaped(entry.name));
  return html + "</div>\n";
}

std::string html_table(const HtmlTable& table) {
  constexpr std::string_view classes[] = {"", " class=\"n\"", " class=\"b\""};
  const auto of = [&](std::size_t c) { return classes[static_cast<std::size_t>(table.columns[c].kind)]; };
  std::string html = "<div class=\"scroll\"><table><thead><tr>";
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    html += fmt::format("<th{}>{}</th>", of(c), markup_escaped(table.columns[c].heading));
  html += "</tr></thead><tbody>\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    html += table.total && r + 1 == table.rows.size() ? "<tr class=\"total\">" : "<tr>";
    for (std::size_t c = 0; c < table.columns.size() && c < table.rows[r].size(); ++c) {
      const bool is_html = table.columns[c].kind == HtmlColumn::Kind::bar;
      html += fmt::format("<td{}>{}</td>", of(c), is_html ? table.rows[r][c] : markup_escaped(table.rows[r][c]));
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string html_cards(const std::vector<HtmlCard>& cards) {
  std::string html = "<div class=\"cards\">\n";
  for (const HtmlCard& card : cards)
    html += fmt::format(
        "<div class=\"card{}\"><div class=\"label\">{}</div><div class=\"value\">{}</div><div "
        "class=\"detail\">{}</div></div>\n",
        card.alarm ? " alarm" : "", markup_escaped(card.label), markup_escaped(card.value),
        markup_escaped(card.detail));
  return html + "</div>\n";
}

std::string html_section(const std::string& heading, const std::string& detail, const std::string& content) {
  return fmt::format("<section><h3>{}</h3><p>{}</p>\n{}</section>\n", markup_escaped(heading), markup_escaped(detail),
                     content);
}

std::string html_page(const std::string& title, const std::string& subtitle, const std::string& body,
                      const std::string& footer) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"generator\" content=\"written by orrery\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>{0}</title>\n<style>{1}</style>\n"
      "</head>\n<body>\n<main>\n<header><h1>{0}</h1><p>{2}</p></header>\n{3}<footer>{4}</footer>\n</main>\n</body>\n</"
      "html>\n",
      markup_escaped(title), style, markup_escaped(subtitle), body, markup_escaped(footer));
}

}  // namespace orrery
