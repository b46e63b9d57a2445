#include "kernels/collectives/aggregation.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <queue>

#include "kernels/collectives/group.hpp"

namespace orrery {

namespace {

constexpr std::uint32_t unreached = std::numeric_limits<std::uint32_t>::max();

// The switches between nodes and their cables; places by position among them.
class SwitchGraph {
 public:
  explicit SwitchGraph(const Fabric& fabric) : position_(fabric.vertices().size(), unreached) {
    for (std::size_t v = 0; v < fabric.vertices().size(); ++v) {
      const Vertex& vertex = fabric.vertices()[v];
      if (vertex.kind != VertexKind::network_switch || vertex.node != ~0u) continue;
      position_[v] = static_cast<std::uint32_t>(places_.size());
      places_.emplace_back(v);
    }
    near_.resize(places_.size());
    way_out_.assign(fabric.vertices().size(), unreached);
    for (const Link& link : fabric.links()) {
      if (!(link.bandwidth.value > 0)) continue;
      const std::uint32_t from = position_[link.from.index()], to = position_[link.to.index()];
      if (from != unreached && to != unreached) near_[from].push_back(to);
      // A device's NIC, a NIC's switch: the first of several.
      const VertexKind start = fabric.vertex(link.from).kind, end = fabric.vertex(link.to).kind;
      std::uint32_t& out = way_out_[link.from.index()];
      if (out == unreached &&
          ((start == VertexKind::device && end == VertexKind::nic) || (start == VertexKind::nic && to != unreached)))
        out = link.to.value;
    }
    share_nics(fabric);
    std::map<std::uint32_t, std::size_t> nics;
    ordinal_.assign(fabric.vertices().size(), 0);
    for (std::size_t v = 0; v < fabric.vertices().size(); ++v)
      if (const Vertex& vertex = fabric.vertices()[v]; vertex.kind == VertexKind::nic)
        ordinal_[v] = nics[vertex.node]++;
  }

  // The switch that a device's NIC hangs on; unreached: none.
  std::uint32_t leaf_of(VertexId device) const {
    const std::uint32_t nic = way_out_[device.index()];
    const std::uint32_t leaf = nic == unreached ? unreached : way_out_[nic];
    return leaf == unreached ? unreached : position_[leaf];
  }

  // Of a device's NIC, among those of its node.
  std::size_t nic_of(VertexId device) const {
    const std::uint32_t nic = way_out_[device.index()];
    return nic == unreached ? 0 : ordinal_[nic];
  }

  std::vector<std::uint32_t> distances(std::uint32_t from) const {
    std::vector<std::uint32_t> distance(places_.size(), unreached);
    std::queue<std::uint32_t> open;
    distance[from] = 0;
    for (open.push(from); !open.empty(); open.pop())
      for (std::uint32_t next : near_[open.front()])
        if (distance[next] == unreached) {
          distance[next] = distance[open.front()] + 1;
          open.push(next);
        }
    return distance;
  }

  // One step nearer the root; of equally good ones the one whose turn it is.
  std::uint32_t step(std::uint32_t at, const std::vector<std::uint32_t>& to_root, std::size_t turn) const {
    std::vector<std::uint32_t> nearer;
    for (std::uint32_t next : near_[at])
      if (to_root[next] + 1 == to_root[at]) nearer.push_back(next);
    std::sort(nearer.begin(), nearer.end());
    nearer.erase(std::unique(nearer.begin(), nearer.end()), nearer.end());
    return nearer[turn % nearer.size()];
  }

  VertexId place(std::uint32_t position) const { return places_[position]; }
  std::size_t size() const { return places_.size(); }

 private:
  // Where no device of a node has a link of its own to a NIC (PCIe trees), they use its NICs in blocks, in the order of either.
  void share_nics(const Fabric& fabric) {
    struct Node {
      std::vector<std::uint32_t> devices, nics;
      bool own_links = false;
    };
    std::map<std::uint32_t, Node> nodes;
    for (std::uint32_t v = 0; v < fabric.vertices().size(); ++v) {
      const Vertex& vertex = fabric.vertices()[v];
      if (vertex.kind == VertexKind::device) nodes[vertex.node].devices.push_back(v);
      if (vertex.kind == VertexKind::nic) nodes[vertex.node].nics.push_back(v);
    }
    for (const Link& link : fabric.links())
      if (fabric.vertex(link.from).kind == VertexKind::device && fabric.vertex(link.to).kind == VertexKind::nic)
        nodes[fabric.vertex(link.from).node].own_links = true;
    for (const auto& [number, node] : nodes)
      for (std::size_t d = 0; d < node.devices.size() && !node.nics.empty() && !node.own_links; ++d)
        way_out_[node.devices[d]] = node.nics[d * node.nics.size() / node.devices.size()];
  }

  std::vector<std::uint32_t> position_, way_out_;
  std::vector<std::size_t> ordinal_;
  std::vector<VertexId> places_;
  std::vector<std::vector<std::uint32_t>> near_;
};

// Farthest of the leaves, by distance.
std::uint32_t farthest(const std::vector<std::uint32_t>& leaves, const std::vector<std::uint32_t>& distance) {
  return *std::max_element(leaves.begin(), leaves.end(),
                           [&](std::uint32_t a, std::uint32_t b) { return distance[a] < distance[b]; });
}

std::uint32_t find_root(const SwitchGraph& graph, const std::vector<std::uint32_t>& leaves, std::size_t turn) {
  const auto first = graph.distances(leaves.front());
  const auto second = graph.distances(farthest(leaves, first));
  const auto third = graph.distances(farthest(leaves, second));
  std::uint32_t least = unreached;
  std::vector<std::uint32_t> best;
  for (std::uint32_t s = 0; s < graph.size(); ++s) {
    const std::uint32_t far = std::max({first[s], second[s], third[s]});
    if (far > least) continue;
    if (far < least) best.clear();
    least = far;
    best.push_back(s);
  }
  return best[turn % best.size()];
}

bool meet(const SwitchGraph& graph, const std::vector<std::uint32_t>& leaves) {
  const auto distance = graph.distances(leaves.front());
  return std::all_of(leaves.begin(), leaves.end(), [&](std::uint32_t leaf) { return distance[leaf] != unreached; });
}

// Switches from every leaf to the root; `index` numbers them, the root first.
AggregationTree lay_tree(const SwitchGraph& graph, std::uint32_t root, std::vector<std::uint32_t> leaves,
                         std::size_t turn, std::map<std::uint32_t, std::uint32_t>& index) {
  AggregationTree tree;
  const auto add = [&](std::uint32_t at, std::int32_t parent) {
    index[at] = static_cast<std::uint32_t>(tree.switches.size());
    AggregationSwitch& made = tree.switches.emplace_back();
    made.place = graph.place(at);
    made.parent = parent;
    if (parent < 0) return;
    AggregationSwitch& above = tree.switches[static_cast<std::size_t>(parent)];
    above.children.push_back(index[at]);
    tree.switches.back().depth = above.depth + 1;
  };
  add(root, -1);
  const auto to_root = graph.distances(root);
  for (std::uint32_t leaf : leaves) {
    std::vector<std::uint32_t> way;
    for (std::uint32_t at = leaf; !index.contains(at); at = graph.step(at, to_root, turn)) way.push_back(at);
    const std::uint32_t top = way.empty() ? leaf : graph.step(way.back(), to_root, turn);
    std::uint32_t above = index[top];
    for (std::size_t i = way.size(); i-- > 0; above = index[way[i]]) add(way[i], static_cast<std::int32_t>(above));
  }
  for (std::size_t s = tree.switches.size(); s-- > 1;) {
    AggregationSwitch& above = tree.switches[static_cast<std::size_t>(tree.switches[s].parent)];
    above.height = std::max(above.height, tree.switches[s].height + 1);
  }
  return tree;
}

// Of every channel, the member of a node that sends and receives for it: its own carrier, or where that one's NIC has failed
// the member with a NIC that carries fewest, the next among equals. Empty where no NIC of the node works.
RankList working_carriers(const Group& group, const SwitchGraph& graph, std::size_t node, std::size_t channels) {
  const RankList& ranks = group.nodes[node].ranks;
  const auto works = [&](std::size_t member) { return graph.leaf_of(group.places[ranks[member]]) != unreached; };
  std::vector<std::size_t> own, carried(ranks.size(), 0);
  for (std::size_t c = 0; c < channels; ++c) {
    own.push_back(static_cast<std::size_t>(std::find(ranks.begin(), ranks.end(), carrier_of(group, node, c, channels)) -
                                           ranks.begin()));
    ++carried[own.back()];
  }
  RankList carriers;
  for (const std::size_t first : own) {
    std::size_t best = first;
    for (std::size_t i = 1; i < ranks.size() && !works(first); ++i)
      if (const std::size_t next = (first + i) % ranks.size();
          works(next) && (!works(best) || carried[next] < carried[best]))
        best = next;
    if (!works(best)) return {};
    if (best != first) ++carried[best];
    carriers.push_back(ranks[best]);
  }
  return carriers;
}

}  // namespace

std::vector<AggregationTree> aggregation_trees(const Group& group) {
  if (group.nodes.size() < 2 || !group.domain || group.domain->level == 0 || !group.domain->in_network_reduction)
    return {};
  const SwitchGraph graph(group.cluster->fabric);
  const std::size_t channels = channel_count(group);
  std::vector<RankList> carriers_of_node;
  for (std::size_t k = 0; k < group.nodes.size(); ++k) {
    carriers_of_node.push_back(working_carriers(group, graph, k, channels));
    if (carriers_of_node.back().empty()) return {};
  }
  std::vector<AggregationTree> trees;
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<std::uint32_t> leaves, leaf_of_node, carriers;
    for (std::size_t k = 0; k < group.nodes.size(); ++k) {
      carriers.push_back(carriers_of_node[k][c]);
      const std::uint32_t leaf = graph.leaf_of(group.places[carriers.back()]);
      leaf_of_node.push_back(leaf);
      if (std::find(leaves.begin(), leaves.end(), leaf) == leaves.end()) leaves.push_back(leaf);
    }
    if (!meet(graph, leaves)) return {};
    std::map<std::uint32_t, std::uint32_t> index;
    // Groups that run beside each other have NICs of their own: so have their trees roots of their own.
    const std::size_t turn = graph.nic_of(group.places[carriers.front()]);
    const std::uint32_t root = leaves.size() == 1 ? leaves.front() : find_root(graph, leaves, turn);
    trees.push_back(lay_tree(graph, root, leaves, turn, index));
    for (std::size_t k = 0; k < group.nodes.size(); ++k)
      trees.back().switches[index[leaf_of_node[k]]].carriers.push_back(carriers[k]);
    trees.back().carriers = std::move(carriers);
  }
  return trees;
}

}  // namespace orrery
