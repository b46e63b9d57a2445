// Wirings given by a list of cables: the hybrid cube mesh of DGX-1, the IPU ladder, the hypercube and custom graphs.
// Hybrid cube mesh: two fully joined quads with cross links; with 6 links per device the pairs in `doubled` have two cables
// (DGX-1 with V100), with 4 none (DGX-1 with P100). From nvidia-smi topology listings of the systems.
#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <set>

#include "topologies/graph_router.hpp"
#include "topologies/scale_up/families.hpp"

namespace orrery {

namespace {

NodeWiring start(const ScaleUpInput& in, DomainKind kind) {
  in.expect_no_dimensions();
  if (in.devices > most_graph_vertices)
    in.fault("kind", "at most " + std::to_string(most_graph_vertices) + " devices in this family",
             std::to_string(in.devices));
  NodeWiring w;
  w.kind = kind;
  w.devices = in.devices;
  w.bandwidth_per_device = in.port * in.ports_per_device;
  return w;
}

NodeWiring finish(const ScaleUpInput& in, NodeWiring w, const char* key) {
  if (!graph_connects(w)) in.fault(key, "links that join all devices of the node", "a disconnected graph");
  w.router = make_graph_router(w, in.ideal, in.seed);
  return w;
}

}  // namespace

NodeWiring wire_hybrid_cube_mesh(const ScaleUpInput& in) {
  if (in.devices != 8) in.fault("kind", "8 devices in a hybrid cube mesh", std::to_string(in.devices));
  const bool wide = in.ports_per_device == 6;
  if (!wide && in.ports_per_device != 4)
    in.fault("links_per_device", "4 or 6 links per device in a hybrid cube mesh",
             std::to_string(static_cast<int>(in.ports_per_device)));
  struct Pair {
    int a, b, doubled;
  };
  constexpr std::array<Pair, 16> pairs{{{0, 1, 0},
                                        {0, 2, 0},
                                        {0, 3, 1},
                                        {0, 4, 1},
                                        {1, 2, 1},
                                        {1, 3, 0},
                                        {1, 5, 1},
                                        {2, 3, 1},
                                        {2, 6, 0},
                                        {3, 7, 0},
                                        {4, 5, 0},
                                        {4, 6, 0},
                                        {4, 7, 1},
                                        {5, 6, 1},
                                        {5, 7, 0},
                                        {6, 7, 1}}};
  NodeWiring w = start(in, DomainKind::hybrid_cube_mesh);
  for (const Pair& pair : pairs)
    w.add_cable(pair.a, pair.b, in.port * (wide && pair.doubled ? 2 : 1), in.latency, wide && pair.doubled ? 2 : 1);
  return finish(in, std::move(w), "kind");
}

// 2 x n/2: rungs between 2i and 2i+1, rails along the sides, closed at neither end. Each device's links are spread over its
// three neighbours (two at the ends).
NodeWiring wire_ladder(const ScaleUpInput& in) {
  if (in.devices % 2 != 0) in.fault("kind", "an even number of devices in a ladder", std::to_string(in.devices));
  NodeWiring w = start(in, DomainKind::custom);
  const int neighbours = in.devices == 2 ? 1 : in.devices == 4 ? 2 : 3;
  const auto each = in.bundle_each(neighbours, "as many to each neighbour in the ladder");
  w.bandwidth_per_device = each.bandwidth * neighbours;
  for (int i = 0; i < in.devices; i += 2) w.add_cable(i, i + 1, each.bandwidth, in.latency, each.cables);
  for (int i = 0; i + 2 < in.devices; ++i) w.add_cable(i, i + 2, each.bandwidth, in.latency, each.cables);
  return finish(in, std::move(w), "kind");
}

NodeWiring wire_hypercube(const ScaleUpInput& in) {
  if (!std::has_single_bit(static_cast<unsigned>(in.devices)))
    in.fault("kind", "a power of two of devices in a hypercube", std::to_string(in.devices));
  NodeWiring w = start(in, DomainKind::hypercube);
  const int dimensions = std::bit_width(static_cast<unsigned>(in.devices)) - 1;
  for (int d = 0; d < dimensions; ++d) w.dimensions.push_back(2);
  const auto each = in.bundle_each(dimensions, "as many along each dimension of the hypercube");
  w.bandwidth_per_device = each.bandwidth * dimensions;
  for (int bit = 1; bit < in.devices; bit *= 2)
    for (int v = 0; v < in.devices; ++v)
      if ((v & bit) == 0) w.add_cable(v, v | bit, each.bandwidth, in.latency, each.cables);
  return finish(in, std::move(w), "kind");
}

// options.links: a list of [a, b] or [a, b, cables]; a and b are devices 0 .. n-1, or switches from n on. All cables of a
// pair are one link, as a device spreads over all that it has to a peer; the order of the list means nothing.
NodeWiring wire_custom(const ScaleUpInput& in) {
  const Json& options = in.spec.options;
  if (!options.is_object() || !options.contains("links") || !options["links"].is_array())
    in.fault("options", "{\"links\": [[a, b], ...]}: the cables between devices (and switches numbered after them)",
             options.is_null() ? "nothing" : "something else");
  if (in.spec.links_per_device)
    in.fault("links_per_device", "none: \"options\" list the links of a custom graph",
             std::to_string(*in.spec.links_per_device));
  NodeWiring w = start(in, DomainKind::custom);
  int highest = in.devices - 1;
  std::vector<double> cables_of(static_cast<std::size_t>(in.devices), 0);
  std::map<std::pair<int, int>, double> joined;  // cables of a pair
  std::set<int> joined_vertices;
  for (std::size_t i = 0; i < options["links"].size(); ++i) {
    const Json& cable = options["links"][i];
    const std::string key = "options/links/" + std::to_string(i);
    const auto vertex = [](const Json& value) {  // compared before it is narrowed
      return value.is_number_integer() && value >= 0 && value < most_graph_vertices;
    };
    const bool shaped = cable.is_array() && (cable.size() == 2 || cable.size() == 3) && vertex(cable[0]) &&
                        vertex(cable[1]) && (cable.size() == 2 || cable[2].is_number());
    const int a = shaped ? cable[0].get<int>() : -1, b = shaped ? cable[1].get<int>() : -1;
    const double cables = shaped && cable.size() == 3 ? cable[2].get<double>() : 1;
    if (!shaped || a == b || !(cables > 0))
      throw SpecError("", in.pointer + "/" + key, "[a, b] or [a, b, cables] with two different vertices", cable.dump());
    highest = std::max({highest, a, b});
    joined_vertices.insert({a, b});
    for (int end : {a, b})
      if (end < in.devices) cables_of[static_cast<std::size_t>(end)] += cables;
    joined[std::minmax(a, b)] += cables;
  }
  for (const auto& [pair, cables] : joined) w.add_cable(pair.first, pair.second, in.port * cables, in.latency, cables);
  w.switches = highest + 1 - in.devices;
  for (int s = in.devices; s <= highest; ++s)
    if (!joined_vertices.contains(s))
      in.fault("options", "switches numbered on from the devices, each joined by a cable",
               "vertex " + std::to_string(s) + ", which none joins");
  w.bandwidth_per_device = in.port * *std::min_element(cables_of.begin(), cables_of.end());
  return finish(in, std::move(w), "options");
}

}  // namespace orrery
