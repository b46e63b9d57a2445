// One switch between all devices of a node (NVSwitch). The planes of an NVSwitch system are one switch here: a device spreads
// over all its links evenly, so the planes are loaded alike.
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

}  // namespace

NodeWiring wire_switch(const ScaleUpInput& in) {
  in.expect_no_dimensions();
  NodeWiring w;
  w.devices = in.devices;
  w.switches = 1;
  w.bandwidth_per_device = in.port * in.ports_per_device;
  for (int i = 0; i < in.devices; ++i)
    w.add_cable(i, in.devices, w.bandwidth_per_device, in.latency, in.ports_per_device);
  w.router = std::make_unique<StarRouter>(in.devices, in.latency);
  w.can_reduce = true;
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
