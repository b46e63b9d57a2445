// Fields that a family of fabrics does not read are known as idle, and those that it reads are not.
#include <algorithm>

#include <catch2/catch.hpp>

#include "sim/catalog.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"
#include "topologies/fabric/families.hpp"
#include "topologies/network_inventory.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

ClusterSpec cluster_of(const char* kind) {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 18, kind);
  spec.fabric.radix = 24;
  if (spec.fabric.kind == "torus" || spec.fabric.kind == "mesh" || spec.fabric.kind == "hyperx")
    spec.fabric.options = parse_json(R"({"dimensions": [4, 5], "terminals_per_router": 4})", "test");
  if (spec.fabric.kind.starts_with("dragonfly"))
    spec.fabric.options = parse_json(R"({"routers_per_group": 4, "terminals_per_router": 2, "global_per_router": 4})",
                                     "test");
  if (spec.fabric.kind == "custom")
    spec.fabric.options = parse_json(
        R"({"switches": 2, "links": [[0, 1, 4]], "attach": [0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1]})", "test");
  return spec;
}

NetworkPart drawing(const char* kind, double watts) {
  NetworkPart part;
  part.name = part.kind = kind;
  part.power = Watts(watts);
  if (part.kind == "switch") part.ports = 64;
  return part;
}

// What a field can change: the links, the paths of some flows, and what the fabric is built of.
std::vector<double> signature(const ClusterSpec& spec) {
  std::vector<NetworkItem> network;
  const Cluster cluster = build_cluster(spec, network);
  std::vector<double> all{network_power(network).value};
  for (const NetworkItem& item : network) all.push_back(item.count);
  for (const Link& link : cluster.fabric.links())
    all.insert(all.end(),
               {static_cast<double>(link.from.value), static_cast<double>(link.to.value), link.bandwidth.value});
  for (std::size_t d = 1; d < 72; d += 3) {
    const Flow one{cluster.fabric.vertex_of(DeviceId(std::size_t{0})), cluster.fabric.vertex_of(DeviceId(d)), 1, 0, 1};
    for (const LinkLoad& load : route_pattern(cluster.fabric, *cluster.router, {&one, 1}).loads)
      all.push_back(static_cast<double>(load.link.value));
  }
  return all;
}

}  // namespace

TEST_CASE("the fields that families of fabrics read are fields of a fabric") {
  ClusterSpec spec = cluster_of("single-switch");
  spec.fabric.link = link("slow", 1e9, 9e-6);
  spec.fabric.network_switch = drawing("switch", 100);
  spec.fabric.cable = drawing("cable", 2);
  const Json written = write_spec(spec.fabric);
  for (const auto& family : fabric_catalog())
    for (const std::string& field : family.value.fields) {
      INFO(family.name << " " << field);
      CHECK(written.contains(field));
    }
}

TEST_CASE("a field that is said to be idle changes nothing, and one that is not changes the machine or is refused") {
  for (const char* kind : {"single-switch", "fat-tree", "dragonfly", "dragonfly+", "torus", "hyperx", "custom"}) {
    const ClusterSpec usual = cluster_of(kind);
    const std::vector<double> before = signature(usual);
    const auto check = [&](const char* field, auto set) {
      INFO(kind << ", " << field);
      ClusterSpec spec = usual;
      set(spec.fabric);
      const std::vector<std::string> idle = idle_fields(spec.fabric);
      if (std::find(idle.begin(), idle.end(), field) != idle.end())
        CHECK((signature(spec) == before));
      else
        CHECK((fault_of(spec).pointer != "built" || signature(spec) != before));
    };
    check("oversubscription", [](FabricSpec& f) { f.oversubscription = 3; });
    check("levels", [](FabricSpec& f) { f.levels = 1; });
    check("rail_optimized", [](FabricSpec& f) { f.rail_optimized = true; });
    check("radix", [](FabricSpec& f) { f.radix = 4; });
    check("ecmp", [](FabricSpec& f) { f.ecmp = "hash"; });
    check("link", [](FabricSpec& f) { f.link = link("slow", 1e9, 9e-6); });
    check("switch", [](FabricSpec& f) { f.network_switch = drawing("switch", 100); });
    check("cable", [](FabricSpec& f) { f.cable = drawing("cable", 2); });
  }
}

TEST_CASE("a leaf of 40 ports has no 2 : 1, and the ratio that it has is known") {
  FabricSpec fabric;
  fabric.radix = 40;
  fabric.oversubscription = 2;
  CHECK(leaf_oversubscription(fabric) == Approx(27.0 / 13));
  fabric.radix = 36;
  CHECK(leaf_oversubscription(fabric) == Approx(2));
}
