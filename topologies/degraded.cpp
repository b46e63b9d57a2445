#include "topologies/degraded.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "sim/catalog.hpp"
#include "sim/error.hpp"
#include "topologies/ecmp_router.hpp"
#include "topologies/places.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

namespace {

struct Bundle {
  std::vector<LinkId> links;  // both directions, where both exist; of a bundle all
};

// The k-th link from a to b and the k-th one back are one cable; in the order of their first links.
std::vector<Bundle> bundles_of(const Fabric& fabric) {
  std::map<std::pair<VertexId, VertexId>, std::vector<std::size_t>> waiting;  // for the way back, by (from, to)
  std::vector<Bundle> bundles;
  for (std::size_t l = 0; l < fabric.links().size(); ++l) {
    const Link& link = fabric.links()[l];
    auto& others = waiting[{link.to, link.from}];
    if (others.empty()) {
      waiting[{link.from, link.to}].push_back(bundles.size());
      bundles.push_back({{LinkId(l)}});
    } else {
      bundles[others.front()].links.emplace_back(l);
      others.erase(others.begin());
    }
  }
  return bundles;
}

class Degrader {
 public:
  Degrader(const ClusterSpec& spec, Fabric& fabric)
      : spec_(spec), fabric_(fabric), places_(fabric), bundles_(bundles_of(fabric)) {
    for (const Link& link : fabric.links())
      if (fabric.vertex(link.from).kind == VertexKind::nic && fabric.vertex(link.to).kind == VertexKind::host)
        nics_before_hosts_.insert(link.from);
  }

  // Whether something failed.
  bool apply() {
    for (std::size_t i = 0; i < spec_.degraded.size(); ++i) {
      const std::string pointer = "/degraded/" + std::to_string(i);
      const DegradedSpec& wanted = spec_.degraded[i];
      for (const auto& [bundle, cables] : drawn(selected(wanted, pointer), wanted, pointer))
        for (LinkId link : bundles_[bundle].links) {
          fabric_.degrade(link, wanted.rate, std::min(cables, fabric_.link(link).cables));
          failed_ = failed_ || !(fabric_.link(link).bandwidth.value > 0);
        }
    }
    return failed_;
  }

 private:
  VertexId place(const std::string& name, const std::string& pointer) const {
    if (const auto found = places_.find(name)) return *found;
    throw SpecError("", pointer, "a place of the cluster: " + places_.known(), "\"" + name + "\"");
  }

  std::vector<std::size_t> selected(const DegradedSpec& wanted, const std::string& pointer) const {
    std::optional<VertexId> a, b;
    if (wanted.at) a = place(*wanted.at, pointer + "/at");
    if (wanted.between) {
      a = place((*wanted.between)[0], pointer + "/between/0");
      b = place((*wanted.between)[1], pointer + "/between/1");
    }
    std::vector<std::size_t> found;
    for (std::size_t c = 0; c < bundles_.size(); ++c) {
      const Link& link = fabric_.link(bundles_[c].links.front());
      const auto touches = [&](const std::optional<VertexId>& v) { return !v || link.from == *v || link.to == *v; };
      if (wanted.link && fabric_.link_class(link.link_class).name != *wanted.link) continue;
      if (wanted.at && !wanted.link && leads_to_host(link, *a)) continue;
      if (touches(a) && touches(b)) found.push_back(c);
    }
    if (!found.empty()) return found;
    if (wanted.at && !wanted.link)
      throw SpecError("", pointer + "/at", "a place with cables of its own", quote(*wanted.at));
    std::vector<std::string> classes;
    for (const LinkClass& known : fabric_.link_classes()) classes.push_back(known.name);
    if (wanted.between)
      throw SpecError("", pointer + "/between", "two places joined by a cable", "places that are not");
    throw SpecError("", pointer + (wanted.link ? "/link" : "/at"), "a class of links of this cluster",
                    quote_unknown(wanted.link.value_or(""), classes));
  }

  // Where a device's host link leads to its NIC and to the memory of its host alike, the host hangs on the NIC's place:
  // what happens to the NIC leaves that way as it is.
  bool leads_to_host(const Link& link, VertexId nic) const {
    if (!nics_before_hosts_.contains(nic)) return false;
    const VertexKind far = fabric_.vertex(link.from == nic ? link.to : link.from).kind;
    return far == VertexKind::device || far == VertexKind::host;
  }

  // Of each bundle so many cables: the nearest whole number to the share of all, those with the least hash of their position.
  std::map<std::size_t, double> drawn(const std::vector<std::size_t>& bundles, const DegradedSpec& wanted,
                                      const std::string& pointer) const {
    std::map<std::size_t, double> slowed;
    if (wanted.share == 1) {
      for (std::size_t b : bundles) slowed[b] = fabric_.link(bundles_[b].links.front()).cables;
      return slowed;
    }
    std::vector<std::pair<std::uint32_t, std::size_t>> ranked;
    for (std::size_t b : bundles) {
      const auto cables = std::max(1L, std::lround(fabric_.link(bundles_[b].links.front()).cables));
      for (std::uint64_t c = 0; c < static_cast<std::uint64_t>(cables); ++c)
        ranked.emplace_back(choose_path(b, c, 0, static_cast<std::uint64_t>(wanted.seed), 0, 0xffffffffu), b);
    }
    const auto count = static_cast<std::size_t>(std::llround(wanted.share * static_cast<double>(ranked.size())));
    if (count == 0)
      throw SpecError("", pointer + "/share",
                      "a share that takes at least one of " + std::to_string(ranked.size()) + " cables",
                      std::to_string(wanted.share));
    std::sort(ranked.begin(), ranked.end());
    for (std::size_t i = 0; i < count; ++i) slowed[ranked[i].second] += 1;
    return slowed;
  }

  const ClusterSpec& spec_;
  Fabric& fabric_;
  Places places_;
  std::vector<Bundle> bundles_;
  std::set<VertexId> nics_before_hosts_;
  bool failed_ = false;
};

class DetourRouter final : public Router {
 public:
  DetourRouter(const Fabric& fabric, std::unique_ptr<Router> usual, EcmpSettings settings)
      : usual_(std::move(usual)), around_(fabric, settings) {
    for (const Link& link : fabric.links()) failed_.push_back(!(link.bandwidth.value > 0));
  }

  Seconds route(VertexId from, VertexId to, std::uint64_t key, std::vector<Hop>& hops) const override {
    const std::size_t first = hops.size();
    const Seconds latency = usual_->route(from, to, key, hops);
    return blocked(hops, first) ? detour(from, to, key, hops, first) : latency;
  }

  std::unique_ptr<AdaptiveRouting> adapt() const override {
    auto usual = usual_->adapt();
    return usual ? std::make_unique<Adaptive>(*this, std::move(usual)) : nullptr;
  }

 private:
  class Adaptive final : public AdaptiveRouting {
   public:
    Adaptive(const DetourRouter& router, std::unique_ptr<AdaptiveRouting> usual)
        : router_(router), usual_(std::move(usual)) {}
    Seconds route(VertexId from, VertexId to, std::uint64_t key, double weight, std::vector<Hop>& hops) override {
      const std::size_t first = hops.size();
      const Seconds latency = usual_->route(from, to, key, weight, hops);
      return router_.blocked(hops, first) ? router_.detour(from, to, key, hops, first) : latency;
    }

   private:
    const DetourRouter& router_;
    std::unique_ptr<AdaptiveRouting> usual_;
  };

  bool blocked(const std::vector<Hop>& hops, std::size_t first) const {
    return std::any_of(hops.begin() + static_cast<std::ptrdiff_t>(first), hops.end(),
                       [&](const Hop& hop) { return failed_[hop.link.index()]; });
  }
  Seconds detour(VertexId from, VertexId to, std::uint64_t key, std::vector<Hop>& hops, std::size_t first) const {
    hops.resize(first);
    if (!around_.reaches(from, to))  // between places that are no devices, or that no test of all devices knows apart
      throw SpecError("", "/degraded", "failures that leave a way for all traffic",
                      fmt::format("none from vertex {} to vertex {}", from.value, to.value));
    return around_.route(from, to, key, hops);
  }

  std::unique_ptr<Router> usual_;
  EcmpRouter around_;
  std::vector<bool> failed_;
};

// Which devices still reach each other when no node forwards what others say: those that its own links join, and those with
// NICs on one part of the fabric.
class Reach {
 public:
  explicit Reach(const Fabric& fabric) : fabric_(fabric), above_(fabric.vertices().size()) {
    for (std::size_t v = 0; v < above_.size(); ++v) above_[v] = v;
    const auto node = [&](VertexId v) { return fabric.vertex(v).node; };
    const auto relays = [&](VertexId v) {
      return fabric.vertex(v).kind != VertexKind::host && fabric.vertex(v).kind != VertexKind::memory;
    };
    for (const Link& link : fabric.links())
      if (link.bandwidth.value > 0 && relays(link.from) && relays(link.to) && node(link.from) == node(link.to))
        above_[root(link.from.index())] = root(link.to.index());
    for (const Link& link : fabric.links())
      if (link.bandwidth.value > 0 && relays(link.from) && node(link.from) != ~0u && node(link.to) == ~0u)
        parts_[root(link.from.index())].insert(root(link.to.index()));
  }

  bool meet(std::size_t a, std::size_t b) {
    const std::size_t x = root(fabric_.vertex_of(DeviceId(a)).index()),
                      y = root(fabric_.vertex_of(DeviceId(b)).index());
    if (x == y) return true;
    const std::set<std::size_t>&one = parts_[x], &other = parts_[y];
    return std::any_of(one.begin(), one.end(), [&](std::size_t part) { return other.contains(part); });
  }

  // One device of every kind: those of a kind reach the same parts of the fabric.
  std::vector<std::size_t> kinds() {
    std::map<std::set<std::size_t>, std::size_t> first;
    for (std::size_t d = 0; d < fabric_.device_count(); ++d)
      first.try_emplace(parts_[root(fabric_.vertex_of(DeviceId(d)).index())], d);
    std::vector<std::size_t> all;
    for (const auto& [parts, device] : first) all.push_back(device);
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  std::size_t root(std::size_t v) {
    while (above_[v] != v) v = above_[v] = above_[above_[v]];
    return v;
  }

  const Fabric& fabric_;
  std::vector<std::size_t> above_;                      // union-find over vertices
  std::map<std::size_t, std::set<std::size_t>> parts_;  // of the fabric, by root of what a node's links join
};

// The first few by number, and how many more.
std::string named(const std::vector<std::size_t>& devices) {
  constexpr std::size_t most = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(devices.size(), most); ++i)
    text += (i == 0 ? "device " : ", ") + std::to_string(devices[i]);
  if (devices.size() > most) text += " and " + std::to_string(devices.size() - most) + " more";
  return text;
}

// What works, every link the other way round.
Fabric reversed(const Fabric& fabric) {
  Fabric back;
  for (const Vertex& vertex : fabric.vertices()) back.add_vertex(vertex);
  const LinkClassId any = back.add_link_class({"any", {}, {}});
  for (const Link& link : fabric.links())
    if (link.bandwidth.value > 0) back.add_link({link.to, link.from, link.bandwidth, link.latency, any});
  return back;
}

// Both directions of a cable fail together, but those of a platform's link may join other vertices, of which one can
// fail alone: every device must reach the first one and be reached from it.
std::vector<std::size_t> cut_off_from_first(const Fabric& fabric, Reach& reach, EcmpSettings settings) {
  const EcmpRouter there(fabric, settings), back(reversed(fabric), settings);
  const VertexId first = fabric.vertex_of(DeviceId(std::size_t{0}));
  std::vector<std::size_t> cut_off;
  for (std::size_t d = 1; d < fabric.device_count(); ++d) {
    const VertexId device = fabric.vertex_of(DeviceId(d));
    if (!reach.meet(0, d) || !there.reaches(device, first) || !back.reaches(device, first)) cut_off.push_back(d);
  }
  return cut_off;
}

void require_all_reached(const ClusterSpec& spec, const Fabric& fabric, EcmpSettings settings) {
  Reach reach(fabric);
  const bool one_spine = spec.fabric.ecmp == "ideal" && spec.fabric.kind == "fat-tree";
  const std::string expected = one_spine ? "failures that leave every device connected (under ideal ECMP equal spines "
                                           "are one switch; \"ecmp\": \"hash\" wires each of them)"
                                         : "failures that leave every device connected";
  const std::vector<std::size_t> cut_off = cut_off_from_first(fabric, reach, settings);
  if (!cut_off.empty()) throw SpecError("", "/degraded", expected, named(cut_off) + " cut off from device 0");
  const std::vector<std::size_t> kinds = reach.kinds();
  for (std::size_t a : kinds)
    for (std::size_t b : kinds)
      if (!reach.meet(a, b))
        throw SpecError("", "/degraded", expected,
                        fmt::format("device {} cut off from device {}: no GPU forwards between other nodes", b, a));
}

// There is one way to a memory pool, and none around it: no host forwards what devices say to another's memory.
void require_memory_reached(const Cluster& cluster) {
  std::vector<std::size_t> cut_off;
  std::vector<Hop> hops;
  for (std::size_t d = 0; d < cluster.fabric.device_count(); ++d) {
    const MemoryPool* pool = cluster.memory_pool(DeviceId(d));
    if (!pool) continue;
    const VertexId device = cluster.fabric.vertex_of(DeviceId(d));
    hops.clear();
    cluster.router->route(device, pool->place, 0, hops);
    cluster.router->route(pool->place, device, 0, hops);
    const auto failed = [&](const Hop& hop) { return !(cluster.fabric.link(hop.link).bandwidth.value > 0); };
    if (std::any_of(hops.begin(), hops.end(), failed)) cut_off.push_back(d);
  }
  if (!cut_off.empty())
    throw SpecError("", "/degraded", "failures that leave every device its way to its memory pool",
                    named(cut_off) + " cut off from memory");
}

}  // namespace

void degrade(const ClusterSpec& spec, Cluster& cluster) {
  if (spec.degraded.empty() || !Degrader(spec, cluster.fabric).apply()) return;
  const EcmpSettings settings{spec.fabric.ecmp == "ideal", static_cast<std::uint64_t>(spec.fabric.seed), false};
  require_all_reached(spec, cluster.fabric, settings);
  require_memory_reached(cluster);
  cluster.router = std::make_unique<DetourRouter>(cluster.fabric, std::move(cluster.router), settings);
}

}  // namespace orrery
