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
      {"torus",
       "k-ary n-dimensional torus with wrap-around (TPU ICI)",
       {wire_torus,
        {{"twist", "true: the twisted form of k x 2k, k x k x 2k and k x 2k x 2k (false)"},
         {"cube", "sizes of the blocks whose outer links go through optical_link (none)"}}}},
      {"mesh", "torus without wrap-around (small TPU slices, wafers)", {wire_mesh}},
      {"ring", "one-dimensional torus", {wire_ring}},
      {"pcie",
       "PCIe tree: devices and NICs on switches of `dimensions[0]` devices, under one or more host bridges",
       {wire_pcie,
        {{"host_bridges", "how many the switches hang on (1)"},
         {"between_bridges", "bandwidth of the links between them, each way; needed with several"},
         {"bridge_latency", "of the way from bridge to bridge (a link's)"}}}},
      {"hybrid-cube-mesh", "two joined quads with cross links (DGX-1)", {wire_hybrid_cube_mesh}},
      {"hypercube", "binary hypercube", {wire_hypercube}},
      {"ladder", "two rails with rungs (IPU-Link)", {wire_ladder}},
      {"custom",
       "the cables listed in options.links",
       {wire_custom, {{"links", "[[a, b], [a, b, cables], ...]: devices from 0, then switches; needed"}}}},
  };
  return table;
}

namespace {

const FamilyOption dimensions = {"dimensions", "sizes of the lattice of routers; needed"};
const FamilyOption terminals = {"terminals_per_router", "NIC cables that a router takes (1)"};
const FamilyOption cables_per_direction = {"cables_per_direction", "cables from a router to each neighbour (1)"};

std::vector<FamilyOption> dragonfly_options(bool plus) {
  return {{"routers_per_group", plus ? "leaves of a group, and as many spines (half the radix)"
                                     : "routers of a group (2 h, h = (radix + 1) / 4)"},
          {"terminals_per_router",
           plus ? "NIC cables that a leaf takes (half the radix)" : "NIC cables that a router takes (h)"},
          {"global_per_router",
           plus ? "cables from a spine to other groups (half the radix)" : "cables from a router to other groups (h)"},
          {"routing", "minimal, valiant or ugal (minimal)"}};
}

}  // namespace

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
       {join_dragonfly, dragonfly_options(false), routed}},
      {"dragonfly+",
       "groups of leaves and spines, global cables between all groups; the same routing",
       {join_dragonfly_plus, dragonfly_options(true), routed}},
      {"torus",
       "routers on a torus, twisted or not; dimension-order routing",
       {join_torus,
        {dimensions,
         terminals,
         cables_per_direction,
         {"twist", "true: the twisted form of k x 2k, k x k x 2k and k x 2k x 2k (false)"}},
        routed}},
      {"mesh", "torus without wrap-around", {join_mesh, {dimensions, terminals, cables_per_direction}, routed}},
      {"hyperx",
       "a lattice of routers fully joined along each dimension; dimension-order routing",
       {join_hyperx, {dimensions, terminals}, {"link", "radix", "switch", "cable"}}},
      {"optical-circuits",
       "optical circuit switches: light paths of a few circuits per NIC, set anew between phases",
       {join_optical_circuits,
        {{"cables_per_nic", "fibres of a NIC (its cables)"},
         {"wavelengths", "circuits of a fibre (1)"},
         {"ports", "of an optical switch (the link's ports, else radix)"},
         {"reconfigure", "per-phase or never (per-phase)"},
         {"oversubscribed", "of a port with more peers than circuits: error or in-turn (error)"},
         {"bidirectional", "true: a circuit carries light both ways (false)"}},
        {"link", "radix", "rail_optimized", "switch"}}},
      {"wide-area",
       "regions with a fabric each (`inside`), joined over distances; packet loss holds TCP back",
       {join_wide_area,
        {{"regions", "how many of equal size, or a list of the nodes of each (2)"},
         {"links", "between two regions (1)"},
         {"joined", "mesh (pair by pair) or ring (mesh)"},
         {"distance", "between two regions, such as \"4000 km\" (the link's latency stands)"},
         {"gateways", "of a region, which share its links (1)"},
         {"loss", "share of packets that are lost (0)"},
         {"streams", "TCP connections between two regions, with loss (64)"},
         {"segment_bytes", "of a TCP segment, with loss (1460)"}},
        {"link", "ecmp", "seed", "switch", "cable"}}},
      {"simgrid",
       "a SimGrid platform file: its hosts are the nodes, its zones route",
       {join_simgrid,
        {{"file", "the platform (XML), beside the scenario; needed"},
         {"hosts", "names of those that stand for the nodes or NICs (all, in the order of the file)"}}}},
      {"custom",
       "the switches and cables listed in options; equal-cost paths, or routes laid down",
       {join_custom,
        {{"switches", "how many (1)"},
         {"links", "[[a, b], [a, b, cables], ...] between switches (none)"},
         {"attach", "the switch of every node, or of every NIC, in node order; needed with several switches"},
         {"routes", "[{\"from\": nic, \"to\": nic, \"via\": [switch, ...]}, ...]: paths laid down (none)"}},
        {"link", "ecmp", "seed", "switch", "cable"}}},
  };
  return table;
}

std::vector<FamilyOption> options_of(const Family<FabricBuilder>& family) {
  std::vector<FamilyOption> all = family.options;
  if (family.build != join_none)
    all.insert(all.end(), {{"pxn", "true: messages to another rail change rails inside the node first (false)"},
                           {"in_network_reduction", "true: packet switches of a whole fabric add (false)"}});
  return all;
}

}  // namespace orrery
