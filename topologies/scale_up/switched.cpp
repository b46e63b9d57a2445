// One switch between all devices of a node (NVSwitch, PCIe root). The planes of an NVSwitch system are one switch here:
// a device spreads over all its links evenly, so the planes are loaded alike.
#include "topologies/scale_up/families.hpp"

namespace orrery {

namespace {

// Device i: link 2i up, 2i+1 down. The switch itself (local vertex `devices`) can be an endpoint: an in-network reduction.
class StarRouter final : public LocalRouter {
 public:
  StarRouter(int devices, Seconds latency) : devices_(devices), latency_(latency) {}
  Seconds route(int from, int to, std::uint64_t, std::vector<Hop>& hops) const override {
    Seconds latency{0};
    if (from < devices_) {
      hops.push_back({LinkId(static_cast<std::size_t>(2 * from)), 1});
      latency += latency_;
    }
    if (to < devices_) {
      hops.push_back({LinkId(static_cast<std::size_t>(2 * to + 1)), 1});
      latency += latency_;
    }
    return latency;
  }

 private:
  int devices_;
  Seconds latency_;
};

// Devices under PCIe switches of `per_switch` devices, all switches under one root complex.
// Links: device i 2i (up), 2i+1 (down); then per switch one uplink pair.
class TwoLevelTreeRouter final : public LocalRouter {
 public:
  TwoLevelTreeRouter(int devices, int per_switch, Seconds latency)
      : devices_(devices), per_switch_(per_switch), latency_(latency) {}
  Seconds route(int from, int to, std::uint64_t, std::vector<Hop>& hops) const override {
    const int a = from / per_switch_, b = to / per_switch_;
    push(hops, 2 * from);
    if (a != b) {
      push(hops, 2 * (devices_ + a));
      push(hops, 2 * (devices_ + b) + 1);
    }
    push(hops, 2 * to + 1);
    return latency_ * (a == b ? 2 : 4);
  }

 private:
  static void push(std::vector<Hop>& hops, int link) { hops.push_back({LinkId(static_cast<std::size_t>(link)), 1}); }
  int devices_, per_switch_;
  Seconds latency_;
};

NodeWiring star(const ScaleUpInput& in) {
  NodeWiring w;
  w.devices = in.devices;
  w.switches = 1;
  w.bandwidth_per_device = in.port * in.ports_per_device;
  for (int i = 0; i < in.devices; ++i) w.add_cable(i, in.devices, w.bandwidth_per_device, in.latency);
  w.router = std::make_unique<StarRouter>(in.devices, in.latency);
  return w;
}

}  // namespace

NodeWiring wire_switch(const ScaleUpInput& in) {
  NodeWiring w = star(in);
  w.can_reduce = true;
  return w;
}

NodeWiring wire_pcie(const ScaleUpInput& in) {
  const int per_switch = in.spec.dimensions.empty() ? in.devices : in.spec.dimensions[0];
  if (in.spec.dimensions.size() > 1)
    in.fault("dimensions", "at most one number: the devices per PCIe switch",
             std::to_string(in.spec.dimensions.size()) + " numbers");
  NodeWiring w = star(in);
  w.kind = DomainKind::pcie_tree;
  if (per_switch >= in.devices) return w;
  w.links.clear();
  const int groups = (in.devices + per_switch - 1) / per_switch;
  w.switches = groups + 1;
  for (int i = 0; i < in.devices; ++i) w.add_cable(i, in.devices + i / per_switch, w.bandwidth_per_device, in.latency);
  for (int g = 0; g < groups; ++g) w.add_cable(in.devices + g, in.devices + groups, w.bandwidth_per_device, in.latency);
  w.router = std::make_unique<TwoLevelTreeRouter>(in.devices, per_switch, in.latency);
  return w;
}

// Devices of one node that reach each other only through their NICs.
NodeWiring wire_none(const ScaleUpInput& in) {
  NodeWiring w;
  w.devices = in.devices;
  w.kind = DomainKind::custom;
  return w;
}

}  // namespace orrery
