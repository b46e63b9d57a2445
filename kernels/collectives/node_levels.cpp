#include "kernels/collectives/node_levels.hpp"

#include <algorithm>
#include <map>

namespace orrery {

namespace {

using Block = std::vector<std::uint32_t>;  // nodes, by index into the group's

// Nodes of one pool, with members on the same seats.
bool alike(const Group& group) {
  const auto pool = [&](const GroupNode& node) {
    return group.cluster->type_of[group.members[node.ranks.front()].index()];
  };
  return std::all_of(group.nodes.begin(), group.nodes.end(), [&](const GroupNode& node) {
    return node.seats == group.nodes[0].seats && pool(node) == pool(group.nodes[0]);
  });
}

// Innermost domain above the node.
DomainId above_node(const Group& group, std::uint32_t node) {
  const Fabric& fabric = group.cluster->fabric;
  DomainId id = fabric.domain_of(group.members[group.nodes[node].ranks.front()]);
  if (id.valid() && fabric.domain(id).level == 0) id = fabric.domain(id).parent;
  return id;
}

bool switched(const Domain& domain) {
  return domain.kind == DomainKind::clos || domain.kind == DomainKind::network_switch;
}

// Hashed paths differ from flow to flow.
bool spreads_ideally(const Group& group, std::uint32_t a, std::uint32_t b) {
  const auto path = [&](std::uint64_t key) {
    std::vector<Hop> hops;
    group.cluster->router->route(group.places[group.nodes[a].ranks.front()], group.places[group.nodes[b].ranks.front()],
                                 key, hops);
    std::vector<std::uint32_t> links;
    for (const Hop& hop : hops) links.push_back(hop.link.value);
    return links;
  };
  const auto first = path(0);
  for (std::uint64_t key = 1; key < 8; ++key)
    if (path(key) != first) return false;
  return true;
}

}  // namespace

std::vector<NodeLevel> node_levels(const Group& group) {
  const Fabric& fabric = group.cluster->fabric;
  const auto nodes = static_cast<std::uint32_t>(group.nodes.size());
  std::vector<NodeLevel> levels;
  if (nodes < 2 || !group.domain || !alike(group) || !fabric.degraded().empty()) return levels;
  std::vector<DomainId> at(nodes);
  std::vector<Block> blocks(nodes);
  for (std::uint32_t k = 0; k < nodes; ++k) {
    at[k] = above_node(group, k);
    blocks[k] = {k};
  }
  for (bool whole = false; !whole;) {
    std::map<DomainId, std::vector<std::size_t>> children;  // of each domain: its blocks
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      const DomainId id = at[blocks[b].front()];
      if (!id.valid() || !switched(fabric.domain(id))) return {};
      children[id].push_back(b);
    }
    whole = children.size() == 1;
    const std::size_t siblings = children.begin()->second.size(), size = blocks.front().size();
    NodeLevel level;
    level.partner.assign(nodes, 0);
    level.nodes = static_cast<double>((siblings - 1) * size);
    std::vector<Block> merged;
    for (const auto& [id, members] : children) {
      if (members.size() != siblings) return {};
      Block& all = merged.emplace_back();
      for (std::size_t i = 0; i < siblings; ++i) {
        const Block &mine = blocks[members[i]], &next = blocks[members[(i + 1) % siblings]];
        for (std::size_t p = 0; p < size; ++p) level.partner[mine[p]] = next[p];
        all.insert(all.end(), mine.begin(), mine.end());
      }
    }
    if (siblings > 1) {
      if (!spreads_ideally(group, 0, level.partner[0])) return {};
      levels.push_back(std::move(level));
    }
    blocks = std::move(merged);
    for (const Block& block : blocks) {
      const DomainId parent = fabric.domain(at[block.front()]).parent;
      for (std::uint32_t k : block) at[k] = parent;
    }
  }
  return levels;
}

}  // namespace orrery
