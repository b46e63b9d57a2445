#include "sim/fabric.hpp"

#include "sim/error.hpp"

namespace orrery {

VertexId Fabric::add_vertex(Vertex vertex) {
  VertexId id(vertices_.size());
  if (vertex.device.valid()) {
    const std::size_t device = vertex.device.index();
    if (device >= device_vertices_.size()) device_vertices_.resize(device + 1);
    ORRERY_CHECK(!device_vertices_[device].valid(), "device {} has two vertices", device);
    device_vertices_[device] = id;
  }
  vertices_.push_back(vertex);
  return id;
}

LinkId Fabric::add_link(Link link) {
  ORRERY_CHECK(link.from.index() < vertices_.size() && link.to.index() < vertices_.size(),
               "link {} ends at a vertex that does not exist", links_.size());
  ORRERY_CHECK(link.link_class.index() < link_classes_.size(), "link {} has no link class", links_.size());
  ORRERY_CHECK(link.bandwidth.value > 0 && link.latency.value >= 0, "link {} has bandwidth {} B/s and latency {} s",
               links_.size(), link.bandwidth.value, link.latency.value);
  has_circuits_ = has_circuits_ || link.circuits > 0;
  links_.push_back(link);
  return LinkId(links_.size() - 1);
}

LinkId Fabric::add_cable(VertexId a, VertexId b, BytesPerSecond per_direction, Seconds latency, LinkClassId link_class,
                         std::uint32_t circuits, double cables) {
  const LinkId forward = add_link({a, b, per_direction, latency, link_class, circuits, cables});
  add_link({b, a, per_direction, latency, link_class, circuits, cables});
  return forward;
}

// Links of one name may differ in what crossing them costs, where a spec changes a shipped one.
LinkClassId Fabric::add_link_class(LinkClass link_class) {
  const auto same = [&](const LinkClass& known) {
    return known.name == link_class.name && known.energy == link_class.energy &&
           known.reconfiguration == link_class.reconfiguration;
  };
  for (std::size_t i = 0; i < link_classes_.size(); ++i)
    if (same(link_classes_[i])) return LinkClassId(i);
  link_classes_.push_back(std::move(link_class));
  return LinkClassId(link_classes_.size() - 1);
}

DomainId Fabric::add_domain(Domain domain) {
  domains_.push_back(std::move(domain));
  innermost_.clear();
  return DomainId(domains_.size() - 1);
}

void Fabric::degrade(LinkId link, double rate, double cables) {
  Link& slowed = links_[link.index()];
  ORRERY_CHECK(cables <= slowed.cables, "{} of the {} cables of link {} cannot slow down", cables, slowed.cables,
               link.value);
  const bool all = cables == slowed.cables;
  const double left = all ? rate : 1 - cables / slowed.cables * (1 - rate);
  slowed.bandwidth = slowed.bandwidth * left;
  degraded_.push_back({link, left, cables, rate == 0});
  if (rate == 0 && !all) slowed.cables -= cables;
}

DomainId Fabric::domain_of(DeviceId device) const {
  if (innermost_.size() != device_count()) {
    innermost_.assign(device_count(), DomainId());
    for (std::size_t i = 0; i < domains_.size(); ++i)
      for (DeviceId member : domains_[i].members) {
        DomainId& present = innermost_[member.index()];
        if (!present.valid() || domains_[i].level < domains_[present.index()].level) present = DomainId(i);
      }
  }
  return innermost_[device.index()];
}

DomainId Fabric::common_domain(DeviceId a, DeviceId b) const {
  const auto depth = [&](DomainId d) {
    int n = 0;
    for (; d.valid(); d = domains_[d.index()].parent) ++n;
    return n;
  };
  DomainId x = domain_of(a), y = domain_of(b);
  int depth_x = depth(x), depth_y = depth(y);
  while (x != y) {
    DomainId& deeper = depth_x >= depth_y ? x : y;
    int& its_depth = depth_x >= depth_y ? depth_x : depth_y;
    if (!deeper.valid()) return {};
    deeper = domains_[deeper.index()].parent;
    --its_depth;
  }
  return x;
}

}  // namespace orrery
