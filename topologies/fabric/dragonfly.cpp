// Dragonfly (Kim, Dally, Scott & Abts, ISCA 2008): groups of `routers_per_group` fully joined routers, each with p terminals
// and h global cables; every two groups joined by equally many global cables, dealt evenly over the routers of each. Global
// ports that are too few for a cable more to every other group stay idle.
// Dragonfly+ (Shpiner et al., HiPINEB 2017; "Megafly"): a group is a two-level tree of as many leaves, which hold the
// terminals, as spines, which hold the global cables; every leaf is joined to every spine of its group.
// options: routers_per_group (dragonfly+: leaves, and as many spines), terminals_per_router, global_per_router, routing
// (minimal, valiant, ugal: dragonfly_router.hpp); absent: the balanced a = 2p = 2h of the radix, dragonfly+: half the radix.
#include <algorithm>
#include <map>

#include "topologies/fabric/dragonfly_router.hpp"
#include "topologies/fabric/families.hpp"
#include "topologies/fabric/placement.hpp"

namespace orrery {

namespace {

struct Shape {
  int routers = 1, terminals = 1, global = 1;
  bool plus = false;
};

// The balanced one of a radix; of options not given.
int balanced_of(const FabricSpec& spec, bool plus) {
  return plus ? std::max(1, spec.radix / 2) : std::max(1, (spec.radix + 1) / 4);
}

Shape shape_of(FabricInput& in, bool plus) {
  const int balanced = balanced_of(in.spec, plus);
  Shape shape;
  shape.plus = plus;
  shape.routers = in.option("routers_per_group", plus ? balanced : 2 * balanced);
  shape.terminals = in.option("terminals_per_router", balanced);
  shape.global = in.option("global_per_router", balanced);
  const int ports = plus ? shape.routers + std::max(shape.terminals, shape.global)
                         : shape.routers - 1 + shape.terminals + shape.global;
  if (ports > in.spec.radix)
    in.fault("radix", "at least the " + std::to_string(ports) + " ports that a router uses",
             std::to_string(in.spec.radix));
  return shape;
}

// What a fault is about: the option where the scenario states it, else the radix that it follows from.
const char* blamed(const FabricInput& in, const char* option) {
  const bool stated = in.spec.options.is_object() && in.spec.options.contains(std::string(option).substr(8));
  return stated ? option : "radix";
}

// All cables between groups a and b, merged per pair of routers where traffic spreads over them; links in both directions.
void join_groups(FabricInput& in, DragonflyWires& wires, const Shape& shape, const std::vector<VertexId>& switches,
                 std::uint32_t a, std::uint32_t b) {
  const std::uint32_t groups = wires.groups;
  const std::uint32_t cables = static_cast<std::uint32_t>(shape.routers * shape.global) / (groups - 1);
  const auto end = [&](std::uint32_t group, std::uint32_t other, std::uint32_t j) {
    const std::uint32_t slot = (other + groups - group - 1) % groups * cables + j, used = (groups - 1) * cables;
    const std::uint64_t router = std::uint64_t{slot} * static_cast<std::uint32_t>(shape.routers) / used;
    return group * wires.switches + wires.leaves + static_cast<std::uint32_t>(router);
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> count;
  for (std::uint32_t j = 0; j < cables; ++j) ++count[{end(a, b, j), end(b, a, j)}];
  const auto lay = [&](const std::pair<std::uint32_t, std::uint32_t>& ends, int width) {
    const LinkId link = in.connect(switches[ends.first], switches[ends.second], width);
    const double share = static_cast<double>(width) / cables;
    wires.between[static_cast<std::size_t>(a) * groups + b].push_back(
        {ends.first, ends.second, link, static_cast<double>(width), share});
    wires.between[static_cast<std::size_t>(b) * groups + a].push_back(
        {ends.second, ends.first, LinkId(link.index() + 1), static_cast<double>(width), share});
  };
  for (const auto& [ends, parallel] : count)
    for (int i = 0; i < (in.ideal() ? 1 : parallel); ++i) lay(ends, in.ideal() ? parallel : 1);
}

// Inside a group: every router to every other, or every leaf to every spine.
void join_inside(FabricInput& in, DragonflyWires& wires, const std::vector<VertexId>& switches, std::uint32_t group) {
  const std::uint32_t n = wires.switches, base = group * n;
  for (std::uint32_t i = 0; i < n; ++i)
    for (std::uint32_t j = i + 1; j < n; ++j) {
      if (wires.leaves > 0 && (i < wires.leaves) == (j < wires.leaves)) continue;
      const LinkId link = in.connect(switches[base + i], switches[base + j], 1);
      wires.local[static_cast<std::size_t>(base + i) * n + j] = link;
      wires.local[static_cast<std::size_t>(base + j) * n + i] = LinkId(link.index() + 1);
    }
}

DragonflyRouting routing_of(const FabricInput& in) {
  const std::string routing = in.choice("routing", {"minimal", "valiant", "ugal"});
  return routing == "ugal"      ? DragonflyRouting::ugal
         : routing == "valiant" ? DragonflyRouting::valiant
                                : DragonflyRouting::minimal;
}

FabricWiring join(FabricInput& in, bool plus) {
  const Shape shape = shape_of(in, plus);
  const PortBlocks groups = place_in_blocks(in, shape.terminals, blamed(in, "options/terminals_per_router"),
                                            shape.routers);
  DragonflyWires wires;
  wires.leaves = plus ? static_cast<std::uint32_t>(shape.routers) : 0;
  wires.switches = static_cast<std::uint32_t>(shape.routers) * (plus ? 2 : 1);
  wires.groups = groups.blocks;
  wires.trunk_latency = in.trunk_latency;
  wires.ideal = in.ideal();
  wires.seed = in.seed();
  wires.routing = routing_of(in);
  if (groups.blocks > 1 && shape.routers * shape.global < static_cast<int>(groups.blocks) - 1)
    in.fault(blamed(in, "options/global_per_router"),
             "a global cable from each group to every one of " + std::to_string(groups.blocks - 1) + " others, from " +
                 std::to_string(shape.routers) + (plus ? " spines" : " routers"),
             std::to_string(shape.routers * shape.global) + " per group");
  std::vector<VertexId> switches;
  for (std::uint32_t i = 0; i < groups.blocks * wires.switches; ++i) switches.push_back(in.add_switch());
  wires.local.resize(switches.size() * wires.switches);
  for (std::uint32_t g = 0; g < groups.blocks; ++g) join_inside(in, wires, switches, g);
  wires.between.resize(static_cast<std::size_t>(groups.blocks) * groups.blocks);
  for (std::uint32_t a = 0; a < groups.blocks; ++a)
    for (std::uint32_t b = a + 1; b < groups.blocks; ++b) join_groups(in, wires, shape, switches, a, b);
  for (std::size_t p = 0; p < in.ports.size(); ++p) {
    const std::uint32_t at = groups.block_of_port[p] * wires.switches + groups.switch_of_port[p];
    wires.switch_of_port.push_back(at);
    wires.ports.push_back(in.attach(in.ports[p], switches[at]));
  }
  FabricWiring wiring;
  wiring.kind = DomainKind::dragonfly;
  if (groups.whole_nodes)
    wiring.levels.push_back({plus ? DomainKind::clos : DomainKind::full_mesh, groups.block_of_node});
  wiring.router = make_dragonfly_router(std::move(wires));
  return wiring;
}

}  // namespace

GlobalPorts global_ports(const FabricSpec& spec, int nodes, int nics_per_node, int cables_each) {
  const bool plus = spec.kind == "dragonfly+";
  if (!plus && spec.kind != "dragonfly") return {};
  const int balanced = balanced_of(spec, plus);
  const auto stated = [&](const char* key, int otherwise) {
    const bool counts = spec.options.is_object() && spec.options.contains(key) && spec.options[key].is_number_integer();
    return counts ? spec.options[key].get<int>() : otherwise;
  };
  const int routers = stated("routers_per_group", plus ? balanced : 2 * balanced);
  const int nics_per_group = routers * (stated("terminals_per_router", balanced) / cables_each);
  const int nodes_per_group = nics_per_group / std::max(1, nics_per_node);
  if (nodes_per_group < 1) return {};
  GlobalPorts ports;
  ports.groups = (nodes + nodes_per_group - 1) / nodes_per_group;
  ports.of_group = routers * stated("global_per_router", balanced);
  ports.idle = ports.groups > 1 ? ports.of_group % (ports.groups - 1) : ports.of_group;
  return ports;
}

FabricWiring join_dragonfly(FabricInput& in) { return join(in, false); }
FabricWiring join_dragonfly_plus(FabricInput& in) { return join(in, true); }

}  // namespace orrery
