// Every topology family, scale-up and scale-out. Adding one is one line here.
#include "topologies/fabric/families.hpp"
#include "topologies/scale_up/families.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

std::span<const CatalogEntry<Family<ScaleUpBuilder>>> scale_up_catalog() {
  static const CatalogEntry<Family<ScaleUpBuilder>> table[] = {
      {"none", "no links inside the node: devices meet through their NICs", {wire_none}},
      {"switch", "all devices on one non-blocking switch (NVSwitch, NVL72)", {wire_switch}},
      {"full-mesh", "direct links between every two devices (MI300X, Gaudi)", {wire_full_mesh}},
      {"torus", "k-ary n-dimensional torus with wrap-around (TPU ICI)", {wire_torus, {"twist", "cube"}}},
      {"mesh", "torus without wrap-around (small TPU slices, wafers)", {wire_mesh}},
      {"ring", "one-dimensional torus", {wire_ring}},
      {"pcie",
       "PCIe tree: devices and NICs on switches of `dimensions[0]` devices, under one or more host bridges",
       {wire_pcie, {"host_bridges", "between_bridges", "bridge_latency"}}},
      {"hybrid-cube-mesh", "two joined quads with cross links (DGX-1)", {wire_hybrid_cube_mesh}},
      {"hypercube", "binary hypercube", {wire_hypercube}},
      {"ladder", "two rails with rungs (IPU-Link)", {wire_ladder}},
      {"custom", "the cables listed in options.links", {wire_custom, {"links"}}},
  };
  return table;
}

std::span<const CatalogEntry<Family<FabricBuilder>>> fabric_catalog() {
  // Routing over circuits, in dimension order without parallel cables or over one switch has no equal paths to choose from.
  static const std::vector<std::string> routed = {"link", "radix", "ecmp", "seed", "switch", "cable"};
  static const CatalogEntry<Family<FabricBuilder>> table[] = {
      {"none", "one node alone", {join_none}},
      {"single-switch", "all NICs on one non-blocking switch", {join_single_switch, {}, {"switch"}}},
      {"fat-tree",
       "folded Clos of 1 to 3 levels, oversubscribed or not, rail-optimized or not",
       {join_fat_tree,
        {},
        {"link", "levels", "radix", "oversubscription", "rail_optimized", "ecmp", "seed", "switch", "cable"}}},
      {"dragonfly",
       "groups of fully joined routers, global cables between all groups; minimal, Valiant or UGAL routing",
       {join_dragonfly, {"routers_per_group", "terminals_per_router", "global_per_router", "routing"}, routed}},
      {"dragonfly+",
       "groups of leaves and spines, global cables between all groups; the same routing",
       {join_dragonfly_plus, {"routers_per_group", "terminals_per_router", "global_per_router", "routing"}, routed}},
      {"torus",
       "routers on a torus, twisted or not; dimension-order routing",
       {join_torus, {"dimensions", "terminals_per_router", "cables_per_direction", "twist"}, routed}},
      {"mesh",
       "torus without wrap-around",
       {join_mesh, {"dimensions", "terminals_per_router", "cables_per_direction"}, routed}},
      {"hyperx",
       "a lattice of routers fully joined along each dimension; dimension-order routing",
       {join_hyperx, {"dimensions", "terminals_per_router"}, {"link", "radix", "switch", "cable"}}},
      {"optical-circuits",
       "optical circuit switches: light paths of a few circuits per NIC, set anew between phases",
       {join_optical_circuits,
        {"cables_per_nic", "wavelengths", "ports", "reconfigure", "oversubscribed", "bidirectional"},
        {"link", "radix", "rail_optimized", "switch"}}},
      {"wide-area",
       "regions with a fabric each (`inside`), joined over distances; packet loss holds TCP back",
       {join_wide_area,
        {"regions", "links", "joined", "distance", "gateways", "loss", "streams", "segment_bytes"},
        {"link", "ecmp", "seed", "switch", "cable"}}},
      {"simgrid",
       "a SimGrid platform file: its hosts are the nodes, its zones route",
       {join_simgrid, {"file", "hosts"}}},
      {"custom",
       "the switches and cables listed in options; equal-cost paths, or routes laid down",
       {join_custom, {"switches", "links", "attach", "routes"}, {"link", "ecmp", "seed", "switch", "cable"}}},
  };
  return table;
}

}  // namespace orrery
