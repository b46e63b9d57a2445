// A fabric given as a graph: switches, the cables between them, the switch of every NIC, and routes that are laid down.
// Everything else takes fewest-hop paths with equal-cost multi-path over the switches (EcmpRouter), never through nodes. Hashing
// wires every cable and takes one per flow, on static paths too.
// options:
//   switches  how many
//   links     [[a, b], [a, b, cables], ...] between switches
//   attach    the switch of every node, or of every NIC (in node order)
//   routes    [{"from": nic, "to": nic, "via": [switch, ...]}, ...]: static paths, for that direction
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "sim/error.hpp"
#include "topologies/ecmp_router.hpp"
#include "topologies/fabric/families.hpp"

namespace orrery {

namespace {

// Vertices of the graph that routes are searched on: the switches, then the NICs. No nodes, so no path through one.
class CustomFabricRouter final : public FabricRouter {
 public:
  CustomFabricRouter(const Fabric& graph, std::vector<LinkId> real, std::size_t switches, EcmpSettings settings)
      : paths_(graph, settings), real_(std::move(real)), switches_(switches), seed_(settings.seed) {}

  struct Laid {
    std::vector<std::vector<LinkId>> steps;  // parallel cables
    Seconds latency{0};
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Laid> laid;  // by NICs

  VertexId place(std::uint32_t port) const { return VertexId(switches_ + port); }
  bool reaches(std::uint32_t from, std::uint32_t to) const { return paths_.reaches(place(from), place(to)); }
  bool uses(std::size_t network_switch) const { return paths_.reaches(VertexId(network_switch), place(0)); }

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops) const override {
    if (const auto fixed = laid.find({from, to}); fixed != laid.end()) {
      for (const std::vector<LinkId>& cables : fixed->second.steps) {
        const auto count = static_cast<std::uint32_t>(cables.size());
        hops.push_back({cables[choose_path(from, to, key, seed_, hops.size(), count)], 1});
      }
      return fixed->second.latency;
    }
    const std::size_t first = hops.size();
    const Seconds latency = paths_.route(place(from), place(to), key, hops);
    for (std::size_t h = first; h < hops.size(); ++h) hops[h].link = real_[hops[h].link.index()];
    return latency;
  }

 private:
  EcmpRouter paths_;
  std::vector<LinkId> real_;  // by link of the graph
  std::size_t switches_;
  std::uint64_t seed_;
};

class CustomFabric {
 public:
  explicit CustomFabric(FabricInput& in) : in_(in), options_(in.spec.options) {
    count_ = static_cast<std::size_t>(in.option("switches", 1));
    only_ = graph_.add_link_class({"any", {}, {}});
    for (std::size_t s = 0; s < count_; ++s) {
      switches_.push_back(in.add_switch());
      graph_.add_vertex({VertexKind::network_switch, ~0u, {}});
    }
    for (std::size_t p = 0; p < in.ports.size(); ++p) graph_.add_vertex({VertexKind::nic, 0, {}});
  }

  FabricWiring build() && {
    join_switches();
    attach_nics();
    auto router = std::make_unique<CustomFabricRouter>(graph_, real_, count_, EcmpSettings{in_.ideal(), in_.seed()});
    for (std::uint32_t p = 1; p < in_.ports.size(); ++p)
      if (!router->reaches(p, 0) || !router->reaches(0, p))
        in_.fault("options/links", "cables that join all switches with NICs",
                  "a disconnected graph: no path between NIC 0 and NIC " + std::to_string(p));
    for (std::size_t s = 0; s < count_; ++s)
      if (!router->uses(s))
        in_.fault("options/switches", "switches that cables join with NICs",
                  fmt::format("switch {}, which none joins", s));
    lay_routes(*router);
    FabricWiring wiring;
    wiring.kind = DomainKind::custom;
    wiring.router = std::move(router);
    return wiring;
  }

 private:
  [[noreturn]] void refuse(const std::string& where, std::string expected, const Json& found) const {
    throw SpecError("", in_.pointer + "/options/" + where, std::move(expected),
                    found.is_null() ? "nothing" : found.dump());
  }
  Json list(const char* key) const {
    if (!options_.is_object() || !options_.contains(key)) return Json::array();
    if (!options_[key].is_array()) refuse(key, "a list", options_[key]);
    return options_[key];
  }
  std::size_t number(const Json& value, std::size_t below, const std::string& where) const {
    const bool whole = value.is_number_integer() && value >= 0 && value < below;
    if (!whole) refuse(where, "a whole number from 0 to " + std::to_string(below - 1), value);
    return value.get<std::size_t>();
  }

  // The links a -> b (first) and back, in the fabric and in the graph.
  void note(LinkId first, std::size_t a, std::size_t b) {
    const Link& link = in_.fabric.link(first);
    graph_.add_cable(VertexId(a), VertexId(b), link.bandwidth, link.latency, only_);
    real_.push_back(first);
    real_.emplace_back(first.index() + 1);
    by_ends_[{a, b}].push_back(first);
    by_ends_[{b, a}].emplace_back(first.index() + 1);
  }

  // Where traffic spreads, all cables between two switches are one bundle, on laid routes too.
  void join_switches() {
    struct Bundle {
      std::size_t a, b;
      double cables;
    };
    std::vector<Bundle> bundles;
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> bundle_of;
    const Json links = list("links");
    for (std::size_t i = 0; i < links.size(); ++i) {
      const std::string where = "links/" + std::to_string(i);
      const Json& cable = links[i];
      if (!cable.is_array() || cable.size() < 2 || cable.size() > 3) refuse(where, "[a, b] or [a, b, cables]", cable);
      const std::size_t a = number(cable[0], count_, where + "/0"), b = number(cable[1], count_, where + "/1");
      const double cables = cable.size() == 3 && cable[2].is_number() ? cable[2].get<double>() : 1;
      if (a == b || !(cables > 0 && cables <= 65536) || (cable.size() == 3 && !cable[2].is_number()))
        refuse(where, "two different switches and a number of cables above zero, at most 65536", cable);
      if (in_.ideal()) {
        const auto [entry, added] = bundle_of.try_emplace(std::minmax(a, b), bundles.size());
        if (added) bundles.push_back({a, b, 0});
        bundles[entry->second].cables += cables;
        continue;
      }
      if (cables != std::floor(cables))
        refuse(where + "/2", "a whole number of cables, to choose one by hash", cable[2]);
      for (int c = 0; c < static_cast<int>(cables); ++c) note(in_.connect(switches_[a], switches_[b], 1), a, b);
    }
    for (const auto& [a, b, cables] : bundles) note(in_.connect(switches_[a], switches_[b], cables), a, b);
  }

  void attach_nics() {
    const Json attach = list("attach");
    const bool by_node = attach.size() == in_.nodes, by_nic = attach.size() == in_.ports.size();
    if ((count_ > 1 || !attach.empty()) && !by_node && !by_nic)
      refuse("attach",
             "the switch of each of " + std::to_string(in_.nodes) + " nodes, or of each of " +
                 std::to_string(in_.ports.size()) + " NICs",
             Json(attach.size()));
    for (std::size_t p = 0; p < in_.ports.size(); ++p) {
      const std::size_t entry = by_nic ? p : in_.ports[p].node;
      const std::size_t at = entry < attach.size() ? number(attach[entry], count_, "attach/" + std::to_string(entry))
                                                   : 0;
      const AttachedPort port = in_.attach(in_.ports[p], switches_[at]);
      note(port.up, count_ + p, at);
    }
  }

  void lay_routes(CustomFabricRouter& router) const {
    const Json routes = list("routes");
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const std::string where = "routes/" + std::to_string(i);
      const Json& route = routes[i];
      if (!route.is_object() || !route.contains("from") || !route.contains("to") || !route.contains("via") ||
          !route["via"].is_array())
        refuse(where, "{\"from\": nic, \"to\": nic, \"via\": [switch, ...]}", route);
      const std::size_t from = number(route["from"], in_.ports.size(), where + "/from");
      const std::size_t to = number(route["to"], in_.ports.size(), where + "/to");
      if (from == to) refuse(where + "/to", fmt::format("another NIC than {}", from), route["to"]);
      std::vector<std::size_t> places{count_ + from};
      for (std::size_t v = 0; v < route["via"].size(); ++v)
        places.push_back(number(route["via"][v], count_, where + "/via/" + std::to_string(v)));
      places.push_back(count_ + to);
      for (std::size_t v = 1; v + 1 < places.size(); ++v)
        if (std::find(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(v), places[v]) !=
            places.begin() + static_cast<std::ptrdiff_t>(v))
          refuse(where + "/via/" + std::to_string(v - 1), "each switch once",
                 Json(fmt::format("switch {} again", places[v])));
      if (router.laid.contains({static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)}))
        refuse(where, fmt::format("one route from NIC {} to NIC {}", from, to), Json("a second one"));
      CustomFabricRouter::Laid laid;
      for (std::size_t v = 0; v + 1 < places.size(); ++v) {
        const auto link = by_ends_.find({places[v], places[v + 1]});
        if (link == by_ends_.end())
          refuse(where + "/via", "places joined by cables, one after the other", route["via"]);
        laid.steps.push_back(in_.ideal() ? std::vector<LinkId>{link->second.front()} : link->second);
        laid.latency += in_.fabric.link(link->second.front()).latency;
      }
      router.laid[{static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)}] = std::move(laid);
    }
  }

  FabricInput& in_;
  const Json& options_;
  std::size_t count_ = 1;
  std::vector<VertexId> switches_;
  Fabric graph_;
  LinkClassId only_;
  std::vector<LinkId> real_;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<LinkId>>
      by_ends_;  // cables between two places of the graph
};

}  // namespace

FabricWiring join_custom(FabricInput& in) { return CustomFabric(in).build(); }

}  // namespace orrery
