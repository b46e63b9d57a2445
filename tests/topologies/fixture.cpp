#include "tests/topologies/fixture.hpp"

namespace orrery::testing {

static ClusterSpec tree(ClusterSpec spec, int levels, int radix, bool rails, const char* ecmp) {
  spec.fabric.levels = levels;
  spec.fabric.radix = radix;
  spec.fabric.rail_optimized = rails;
  spec.fabric.ecmp = ecmp;
  spec.name += " levels " + std::to_string(levels) + (rails ? " rails " : " ") + ecmp;
  return spec;
}

std::vector<ClusterSpec> sample_clusters() {
  std::vector<ClusterSpec> all;
  for (const char* kind : {"switch", "full-mesh", "ring", "pcie"}) {
    all.push_back(nodes_of(node_of(kind, 8), 1, "none"));
    all.push_back(nodes_of(node_of(kind, 5), 1, "none"));
  }
  all.push_back(nodes_of(node_of("pcie", 8, {3}), 1, "none"));
  NodeModel bridges = with_nics(node_of("pcie", 8, {2}), 2);
  all.push_back(nodes_of(bridges, 2, "single-switch"));
  bridges.scale_up.options = parse_json(R"({"host_bridges": 2, "between_bridges": "50 GB/s"})", "test");
  all.push_back(nodes_of(bridges, 2, "fat-tree"));
  for (const char* kind : {"torus", "mesh"}) {
    all.push_back(nodes_of(node_of(kind, 24, {2, 3, 4}, 6), 1, "none"));
    all.push_back(nodes_of(node_of(kind, 16, {4, 4}, 4), 1, "none"));
    all.push_back(nodes_of(node_of(kind, 5, {1, 5}, 4), 1, "none"));
  }
  all.push_back(nodes_of(node_of("hybrid-cube-mesh", 8, {}, 6), 1, "none"));
  all.push_back(nodes_of(node_of("hybrid-cube-mesh", 8, {}, 4), 1, "none"));
  all.push_back(nodes_of(node_of("hypercube", 16, {}, 4), 1, "none"));
  all.push_back(nodes_of(node_of("ladder", 8, {}, 9), 1, "none"));
  NodeModel custom = node_of("custom", 3);
  custom.scale_up.options = parse_json(R"({"links": [[0, 3], [1, 3], [3, 2, 0.5]]})", "test");
  all.push_back(nodes_of(custom, 1, "none"));
  all.push_back(nodes_of(switch_node(72, 72), 2, "single-switch"));
  all.push_back(nodes_of(switch_node(8, 3), 3, "single-switch"));
  all.push_back(nodes_of(switch_node(4, 16), 3, "fat-tree"));
  all.push_back(nodes_of(with_nics(node_of("none", 4), 2), 3, "single-switch"));
  all.push_back(nodes_of(with_nics(node_of("none", 2), 1), 1, "single-switch"));
  all.push_back(nodes_of(with_nics(node_of("torus", 16, {4, 4}, 4), 4), 3, "fat-tree"));
  for (const char* ecmp : {"ideal", "hash"})
    for (bool rails : {false, true}) {
      all.push_back(tree(nodes_of(switch_node(4, 4), 9, "fat-tree"), 2, 12, rails, ecmp));
      all.push_back(tree(nodes_of(switch_node(4, 4), 16, "fat-tree"), 3, 8, rails, ecmp));
    }
  for (const char* ecmp : {"ideal", "hash"})
    for (const char* routing : {"minimal", "valiant", "ugal"})
      for (const char* kind : {"dragonfly", "dragonfly+"}) {
        ClusterSpec dragonfly = nodes_of(switch_node(4, 4), 17, kind);
        dragonfly.fabric.radix = 8;  // 2 terminals, 4 routers per group, 2 global cables: groups of 8 NICs
        dragonfly.fabric.options = {
            {"routers_per_group", 4}, {"terminals_per_router", 2}, {"global_per_router", 2}, {"routing", routing}};
        dragonfly.fabric.ecmp = ecmp;
        dragonfly.name += std::string(" ") + ecmp + " " + routing;
        all.push_back(dragonfly);
      }
  for (const char* kind : {"torus", "mesh"}) {
    ClusterSpec lattice = nodes_of(switch_node(4, 4), 9, kind);
    lattice.fabric.options = parse_json(R"({"dimensions": [3, 4], "terminals_per_router": 4})", "test");
    all.push_back(lattice);
  }
  ClusterSpec twisted = nodes_of(switch_node(4, 4), 32, "torus");
  twisted.fabric.options = parse_json(R"({"dimensions": [4, 8], "terminals_per_router": 4, "twist": true})", "test");
  all.push_back(twisted);
  ClusterSpec relayed = tree(nodes_of(switch_node(4, 4), 9, "fat-tree"), 2, 12, true, "ideal");
  relayed.fabric.options = parse_json(R"({"pxn": true})", "test");
  all.push_back(relayed);
  ClusterSpec hyperx = nodes_of(switch_node(4, 2), 9, "hyperx");
  hyperx.fabric.options = parse_json(R"({"dimensions": [3, 3], "terminals_per_router": 2})", "test");
  all.push_back(hyperx);
  ClusterSpec mixed = nodes_of(switch_node(4, 4), 3, "fat-tree");
  mixed.name = "mixed";
  mixed.pools.push_back({"b", switch_node(8, 2), 2, {}, 1});
  all.push_back(mixed);
  return all;
}

Fault fault_of(const ClusterSpec& spec) {
  try {
    build_cluster(spec);
  } catch (const SpecError& error) {
    return error.faults().at(0);
  }
  return {"", "built", "", ""};
}

}  // namespace orrery::testing
