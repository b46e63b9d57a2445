#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "analysis/markup.hpp"
#include "analysis/topology_facts_picture.hpp"

namespace orrery {

namespace {

// Okabe and Ito, as in svg_plot.
constexpr std::array<std::string_view, 6> link_colours = {"#0072B2", "#D55E00", "#009E73",
                                                          "#CC79A7", "#56B4E9", "#E69F00"};

constexpr std::string_view failed_colour = "#B00020";

std::string_view dashes(Condition condition) {
  switch (condition) {
    case Condition::sound:
      break;
    case Condition::slowed:
      return " stroke-dasharray=\"8 3\"";
    case Condition::failed:
      return " stroke-dasharray=\"2 4\"";
  }
  return "";
}

std::string_view fill(VertexKind kind) {
  switch (kind) {
    case VertexKind::device:
      return "#DCE9F5";
    case VertexKind::nic:
      return "#FBE6D4";
    case VertexKind::network_switch:
      return "#D9F0E6";
    case VertexKind::host:
      return "#EEEEEE";
    case VertexKind::memory:
      return "#F6E3EE";
  }
  return "#FFFFFF";
}

std::string dot_quoted(std::string_view text) {
  std::string safe = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') safe += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) safe += c;
  }
  return safe + "\"";
}

class Drawing {
 public:
  explicit Drawing(const TopologyPicture& picture) : p_(picture) {
    for (const PictureEdge& edge : p_.edges) colours_.try_emplace(edge.link, link_colours[colours_.size() % 6]);
  }

  std::string svg() {
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\"><!-- written by orrery -->\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n",
        p_.width, p_.height);
    text(24, 28, "start", p_.title, " font-size=\"16\" font-weight=\"bold\"");
    text(24, 46, "start", p_.subtitle, " fill=\"#666666\"");
    frames();
    for (const PictureEdge& edge : p_.edges) line(edge);
    for (const PictureBox& one : p_.boxes) box(one);
    for (const PictureEdge& edge : p_.edges) label(edge);
    legend();
    return out_ + "</svg>\n";
  }

 private:
  void text(double x, double y, std::string_view anchor, std::string_view words, std::string_view more = "") {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more,
                        markup_escaped(words));
  }

  // Around the parts of each node, where there are several.
  void frames() {
    std::map<std::uint32_t, std::array<double, 4>> around;
    for (const PictureBox& box : p_.boxes) {
      if (box.node == ~0u) continue;
      auto [it, fresh] = around.try_emplace(box.node, std::array<double, 4>{box.x, box.y, box.x, box.y});
      auto& [left, top, right, bottom] = it->second;
      left = std::min(left, box.x);
      top = std::min(top, box.y);
      right = std::max(right, box.x);
      bottom = std::max(bottom, box.y);
    }
    if (around.size() < 2) return;
    const double dx = p_.box_width / 2 + 8, dy = p_.box_height / 2 + 10;
    for (const auto& [node, at] : around)
      out_ += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"8\" fill=\"#F7F7F7\" "
          "stroke=\"#D0D0D0\"/>\n",
          at[0] - dx, at[1] - dy, at[2] - at[0] + 2 * dx, at[3] - at[1] + 2 * dy);
  }

  void line(const PictureEdge& edge) {
    const PictureBox &a = p_.boxes[edge.from], &b = p_.boxes[edge.to];
    // Several cables between two parts make a broader line.
    const double width = p_.roles ? 2.5 : 1.2 + 1.4 * std::log2(std::clamp(edge.cables, 1.0, 16.0));
    const std::string style = fmt::format("fill=\"none\" stroke=\"{}\" stroke-width=\"{:.3g}\" stroke-opacity=\"{}\"{}",
                                          edge.condition == Condition::failed ? failed_colour : colours_.at(edge.link),
                                          width, p_.edges.size() > 200 ? 0.5 : 0.8, dashes(edge.condition));
    if (edge.from == edge.to) {  // among parts of one role
      const double x = a.x + p_.box_width / 2, y = a.y;
      out_ += fmt::format("<path d=\"M{0:.1f} {1:.1f}c60 -40 60 40 0 24\" {2}/>\n", x, y - 12, style);
      return;
    }
    const double length = std::hypot(a.x - b.x, a.y - b.y);
    if (!p_.roles && a.row == b.row && length > p_.bend_beyond) {
      const double nx = (b.y - a.y) / length, ny = (a.x - b.x) / length, bend = 0.16 * length;
      out_ += fmt::format("<path d=\"M{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}\" {}/>\n", a.x, a.y,
                          (a.x + b.x) / 2 + nx * bend, (a.y + b.y) / 2 + std::abs(ny) * bend, b.x, b.y, style);
      return;
    }
    out_ += fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" {}/>\n", a.x, a.y, b.x, b.y, style);
  }

  void label(const PictureEdge& edge) {
    if (edge.label.empty()) return;
    const PictureText at = edge_label(p_, edge);
    text(at.x, at.y, "start", at.words, " paint-order=\"stroke\" stroke=\"#FFFFFF\" stroke-width=\"3\"");
  }

  void box(const PictureBox& one) {
    const double w = p_.box_width, h = p_.box_height;
    out_ += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"5\" fill=\"{}\" "
        "stroke=\"{}\"{}/>\n",
        one.x - w / 2, one.y - h / 2, w, h, fill(one.kind), one.failed ? failed_colour : "#555555",
        one.failed ? dashes(Condition::failed) : "");
    if (p_.roles) {
      text(one.x, one.y - 4, "middle", one.name, " font-weight=\"bold\"");
      text(one.x, one.y + 12, "middle", one.detail);
      return;
    }
    const std::string_view sign = one.kind == VertexKind::device ? one.detail
                                  : one.name == "node switch"    ? std::string_view("switch")
                                                                 : std::string_view(one.name);
    text(one.x, one.y + 4, "middle", sign, " font-size=\"10\"");
  }

  void legend() {
    for (const PictureText& entry : p_.legend) {
      const auto colour = colours_.find(entry.words);
      const Condition condition = entry.words == "failed"   ? Condition::failed
                                  : entry.words == "slowed" ? Condition::slowed
                                                            : Condition::sound;
      out_ += fmt::format("<path d=\"M{:.1f} {:.1f}h22\" stroke=\"{}\" stroke-width=\"3\"{}/>\n", entry.x - 28,
                          entry.y - 4,
                          colour != colours_.end()         ? colour->second
                          : condition == Condition::failed ? failed_colour
                                                           : std::string_view("#555555"),
                          dashes(condition));
      text(entry.x, entry.y, "start", entry.words);
    }
  }

  const TopologyPicture& p_;
  std::map<std::string, std::string_view> colours_;
  std::string out_;
};

}  // namespace

std::string picture_svg(const TopologyPicture& picture) { return Drawing(picture).svg(); }

std::string picture_dot(const TopologyPicture& picture) {
  std::string text = fmt::format(
      "graph {} {{  // written by orrery\n  rankdir=BT;\n  node [shape=box, style=\"rounded,filled\"];\n",
      dot_quoted(picture.title.empty() ? "cluster" : picture.title));
  for (std::size_t b = 0; b < picture.boxes.size(); ++b) {
    const PictureBox& box = picture.boxes[b];
    text += fmt::format("  v{} [label={}, fillcolor=\"{}\"];\n", b, dot_quoted(box.name + " " + box.detail),
                        fill(box.kind));
  }
  for (const PictureEdge& edge : picture.edges) {
    const std::string label = edge.label.empty() ? fmt::format("{:g} x {}", edge.cables, edge.link) : edge.label;
    const std::string_view style = edge.condition == Condition::failed   ? ", style=dotted, color=\"#B00020\""
                                   : edge.condition == Condition::slowed ? ", style=dashed"
                                                                         : "";
    text += fmt::format("  v{} -- v{} [label={}{}];\n", edge.from, edge.to, dot_quoted(label), style);
  }
  return text + "}\n";
}

}  // namespace orrery
