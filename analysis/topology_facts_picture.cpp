#include "analysis/topology_facts_picture.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "sim/unit_text.hpp"

namespace orrery {

namespace {

constexpr std::size_t most_drawn = 80, most_drawn_in_grid = 600;
constexpr double margin = 40, row_height = 90;

const char* kind_name(VertexKind kind, bool in_node) {
  switch (kind) {
    case VertexKind::device:
      return "device";
    case VertexKind::nic:
      return "NIC";
    case VertexKind::host:
      return "host";
    case VertexKind::memory:
      return "memory";
    case VertexKind::network_switch:
      break;
  }
  return in_node ? "node switch" : "switch";
}

// Rows: devices 0, what a node has besides its NICs below, the rest above by its distance from the NICs.
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
    const bool fabric = box.kind == VertexKind::network_switch && box.name == "switch";
    box.row = box.kind == VertexKind::nic || fabric ? std::max(distance[b], 1) : -std::max(distance[b], 0);
  }
}

// Devices in order, with a gap between nodes; every other box over the middle of its neighbours, moved right where it
// would cover another.
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
  const auto settle = [&](int row, int towards) {
    std::vector<std::size_t>& boxes = rows[row];
    for (std::size_t b : boxes) {
      double sum = 0, count = 0;
      for (const PictureEdge& edge : picture.edges)
        if (edge.from == b || edge.to == b) {
          const PictureBox& other = picture.boxes[edge.from == b ? edge.to : edge.from];
          if (other.row != row + towards && !(row != 0 && other.row == 0)) continue;
          sum += other.x;
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
    for (std::size_t b : boxes) picture.boxes[b].x += (wanted - got) / static_cast<double>(boxes.size());
  };
  const int top = rows.rbegin()->first, bottom = rows.begin()->first;
  for (int row = 1; row <= top; ++row) settle(row, -1);
  for (int row = -1; row >= bottom; --row) settle(row, +1);
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

void fit(TopologyPicture& picture) {
  double left = 0, right = 0, top = 0, bottom = 0;
  for (std::size_t b = 0; b < picture.boxes.size(); ++b) {
    const PictureBox& box = picture.boxes[b];
    left = b == 0 ? box.x : std::min(left, box.x);
    right = b == 0 ? box.x : std::max(right, box.x);
    top = b == 0 ? box.y : std::min(top, box.y);
    bottom = b == 0 ? box.y : std::max(bottom, box.y);
  }
  const double half_width = picture.box_width / 2, half_height = picture.box_height / 2, heading = 56;
  const double wide = right - left + picture.box_width + 2 * margin;
  const double slack = std::max(0.0, (picture.roles ? 620.0 : 520.0) - wide) / 2;
  for (PictureBox& box : picture.boxes) {
    box.x += slack + margin + half_width - left;
    box.y += margin + half_height + heading - top;
  }
  picture.width = wide + 2 * slack;
  picture.height = bottom - top + picture.box_height + 2 * margin + heading + 30;
}

// The coarsest grouping of vertices in which all of a group have neighbours of the same groups over the same links.
std::vector<std::size_t> roles_of(const Cluster& cluster) {
  const Fabric& fabric = cluster.fabric;
  using Key = std::vector<std::size_t>;
  std::vector<Key> keys;
  for (const Vertex& v : fabric.vertices())
    keys.push_back({static_cast<std::size_t>(v.kind), v.node != ~0u ? 1u : 0u,
                    v.device.valid() ? cluster.type_of[v.device.index()].index() + 1 : 0});
  std::vector<std::size_t> role(keys.size());
  std::size_t before = 0;
  for (;;) {
    std::map<Key, std::size_t> numbers;  // in order of first appearance
    for (std::size_t v = 0; v < keys.size(); ++v) role[v] = numbers.try_emplace(keys[v], numbers.size()).first->second;
    if (numbers.size() == before) return role;
    before = numbers.size();
    std::vector<std::set<std::size_t>> seen(keys.size());
    for (const Link& link : fabric.links())
      seen[link.from.index()].insert(role[link.to.index()] * fabric.link_classes().size() + link.link_class.index());
    for (std::size_t v = 0; v < keys.size(); ++v) {
      keys[v] = {role[v]};
      keys[v].insert(keys[v].end(), seen[v].begin(), seen[v].end());
    }
  }
}

std::string rates(double low, double high) {
  const std::string text = human(BytesPerSecond(low));
  return low == high ? text : text + " to " + human(BytesPerSecond(high));
}

void draw_roles(const Cluster& cluster, TopologyPicture& picture) {
  const Fabric& fabric = cluster.fabric;
  const std::vector<std::size_t> role = roles_of(cluster);
  std::vector<std::size_t> count(*std::max_element(role.begin(), role.end()) + 1, 0);
  picture.boxes.resize(count.size());
  for (std::size_t v = 0; v < role.size(); ++v) {
    const Vertex& vertex = fabric.vertices()[v];
    PictureBox& box = picture.boxes[role[v]];
    ++count[role[v]];
    box.kind = vertex.kind;
    box.name = kind_name(vertex.kind, vertex.node != ~0u);
    if (vertex.device.valid()) box.detail = cluster.model_of(vertex.device).name;
  }
  struct Bundle {
    std::size_t links = 0;
    double low = 0, high = 0;
  };
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, Bundle> bundles;
  for (const Link& link : fabric.links()) {
    const std::size_t a = role[link.from.index()], b = role[link.to.index()];
    if (a > b) continue;  // the way back
    Bundle& bundle = bundles[{a, b, link.link_class.index()}];
    const double rate = link.bandwidth.value;
    bundle.low = bundle.links == 0 ? rate : std::min(bundle.low, rate);
    bundle.high = std::max(bundle.high, rate);
    ++bundle.links;
  }
  for (const auto& [key, bundle] : bundles) {
    const auto& [a, b, link_class] = key;
    const std::string& link = fabric.link_classes()[link_class].name;
    const std::size_t cables = a == b ? bundle.links / 2 : bundle.links;
    picture.edges.push_back({a, b, link, fmt::format("{} x {}, {}", cables, rates(bundle.low, bundle.high), link)});
  }
  for (std::size_t r = 0; r < count.size(); ++r) {
    std::string& detail = picture.boxes[r].detail;
    detail = fmt::format("x {}{}{}", count[r], detail.empty() ? "" : ", ", detail);
  }
  picture.roles = true;
  picture.box_width = 230;
  picture.box_height = 44;
  picture.subtitle = "each box stands for all parts of one role";
}

void draw_parts(const Cluster& cluster, TopologyPicture& picture, bool devices_only) {
  const Fabric& fabric = cluster.fabric;
  std::vector<std::size_t> box_of(fabric.vertices().size(), ~std::size_t{0});
  std::size_t switches = 0;
  for (std::size_t v = 0; v < fabric.vertices().size(); ++v) {
    const Vertex& vertex = fabric.vertices()[v];
    if (devices_only && vertex.kind != VertexKind::device) continue;
    box_of[v] = picture.boxes.size();
    PictureBox box{vertex.kind, kind_name(vertex.kind, vertex.node != ~0u), "", 0, vertex.node, 0, 0};
    if (vertex.device.valid())
      box.detail = std::to_string(vertex.device.index());
    else if (vertex.node == ~0u)
      box.detail = std::to_string(switches++);
    picture.boxes.push_back(std::move(box));
  }
  std::set<std::pair<std::size_t, std::size_t>> drawn;
  for (const Link& link : fabric.links()) {
    const std::size_t a = box_of[link.from.index()], b = box_of[link.to.index()];
    if (std::max(a, b) == ~std::size_t{0} || !drawn.insert(std::minmax(a, b)).second) continue;
    picture.edges.push_back({a, b, fabric.link_class(link.link_class).name, ""});
  }
  picture.subtitle = fmt::format("{} devices", fabric.device_count());
  if (devices_only && fabric.vertices().size() > picture.boxes.size()) picture.subtitle += "; NICs not drawn";
}

// The network of the only node, where it joins the devices without switches.
const Domain* direct_network(const Fabric& fabric) {
  if (fabric.domains().size() != 1) return nullptr;
  for (const Vertex& v : fabric.vertices())
    if (v.kind == VertexKind::network_switch) return nullptr;
  return &fabric.domains()[0];
}

}  // namespace

TopologyPicture topology_picture(const Cluster& cluster) {
  TopologyPicture picture;
  picture.title = cluster.name;
  const Fabric& fabric = cluster.fabric;
  const Domain* direct = direct_network(fabric);
  const bool grid = direct && direct->dimensions.size() > 1 && fabric.device_count() <= most_drawn_in_grid;
  if (grid || (direct && fabric.device_count() <= most_drawn)) {
    draw_parts(cluster, picture, true);
    picture.box_width = 34;
    picture.box_height = 20;
    if (grid)
      place_grid(picture, direct->dimensions);
    else
      place_circle(picture);
  } else {
    if (fabric.vertices().size() <= most_drawn)
      draw_parts(cluster, picture, false);
    else
      draw_roles(cluster, picture);
    assign_rows(picture);
    place_rows(picture);
  }
  fit(picture);
  return picture;
}

}  // namespace orrery
