#include "topologies/fabric/dragonfly_router.hpp"

#include <algorithm>
#include <unordered_map>

namespace orrery {

namespace {

constexpr int parts_of_flow = 8;

struct FlowKey {
  std::uint64_t from = 0, to = 0, key = 0, part = 0;
};

class DragonflyRouter final : public FabricRouter {
 public:
  explicit DragonflyRouter(DragonflyWires wires) : w_(std::move(wires)) {
    for (const auto& cables : w_.between)
      for (const GlobalCable& cable : cables)
        if (cable.cables > 1) bundles_.emplace(cable.link.value, cable.cables);
  }

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops) const override {
    const std::uint32_t a = w_.switch_of_port[from], b = w_.switch_of_port[to];
    const FlowKey flow{from, to, key, 0};
    hops.push_back({w_.ports[from].up, 1});
    const bool detour = w_.routing == DragonflyRouting::valiant && group(a) != group(b) && w_.groups > 2;
    int trunks = 0;
    if (!detour)
      trunks = minimal(a, b, 1, flow, w_.ideal, hops);
    else if (w_.ideal)
      trunks = over_all_groups(a, b, flow, hops);
    else
      trunks = over(middle(a, b, flow), a, b, flow, hops);
    hops.push_back({w_.ports[to].down(), 1});
    return w_.ports[from].latency + w_.ports[to].latency + w_.trunk_latency * trunks;
  }

  std::unique_ptr<AdaptiveFabricRouting> adapt() const override {
    if (w_.routing != DragonflyRouting::ugal) return nullptr;
    return std::make_unique<Ugal>(*this);
  }

 private:
  class Ugal final : public AdaptiveFabricRouting {
   public:
    explicit Ugal(const DragonflyRouter& router) : r_(router) {}

    Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, double weight,
                  std::vector<Hop>& hops) override {
      const DragonflyWires& w = r_.w_;
      const std::uint32_t a = w.switch_of_port[from], b = w.switch_of_port[to];
      hops.push_back({w.ports[from].up, 1});
      int longest = 0;
      const int parts = w.ideal ? parts_of_flow : 1;
      for (int part = 0; part < parts; ++part) {
        const FlowKey flow{from, to, key, static_cast<std::uint64_t>(part)};
        std::vector<Hop> chosen, other;
        r_.minimal(a, b, 1, flow, false, chosen);
        if (r_.group(a) != r_.group(b) && w.groups > 2) {
          r_.over(r_.middle(a, b, flow), a, b, flow, other);
          if (cost(other, weight, parts) < cost(chosen, weight, parts)) chosen = other;
        }
        for (Hop hop : chosen) {
          load_[hop.link.value] += weight / parts / r_.cables(hop.link);
          hops.push_back({hop.link, 1.0 / parts});
        }
        longest = std::max(longest, static_cast<int>(chosen.size()));
      }
      hops.push_back({w.ports[to].down(), 1});
      return w.ports[from].latency + w.ports[to].latency + w.trunk_latency * longest;
    }

   private:
    // A link with no more than this one flow on it does not hold it up.
    double cost(const std::vector<Hop>& path, double weight, int parts) const {
      double busiest = weight;
      for (const Hop& hop : path) {
        const auto known = load_.find(hop.link.value);
        const double present = known == load_.end() ? 0 : known->second;
        busiest = std::max(busiest, present + weight / parts / r_.cables(hop.link));
      }
      return busiest * static_cast<double>(path.size());
    }
    const DragonflyRouter& r_;
    std::unordered_map<std::uint32_t, double> load_;  // flows per cable, by link; only looked up
  };

  std::uint32_t group(std::uint32_t at) const { return at / w_.switches; }
  double cables(LinkId link) const {
    const auto bundle = bundles_.find(link.value);
    return bundle == bundles_.end() ? 1 : bundle->second;
  }
  LinkId joined(std::uint32_t a, std::uint32_t b) const {
    return w_.local[static_cast<std::size_t>(a) * w_.switches + b % w_.switches];
  }
  std::uint32_t pick(const FlowKey& f, std::uint64_t salt, std::size_t choices) const {
    const auto count = static_cast<std::uint32_t>(choices);  // the parts of a flow take the choices in turn
    return static_cast<std::uint32_t>((choose_path(f.from, f.to, f.key, w_.seed, salt, count) + f.part) % count);
  }
  const std::vector<GlobalCable>& cables_between(std::uint32_t a, std::uint32_t b) const {
    return w_.between[static_cast<std::size_t>(a) * w_.groups + b];
  }

  // From switch to switch of one group: directly, or up and down (down and up) where leaves and spines are two sides.
  int inside(std::uint32_t a, std::uint32_t b, double share, const FlowKey& flow, std::uint64_t salt, bool spread,
             std::vector<Hop>& hops) const {
    if (a == b) return 0;
    if (joined(a, b).valid()) {
      hops.push_back({joined(a, b), share});
      return 1;
    }
    const std::uint32_t base = group(a) * w_.switches;
    const bool leaf = a - base < w_.leaves;
    const std::uint32_t first = base + (leaf ? w_.leaves : 0), count = leaf ? w_.switches - w_.leaves : w_.leaves;
    const std::uint32_t one = spread ? 0 : pick(flow, salt, count);
    for (std::uint32_t i = spread ? 0 : one; i < (spread ? count : one + 1); ++i) {
      const double part = spread ? share / count : share;
      hops.push_back({joined(a, first + i), part});
      hops.push_back({joined(first + i, b), part});
    }
    return 2;
  }

  int minimal(std::uint32_t a, std::uint32_t b, double share, const FlowKey& flow, bool spread,
              std::vector<Hop>& hops) const {
    if (group(a) == group(b)) return inside(a, b, share, flow, 1, spread, hops);
    const auto& cables = cables_between(group(a), group(b));
    const std::size_t one = spread ? 0 : pick(flow, 0, cables.size());
    int longest = 0;
    for (std::size_t c = one; c < (spread ? cables.size() : one + 1); ++c) {
      const double part = spread ? share * cables[c].share : share;
      const int before = inside(a, cables[c].near, part, flow, 2, spread, hops);
      hops.push_back({cables[c].link, part});
      longest = std::max(longest, before + 1 + inside(cables[c].far, b, part, flow, 3, spread, hops));
    }
    return longest;
  }

  std::uint32_t middle(std::uint32_t a, std::uint32_t b, const FlowKey& flow) const {
    std::uint32_t drawn = pick(flow, 4, w_.groups - 2);
    for (std::uint32_t taken : {std::min(group(a), group(b)), std::max(group(a), group(b))})
      if (drawn >= taken) ++drawn;
    return drawn;
  }

  // One path over a group between.
  int over(std::uint32_t between, std::uint32_t a, std::uint32_t b, const FlowKey& flow, std::vector<Hop>& hops) const {
    const auto& there = cables_between(group(a), between);
    const GlobalCable& cable = there[pick(flow, 5, there.size())];
    const int before = inside(a, cable.near, 1, flow, 6, false, hops);
    hops.push_back({cable.link, 1});
    return before + 1 + minimal(cable.far, b, 1, flow, false, hops);
  }

  int over_all_groups(std::uint32_t a, std::uint32_t b, const FlowKey& flow, std::vector<Hop>& hops) const {
    const double each = 1.0 / (w_.groups - 2);
    int longest = 0;
    for (std::uint32_t between = 0; between < w_.groups; ++between) {
      if (between == group(a) || between == group(b)) continue;
      for (const GlobalCable& cable : cables_between(group(a), between)) {
        const double share = each * cable.share;
        const int before = inside(a, cable.near, share, flow, 6, true, hops);
        hops.push_back({cable.link, share});
        longest = std::max(longest, before + 1 + minimal(cable.far, b, share, flow, true, hops));
      }
    }
    return longest;
  }

  DragonflyWires w_;
  std::unordered_map<std::uint32_t, double> bundles_;  // cables of global links with several, only looked up
};

}  // namespace

std::unique_ptr<FabricRouter> make_dragonfly_router(DragonflyWires wires) {
  return std::make_unique<DragonflyRouter>(std::move(wires));
}

}  // namespace orrery
