// The orders in which the channels of a ring visit the members: around a node, or through all nodes one after the other.
#include <algorithm>
#include <map>
#include <tuple>

#include "kernels/collectives/node_paths.hpp"

namespace orrery {

namespace {

struct Doors {
  std::uint32_t in = 0, out = 0;  // members by position
};

// By which members the channel of each NIC enters and leaves a node, so that every NIC has one in and one out. Members that
// have a NIC for themselves pass on to each other; one alone changes places with the next NIC's.
std::vector<Doors> doors_of(const GroupNode& node) {
  std::vector<Doors> doors;
  std::vector<std::size_t> single;
  std::uint32_t position = 0;
  for (const RankList& at_nic : node.by_nic) {
    if (at_nic.size() == 1) single.push_back(doors.size());
    const auto last = position + static_cast<std::uint32_t>(at_nic.size()) - 1;
    doors.push_back({position, last});
    position = last + 1;
  }
  if (single.size() == 1) {
    const std::size_t other = (single[0] + 1) % doors.size();
    std::swap(doors[single[0]].out, doors[other].out);
  } else if (!single.empty()) {
    const std::uint32_t first = doors[single[0]].out;
    for (std::size_t i = 0; i + 1 < single.size(); ++i) doors[single[i]].out = doors[single[i + 1]].out;
    doors[single.back()].out = first;
  }
  return doors;
}

// Through all members in order: upwards, or from the entry downwards.
RankList in_order(std::uint32_t members, Doors doors, bool upwards) {
  RankList path{doors.in};
  for (std::uint32_t i = 0; i < members; ++i) {
    const std::uint32_t member = upwards ? i : (doors.in + members - i) % members;
    if (member != doors.in && member != doors.out) path.push_back(member);
  }
  if (doors.out != doors.in) path.push_back(doors.out);
  return path;
}

std::vector<std::size_t> nic_of_position(const GroupNode& node) {
  std::vector<std::size_t> nic;
  for (std::size_t i = 0; i < node.by_nic.size(); ++i) nic.insert(nic.end(), node.by_nic[i].size(), i);
  return nic;
}

std::vector<RankList> in_rank_order(const GroupNode& node, std::size_t channels) {
  const std::vector<std::size_t> nic = nic_of_position(node);
  const std::vector<Doors> doors = doors_of(node);
  std::vector<RankList> paths;
  for (std::size_t c = 0; c < channels; ++c) {
    const Doors of = doors[nic_of_channel(c, channels, doors.size())];
    paths.push_back(in_order(static_cast<std::uint32_t>(nic.size()), of, nic[of.in] == nic[of.out]));
  }
  return paths;
}

// What a device can send through its NIC.
double nic_rate(const Group& group, std::size_t node) {
  const Fabric& fabric = group.cluster->fabric;
  const GroupNode &from = group.nodes[node], &to = group.nodes[node == 0 ? 1 : 0];
  std::vector<Hop> hops;
  group.cluster->router->route(group.places[from.ranks[0]], group.places[to.ranks[0]], 0, hops);
  double least = 0;
  for (const Hop& hop : hops) {
    const Link& link = fabric.link(hop.link);
    if (fabric.vertex(link.from).node != from.node) continue;
    least = least == 0 ? link.bandwidth.value : std::min(least, link.bandwidth.value);
  }
  return least;
}

NodeInside inside_of(const Group& group, std::size_t k) {
  const GroupNode& node = group.nodes[k];
  NodeInside inside;
  if (!node.domain || !has_direct_links(node.domain->kind) || node.ranks.size() > most_searched) return inside;
  inside.links = direct_links(group, node.ranks);
  inside.nic = nic_of_position(node);
  inside.nics = node.by_nic.size();
  inside.nic_rate = nic_rate(group, k);
  return inside;
}

// How all channels cross the nodes. Nodes of one pool in which the same seats take part are alike, while no cable of the
// cluster is degraded.
class Crossings {
 public:
  explicit Crossings(const Group& group) : group_(group), channels_(channel_count(group)) {
    const std::size_t asked = channels_;
    for (std::size_t k = 0; k < group.nodes.size(); ++k) {
      const auto [at, added] = kinds_.try_emplace(key_of(k));
      if (!added) continue;
      at->second.first = k;
      at->second.paths = best_node_paths(inside_of(group, k), asked).paths;
      channels_ = std::max(channels_, at->second.paths.size());
    }
    for (auto& [key, kind] : kinds_) {
      const GroupNode& node = group.nodes[kind.first];
      if (!kind.paths.empty() && kind.paths.size() != channels_)
        kind.paths = node_paths(inside_of(group, kind.first), channels_).paths;
      if (kind.paths.empty()) kind.paths = in_rank_order(node, channels_);
      const std::vector<std::size_t> nic = nic_of_position(node);
      for (const RankList& path : kind.paths) kind.turns |= nic[path.front()] != nic[path.back()];
    }
  }

  std::vector<RankList> rings() const {
    std::vector<RankList> rings(channels_);
    for (std::size_t k = 0; k < group_.nodes.size(); ++k) {
      const Kind& kind = kinds_.at(key_of(k));
      for (std::size_t c = 0; c < channels_; ++c) {
        RankList path = kind.paths[c];
        if (kind.turns && k % 2 == 1) std::reverse(path.begin(), path.end());
        for (std::uint32_t position : path) rings[c].push_back(group_.nodes[k].ranks[position]);
      }
    }
    return rings;
  }

 private:
  using Key = std::tuple<std::size_t, DeviceTypeId, std::vector<std::size_t>>;
  struct Kind {
    std::size_t first = 0;        // node
    std::vector<RankList> paths;  // of positions in the node
    bool turns = false;           // a channel leaves by another NIC than it entered by
  };

  Key key_of(std::size_t k) const {
    const GroupNode& node = group_.nodes[k];
    const bool alike = group_.cluster->fabric.degraded().empty();
    return {alike ? 0 : k, group_.cluster->type_of[group_.members[node.ranks[0]].index()], node.seats};
  }

  const Group& group_;
  std::size_t channels_;
  std::map<Key, Kind> kinds_;
};

}  // namespace

std::vector<RankList> ring_orders(const Group& group, bool chains) {
  if (const Domain* node = group.scale_up()) {
    const bool lattice = node->kind == DomainKind::torus || node->kind == DomainKind::mesh ||
                         node->kind == DomainKind::ring;
    if (has_direct_links(node->kind) && (chains || !lattice)) return rings_on_graph(group);
  }
  if (group.one_node()) return {group.nodes[0].ranks};
  return Crossings(group).rings();
}

}  // namespace orrery
