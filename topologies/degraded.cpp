#include "topologies/degraded.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/catalog.hpp"
#include "sim/error.hpp"
#include "topologies/ecmp_router.hpp"
#include "topologies/places.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

namespace {

struct Cable {
  std::vector<LinkId> links;  // both directions, where both exist
};

// The k-th link from a to b and the k-th one back are one cable; in the order of their first links.
std::vector<Cable> cables_of(const Fabric& fabric) {
  std::map<std::pair<VertexId, VertexId>, std::vector<std::size_t>> waiting;  // for the way back, by (from, to)
  std::vector<Cable> cables;
  for (std::size_t l = 0; l < fabric.links().size(); ++l) {
    const Link& link = fabric.links()[l];
    auto& others = waiting[{link.to, link.from}];
    if (others.empty()) {
      waiting[{link.from, link.to}].push_back(cables.size());
      cables.push_back({{LinkId(l)}});
    } else {
      cables[others.front()].links.emplace_back(l);
      others.erase(others.begin());
    }
  }
  return cables;
}

class Degrader {
 public:
  Degrader(const ClusterSpec& spec, Fabric& fabric)
      : spec_(spec), fabric_(fabric), places_(fabric), cables_(cables_of(fabric)) {}

  // Whether something failed.
  bool apply() {
    for (std::size_t i = 0; i < spec_.degraded.size(); ++i) {
      const std::string pointer = "/degraded/" + std::to_string(i);
      const DegradedSpec& wanted = spec_.degraded[i];
      for (std::size_t cable : drawn(selected(wanted, pointer), wanted, pointer))
        for (LinkId link : cables_[cable].links) fabric_.degrade(link, wanted.rate);
      failed_ = failed_ || wanted.rate == 0;
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
    for (std::size_t c = 0; c < cables_.size(); ++c) {
      const Link& link = fabric_.link(cables_[c].links.front());
      const auto touches = [&](const std::optional<VertexId>& v) { return !v || link.from == *v || link.to == *v; };
      if (wanted.link && fabric_.link_class(link.link_class).name != *wanted.link) continue;
      if (touches(a) && touches(b)) found.push_back(c);
    }
    if (!found.empty()) return found;
    std::vector<std::string> classes;
    for (const LinkClass& known : fabric_.link_classes()) classes.push_back(known.name);
    if (wanted.between)
      throw SpecError("", pointer + "/between", "two places joined by a cable", "places that are not");
    throw SpecError("", pointer + (wanted.link ? "/link" : "/at"), "a class of links of this cluster",
                    quote_unknown(wanted.link.value_or(""), classes));
  }

  // The nearest whole number of cables to the share, those with the least hash of their position.
  static std::vector<std::size_t> drawn(std::vector<std::size_t> cables, const DegradedSpec& wanted,
                                        const std::string& pointer) {
    if (wanted.share == 1) return cables;
    const auto count = static_cast<std::size_t>(std::llround(wanted.share * static_cast<double>(cables.size())));
    if (count == 0)
      throw SpecError("", pointer + "/share",
                      "a share that takes at least one of " + std::to_string(cables.size()) + " cables",
                      std::to_string(wanted.share));
    std::vector<std::pair<std::uint32_t, std::size_t>> ranked;
    for (std::size_t c : cables)
      ranked.emplace_back(choose_path(c, 0, 0, static_cast<std::uint64_t>(wanted.seed), 0, 0xffffffffu), c);
    std::sort(ranked.begin(), ranked.end());
    cables.clear();
    for (std::size_t i = 0; i < count; ++i) cables.push_back(ranked[i].second);
    return cables;
  }

  const ClusterSpec& spec_;
  Fabric& fabric_;
  Places places_;
  std::vector<Cable> cables_;
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

  const EcmpRouter& around() const { return around_; }

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
    return around_.route(from, to, key, hops);
  }

  std::unique_ptr<Router> usual_;
  EcmpRouter around_;
  std::vector<bool> failed_;
};

void require_all_reached(const Fabric& fabric) {
  const EcmpRouter routes(fabric, {});
  const VertexId hub = fabric.vertex_of(DeviceId(std::size_t{0}));
  std::string cut_off;
  std::size_t count = 0;
  // Both directions of a cable fail together, so reaching one device means being reached from it.
  for (std::size_t d = 1; d < fabric.device_count(); ++d)
    if (!routes.reaches(fabric.vertex_of(DeviceId(d)), hub) && ++count <= 4)
      cut_off += (cut_off.empty() ? "device " : ", ") + std::to_string(d);
  if (count > 4) cut_off += " and " + std::to_string(count - 4) + " more";
  if (count > 0)
    throw SpecError("", "/degraded", "failures that leave every device connected", cut_off + " cut off from device 0");
}

}  // namespace

void degrade(const ClusterSpec& spec, Cluster& cluster) {
  if (spec.degraded.empty() || !Degrader(spec, cluster.fabric).apply()) return;
  require_all_reached(cluster.fabric);
  cluster.router = std::make_unique<DetourRouter>(
      cluster.fabric, std::move(cluster.router),
      EcmpSettings{spec.fabric.ecmp == "ideal", static_cast<std::uint64_t>(spec.fabric.seed)});
}

}  // namespace orrery
