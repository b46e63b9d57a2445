#include "sim/circuits.hpp"

#include <algorithm>
#include <cmath>

#include "sim/error.hpp"

namespace orrery {

namespace {

// The ports at the ends of a circuit: links into and out of the switch; where light runs both ways a NIC has one port, which
// goes by its link into the switch (the link back is the next id).
std::pair<LinkId, LinkId> ports_of(const Fabric& fabric, const CircuitLoad& load) {
  if (!fabric.circuit_rules().duplex) return {load.in, load.out};
  const LinkId far(load.out.index() - 1);
  return {std::min(load.in, far), std::max(load.in, far)};
}

std::uint32_t circuits_of(const Fabric& fabric, LinkId port) { return fabric.link(port).circuits; }

void merge(std::vector<CircuitLoad>& circuits) {
  std::stable_sort(circuits.begin(), circuits.end(), [](const CircuitLoad& a, const CircuitLoad& b) {
    return std::tie(a.in, a.out) < std::tie(b.in, b.out);
  });
  std::size_t kept = 0;
  for (const CircuitLoad& load : circuits) {
    if (kept > 0 && circuits[kept - 1].in == load.in && circuits[kept - 1].out == load.out) {
      circuits[kept - 1].weight += load.weight;
      circuits[kept - 1].largest_share = std::max(circuits[kept - 1].largest_share, load.largest_share);
    } else {
      circuits[kept++] = load;
    }
  }
  circuits.resize(kept);
}

// Demands between ports; light that runs both ways carries the larger of the two directions.
class Demands {
 public:
  explicit Demands(const Fabric& fabric) : fabric_(fabric) {}
  void add(const CircuitLoad& load, double bytes) { directed_[{load.in, load.out}] += load.weight * bytes; }
  std::vector<PortPair> pairs() const {
    std::map<std::pair<LinkId, LinkId>, double> between;
    for (const auto& [ends, weight] : directed_) {
      double& most = between[ports_of(fabric_, {ends.first, ends.second, 0, 0, 0})];
      most = std::max(most, weight);
    }
    std::vector<PortPair> pairs;
    for (const auto& [ends, weight] : between) pairs.push_back({ends.first, ends.second, weight, 0});
    return pairs;
  }

 private:
  const Fabric& fabric_;
  std::map<std::pair<LinkId, LinkId>, double> directed_;
};

struct Crowd {  // the port with most peers per circuit
  LinkId port;
  std::uint32_t peers = 0, circuits = 1;
};

Crowd most_crowded(const Fabric& fabric, std::span<const PortPair> pairs) {
  std::map<LinkId, std::uint32_t> peers;
  for (const PortPair& pair : pairs) {
    ++peers[pair.a];
    ++peers[pair.b];
  }
  Crowd worst;
  for (const auto& [port, count] : peers)
    if (std::uint64_t{count} * worst.circuits > std::uint64_t{worst.peers} * circuits_of(fabric, port))
      worst = {port, count, circuits_of(fabric, port)};
  return worst;
}

void set_bandwidths(const Fabric& fabric, std::span<const PortPair> pairs, RoutedPattern& routed) {
  std::map<std::pair<LinkId, LinkId>, std::uint32_t> given;
  for (const PortPair& pair : pairs) given[{pair.a, pair.b}] = pair.circuits;
  routed.bottleneck = routed.wires_bottleneck;
  routed.fair_share = routed.wires_share;
  for (CircuitLoad& load : routed.circuits) {
    const std::uint32_t circuits = given.at(ports_of(fabric, load));
    const Link &in = fabric.link(load.in), &out = fabric.link(load.out);
    load.bandwidth = circuits * std::min(in.bandwidth.value / in.circuits, out.bandwidth.value / out.circuits);
    const double seconds_per_byte = load.weight / load.bandwidth;
    if (seconds_per_byte <= routed.bottleneck) continue;
    routed.bottleneck = seconds_per_byte;
    routed.fair_share = load.largest_share;
  }
}

Seconds reconfiguration_of(const Fabric& fabric, const RoutedPattern& routed) {
  Seconds longest{0};
  for (const CircuitLoad& load : routed.circuits)
    for (LinkId link : {load.in, load.out})
      longest = std::max(longest, fabric.link_class(fabric.link(link).link_class).reconfiguration);
  return longest;
}

std::vector<PortSetting> settings_of(std::span<const PortPair> pairs) {
  std::map<LinkId, PortSetting> by_port;
  for (const PortPair& pair : pairs)
    for (const auto& [port, peer] : {std::pair(pair.a, pair.b), std::pair(pair.b, pair.a)}) {
      by_port[port].port = port;
      by_port[port].peers.emplace_back(peer, pair.circuits);
    }
  std::vector<PortSetting> settings;
  for (auto& [port, setting] : by_port) {
    std::sort(setting.peers.begin(), setting.peers.end());
    settings.push_back(std::move(setting));
  }
  return settings;
}

// Of a whole setting, the ports that a pattern loads.
std::vector<PortSetting> part_of(const std::vector<PortSetting>& all, const Fabric& fabric,
                                 const RoutedPattern& routed) {
  std::vector<LinkId> ports;
  for (const CircuitLoad& load : routed.circuits) {
    const auto [a, b] = ports_of(fabric, load);
    ports.insert(ports.end(), {a, b});
  }
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  std::vector<PortSetting> part;
  for (const PortSetting& setting : all)
    if (std::binary_search(ports.begin(), ports.end(), setting.port)) part.push_back(setting);
  return part;
}

// Passes, or gradients and parameters; all one where the rules say so.
std::size_t class_of(const CircuitRules& rules, Phase phase) {
  return rules.per_phase && (phase == Phase::gradient_sync || phase == Phase::parameter_gather) ? 1 : 0;
}

// Which patterns share a setting: those of one class of phases; a pattern of both classes makes them one.
struct PatternUse {
  std::vector<double> bytes;         // by pattern, per execution of the Program
  std::vector<std::size_t> classes;  // by pattern
};

PatternUse use_of_patterns(const Program& program, const CircuitRules& rules) {
  PatternUse use{std::vector<double>(program.pattern_count(), 0), std::vector<std::size_t>(program.pattern_count(), 2)};
  const std::vector<std::uint32_t> executions = program.executions();
  bool both = false;
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    const Operation& op = program.operations[i];
    if (op.kind != OpKind::transfer) continue;
    const std::size_t now = class_of(rules, op.label.phase), p = op.pattern.index();
    both = both || (use.classes[p] != 2 && use.classes[p] != now);
    use.classes[p] = now;
    use.bytes[p] += op.bytes * executions[i];
  }
  if (both)
    for (std::size_t& c : use.classes)
      if (c == 1) c = 0;  // patterns that no operation uses stay in neither
  return use;
}

// The circuits of a pattern in the place of the ports that it loads.
void load_circuits(RoutedPattern& routed, CircuitBoard& board) {
  std::erase_if(routed.loads, [&](const LinkLoad& load) {
    return std::any_of(routed.circuits.begin(), routed.circuits.end(),
                       [&](const CircuitLoad& c) { return c.in == load.link || c.out == load.link; });
  });
  for (const CircuitLoad& load : routed.circuits)
    routed.loads.push_back({board.link_of(load.in, load.out, BytesPerSecond(load.bandwidth)), load.weight});
  std::sort(routed.loads.begin(), routed.loads.end(),
            [](const LinkLoad& a, const LinkLoad& b) { return a.link < b.link; });
}

}  // namespace

LinkId CircuitBoard::link_of(LinkId in, LinkId out, BytesPerSecond bandwidth) {
  const auto [entry, added] = numbers_.try_emplace({in, out, bandwidth.value}, LinkId(links()));
  if (added) bandwidths_.push_back(bandwidth);
  return entry->second;
}

BytesPerSecond CircuitBoard::bandwidth(LinkId link) const {
  const std::size_t real = fabric_.links().size();
  return link.index() < real ? fabric_.link(link).bandwidth : bandwidths_[link.index() - real];
}

bool divide_circuits(const Fabric& fabric, std::span<PortPair> pairs) {
  std::map<LinkId, std::uint32_t> left;
  for (const PortPair& pair : pairs)
    for (LinkId port : {pair.a, pair.b}) left.try_emplace(port, circuits_of(fabric, port));
  for (PortPair& pair : pairs) {
    pair.circuits = 1;
    for (LinkId port : {pair.a, pair.b})
      if (left[port]-- == 0) return false;
  }
  std::vector<PortPair*> open;  // pairs that may get more
  for (PortPair& pair : pairs) open.push_back(&pair);
  while (!open.empty()) {
    double most = 0;  // bytes per circuit
    for (const PortPair* pair : open) most = std::max(most, pair->weight / pair->circuits);
    // All pairs with that many get one more, or those that cannot get none any more.
    std::vector<PortPair*> neediest;
    for (PortPair* pair : open)
      if (pair->weight / pair->circuits >= most * (1 - 1e-9)) neediest.push_back(pair);
    std::map<LinkId, std::uint32_t> wanted;
    for (const PortPair* pair : neediest) {
      ++wanted[pair->a];
      ++wanted[pair->b];
    }
    const auto fits = [&](const PortPair* pair) {
      return wanted[pair->a] <= left[pair->a] && wanted[pair->b] <= left[pair->b];
    };
    std::vector<PortPair*> refused;
    for (PortPair* pair : neediest)
      if (!fits(pair)) refused.push_back(pair);
    if (refused.empty()) {
      for (PortPair* pair : neediest) {
        ++pair->circuits;
        --left[pair->a];
        --left[pair->b];
      }
      continue;
    }
    std::erase_if(open,
                  [&](PortPair* pair) { return std::find(refused.begin(), refused.end(), pair) != refused.end(); });
  }
  return true;
}

void divide_circuits(const Fabric& fabric, RoutedPattern& routed) {
  routed.wires_bottleneck = routed.bottleneck;
  routed.wires_share = routed.fair_share;
  merge(routed.circuits);
  std::erase_if(routed.circuits, [](const CircuitLoad& load) { return !(load.weight > 0); });
  Demands demands(fabric);
  for (const CircuitLoad& load : routed.circuits) demands.add(load, 1);
  std::vector<PortPair> pairs = demands.pairs();
  if (divide_circuits(fabric, pairs)) return set_bandwidths(fabric, pairs, routed);
  const Crowd crowd = most_crowded(fabric, pairs);
  const std::uint32_t degree = crowd.peers + (fabric.circuit_rules().duplex ? 1 : 0);
  const std::uint32_t turns = (degree + crowd.circuits - 1) / crowd.circuits;
  routed.switching_s = turns * reconfiguration_of(fabric, routed).value;
}

std::vector<CircuitPlan> plan_circuits(const Program& program, const Fabric& fabric,
                                       std::vector<RoutedPattern>& patterns, CircuitBoard& board) {
  const CircuitRules& rules = fabric.circuit_rules();
  const PatternUse use = use_of_patterns(program, rules);
  std::vector<CircuitPlan> plans(patterns.size());
  for (std::size_t cls = 0; cls < 2; ++cls) {
    Demands demands(fabric);
    const auto mine = [&](std::size_t p) { return use.classes[p] == cls && !patterns[p].circuits.empty(); };
    for (std::size_t p = 0; p < patterns.size(); ++p)
      if (mine(p))
        for (const CircuitLoad& load : patterns[p].circuits) demands.add(load, use.bytes[p]);
    std::vector<PortPair> pairs = demands.pairs();
    const bool together = divide_circuits(fabric, pairs);
    if (!together && !rules.in_turn) {
      const Crowd crowd = most_crowded(fabric, pairs);
      throw SpecError("", "/cluster/fabric/options",
                      "circuits for all peers of a port at a time, or \"oversubscribed\": \"in-turn\"",
                      fmt::format("a port with {} {} that needs {} peers ({})", crowd.circuits,
                                  crowd.circuits == 1 ? "circuit" : "circuits", crowd.peers,
                                  !rules.per_phase ? "all traffic of the job"
                                  : cls == 0       ? "in the passes"
                                                   : "for gradients and parameters"));
    }
    const std::vector<PortSetting> settings = settings_of(pairs);
    for (std::size_t p = 0; p < patterns.size(); ++p) {
      if (!mine(p)) continue;
      RoutedPattern& routed = patterns[p];
      CircuitPlan& plan = plans[p];
      plan.reconfiguration = reconfiguration_of(fabric, routed);
      plan.in_turn = routed.switching_s > 0;
      if (together) {
        set_bandwidths(fabric, pairs, routed);
        plan.settings = part_of(settings, fabric, routed);
      } else {  // each pattern by itself, as it was divided when it was routed
        Demands own(fabric);
        for (const CircuitLoad& load : routed.circuits) own.add(load, 1);
        std::vector<PortPair> own_pairs = own.pairs();
        divide_circuits(fabric, own_pairs);
        plan.settings = settings_of(own_pairs);
      }
      if (!plan.in_turn) load_circuits(routed, board);
    }
  }
  return plans;
}

std::vector<PortSchedule> port_schedules(const Program& program, const std::vector<CircuitPlan>& plans) {
  std::map<LinkId, PortSchedule> by_port;
  const auto use = [&](const Operation& op) {
    if (op.kind != OpKind::transfer || plans[op.pattern.index()].in_turn) return;
    for (const PortSetting& wanted : plans[op.pattern.index()].settings) {
      PortSchedule& schedule = by_port[wanted.port];
      schedule.port = wanted.port;
      const auto known = std::find_if(schedule.uses.begin(), schedule.uses.end(),
                                      [&](const PortSchedule::Use& each) { return *each.setting == wanted; });
      if (known == schedule.uses.end())
        schedule.uses.push_back({&wanted, 1});
      else
        ++known->transfers;
    }
  };
  std::vector<bool> in_body(program.operations.size(), false);
  for (const Body& body : program.bodies)
    for (std::uint32_t op = body.begin; op < body.end; ++op) in_body[op] = true;
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    const Operation& op = program.operations[i];
    if (in_body[i]) continue;
    if (op.kind != OpKind::call) {
      use(op);
      continue;
    }
    const Body& body = program.bodies[op.body.index()];
    for (std::uint32_t inside = body.begin; inside < body.end; ++inside) use(program.operations[inside]);
  }
  std::vector<PortSchedule> schedules;
  for (auto& [port, schedule] : by_port) schedules.push_back(std::move(schedule));
  return schedules;
}

}  // namespace orrery
