// Folded Clos of equal switches with `radix` ports: leaf-spine (2 levels) and leaf-aggregation-core (3 levels), as in
// Al-Fares et al. (SIGCOMM 2008), with d down-ports and u = radix - d up-ports per leaf, d : u the nearest to the
// oversubscription that whole ports give.
// Whole nodes share a leaf where they fit; rail-optimized: NIC i of a group of nodes on the group's leaf of rail i.
// Ideal ECMP spreads every flow evenly over all shortest paths: all cables of a leaf then carry the same load, so the
// spines form one vertex and a leaf's uplinks one link of u cables. Hashed ECMP wires every cable and picks one per flow.
#include <algorithm>
#include <cmath>
#include <map>

#include "topologies/fabric/families.hpp"
#include "topologies/fabric/placement.hpp"

namespace orrery {

namespace {

struct Shape {
  int down = 1, up = 1;      // ports of a leaf
  int leaves_per_pod = 1;    // 3 levels
  int planes = 1;            // spines (2 levels) or aggregation switches per pod (3 levels)
  int cables_per_plane = 1;  // between a leaf and one spine
  int cores_per_plane = 1;   // 3 levels: core switches above each aggregation switch
};

struct Placement {
  std::vector<std::uint32_t> leaf_of_port;
  std::vector<std::uint32_t> group_of_node;  // nodes that share a leaf, or a set of rail leaves
  std::vector<std::uint32_t> pod_of_leaf;
  std::vector<std::uint32_t> group_of_leaf;  // rail leaves
  std::uint32_t leaves = 0, pods = 1;
  bool groups_valid = true;  // false when a node is spread over several leaves that are not rails
};

Placement place_whole_nodes(const FabricInput& in, int down) {
  PortBlocks blocks = place_in_blocks(in, down, "radix");
  return {
      std::move(blocks.block_of_port), std::move(blocks.block_of_node), {}, {}, blocks.blocks, 1, blocks.whole_nodes};
}

// Leaves are numbered by group of nodes, then by those of its rails that have a NIC. A gateway of the region is of no rail:
// it takes the first leaf with room, or one of its own.
Placement place_rails(const FabricInput& in, int down) {
  Placement placed;
  const std::uint32_t gateways_from = in.nodes - in.gateways;
  int widest = 1;  // of the nodes' NICs
  for (const FabricPort& port : in.ports) {
    expect_to_fit(in, port, down, "radix");
    if (port.node < gateways_from) widest = std::max(widest, port.cables);
  }
  const auto nodes_per_group = static_cast<std::uint32_t>(down / widest);
  placed.group_of_node.resize(in.nodes);
  std::map<std::pair<std::uint32_t, int>, std::uint32_t> leaf_of_rail;  // by group and rail
  std::vector<int> used;                                                // ports, by leaf
  const auto add_leaf = [&](std::uint32_t group) {
    placed.group_of_leaf.push_back(group);
    used.push_back(0);
    return placed.leaves++;
  };
  for (const FabricPort& port : in.ports) {
    std::uint32_t leaf = 0;
    if (port.node < gateways_from) {
      const std::uint32_t group = port.node / nodes_per_group;
      const auto [rail, added] = leaf_of_rail.try_emplace({group, port.rail});
      if (added) rail->second = add_leaf(group);
      leaf = rail->second;
    } else {
      while (leaf < placed.leaves && used[leaf] + port.cables > down) ++leaf;
      if (leaf == placed.leaves) add_leaf(placed.group_of_leaf.back() + 1);
    }
    used[leaf] += port.cables;
    placed.leaf_of_port.push_back(leaf);
    placed.group_of_node[port.node] = placed.group_of_leaf[leaf];
  }
  return placed;
}

// A pod holds whole groups of rails, or leaves one by one.
void assign_pods(FabricInput& in, Placement& placed, const Shape& shape) {
  placed.pod_of_leaf.assign(placed.leaves, 0);
  if (in.spec.levels < 3) return;
  const auto capacity = static_cast<std::uint32_t>(shape.leaves_per_pod);
  std::uint32_t pod = 0, used = 0;
  for (std::uint32_t leaf = 0; leaf < placed.leaves;) {
    std::uint32_t last = leaf + 1;
    while (in.spec.rail_optimized && last < placed.leaves && placed.group_of_leaf[last] == placed.group_of_leaf[leaf])
      ++last;
    const std::uint32_t unit = last - leaf;
    if (unit > capacity)
      in.fault("radix", "at least twice the " + std::to_string(unit) + " rails, so that a pod holds one leaf per rail",
               std::to_string(in.spec.radix));
    if (used + unit > capacity) {
      ++pod;
      used = 0;
    }
    used += unit;
    std::fill(placed.pod_of_leaf.begin() + leaf, placed.pod_of_leaf.begin() + last, pod);
    leaf = last;
  }
  placed.pods = pod + 1;
}

Shape leaf_shape(FabricInput& in) {
  Shape shape;
  const int radix = in.spec.radix;
  shape.down = leaf_down_ports(in.spec);
  shape.up = radix - shape.down;
  if (in.spec.levels > 1) {
    if (shape.down < 1 || shape.up < 1)
      in.fault("oversubscription",
               fmt::format("from 1/{0} to {0}: a leaf of {1} ports has at least one on either side", radix - 1, radix),
               fmt::format("{:g}", in.spec.oversubscription));
  }
  return shape;
}

// The spines: at least one, at most one per uplink, dividing the uplinks evenly.
int spine_count(std::uint32_t leaves, const Shape& shape, int radix) {
  const std::int64_t cables = static_cast<std::int64_t>(leaves) * shape.up;
  int spines = static_cast<int>(std::max<std::int64_t>(1, (cables + radix - 1) / radix));
  while (spines < shape.up && shape.up % spines != 0) ++spines;
  return std::min(spines, shape.up);
}

void check_size(FabricInput& in, const Placement& placed, const Shape& shape) {
  const auto radix = static_cast<std::uint32_t>(in.spec.radix);
  const std::string found = std::to_string(radix) + " (the NICs need " + std::to_string(placed.leaves) +
                            " leaf switches of " + std::to_string(shape.down) + " ports towards the nodes)";
  if (in.spec.levels == 1 && placed.leaves > 1)
    in.fault("radix", "ports for all NICs on one switch, or more levels", found);
  if (in.spec.levels == 2 && placed.leaves > radix)
    in.fault("radix", "a port of each spine for every leaf, or 3 levels", found);
  if (in.spec.levels == 3 && placed.pods > radix)
    in.fault("radix", "a port of each core switch for every one of " + std::to_string(placed.pods) + " pods", found);
}

struct Wires {  // link ids; the way back is always the next id
  std::vector<AttachedPort> ports;
  std::vector<std::uint32_t> leaf_of_port, pod_of_leaf;
  std::vector<LinkId> leaf_up;  // ideal: by leaf; hash: by leaf x uplink
  std::vector<LinkId> pod_up;   // ideal: by pod; hash: by pod x plane x core
  Shape shape;
  Seconds trunk_latency{0};
};

class IdealRouter final : public FabricRouter {
 public:
  explicit IdealRouter(Wires wires) : w_(std::move(wires)) {}
  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t, std::vector<Hop>& hops) const override {
    const auto a = w_.leaf_of_port[from], b = w_.leaf_of_port[to];
    Seconds latency = w_.ports[from].latency + w_.ports[to].latency;
    hops.push_back({w_.ports[from].up, 1});
    if (a != b) {
      const auto pod_a = w_.pod_of_leaf[a], pod_b = w_.pod_of_leaf[b];
      hops.push_back({w_.leaf_up[a], 1});
      latency += w_.trunk_latency * 2;
      if (pod_a != pod_b) {
        hops.push_back({w_.pod_up[pod_a], 1});
        hops.push_back({LinkId(w_.pod_up[pod_b].index() + 1), 1});
        latency += w_.trunk_latency * 2;
      }
      hops.push_back({LinkId(w_.leaf_up[b].index() + 1), 1});
    }
    hops.push_back({w_.ports[to].down(), 1});
    return latency;
  }

 private:
  Wires w_;
};

class HashRouter final : public FabricRouter {
 public:
  HashRouter(Wires wires, std::uint64_t seed) : w_(std::move(wires)), seed_(seed) {}
  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops) const override {
    const auto a = w_.leaf_of_port[from], b = w_.leaf_of_port[to];
    Seconds latency = w_.ports[from].latency + w_.ports[to].latency;
    hops.push_back({w_.ports[from].up, 1});
    if (a != b) {
      const auto pick = [&](std::uint64_t salt, int choices) {
        return static_cast<std::size_t>(choose_path(from, to, key, seed_, salt, static_cast<std::uint32_t>(choices)));
      };
      const Shape& s = w_.shape;
      const auto uplinks = static_cast<std::size_t>(s.up), parallel = static_cast<std::size_t>(s.cables_per_plane);
      const std::size_t cable = pick(0, s.up), plane = cable / parallel;
      const std::size_t back = plane * parallel + pick(1, s.cables_per_plane);
      const std::size_t pod_a = w_.pod_of_leaf[a], pod_b = w_.pod_of_leaf[b];
      hops.push_back({w_.leaf_up[a * uplinks + cable], 1});
      latency += w_.trunk_latency * 2;
      if (pod_a != pod_b) {
        const auto cores = static_cast<std::size_t>(s.cores_per_plane), planes = static_cast<std::size_t>(s.planes);
        const std::size_t core = pick(2, s.cores_per_plane);
        hops.push_back({w_.pod_up[(pod_a * planes + plane) * cores + core], 1});
        hops.push_back({LinkId(w_.pod_up[(pod_b * planes + plane) * cores + core].index() + 1), 1});
        latency += w_.trunk_latency * 2;
      }
      hops.push_back({LinkId(w_.leaf_up[b * uplinks + back].index() + 1), 1});
    }
    hops.push_back({w_.ports[to].down(), 1});
    return latency;
  }

 private:
  Wires w_;
  std::uint64_t seed_;
};

void wire_ideal(FabricInput& in, Wires& w, const Placement& placed, const std::vector<VertexId>& leaves) {
  if (in.spec.levels == 1) return;
  std::vector<VertexId> planes;
  for (std::uint32_t pod = 0; pod < placed.pods; ++pod) planes.push_back(in.add_switch());
  for (std::uint32_t leaf = 0; leaf < placed.leaves; ++leaf)
    w.leaf_up.push_back(in.connect(leaves[leaf], planes[placed.pod_of_leaf[leaf]], w.shape.up));
  if (in.spec.levels < 3 || placed.pods < 2) return;
  const VertexId core = in.add_switch();
  for (VertexId plane : planes)
    w.pod_up.push_back(in.connect(plane, core, static_cast<double>(w.shape.planes) * w.shape.cores_per_plane));
}

void wire_hash(FabricInput& in, Wires& w, const Placement& placed, const std::vector<VertexId>& leaves) {
  if (in.spec.levels == 1) return;
  const auto planes = static_cast<std::size_t>(w.shape.planes),
             parallel = static_cast<std::size_t>(w.shape.cables_per_plane);
  std::vector<VertexId> middle;
  for (std::size_t i = 0; i < placed.pods * planes; ++i) middle.push_back(in.add_switch());
  for (std::uint32_t leaf = 0; leaf < placed.leaves; ++leaf)
    for (std::size_t cable = 0; cable < static_cast<std::size_t>(w.shape.up); ++cable)
      w.leaf_up.push_back(in.connect(leaves[leaf], middle[placed.pod_of_leaf[leaf] * planes + cable / parallel], 1));
  if (in.spec.levels < 3 || placed.pods < 2) return;
  const auto cores_per_plane = static_cast<std::size_t>(w.shape.cores_per_plane);
  std::vector<VertexId> cores;
  for (std::size_t i = 0; i < planes * cores_per_plane; ++i) cores.push_back(in.add_switch());
  for (std::size_t pod = 0; pod < placed.pods; ++pod)
    for (std::size_t plane = 0; plane < planes; ++plane)
      for (std::size_t core = 0; core < cores_per_plane; ++core)
        w.pod_up.push_back(in.connect(middle[pod * planes + plane], cores[plane * cores_per_plane + core], 1));
}

}  // namespace

int leaf_down_ports(const FabricSpec& spec) {
  if (spec.levels == 1) return spec.radix;
  return static_cast<int>(std::lround(spec.radix * (spec.oversubscription / (1 + spec.oversubscription))));
}

double leaf_oversubscription(const FabricSpec& spec) {
  const int down = leaf_down_ports(spec);
  return static_cast<double>(down) / (spec.radix - down);
}

FabricWiring join_fat_tree(FabricInput& in) {
  Wires w;
  w.shape = leaf_shape(in);
  w.shape.leaves_per_pod = std::max(1, in.spec.radix / 2);
  Placement placed = in.spec.rail_optimized ? place_rails(in, w.shape.down) : place_whole_nodes(in, w.shape.down);
  assign_pods(in, placed, w.shape);
  check_size(in, placed, w.shape);
  if (in.spec.levels == 2) {
    w.shape.planes = spine_count(placed.leaves, w.shape, in.spec.radix);
    w.shape.cables_per_plane = w.shape.up / w.shape.planes;
  } else if (in.spec.levels == 3) {
    w.shape.planes = w.shape.up;
    w.shape.cores_per_plane = std::max(1, in.spec.radix - w.shape.leaves_per_pod);
  }
  w.trunk_latency = in.trunk_latency;

  std::vector<VertexId> leaves;
  for (std::uint32_t leaf = 0; leaf < placed.leaves; ++leaf) leaves.push_back(in.add_switch());
  for (std::size_t p = 0; p < in.ports.size(); ++p)
    w.ports.push_back(in.attach(in.ports[p], leaves[placed.leaf_of_port[p]]));
  if (in.ideal())
    wire_ideal(in, w, placed, leaves);
  else
    wire_hash(in, w, placed, leaves);
  w.leaf_of_port = placed.leaf_of_port;
  w.pod_of_leaf = placed.pod_of_leaf;

  FabricWiring wiring;
  if (placed.groups_valid) wiring.levels.push_back({DomainKind::clos, placed.group_of_node});
  if (in.spec.levels == 3 && placed.groups_valid) {
    FabricLevel pods{DomainKind::clos, std::vector<std::uint32_t>(in.nodes, 0)};
    for (std::size_t p = 0; p < in.ports.size(); ++p)
      pods.group_of_node[in.ports[p].node] = placed.pod_of_leaf[placed.leaf_of_port[p]];
    wiring.levels.push_back(std::move(pods));
  }
  if (in.ideal())
    wiring.router = std::make_unique<IdealRouter>(std::move(w));
  else
    wiring.router = std::make_unique<HashRouter>(std::move(w), in.seed());
  return wiring;
}

}  // namespace orrery
