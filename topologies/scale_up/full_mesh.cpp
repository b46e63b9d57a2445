// Every device has its own links to every other (MI300X Infinity Fabric, Gaudi). The links of a device are divided evenly
// over its peers, as many whole ones for each; traffic goes the direct way only.
#include "topologies/scale_up/families.hpp"

namespace orrery {

namespace {

// Link of the ordered pair (a, b): a * (n - 1) + position of b among a's peers.
class FullMeshRouter final : public LocalRouter {
 public:
  FullMeshRouter(int devices, Seconds latency) : devices_(devices), latency_(latency) {}
  Seconds route(int from, int to, std::uint64_t, std::vector<Hop>& hops) const override {
    hops.push_back({LinkId(static_cast<std::size_t>(from * (devices_ - 1) + (to < from ? to : to - 1))), 1});
    return latency_;
  }

 private:
  int devices_;
  Seconds latency_;
};

}  // namespace

NodeWiring wire_full_mesh(const ScaleUpInput& in) {
  in.expect_no_dimensions();
  if (in.devices > 1024) in.fault("kind", "at most 1024 devices in a full mesh", std::to_string(in.devices));
  NodeWiring w;
  w.kind = DomainKind::full_mesh;
  w.devices = in.devices;
  const int peers = in.devices - 1;
  const auto each = in.bundle_each(peers, "as many links to each of " + std::to_string(peers) + " peers");
  w.bandwidth_per_device = each.bandwidth * peers;
  for (int a = 0; a < in.devices; ++a)
    for (int b = 0; b < in.devices; ++b)
      if (a != b) w.add_link(a, b, each.bandwidth, in.latency, each.cables);
  w.router = std::make_unique<FullMeshRouter>(in.devices, in.latency);
  return w;
}

}  // namespace orrery
