#include "topologies/memory_pools.hpp"

#include <unordered_map>

#include "sim/error.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

namespace {

struct Seat {  // of a device, a host, a switch or a pool in the tree under the switch
  VertexId above;
  LinkId up;  // the way down is the next id
  Seconds latency{0};
};

class MemoryRouter final : public Router {
 public:
  MemoryRouter(std::unordered_map<std::uint32_t, Seat> seats, std::vector<bool> ours, std::unique_ptr<Router> usual)
      : seats_(std::move(seats)), ours_(std::move(ours)), usual_(std::move(usual)) {}

  Seconds route(VertexId from, VertexId to, std::uint64_t key, std::vector<Hop>& hops) const override {
    return ours(from, to) ? climb(from, to, hops) : usual_->route(from, to, key, hops);
  }
  std::unique_ptr<AdaptiveRouting> adapt() const override {
    auto usual = usual_->adapt();
    return usual ? std::make_unique<Adaptive>(*this, std::move(usual)) : nullptr;
  }

 private:
  struct Adaptive final : AdaptiveRouting {
    Adaptive(const MemoryRouter& all, std::unique_ptr<AdaptiveRouting> other) : router(all), usual(std::move(other)) {}
    const MemoryRouter& router;
    std::unique_ptr<AdaptiveRouting> usual;
    Seconds route(VertexId from, VertexId to, std::uint64_t key, double weight, std::vector<Hop>& hops) override {
      return router.ours(from, to) ? router.climb(from, to, hops) : usual->route(from, to, key, weight, hops);
    }
  };

  bool ours(VertexId from, VertexId to) const { return ours_[from.index()] || ours_[to.index()]; }

  Seconds climb(VertexId from, VertexId to, std::vector<Hop>& hops) const {
    std::vector<VertexId> above_from = way_up(from), above_to = way_up(to);
    ORRERY_CHECK(above_from.back() == above_to.back(), "no path to memory from vertex {} to vertex {}", from.value,
                 to.value);
    while (above_from.size() > 1 && above_to.size() > 1 &&
           above_from[above_from.size() - 2] == above_to[above_to.size() - 2]) {
      above_from.pop_back();
      above_to.pop_back();
    }
    Seconds latency{0};
    for (std::size_t i = 0; i + 1 < above_from.size(); ++i) {
      hops.push_back({seats_.at(above_from[i].value).up, 1});
      latency += seats_.at(above_from[i].value).latency;
    }
    for (std::size_t i = above_to.size() - 1; i-- > 0;) {
      hops.push_back({LinkId(seats_.at(above_to[i].value).up.index() + 1), 1});
      latency += seats_.at(above_to[i].value).latency;
    }
    return latency;
  }
  std::vector<VertexId> way_up(VertexId at) const {
    std::vector<VertexId> way{at};
    for (auto seat = seats_.find(at.value); seat != seats_.end(); seat = seats_.find(way.back().value))
      way.push_back(seat->second.above);
    return way;
  }

  std::unordered_map<std::uint32_t, Seat> seats_;
  std::vector<bool> ours_;  // by vertex: a host or memory
  std::unique_ptr<Router> usual_;
};

class MemoryWiring {
 public:
  MemoryWiring(const ClusterSpec& spec, Cluster& cluster) : spec_(spec), cluster_(cluster) {
    cluster.memory_pool_of.assign(cluster.type_of.size(), Cluster::no_memory_pool);
    cluster.host_of.resize(cluster.type_of.size());
    const Fabric& fabric = cluster.fabric;
    for (std::size_t l = 0; l < fabric.links().size(); ++l) {
      const Link& link = fabric.links()[l];
      const Vertex &from = fabric.vertex(link.from), &to = fabric.vertex(link.to);
      const bool slot = from.kind == VertexKind::device && to.kind == VertexKind::network_switch && in_pcie_tree(from);
      if (slot || (from.kind == VertexKind::device && to.kind == VertexKind::nic))
        host_link_of_[link.from.value] = LinkId(l), ++devices_at_[link.to.value];
    }
  }

  void wire() && {
    for (std::size_t i = 0; i < spec_.memory_pools.size(); ++i) {
      pointer_ = "/memory_pools/" + std::to_string(i);
      wire_pools(spec_.memory_pools[i]);
    }
    std::vector<bool> ours;
    for (const Vertex& v : cluster_.fabric.vertices())
      ours.push_back(v.kind == VertexKind::host || v.kind == VertexKind::memory);
    cluster_.router = std::make_unique<MemoryRouter>(std::move(seats_), std::move(ours), std::move(cluster_.router));
  }

 private:
  [[noreturn]] void fault(const char* key, std::string expected, std::string found) const {
    throw SpecError("", pointer_ + key, std::move(expected), std::move(found));
  }

  bool in_pcie_tree(const Vertex& device) const {
    const DomainId domain = cluster_.fabric.domain_of(device.device);
    return domain.valid() && cluster_.fabric.domain(domain).kind == DomainKind::pcie_tree;
  }

  void wire_pools(const MemoryPoolSpec& wanted) {
    if (static_cast<std::size_t>(wanted.pool) >= cluster_.pools.size())
      fault("/pool", "a pool of nodes, 0 to " + std::to_string(cluster_.pools.size() - 1), std::to_string(wanted.pool));
    const Pool& pool = cluster_.pools[static_cast<std::size_t>(wanted.pool)];
    const std::size_t nodes = pool.devices / pool.devices_per_node, each = static_cast<std::size_t>(wanted.nodes);
    if (nodes % each != 0)
      fault("/nodes", "a divisor of the pool's " + std::to_string(nodes) + " nodes", std::to_string(each));
    if (!(payload(wanted.link) > BytesPerSecond(0))) fault("/link", "a bandwidth above zero", "0 B/s");
    const std::size_t devices = each * pool.devices_per_node;
    for (std::size_t first = 0; first < pool.devices; first += devices)
      wire_one(wanted, pool, pool.first_device + first, devices);
  }

  VertexId attach(VertexId below, VertexId above, BytesPerSecond bandwidth, Seconds latency, LinkClassId link_class,
                  int cables = 1) {
    seats_[below.value] = {above, cluster_.fabric.add_cable(below, above, bandwidth, latency, link_class, 0, cables),
                           latency};
    return below;
  }

  // A device has one host link, which leads to its NIC too: both ways begin with it. Behind it the NIC's place, or the PCIe
  // switch that both hang on, has a way to the host as wide as the host links of all devices there.
  void attach_device(VertexId device, VertexId host, BytesPerSecond bandwidth, LinkClassId host_class) {
    const auto shared = host_link_of_.find(device.value);
    if (shared == host_link_of_.end()) {
      attach(device, host, bandwidth, Seconds(0), host_class);
      return;
    }
    const VertexId place = cluster_.fabric.link(shared->second).to;
    seats_[device.value] = {place, shared->second, Seconds(0)};
    if (seats_.contains(place.value)) return;
    const int devices = devices_at_.at(place.value);
    attach(place, host, bandwidth * devices, Seconds(0), host_class, devices);
  }

  void wire_one(const MemoryPoolSpec& wanted, const Pool& pool, std::size_t first, std::size_t devices) {
    Fabric& fabric = cluster_.fabric;
    const LinkClassId cxl = add_class(fabric, wanted.link);
    const Seconds half = wanted.link.latency.value_or(Seconds(0)) * 0.5;
    const VertexId hub = fabric.add_vertex({VertexKind::network_switch, ~0u, {}});
    BytesPerSecond port = payload(wanted.link);
    if (wanted.expander_bandwidth) port = std::min(port, *wanted.expander_bandwidth);
    const int places = wanted.interleaved ? 1 : wanted.expanders, width = wanted.expanders / places;
    const auto first_pool = static_cast<std::uint32_t>(cluster_.memory_pools.size());
    for (int i = 0; i < places; ++i) {
      const VertexId memory = fabric.add_vertex({VertexKind::memory, ~0u, {}});
      attach(memory, hub, port * width, half + wanted.switch_latency, cxl, width);
      cluster_.memory_pools.push_back(
          {wanted.name.empty() ? wanted.link.name : wanted.name, memory, wanted.capacity * width});
    }
    const auto& host_link = cluster_.device_types[pool.type.index()].host_link;
    if (!host_link || !host_link->bandwidth_per_direction)
      throw SpecError("", "/pools/" + std::to_string(wanted.pool) + "/node/device/host_link/bandwidth_per_direction",
                      "a figure, to reach the memory of a pool", "none");
    const LinkClassId host_class = fabric.add_link_class({host_link->link, {}, {}});
    VertexId host;
    for (std::size_t d = first; d < first + devices; ++d) {
      const VertexId device = fabric.vertex_of(DeviceId(d));
      if (cluster_.memory_pool(DeviceId(d))) fault("/pool", "one memory pool behind a node", "a second one");
      if ((d - first) % pool.devices_per_node == 0) {
        host = fabric.add_vertex({VertexKind::host, fabric.vertex(device).node, {}});
        attach(host, hub, payload(wanted.link) * wanted.links_per_node, half, cxl, wanted.links_per_node);
      }
      attach_device(device, host, *host_link->bandwidth_per_direction, host_class);
      cluster_.host_of[d] = host;
      cluster_.memory_pool_of[d] = first_pool +
                                   static_cast<std::uint32_t>((d - first) % static_cast<std::size_t>(places));
    }
  }

  const ClusterSpec& spec_;
  Cluster& cluster_;
  std::string pointer_;
  std::unordered_map<std::uint32_t, Seat> seats_;
  std::unordered_map<std::uint32_t, LinkId> host_link_of_;  // by device: to its NIC, or into its PCIe tree
  std::unordered_map<std::uint32_t, int> devices_at_;       // by NIC or PCIe switch
};

}  // namespace

void wire_memory_pools(const ClusterSpec& spec, Cluster& cluster) {
  if (!spec.memory_pools.empty()) MemoryWiring(spec, cluster).wire();
}

}  // namespace orrery
