// What a topology family produces.
// A scale-up family wires one node; the result is a template with local vertex and link numbers that is stamped out once
// per node, so its router works on local numbers and is shared by all nodes of a pool.
// A fabric family wires the ports (NICs) of all nodes together, directly in the cluster's fabric.
// Bandwidths are what payload can use in one direction. Parallel cables between two switches are one link of their sum
// wherever traffic spreads evenly over them (ideal equal-cost multi-path): every cable of the bundle then has the same
// load, so the bundle saturates exactly when its cables do. A link knows how many it stands for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/catalog.hpp"
#include "sim/fabric.hpp"
#include "topologies/cluster_spec.hpp"
#include "topologies/network_inventory.hpp"

namespace orrery {

// Local vertices: 0 .. devices-1 are the devices, then `switches` switches. Local links are numbered in order of adding.
class LocalRouter {
 public:
  virtual ~LocalRouter() = default;
  // Appends hops with local link numbers; returns the latency of the longest branch.
  virtual Seconds route(int from, int to, std::uint64_t flow_key, std::vector<Hop>& hops) const = 0;
};

struct LocalLink {
  int from = 0, to = 0;
  BytesPerSecond bandwidth{0};
  Seconds latency{0};
  double cables = 1;     // that it stands for
  bool optical = false;  // through the optical switches that join the node's parts
};

struct NodeWiring {
  DomainKind kind = DomainKind::network_switch;
  std::vector<int> dimensions;
  int devices = 0, switches = 0;
  std::vector<LocalLink> links;
  BytesPerSecond bandwidth_per_device{0};
  bool can_reduce = false;  // the switch can hold an in-network reduction
  // The local switch that every device hangs on and its NIC with it; empty: a device has a link of its own to its NIC.
  std::vector<int> switch_of_device;
  std::unique_ptr<LocalRouter> router;

  int add_link(int from, int to, BytesPerSecond bandwidth, Seconds latency, double cables = 1);
  // a->b; b->a is the next number
  int add_cable(int a, int b, BytesPerSecond per_direction, Seconds latency, double cables = 1);
};

struct FamilyOption {
  std::string_view name, meaning;  // with its default
};

// A topology family: what wires it, the options of its own that it reads, and (fabrics) the names of those fields that
// all of them share, kind, options and inside aside.
template <class Builder> struct Family {
  Builder build;
  std::vector<FamilyOption> options = {};
  std::vector<std::string> fields = {};
};

// Refuses options of other names than these.
void expect_options(const Json& options, const std::vector<FamilyOption>& known, const std::string& pointer);
// A JSON boolean, false where it is absent.
bool flag_of(const Json& options, const char* key, const std::string& pointer);

struct ScaleUpInput {
  const ScaleUpSpec& spec;
  int devices = 1;
  BytesPerSecond port{0};  // one link, payload
  Seconds latency{0};      // of one link
  double ports_per_device = 1;
  bool counted = true;  // that number is known; else 1 link stands for all of a device's
  bool stated = true;   // by the node itself; else it is what the device has, of which a wiring may leave some over
  bool ideal = true;    // spread over equal paths; else one of them per flow key
  std::uint64_t seed = 0;
  std::string pointer;  // of the node's scale_up object, for faults

  [[noreturn]] void fault(const char* key, std::string expected, std::string found) const;
  int dimension_product() const;  // checked against the number of devices
  void expect_no_dimensions() const;
  // One of so many equal parts of a device's links: as many whole cables for each, none left over if the node states how many
  // the device has. Where their number is not known, the part of its bandwidth.
  struct Bundle {
    double cables = 1;
    BytesPerSecond bandwidth{0};
  };
  Bundle bundle_each(double parts, const std::string& why) const;
};

using ScaleUpBuilder = NodeWiring (*)(const ScaleUpInput&);
std::span<const CatalogEntry<Family<ScaleUpBuilder>>> scale_up_catalog();

BytesPerSecond payload(const LinkModel&);
bool slower(const LinkModel&, const LinkModel&);  // by name where they carry the same
// A link states joules per bit on its wires, headers and framing included; a class has them per byte of payload.
LinkClassId add_class(Fabric&, const LinkModel&);
// Of what is known: nothing where neither is.
std::optional<JoulesPerByte> sum(const std::optional<JoulesPerByte>&, const std::optional<JoulesPerByte>&);

struct FabricPort {
  VertexId nic;
  std::uint32_t node = 0;
  int rail = 0;    // position of the NIC in its node
  int cables = 1;  // NICs that were bundled into this vertex
  BytesPerSecond bandwidth{0};
  Seconds latency{0};
  LinkClassId link_class;
  const NicSpec* nics = nullptr;  // what it is one of
};

struct
    AttachedPort {  // a NIC's cable to its switch, as routers remember it (they must not point into the fabric, which moves)
  LinkId up;
  Seconds latency{0};
  LinkId down() const { return LinkId(up.index() + 1); }
};

class AdaptiveFabricRouting {  // as AdaptiveRouting, from NIC to NIC
 public:
  virtual ~AdaptiveFabricRouting() = default;
  virtual Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t flow_key, double weight,
                        std::vector<Hop>& hops) = 0;
};

class FabricRouter {
 public:
  virtual ~FabricRouter() = default;
  // From NIC to NIC, by their position in FabricInput::ports; `from` and `to` differ.
  virtual Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t flow_key, std::vector<Hop>& hops) const = 0;
  virtual std::unique_ptr<AdaptiveFabricRouting> adapt() const { return nullptr; }
};

struct FabricInput {
  Fabric& fabric;
  const FabricSpec& spec;
  std::vector<FabricPort> ports;  // ordered by node, then by rail
  std::uint32_t nodes = 0;
  std::uint32_t gateways = 0;  // of the nodes, the last ones: ways out into a wider network
  NetworkInventory* inventory = nullptr;
  const LinkModel* trunk_link = nullptr;  // where the spec names none, the NICs' own
  const LinkModel* other_link = nullptr;  // of NICs, where theirs differ and the spec names none: `connect` then faults
  BytesPerSecond trunk{0};                // one cable between switches, payload
  Seconds trunk_latency{0};
  LinkClassId trunk_class = {};
  std::string pointer = "/fabric";  // of the spec, for faults

  bool ideal() const { return spec.ecmp == "ideal"; }
  std::uint64_t seed() const { return static_cast<std::uint64_t>(spec.seed); }
  [[noreturn]] void fault(const char* key, std::string expected, std::string found) const;
  // " and N gateways" of a region, for messages that count nodes or NICs; nothing outside regions.
  std::string and_gateways() const;
  bool flag(const char* key) const;
  // One of the choices, the first where the key is absent.
  std::string choice(const char* key, const std::vector<std::string>& choices) const;
  // A whole number above zero, or a list of them, of the family's options.
  int option(const char* key, int otherwise) const;
  std::vector<int> option_list(const char* key) const;
  VertexId add_switch() { return fabric.add_vertex({VertexKind::network_switch, ~0u, {}}); }
  AttachedPort attach(const FabricPort& port, VertexId to_switch);
  LinkId connect(VertexId a, VertexId b, double cables);  // a -> b; b -> a is the next id
  // Counts cables into a switch; `attach` and `connect` do so for those they lay.
  void count_ports(VertexId network_switch, double cables) const;
};

// A level of the fabric between node and cluster: which nodes share a leaf, a pod, a group. Groups of one level are
// disjoint; those of a higher level contain whole groups of the lower one.
struct FabricLevel {
  DomainKind kind = DomainKind::clos;
  std::vector<std::uint32_t> group_of_node;
  std::vector<DomainKind> kind_of_group = {};  // where they differ
  DomainKind kind_of(std::uint32_t group) const { return kind_of_group.empty() ? kind : kind_of_group[group]; }
};

struct FabricWiring {
  std::unique_ptr<FabricRouter> router;
  DomainKind kind = DomainKind::clos;  // of the whole
  std::vector<int> dimensions;
  std::vector<FabricLevel> levels;  // innermost first, the whole cluster excluded
};

// Of the link with the most bandwidth, by name where several have it; the first of those.
const FabricPort& fastest_port(const std::vector<FabricPort>&);

// By the kind that the spec asks for; sets the trunk.
FabricWiring join_fabric(FabricInput&);

using FabricBuilder = FabricWiring (*)(FabricInput&);
std::span<const CatalogEntry<Family<FabricBuilder>>> fabric_catalog();
// Options of a family of fabrics: its own, and those of all that join nodes.
std::vector<FamilyOption> options_of(const Family<FabricBuilder>&);

// Refuses a family that there is not, options that it does not read and fabrics inside one that holds none: of what joins a
// single node, and is never built, too.
void check_families(const FabricSpec&, const std::string& pointer);
// Names of the shared fields that are not at their defaults and that the family of this fabric does not read.
std::vector<std::string> idle_fields(const FabricSpec&);

template <class Builder>
const Family<Builder>& find_family(std::span<const CatalogEntry<Family<Builder>>> catalog, const std::string& kind,
                                   const std::string& pointer) {
  if (const auto* entry = find(catalog, kind)) return entry->value;
  const auto all = names(catalog);
  throw SpecError("", pointer, "a topology family (see `orrery list topologies`)", quote_unknown(kind, all));
}

// One of `choices` equal-cost paths for a flow: a fixed hash of its ends, its key and the seed (splitmix64 finalizer,
// Steele et al., OOPSLA 2014). `salt` tells apart the choices made along one path.
std::uint32_t choose_path(std::uint64_t from, std::uint64_t to, std::uint64_t key, std::uint64_t seed,
                          std::uint64_t salt, std::uint32_t choices);

}  // namespace orrery
