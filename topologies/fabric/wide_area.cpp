// Regions (sites, data centres) with a fabric of their own each (`inside`: one for all, or one per region), joined by wide-area
// links. A region's gateways are routers on its fabric, never narrower than the wide-area links behind them. Regions may be
// built of regions. Latency: light in fibre takes 5 us per km of `distance` (index of refraction 1.47; cables are longer than
// the crow flies), else it is the link's own. Packets that are lost hold TCP back: each of `streams` connections carries at
// most 1.22 segments / (round trip x sqrt(loss)) (Mathis et al., CCR 27(3), 1997; valid up to some per cent of loss). On a ring
// traffic goes the shorter way round; between opposite regions half each way (ideal ECMP), or a flow one way by its hash.
// options: regions (how many of equal size, or the nodes of each), links (1, between two regions), joined (mesh, ring),
//   distance ("4000 km"; absent: the link's latency), gateways (1, per region), loss, streams (64), segment_bytes (1460)
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "sim/error.hpp"
#include "topologies/fabric/families.hpp"

namespace orrery {

namespace {

constexpr double seconds_per_km = 5e-6;

struct Region {
  std::unique_ptr<FabricRouter> fabric;
  std::vector<std::uint32_t> gateways;  // as ports of its fabric
};

struct Way {
  LinkId link;             // from gateway to gateway; none: the regions are not joined
  std::uint32_t next = 0;  // region
};

using Ways = std::vector<std::vector<Way>>;  // by region x region: one per gateway; the first step

struct Wires {
  std::vector<Region> regions;
  std::vector<std::uint32_t> region_of_port, place_of_port;  // which port of the region's fabric
  std::array<Ways, 2> ways;  // upwards and downwards where both ways round a ring are equally long, else the same
  Seconds latency{0};        // of a wide-area link
  bool ideal = true;
  std::uint64_t seed = 0;
};

class WideAreaRouter final : public FabricRouter {
 public:
  explicit WideAreaRouter(Wires wires) : w_(std::move(wires)) {}

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops) const override {
    return over(from, to, key, hops, [&](std::uint32_t region, std::uint32_t a, std::uint32_t b, double) {
      return w_.regions[region].fabric->route(a, b, key, hops);
    });
  }

  std::unique_ptr<AdaptiveFabricRouting> adapt() const override {
    auto all = std::make_unique<Adaptive>(*this);
    for (const Region& region : w_.regions) all->regions.push_back(region.fabric->adapt());
    const bool any = std::any_of(all->regions.begin(), all->regions.end(), [](const auto& r) { return r != nullptr; });
    return any ? std::move(all) : nullptr;
  }

 private:
  struct Adaptive final : AdaptiveFabricRouting {
    explicit Adaptive(const WideAreaRouter& all) : router(all) {}
    const WideAreaRouter& router;
    std::vector<std::unique_ptr<AdaptiveFabricRouting>> regions;
    Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, double weight,
                  std::vector<Hop>& hops) override {
      return router.over(from, to, key, hops,
                         [&](std::uint32_t region, std::uint32_t a, std::uint32_t b, double share) {
                           if (regions[region]) return regions[region]->route(a, b, key, weight * share, hops);
                           return router.w_.regions[region].fabric->route(a, b, key, hops);
                         });
    }
  };

  // `inside` routes between two ports of one region.
  template <class Inside>
  Seconds over(std::uint32_t from, std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops, Inside inside) const {
    const std::uint32_t a = w_.region_of_port[from], b = w_.region_of_port[to];
    if (a == b) return inside(a, w_.place_of_port[from], w_.place_of_port[to], 1);
    const auto gateways = static_cast<std::uint32_t>(w_.regions[a].gateways.size());
    const std::uint32_t one = w_.ideal ? 0 : choose_path(from, to, key, w_.seed, 7, gateways);
    const double share = w_.ideal ? 1.0 / gateways : 1;
    Seconds longest{0};
    for (std::uint32_t g = one; g < (w_.ideal ? gateways : one + 1); ++g) {
      const std::size_t first = hops.size();
      Seconds latency = inside(a, w_.place_of_port[from], w_.regions[a].gateways[g], share);
      const std::size_t pair = a * w_.regions.size() + b;
      const bool tie = w_.ways[0][pair][g].next != w_.ways[1][pair][g].next, both = tie && w_.ideal;
      latency += cross(tie && !both ? choose_path(from, to, key, w_.seed, 8, 2) : 0, a, b, g, both ? 0.5 : 1, hops);
      if (both) cross(1, a, b, g, 0.5, hops);
      latency += inside(b, w_.regions[b].gateways[g], w_.place_of_port[to], share);
      for (std::size_t h = first; h < hops.size(); ++h) hops[h].share *= share;
      longest = std::max(longest, latency);
    }
    return longest;
  }

  // From gateway to gateway.
  Seconds cross(std::size_t way_round, std::uint32_t a, std::uint32_t b, std::uint32_t gateway, double share,
                std::vector<Hop>& hops) const {
    Seconds latency{0};
    for (std::uint32_t at = a; at != b; latency += w_.latency) {
      const Way& way = w_.ways[way_round][at * w_.regions.size() + b][gateway];
      hops.push_back({way.link, share});
      at = way.next;
    }
    return latency;
  }

  Wires w_;
};

class WideArea {
 public:
  explicit WideArea(FabricInput& in) : in_(in) {
    if (!in.spec.link) in.fault("link", "a wide-area link", "none");
    sizes_ = region_sizes();
    sizes_.back() += static_cast<int>(in_.gateways);
    if (in.spec.inside.size() != 1 && in.spec.inside.size() != sizes_.size())
      in.fault("inside", "the fabric of all regions, or one for each of " + std::to_string(sizes_.size()),
               std::to_string(in.spec.inside.size()) + " fabrics");
    links_ = in.option("links", 1);
    gateways_ = in.option("gateways", 1);
    w_.latency = distance() ? Seconds(*distance() * seconds_per_km) : in.trunk_latency;
    capacity_ = in.trunk * links_;
    limit_by_loss();
    w_.ideal = in.ideal();
    w_.seed = in.seed();
  }

  FabricWiring build() && {
    FabricWiring wiring;
    wiring.kind = DomainKind::wide_area;
    FabricLevel regions{DomainKind::clos, {}};
    std::vector<FabricWiring> inner;
    for (std::size_t r = 0; r < sizes_.size(); ++r) {
      inner.push_back(build_region(r));
      regions.kind_of_group.push_back(inner.back().kind);
      regions.group_of_node.insert(regions.group_of_node.end(), static_cast<std::size_t>(sizes_[r]),
                                   static_cast<std::uint32_t>(r));
    }
    join_regions();
    add_levels(inner, wiring);
    wiring.levels.push_back(std::move(regions));
    for (std::size_t r = 0; r < inner.size(); ++r) w_.regions[r].fabric = std::move(inner[r].router);
    wiring.router = std::make_unique<WideAreaRouter>(std::move(w_));
    return wiring;
  }

 private:
  std::vector<int> region_sizes() {
    const Json& options = in_.spec.options;
    const bool list = options.is_object() && options.contains("regions") && options["regions"].is_array();
    const auto nodes = static_cast<int>(in_.nodes - in_.gateways);  // ways further out belong to the last region
    if (list) {
      std::vector<int> sizes = in_.option_list("regions");
      int sum = 0;
      for (int size : sizes) sum += size;
      if (sum != nodes || sizes.size() < 2)
        in_.fault("options/regions", "nodes of at least two regions, " + std::to_string(nodes) + " in all",
                  std::to_string(sum) + " in " + std::to_string(sizes.size()));
      return sizes;
    }
    const int regions = in_.option("regions", 2);
    if (regions < 2 || nodes % regions != 0)
      in_.fault("options/regions", "at least 2, dividing " + std::to_string(nodes) + " nodes, or a list of their nodes",
                std::to_string(regions));
    return std::vector<int>(static_cast<std::size_t>(regions), nodes / regions);
  }

  std::optional<double> distance() const {  // km
    const Json& options = in_.spec.options;
    if (!options.is_object() || !options.contains("distance")) return std::nullopt;
    const std::string text = options["distance"].is_string() ? options["distance"].get<std::string>() : "";
    double km = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), km);
    if (error != std::errc() || std::string_view(end) != " km" || !(km >= 0) || km > 1e6)
      in_.fault("options/distance", "a distance such as \"4000 km\"", options["distance"].dump());
    return km;
  }

  double number(const char* key, double otherwise, double low, double high) const {
    const Json& options = in_.spec.options;
    if (!options.is_object() || !options.contains(key)) return otherwise;
    const bool fits = options[key].is_number() && options[key] >= low && options[key] <= high;
    if (!fits)
      in_.fault((std::string("options/") + key).c_str(), fmt::format("a number from {:g} to {:g}", low, high),
                options[key].dump());
    return options[key].get<double>();
  }

  void limit_by_loss() {
    const double loss = number("loss", 0, 0, 0.1);
    const int streams = in_.option("streams", 64), segment = in_.option("segment_bytes", 1460);
    if (loss == 0) return;
    const double round_trip = 2 * w_.latency.value;
    if (!(round_trip > 0)) in_.fault("options/loss", "a latency above zero, or a distance, beside loss", "0 s");
    const double stream = std::sqrt(1.5 / loss) * segment / round_trip;
    capacity_ = std::min(capacity_, BytesPerSecond(stream * streams));
  }

  // The region's nodes, numbered from 0, and its gateways as further nodes of one NIC each.
  FabricWiring build_region(std::size_t r) {
    const FabricSpec& spec = in_.spec.inside[in_.spec.inside.size() == 1 ? 0 : r];
    FabricInput inner{in_.fabric, spec, {}, static_cast<std::uint32_t>(sizes_[r] + gateways_)};
    inner.gateways = static_cast<std::uint32_t>(gateways_) + (r + 1 == sizes_.size() ? in_.gateways : 0);
    inner.inventory = in_.inventory;
    inner.pointer = in_.pointer + "/inside/" + std::to_string(in_.spec.inside.size() == 1 ? 0 : r);
    for (const FabricPort& port : in_.ports) {
      if (port.node < first_node_ || port.node >= first_node_ + static_cast<std::uint32_t>(sizes_[r])) continue;
      w_.region_of_port.push_back(static_cast<std::uint32_t>(r));
      w_.place_of_port.push_back(static_cast<std::uint32_t>(inner.ports.size()));
      inner.ports.push_back(port);
      inner.ports.back().node -= first_node_;
    }
    Region region;
    const FabricPort alike = fastest_port(inner.ports);
    const BytesPerSecond cable = alike.bandwidth / alike.cables;
    const double behind = capacity_.value * neighbours() / gateways_;
    for (int g = 0; g < gateways_; ++g) {
      FabricPort gateway = alike;
      gateway.nic = in_.add_switch();
      gateway.node = static_cast<std::uint32_t>(sizes_[r] + g);
      gateway.rail = 0;
      gateway.cables = std::max(1, static_cast<int>(std::ceil(behind / cable.value * (1 - 1e-9))));
      gateway.bandwidth = cable * gateway.cables;
      region.gateways.push_back(static_cast<std::uint32_t>(inner.ports.size()));
      gateway_places_.push_back(gateway.nic);
      inner.ports.push_back(gateway);
    }
    w_.regions.push_back(std::move(region));
    first_node_ += static_cast<std::uint32_t>(sizes_[r]);
    return join_fabric(inner);
  }

  // Wavelengths between two gateways, for the inventory.
  void lay(VertexId a, VertexId b) const {
    const double cables = static_cast<double>(links_) / gateways_;
    for (VertexId gateway : {a, b}) in_.count_ports(gateway, cables);
    if (in_.inventory)
      in_.inventory->cables(in_.spec.cable ? in_.spec.cable : in_.trunk_link->cable, in_.trunk_link->name, cables);
  }

  double neighbours() const {
    const std::size_t others = sizes_.size() - 1;
    return static_cast<double>(ring() ? std::min<std::size_t>(2, others) : others);
  }
  bool ring() const { return in_.choice("joined", {"mesh", "ring"}) == "ring"; }

  void join_regions() {
    const std::size_t n = sizes_.size(), each = static_cast<std::size_t>(gateways_);
    Ways straight(n * n, std::vector<Way>(each));
    const auto join = [&](std::size_t a, std::size_t b) {
      for (std::size_t g = 0; g < each; ++g) {
        const LinkId link = in_.fabric.add_cable(gateway_places_[a * each + g], gateway_places_[b * each + g],
                                                 capacity_ / gateways_, w_.latency, in_.trunk_class, 0,
                                                 static_cast<double>(links_) / gateways_);
        lay(gateway_places_[a * each + g], gateway_places_[b * each + g]);
        straight[a * n + b][g] = {link, static_cast<std::uint32_t>(b)};
        straight[b * n + a][g] = {LinkId(link.index() + 1), static_cast<std::uint32_t>(a)};
      }
    };
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = a + 1; b < n; ++b)
        if (!ring() || b == a + 1 || (a == 0 && b == n - 1)) join(a, b);
    w_.ways = {straight, straight};
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b) {
        if (a == b || straight[a * n + b][0].link.valid()) continue;
        const std::size_t up = (b + n - a) % n, above = a * n + (a + 1) % n, below = a * n + (a + n - 1) % n;
        w_.ways[0][a * n + b] = straight[2 * up <= n ? above : below];
        w_.ways[1][a * n + b] = straight[2 * up < n ? above : below];
      }
  }

  // Levels inside the regions, innermost first; a region with fewer is one group on the others.
  void add_levels(const std::vector<FabricWiring>& inner, FabricWiring& wiring) const {
    std::size_t most = 0;
    for (const FabricWiring& each : inner) most = std::max(most, each.levels.size());
    for (std::size_t level = 0; level < most; ++level) {
      FabricLevel all;
      std::uint32_t groups = 0;
      for (std::size_t r = 0; r < inner.size(); ++r) {
        const bool has = level < inner[r].levels.size();
        std::uint32_t highest = 0;
        for (std::size_t node = 0; node < static_cast<std::size_t>(sizes_[r]); ++node) {
          const std::uint32_t group = has ? inner[r].levels[level].group_of_node[node] : 0;
          highest = std::max(highest, group);
          all.group_of_node.push_back(groups + group);
        }
        for (std::uint32_t group = 0; group <= highest; ++group)
          all.kind_of_group.push_back(has ? inner[r].levels[level].kind_of(group) : inner[r].kind);
        groups += highest + 1;
      }
      wiring.levels.push_back(std::move(all));
    }
  }

  FabricInput& in_;
  std::vector<int> sizes_;
  int links_ = 1, gateways_ = 1;
  BytesPerSecond capacity_{0};  // between two regions
  std::uint32_t first_node_ = 0;
  std::vector<VertexId> gateway_places_;
  Wires w_;
};

}  // namespace

FabricWiring join_wide_area(FabricInput& in) { return WideArea(in).build(); }

}  // namespace orrery
