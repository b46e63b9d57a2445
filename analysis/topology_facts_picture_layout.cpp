#include "analysis/topology_facts_picture_layout.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace orrery {

static constexpr double margin = 40, row_height = 90;

double text_width(std::string_view words, double font_size) {
  return 0.56 * font_size * static_cast<double>(words.size());  // Helvetica, on average
}

PictureText edge_label(const TopologyPicture& picture, const PictureEdge& edge) {
  const PictureBox &a = picture.boxes[edge.from], &b = picture.boxes[edge.to];
  if (edge.from == edge.to) return {a.x + picture.box_width / 2, a.y + picture.box_height / 2 + 16, edge.label};
  return {(a.x + b.x) / 2 + 8, (a.y + b.y) / 2 + 4, edge.label};
}

// Rows: devices 0, what a node has besides its NICs below, with the switches between hosts and memory; the rest above by its
// distance from the NICs.
void assign_rows(TopologyPicture& picture) {
  std::vector<std::vector<std::size_t>> near(picture.boxes.size());
  for (const PictureEdge& edge : picture.edges) {
    near[edge.from].push_back(edge.to);
    near[edge.to].push_back(edge.from);
  }
  std::vector<int> distance(picture.boxes.size(), -1);
  std::vector<std::size_t> queue;
  for (std::size_t b = 0; b < picture.boxes.size(); ++b)
    if (picture.boxes[b].kind == VertexKind::device) {
      distance[b] = 0;
      queue.push_back(b);
    }
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (std::size_t next : near[queue[i]])
      if (distance[next] < 0) {
        distance[next] = distance[queue[i]] + 1;
        queue.push_back(next);
      }
  for (std::size_t b = 0; b < picture.boxes.size(); ++b) {
    PictureBox& box = picture.boxes[b];
    const bool memory = std::any_of(near[b].begin(), near[b].end(), [&](std::size_t other) {
      return picture.boxes[other].kind == VertexKind::host || picture.boxes[other].kind == VertexKind::memory;
    });
    const bool fabric = box.kind == VertexKind::network_switch && box.name != "node switch" && !memory;
    box.row = box.kind == VertexKind::nic || fabric ? std::max(distance[b], 1) : -std::max(distance[b], 0);
  }
}

// Devices in order, with a gap between nodes; every other box over the middle of its neighbours that have their places, moved
// right where it would cover another.
void place_rows(TopologyPicture& picture) {
  const double step = picture.box_width + (picture.roles ? 150 : 10);
  std::map<int, std::vector<std::size_t>> rows;
  for (std::size_t b = 0; b < picture.boxes.size(); ++b) rows[picture.boxes[b].row].push_back(b);
  double x = 0;
  for (std::size_t i = 0; i < rows[0].size(); ++i) {
    PictureBox& box = picture.boxes[rows[0][i]];
    if (i > 0) x += step + (box.node != picture.boxes[rows[0][i - 1]].node ? 24 : 0);
    box.x = x;
  }
  std::vector<bool> placed(picture.boxes.size(), false);
  for (std::size_t b : rows[0]) placed[b] = true;
  const auto settle = [&](int row) {
    std::vector<std::size_t>& boxes = rows[row];
    for (std::size_t b : boxes) {
      double sum = 0, count = 0;
      for (const PictureEdge& edge : picture.edges)
        if (edge.from == b || edge.to == b) {
          const std::size_t other = edge.from == b ? edge.to : edge.from;
          if (!placed[other]) continue;
          sum += picture.boxes[other].x;
          ++count;
        }
      picture.boxes[b].x = count > 0 ? sum / count : 0;
    }
    std::stable_sort(boxes.begin(), boxes.end(),
                     [&](std::size_t a, std::size_t b) { return picture.boxes[a].x < picture.boxes[b].x; });
    double wanted = 0, got = 0;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      wanted += picture.boxes[boxes[i]].x;
      if (i > 0) picture.boxes[boxes[i]].x = std::max(picture.boxes[boxes[i]].x, picture.boxes[boxes[i - 1]].x + step);
      got += picture.boxes[boxes[i]].x;
    }
    for (std::size_t b : boxes) {
      picture.boxes[b].x += (wanted - got) / static_cast<double>(boxes.size());
      placed[b] = true;
    }
  };
  const int top = rows.rbegin()->first, bottom = rows.begin()->first;
  for (int row = 1; row <= top; ++row) settle(row);
  for (int row = -1; row >= bottom; --row) settle(row);
  for (PictureBox& box : picture.boxes) box.y = (top - box.row) * (picture.roles ? 1.25 * row_height : row_height);
}

// The only node's devices as the grid they are wired in; the third dimension goes back to the right.
void place_grid(TopologyPicture& picture, const std::vector<int>& dimensions) {
  std::vector<int> sizes = dimensions;
  while (sizes.size() < 3) sizes.insert(sizes.begin(), 1);
  while (sizes.size() > 3) {  // further dimensions lie beside each other
    sizes[1] *= sizes[0];
    sizes.erase(sizes.begin());
  }
  const double step = picture.box_width * 2.2, apart = step * (sizes[0] > 1 ? std::max(1.0, 0.35 * sizes[0]) : 1.0);
  picture.bend_beyond = 1.3 * apart;
  for (std::size_t d = 0; d < picture.boxes.size(); ++d) {
    const int i = static_cast<int>(d), z = i / (sizes[1] * sizes[2]), y = i / sizes[2] % sizes[1], x = i % sizes[2];
    picture.boxes[d].x = x * apart + z * step * 0.32;
    picture.boxes[d].y = y * apart - z * step * 0.32;
  }
}

void place_circle(TopologyPicture& picture) {
  const auto n = static_cast<double>(picture.boxes.size());
  picture.bend_beyond = 1e9;
  const double radius = std::max(110.0, n * picture.box_width * 0.22);
  for (std::size_t d = 0; d < picture.boxes.size(); ++d) {
    const double angle = 2 * 3.14159265358979 * static_cast<double>(d) / n;
    picture.boxes[d].x = radius * std::sin(angle);
    picture.boxes[d].y = -radius * std::cos(angle);
  }
}

namespace {

struct Extent {
  double left = 0, right = 0, top = 0, bottom = 0;
  bool empty = true;
  void hold(double l, double r, double t, double b) {
    left = empty ? l : std::min(left, l);
    right = empty ? r : std::max(right, r);
    top = empty ? t : std::min(top, t);
    bottom = empty ? b : std::max(bottom, b);
    empty = false;
  }
};

// Boxes, labels and the loops of edges among parts of one role.
Extent extent_of(const TopologyPicture& picture) {
  const double half_width = picture.box_width / 2, half_height = picture.box_height / 2, loop = 50;
  Extent all;
  for (const PictureBox& box : picture.boxes)
    all.hold(box.x - half_width, box.x + half_width, box.y - half_height, box.y + half_height);
  for (const PictureEdge& edge : picture.edges) {
    const PictureBox& box = picture.boxes[edge.from];
    if (edge.from == edge.to) all.hold(box.x, box.x + half_width + loop, box.y - half_height, box.y + half_height);
    const PictureText label = edge_label(picture, edge);
    if (!label.words.empty()) all.hold(label.x, label.x + text_width(label.words), label.y - 10, label.y + 3);
  }
  return all;
}

// In lines as wide as the picture, below everything.
void place_legend(TopologyPicture& picture) {
  constexpr double sample = 28, gap = 20, line = 18;
  double x = margin / 2, y = 0;
  for (PictureText& entry : picture.legend) {
    const double wide = sample + text_width(entry.words) + gap;
    if (x > margin && x + wide > picture.width) {
      x = margin / 2;
      y += line;
    }
    entry.x = x + sample;
    entry.y = y;
    x += wide;
  }
  for (PictureText& entry : picture.legend) entry.y += picture.height + line;
  if (!picture.legend.empty()) picture.height += y + 2 * line;
}

void write_legend(TopologyPicture& picture) {
  std::set<std::string> names;
  std::set<Condition> conditions;
  for (const PictureEdge& edge : picture.edges) {
    if (names.insert(edge.link).second) picture.legend.push_back({0, 0, edge.link});
    conditions.insert(edge.condition);
  }
  if (conditions.contains(Condition::slowed)) picture.legend.push_back({0, 0, "slowed"});
  if (conditions.contains(Condition::failed)) picture.legend.push_back({0, 0, "failed"});
}

}  // namespace

void fit(TopologyPicture& picture) {
  write_legend(picture);
  constexpr double heading = 56;
  const Extent all = extent_of(picture);
  double least = std::max(
      {picture.roles ? 620.0 : 520.0, 48 + text_width(picture.title, 17), 48 + text_width(picture.subtitle)});
  for (const PictureText& entry : picture.legend) least = std::max(least, margin + 48 + text_width(entry.words));
  const double wide = all.right - all.left + 2 * margin, slack = std::max(0.0, least - wide) / 2;
  for (PictureBox& box : picture.boxes) {
    box.x += slack + margin - all.left;
    box.y += margin + heading - all.top;
  }
  picture.width = wide + 2 * slack;
  picture.height = all.bottom - all.top + 2 * margin + heading;
  place_legend(picture);
}

}  // namespace orrery
