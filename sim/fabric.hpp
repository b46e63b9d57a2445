// The wiring: a directed graph of devices, NICs, switches and memory pools joined by links, one per direction, with
// nested domains (which devices share one network level) and a router. Topology builders (topologies/) write it; the
// engine, placement and collectives read only this. A bundle of k parallel equal cables may be one link of k times the
// bandwidth where traffic spreads over them ideally.
// Bandwidth here is what payload can use: line rate times the protocol efficiency of its link class.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/ids.hpp"
#include "sim/units.hpp"

namespace orrery {

enum class VertexKind : std::uint8_t { device, nic, network_switch, host, memory };

struct Vertex {
  VertexKind kind = VertexKind::device;
  std::uint32_t node = 0;  // which replicated node it belongs to; switches of the fabric: ~0u
  DeviceId device;         // for devices
};

struct LinkClass {
  std::string name;                          // "nvlink3"
  std::optional<JoulesPerByte> energy = {};  // per byte that crosses; nothing: not known
  Seconds reconfiguration{0};                // of the optical circuits over it: from one peer to another
};

struct Link {
  VertexId from, to;
  BytesPerSecond bandwidth;  // 0: failed, carries nothing
  Seconds latency;
  LinkClassId link_class;
  // Of a link into or out of an optical circuit switch: with how many others of its links it can be joined at a time (its
  // cables or wavelengths, see sim/circuits.hpp). 0: packets go anywhere.
  std::uint32_t circuits = 0;
  // Parallel ones that it stands for, all alike. 0: none, it joins two vertices that are one place and limits nothing.
  double cables = 1;
};

// How the jobs of a cluster use optical circuits.
struct CircuitRules {
  bool per_phase = true;  // one setting for the passes, one for gradients and parameters; else one for everything
  bool in_turn = false;   // a port with more peers than circuits serves them one after the other; else that is an error
  bool duplex = false;    // a circuit carries light both ways: a NIC sends to and receives from the same peers
};

struct DegradedLink {
  LinkId link;
  double rate = 0;    // of the nominal bandwidth of its cables, all together
  double cables = 1;  // of these, the ones that are slower or failed
  bool failed = false;
};

enum class DomainKind : std::uint8_t {
  network_switch,
  full_mesh,
  ring,
  torus,
  mesh,
  hypercube,
  hybrid_cube_mesh,
  pcie_tree,
  clos,
  dragonfly,
  hyperx,
  optical_circuits,
  wide_area,
  custom
};

// Devices that reach each other through one network level. Domains nest: a node inside a rack inside the cluster.
struct Domain {
  DomainKind kind = DomainKind::network_switch;
  int level = 0;  // 0 is the innermost
  DomainId parent;
  std::vector<DeviceId> members;      // in wiring order
  std::vector<int> dimensions;        // torus and mesh
  bool in_network_reduction = false;  // NVLink SHARP, InfiniBand SHARP
  LinkClassId link_class;
  BytesPerSecond bandwidth_per_device;  // what one member can send into this level
  std::string calibration;              // name of the collective calibration that applies (usually the link's name)
};

struct Hop {
  LinkId link;
  double share = 1;  // part of the flow's bytes that crosses this link (ideal spreading gives fractions)
};

// Routes the flows of one pattern in their order, each with a view of the load that those before it put on the links.
// `weight`: bytes of the flow per byte of the Transfer.
class AdaptiveRouting {
 public:
  virtual ~AdaptiveRouting() = default;
  virtual Seconds route(VertexId from, VertexId to, std::uint64_t flow_key, double weight, std::vector<Hop>& hops) = 0;
};

// Chooses the path of one flow. Deterministic: the same (from, to, key) always gives the same hops.
class Router {
 public:
  virtual ~Router() = default;
  // Appends the hops and returns the latency of one message along them (the longest branch).
  virtual Seconds route(VertexId from, VertexId to, std::uint64_t flow_key, std::vector<Hop>& hops) const = 0;
  // For one pattern; none where paths do not depend on load.
  virtual std::unique_ptr<AdaptiveRouting> adapt() const { return nullptr; }
};

class Fabric {
 public:
  VertexId add_vertex(Vertex);
  LinkId add_link(Link);
  // Both directions; returns the forward one (the backward one is the next id).
  LinkId add_cable(VertexId a, VertexId b, BytesPerSecond per_direction, Seconds latency, LinkClassId,
                   std::uint32_t circuits = 0, double cables = 1);
  LinkClassId add_link_class(LinkClass);  // same name: the existing one
  DomainId add_domain(Domain);
  // Some of its cables to a part of their bandwidth (0: they failed); the others keep theirs, and traffic spreads over all
  // in proportion.
  void degrade(LinkId, double rate, double cables);
  void degrade(LinkId id, double rate) { degrade(id, rate, link(id).cables); }
  void set_circuit_rules(CircuitRules rules) { circuit_rules_ = rules; }

  std::span<const Vertex> vertices() const { return vertices_; }
  std::span<const Link> links() const { return links_; }
  std::span<const LinkClass> link_classes() const { return link_classes_; }
  std::span<const Domain> domains() const { return domains_; }
  std::span<const DegradedLink> degraded() const { return degraded_; }
  bool has_circuits() const { return has_circuits_; }
  const CircuitRules& circuit_rules() const { return circuit_rules_; }
  const Vertex& vertex(VertexId v) const { return vertices_[v.index()]; }
  const Link& link(LinkId l) const { return links_[l.index()]; }
  const LinkClass& link_class(LinkClassId c) const { return link_classes_[c.index()]; }
  const Domain& domain(DomainId d) const { return domains_[d.index()]; }

  VertexId vertex_of(DeviceId d) const { return device_vertices_[d.index()]; }
  std::size_t device_count() const { return device_vertices_.size(); }
  // The innermost domain of a device, and the innermost one that holds both.
  DomainId domain_of(DeviceId d) const;
  DomainId common_domain(DeviceId a, DeviceId b) const;

  // Graph questions, answered with Boost.Graph (sim/fabric_graph.cpp).
  bool connected() const;
  std::vector<LinkId> shortest_path(VertexId from, VertexId to) const;  // fewest hops, lowest link ids on ties

 private:
  std::vector<Vertex> vertices_;
  std::vector<Link> links_;
  std::vector<LinkClass> link_classes_;
  std::vector<Domain> domains_;
  std::vector<DegradedLink> degraded_;
  CircuitRules circuit_rules_;
  bool has_circuits_ = false;
  std::vector<VertexId> device_vertices_;
  mutable std::vector<DomainId> innermost_;  // by device, built on first use
};

// Fewest-hop paths on any fabric, found with Boost.Graph and remembered per source: what tests hold other routers against.
std::unique_ptr<Router> make_shortest_path_router(const Fabric&);

}  // namespace orrery
