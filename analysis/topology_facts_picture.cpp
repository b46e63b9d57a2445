#include "analysis/topology_facts_picture.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "analysis/topology_facts_graph.hpp"
#include "analysis/topology_facts_picture_layout.hpp"
#include "sim/unit_text.hpp"

namespace orrery {

namespace {

constexpr std::size_t most_drawn = 80, most_drawn_in_grid = 600, most_roles = 24;

const char* kind_name(VertexKind kind, bool in_node, bool part) {
  if (!part) return "link";  // of a platform, whose ends are vertices
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

Condition condition_of(const Fabric& fabric, LinkId link, const std::map<LinkId, double>& left) {
  if (!(fabric.link(link).bandwidth.value > 0)) return Condition::failed;
  const auto slowed = left.find(link);
  return slowed != left.end() && slowed->second < 1 ? Condition::slowed : Condition::sound;
}

std::vector<Condition> conditions_of(const Fabric& fabric) {
  std::map<LinkId, double> left;
  for (const DegradedLink& d : fabric.degraded()) left.try_emplace(d.link, 1).first->second *= d.rate;
  std::vector<Condition> all;
  for (std::size_t l = 0; l < fabric.links().size(); ++l) all.push_back(condition_of(fabric, LinkId(l), left));
  return all;
}

// Parts that no cable works of, though some lead there.
std::vector<bool> failed_parts(const Fabric& fabric, const std::vector<Condition>& conditions) {
  std::vector<bool> some(fabric.vertices().size(), false), works(some);
  for (std::size_t l = 0; l < conditions.size(); ++l)
    for (VertexId end : {fabric.links()[l].from, fabric.links()[l].to}) {
      some[end.index()] = true;
      if (conditions[l] != Condition::failed) works[end.index()] = true;
    }
  for (std::size_t v = 0; v < some.size(); ++v) some[v] = some[v] && !works[v];
  return some;
}

// The coarsest grouping of vertices in which all of a group have neighbours of the same groups over the same links, in the same
// condition if that counts.
std::vector<std::size_t> roles_of(const Cluster& cluster, const std::vector<Condition>& conditions) {
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
    for (std::size_t l = 0; l < fabric.links().size(); ++l) {
      const Link& link = fabric.links()[l];
      const std::size_t kind = 3 * link.link_class.index() + static_cast<std::size_t>(conditions[l]);
      seen[link.from.index()].insert(role[link.to.index()] * 3 * fabric.link_classes().size() + kind);
    }
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
  const FabricGraph graph(fabric);
  std::vector<Condition> conditions = conditions_of(fabric);
  const std::vector<bool> failed = failed_parts(fabric, conditions);
  std::vector<std::size_t> role = roles_of(cluster, conditions);
  if (*std::max_element(role.begin(), role.end()) >= most_roles) {
    conditions.assign(conditions.size(), Condition::sound);
    role = roles_of(cluster, conditions);
  }
  std::vector<std::size_t> count(*std::max_element(role.begin(), role.end()) + 1, 0);
  picture.boxes.resize(count.size());
  for (std::size_t v = 0; v < role.size(); ++v) {
    const Vertex& vertex = fabric.vertices()[v];
    PictureBox& box = picture.boxes[role[v]];
    ++count[role[v]];
    box.kind = vertex.kind;
    box.name = kind_name(vertex.kind, vertex.node != ~0u, graph.is_part(VertexId(v)));
    box.failed = failed[v];
    if (vertex.device.valid()) box.detail = cluster.model_of(vertex.device).name;
  }
  struct Bundle {
    std::size_t links = 0;
    double low = 0, high = 0;
  };
  std::map<std::tuple<std::size_t, std::size_t, std::size_t, Condition>, Bundle> bundles;
  for (std::size_t l = 0; l < fabric.links().size(); ++l) {
    const Link& link = fabric.links()[l];
    const std::size_t a = role[link.from.index()], b = role[link.to.index()];
    if (a > b) continue;  // the way back
    Bundle& bundle = bundles[{a, b, link.link_class.index(), conditions[l]}];
    const double rate = link.bandwidth.value;
    bundle.low = bundle.links == 0 ? rate : std::min(bundle.low, rate);
    bundle.high = std::max(bundle.high, rate);
    ++bundle.links;
  }
  for (const auto& [key, bundle] : bundles) {
    const auto& [a, b, link_class, condition] = key;
    const std::string& link = fabric.link_classes()[link_class].name;
    const std::size_t cables = a == b ? bundle.links / 2 : bundle.links;
    const std::string each = condition == Condition::failed ? "failed" : rates(bundle.low, bundle.high);
    const auto width = static_cast<double>(cables);
    picture.edges.push_back({a, b, link, fmt::format("{} x {}, {}", cables, each, link), width, condition});
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
  // A link of a platform is a box: what shares it, is joined to it.
  const FabricGraph graph(fabric);
  std::vector<std::vector<std::size_t>> far_ends(fabric.vertices().size());
  for (const Link& link : fabric.links())
    if (link.cables > 0 && !graph.is_part(link.from) && !graph.is_part(link.to)) {
      far_ends[link.from.index()].push_back(link.to.index());
      far_ends[link.to.index()].push_back(link.from.index());
    }
  const std::vector<Condition> conditions = conditions_of(fabric);
  const std::vector<bool> failed = failed_parts(fabric, conditions);
  for (std::size_t v = 0; v < fabric.vertices().size(); ++v) {
    const Vertex& vertex = fabric.vertices()[v];
    if (devices_only && vertex.kind != VertexKind::device) continue;
    if (box_of[v] != ~std::size_t{0}) continue;  // the other end of a link that is drawn
    const bool part = graph.is_part(VertexId(v));
    box_of[v] = picture.boxes.size();
    if (!part)
      for (std::size_t other : far_ends[v]) box_of[other] = picture.boxes.size();
    PictureBox box{vertex.kind, kind_name(vertex.kind, vertex.node != ~0u, part), "", 0, vertex.node, 0, 0, failed[v]};
    if (vertex.device.valid())
      box.detail = std::to_string(vertex.device.index());
    else if (vertex.node == ~0u && part)
      box.detail = std::to_string(switches++);
    picture.boxes.push_back(std::move(box));
  }
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> drawn;  // edges, by their ends
  for (std::size_t l = 0; l < fabric.links().size(); ++l) {
    const Link& link = fabric.links()[l];
    const std::size_t a = box_of[link.from.index()], b = box_of[link.to.index()];
    if (std::max(a, b) == ~std::size_t{0} || a == b) continue;
    const auto [known, fresh] = drawn.try_emplace(std::minmax(a, b), picture.edges.size());
    if (fresh)
      picture.edges.push_back(
          {a, b, link.cables > 0 ? fabric.link_class(link.link_class).name : "joint", "", 0, Condition::sound});
    PictureEdge& edge = picture.edges[known->second];
    if (edge.from == a) edge.cables += link.cables;
    edge.condition = std::max(edge.condition, conditions[l]);
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
