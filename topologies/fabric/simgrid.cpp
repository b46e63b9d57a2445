// A fabric from a SimGrid platform file (topologies/platform_xml.hpp): its hosts stand, in the order of the file, for the nodes
// or for their NICs, which keep their own link to the host; links and routes between hosts are the platform's. A link is an edge
// with a joint at either end; joints that follow each other on a route are joined by an edge that limits nothing and takes
// no time, so that cuts of the graph are those of the platform. A SHARED link is crossed in one direction by both ways. A
// FATPIPE holds every flow to its bandwidth and is shared by none: it is as wide as all its flows, and each pair of NICs whose
// way it is the narrowest of enters by a joint of its own, no wider. What one NIC sends to another is one flow here; SimGrid
// gives each of several the full rate.
// options: file (beside the scenario; or what is in it, as resolved scenarios have it), hosts (names, if not all of the file's)
#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "sim/error.hpp"
#include "topologies/fabric/families.hpp"
#include "topologies/platform_xml.hpp"

namespace orrery {

namespace {

constexpr double unlimited = 1e18;        // B/s
constexpr std::size_t most_hosts = 4096;  // every two have a route of their own, and it may take a joint

class PlatformRouter final : public FabricRouter {
 public:
  explicit PlatformRouter(const std::string& file) : platform(file) {}
  Platform platform;
  std::vector<AttachedPort> ports;
  std::vector<std::size_t> host_of_port;
  std::vector<LinkId> up, down;                    // by link of the platform
  std::unordered_map<std::uint64_t, LinkId> caps;  // by pair of NICs; only looked up

  std::uint64_t pair(std::size_t from, std::size_t to) const { return std::uint64_t{from} * ports.size() + to; }

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t, std::vector<Hop>& hops) const override {
    hops.push_back({ports[from].up, 1});
    if (const auto cap = caps.find(pair(from, to)); cap != caps.end()) hops.push_back({cap->second, 1});
    Seconds latency = ports[from].latency + ports[to].latency;
    if (host_of_port[from] != host_of_port[to])
      for (const LinkStep& step : platform.route(host_of_port[from], host_of_port[to])) {
        hops.push_back({step.down ? down[step.link] : up[step.link], 1});
        latency += platform.links()[step.link].latency;
      }
    hops.push_back({ports[to].down(), 1});
    return latency;
  }
};

class SimgridFabric {
 public:
  explicit SimgridFabric(FabricInput& in) : in_(in) {
    const Json& options = in.spec.options;
    if (!options.is_object() || !options.contains("file") || !options["file"].is_string())
      in.fault("options/file", "the file of a SimGrid platform (XML)", "none");
    router_ = std::make_unique<PlatformRouter>(options["file"].get<std::string>());
    choose_hosts();
  }

  FabricWiring build() && {
    const Platform& platform = router_->platform;
    link_class_ = in_.fabric.add_link_class({"simgrid-link", {}, {}});
    joint_class_ = in_.fabric.add_link_class({"simgrid-joint", {}, {}});
    for (std::size_t i = 0; i < chosen_.size(); ++i) hosts_.push_back(in_.add_switch());
    ports_of_.resize(chosen_.size());
    for (std::size_t p = 0; p < in_.ports.size(); ++p) {
      const std::size_t host = by_nic_ ? p : in_.ports[p].node;
      ports_of_[host].push_back(p);
      router_->ports.push_back(in_.attach(in_.ports[p], hosts_[host]));
      router_->host_of_port.push_back(chosen_[host]);
    }
    router_->up.resize(platform.links().size());
    router_->down.resize(platform.links().size());
    ends_.resize(2 * platform.links().size());
    for (std::size_t a = 0; a < chosen_.size(); ++a)
      for (std::size_t b = 0; b < chosen_.size(); ++b)
        if (a != b) wire_route(a, b);
    FabricWiring wiring;
    wiring.kind = DomainKind::custom;
    wiring.router = std::move(router_);
    return wiring;
  }

 private:
  void choose_hosts() {
    const std::vector<std::string>& all = router_->platform.hosts();
    const Json& options = in_.spec.options;
    if (options.contains("hosts")) {
      if (!options["hosts"].is_array()) in_.fault("options/hosts", "a list of hosts", options["hosts"].dump());
      for (std::size_t i = 0; i < options["hosts"].size(); ++i) {
        const Json& name = options["hosts"][i];
        const auto found = std::find(all.begin(), all.end(), name.is_string() ? name.get<std::string>() : "");
        if (found == all.end())
          in_.fault(("options/hosts/" + std::to_string(i)).c_str(), "a host of the platform",
                    name.is_string() ? quote_unknown(name.get<std::string>(), all) : name.dump());
        chosen_.push_back(static_cast<std::size_t>(found - all.begin()));
      }
    } else {
      for (std::size_t h = 0; h < all.size(); ++h) chosen_.push_back(h);
    }
    if (chosen_.size() > most_hosts)
      in_.fault("options/file", "at most " + std::to_string(most_hosts) + " hosts (\"hosts\" chooses some)",
                std::to_string(chosen_.size()) + " hosts");
    by_nic_ = chosen_.size() == in_.ports.size() && chosen_.size() != in_.nodes;
    if (!by_nic_ && chosen_.size() != in_.nodes)
      in_.fault("options/file",
                "a host for each of " + std::to_string(in_.nodes - in_.gateways) + " nodes" + in_.and_gateways() +
                    ", or of " + std::to_string(in_.ports.size()) + " NICs (\"hosts\" chooses some)",
                std::to_string(chosen_.size()) + " hosts");
    check_hosts_differ();
  }

  // NICs of one node may be on one host; two nodes there would meet without crossing any link of the platform.
  void check_hosts_differ() const {
    std::map<std::size_t, std::size_t> node_on;
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      const std::size_t node = by_nic_ ? in_.ports[i].node : i;
      if (node_on.try_emplace(chosen_[i], node).first->second != node)
        in_.fault(("options/hosts/" + std::to_string(i)).c_str(), "a host of its own for every node",
                  quote(router_->platform.hosts()[chosen_[i]]) + " again");
    }
  }

  // Edges for the links of a route, made when first met, and joints between them.
  void wire_route(std::size_t from, std::size_t to) {
    VertexId at = hosts_[from];
    const std::vector<LinkStep> steps = router_->platform.route(chosen_[from], chosen_[to]);
    for (const LinkStep& step : steps) {
      const auto [begin, end] = edge_of(step);
      if (at != hosts_[from] || !all_capped(from, to, steps, begin)) join(at, begin);
      at = end;
    }
    join(at, hosts_[to]);
  }

  // Joints into the first link of a route, of the rate that its FATPIPEs leave, for the pairs of NICs that could send faster.
  bool all_capped(std::size_t from, std::size_t to, const std::vector<LinkStep>& steps, VertexId first) {
    double fat = std::numeric_limits<double>::infinity(), others = fat;
    for (const LinkStep& step : steps) {
      const PlatformLink& link = router_->platform.links()[step.link];
      double& least = link.policy == SharingPolicy::fat_pipe ? fat : others;
      least = std::min(least, link.bandwidth.value);
    }
    bool all = true;
    for (std::size_t p : ports_of_[from])
      for (std::size_t q : ports_of_[to]) {
        const double sent = std::min(in_.ports[p].bandwidth.value, in_.ports[q].bandwidth.value);
        if (fat >= std::min(others, sent))
          all = false;
        else
          router_->caps[router_->pair(p, q)] = in_.fabric.add_link(
              {hosts_[from], first, BytesPerSecond(fat), Seconds(0), joint_class_, 0, 0});
      }
    return all;
  }

  std::pair<VertexId, VertexId> edge_of(const LinkStep& step) {
    const PlatformLink& link = router_->platform.links()[step.link];
    const bool split = link.policy == SharingPolicy::split_duplex;
    LinkId& edge = split && step.down ? router_->down[step.link] : router_->up[step.link];
    auto& ends = ends_[2 * step.link + (split && step.down ? 1 : 0)];
    if (edge.valid()) return ends;
    const double nics = static_cast<double>(in_.ports.size());
    const BytesPerSecond width = link.bandwidth * (link.policy == SharingPolicy::fat_pipe ? nics * (nics - 1) : 1);
    ends = {in_.add_switch(), in_.add_switch()};
    edge = in_.fabric.add_link({ends.first, ends.second, width, link.latency, link_class_});
    if (!split) router_->down[step.link] = edge;
    return ends;
  }

  void join(VertexId a, VertexId b) {
    if (a != b && joined_.insert({a, b}).second)
      in_.fabric.add_link({a, b, BytesPerSecond(unlimited), Seconds(0), joint_class_, 0, 0});
  }

  FabricInput& in_;
  std::unique_ptr<PlatformRouter> router_;
  std::vector<std::size_t> chosen_;  // hosts of the platform, by node or NIC
  bool by_nic_ = false;
  LinkClassId link_class_, joint_class_;
  std::vector<VertexId> hosts_;
  std::vector<std::vector<std::size_t>> ports_of_;   // by host
  std::vector<std::pair<VertexId, VertexId>> ends_;  // by link and direction
  std::set<std::pair<VertexId, VertexId>> joined_;
};

}  // namespace

FabricWiring join_simgrid(FabricInput& in) { return SimgridFabric(in).build(); }

}  // namespace orrery
