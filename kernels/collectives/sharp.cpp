// Reduction in the switches between nodes (InfiniBand SHARP: Graham et al., COMHPC 2016 and ISC 2020; NCCL's CollNet): each
// channel's carriers, one member of every node, send their part up a tree of switches; a switch adds what comes from below
// and sends one stream on, and the root multicasts the sum back down. A part crosses every cable of the tree once each way,
// whatever the number of nodes, against 2(n-1)/n of a ring.
// `sharp` inside nodes: every member sends its parts to their carriers and gets the sums from them, where all members are
// carriers and one hop apart (CollNetDirect); else chains to the carrier and back (CollNetChain). `nvls-sharp`: the node's
// switch adds and multicasts too (NCCL's NVLS over several nodes).
// All-gather, reduce-scatter, broadcast and reduce with one member per node only.
#include <algorithm>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

namespace {

struct Part {
  std::uint32_t first = 0, chunks = 1;
};
using Parts = std::vector<Part>;

Parts parts_of(RankList ranks) {  // chunk r for rank r, neighbours joined
  std::sort(ranks.begin(), ranks.end());
  Parts parts;
  for (std::uint32_t r : ranks)
    if (!parts.empty() && parts.back().first + parts.back().chunks == r)
      ++parts.back().chunks;
    else
      parts.push_back({r, 1});
  return parts;
}

std::vector<RankList> ranks_below(const AggregationTree& tree) {  // by switch
  std::vector<RankList> below(tree.switches.size());
  for (std::size_t s = tree.switches.size(); s-- > 0;) {
    const AggregationSwitch& at = tree.switches[s];
    below[s].insert(below[s].end(), at.carriers.begin(), at.carriers.end());
    for (std::uint32_t child : at.children) below[s].insert(below[s].end(), below[child].begin(), below[child].end());
  }
  return below;
}

std::uint32_t tallest(const Group& group) {
  std::uint32_t height = 0;
  for (const AggregationTree& tree : group.trees) height = std::max(height, tree.switches.front().height);
  return height;
}

CollectiveSchedule blank(const Group& group, std::uint32_t chunks) {
  CollectiveSchedule schedule;
  schedule.ranks = group.ranks;
  schedule.switches = static_cast<std::uint32_t>(group.places.size()) - group.ranks;
  schedule.chunks = chunks;
  schedule.chunk_share = 1.0 / chunks;
  return schedule;
}

// Up and down the trees, in rounds from `first` on: carriers, then switches once all below them have sent; the root sends
// the sum down. Only the carriers' round costs a rank anything: the switches work by themselves.
class TreeWriter {
 public:
  TreeWriter(CollectiveSchedule& schedule, const Group& group)
      : schedule_(schedule), first_(schedule.rounds.size()), turn_(first_ + 1 + tallest(group)) {
    schedule_.rounds.resize(turn_ + 1 + tallest(group));
    for (std::size_t r = first_ + 1; r < schedule_.rounds.size(); ++r)
      schedule_.rounds[r].posts = schedule_.rounds[r].node_posts = 0;
  }

  // `of_rank` and `of_switch`: what crosses the cable above a carrier, above a switch (by index in its tree).
  template <class OfRank, class OfSwitch> void up(const AggregationTree& tree, OfRank of_rank, OfSwitch of_switch) {
    for (std::size_t s = 0; s < tree.switches.size(); ++s) {
      const AggregationSwitch& at = tree.switches[s];
      for (std::uint32_t rank : at.carriers) send(first_, rank, at.adder, of_rank(rank), SendAction::reduce);
      if (at.parent >= 0)
        send(first_ + 1 + at.height, at.adder, tree.switches[static_cast<std::size_t>(at.parent)].adder, of_switch(s),
             SendAction::reduce);
    }
  }
  template <class OfRank, class OfSwitch> void down(const AggregationTree& tree, OfRank of_rank, OfSwitch of_switch) {
    for (const AggregationSwitch& at : tree.switches) {
      const std::uint32_t source = at.parent < 0 ? at.adder : at.multicaster;
      for (std::uint32_t rank : at.carriers) send(turn_ + at.depth, source, rank, of_rank(rank), SendAction::copy);
      for (std::uint32_t child : at.children)
        send(turn_ + at.depth, source, tree.switches[child].multicaster, of_switch(child), SendAction::copy);
    }
  }

 private:
  void send(std::size_t round, std::uint32_t from, std::uint32_t to, const Parts& parts, SendAction action) {
    for (const Part& part : parts) schedule_.rounds[round].sends.push_back({from, to, part.first, part.chunks, action});
  }

  CollectiveSchedule& schedule_;
  std::size_t first_, turn_;
};

// Channel c reduces chunk c.
void reduce_in_network(CollectiveSchedule& schedule, const Group& group) {
  TreeWriter writer(schedule, group);
  for (std::uint32_t c = 0; c < group.trees.size(); ++c) {
    const auto mine = [c](std::size_t) { return Parts{{c, 1}}; };
    writer.up(group.trees[c], mine, mine);
    writer.down(group.trees[c], mine, mine);
  }
}

bool one_per_node(const Group& group) { return group.nodes.size() == group.ranks; }

// Every member carries a channel, and reaches the others of its node directly.
bool all_carry(const Group& group) {
  return std::all_of(group.nodes.begin(), group.nodes.end(), [&](const GroupNode& node) {
    const bool near = node.domain &&
                      (node.domain->kind == DomainKind::network_switch || node.domain->kind == DomainKind::full_mesh);
    return node.ranks.size() == group.trees.size() && (near || node.ranks.size() == 1);
  });
}

// Between every member and the carriers of its node.
void write_direct(CollectiveSchedule& schedule, const Group& group, bool inwards) {
  if (one_per_node(group)) return;
  Round& round = schedule.rounds.emplace_back();
  for (std::size_t k = 0; k < group.nodes.size(); ++k)
    for (std::uint32_t c = 0; c < group.trees.size(); ++c) {
      const std::uint32_t carrier = group.trees[c].carriers[k];
      for (std::uint32_t rank : group.nodes[k].ranks)
        if (rank != carrier)
          round.sends.push_back(inwards ? Send{rank, carrier, c, 1, SendAction::reduce}
                                        : Send{carrier, rank, c, 1, SendAction::copy});
    }
}

// Along the members of a node, from the last one to the carrier or back.
void write_chains(CollectiveSchedule& schedule, const Group& group, bool inwards) {
  std::size_t longest = 1;
  for (const GroupNode& node : group.nodes) longest = std::max(longest, node.ranks.size());
  const std::size_t first = schedule.rounds.size();
  schedule.rounds.resize(first + longest - 1);
  for (std::size_t k = 0; k < group.nodes.size(); ++k)
    for (std::uint32_t c = 0; c < group.trees.size(); ++c) {
      RankList chain = group.nodes[k].ranks;
      std::rotate(chain.begin(), std::find(chain.begin(), chain.end(), group.trees[c].carriers[k]), chain.end());
      for (std::size_t p = 1; p < chain.size(); ++p)
        schedule.rounds[first + (inwards ? longest - 1 - p : p - 1)].sends.push_back(
            inwards ? Send{chain[p], chain[p - 1], c, 1, SendAction::reduce}
                    : Send{chain[p - 1], chain[p], c, 1, SendAction::copy});
    }
}

CollectiveSchedule sharp_all_reduce(const Group& group) {
  CollectiveSchedule schedule = blank(group, static_cast<std::uint32_t>(group.trees.size()));
  const auto inside = all_carry(group) ? write_direct : write_chains;
  inside(schedule, group, true);
  reduce_in_network(schedule, group);
  inside(schedule, group, false);
  return schedule;
}

}  // namespace

bool sharp_supports(CollectiveKind kind, const Group& group) {
  if (group.trees.empty()) return false;
  if (kind == CollectiveKind::all_reduce) return true;
  return one_per_node(group) && (kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::all_gather ||
                                 kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce);
}

// Libraries use it for all-reduce (NCCL with collnet enabled, from two nodes on).
bool sharp_considered(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_reduce && sharp_supports(kind, group);
}

CollectiveSchedule sharp_schedule(CollectiveKind kind, const Group& group) {
  if (kind == CollectiveKind::all_reduce) return sharp_all_reduce(group);
  const bool parts = kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::all_gather;
  const std::uint32_t n = group.ranks, chunks = parts ? n : 1;
  CollectiveSchedule schedule = blank(group, chunks);
  const AggregationTree& tree = group.trees.front();
  const std::vector<RankList> below = ranks_below(tree);
  TreeWriter writer(schedule, group);
  const auto all = [chunks](std::size_t) { return Parts{{0, chunks}}; };
  const auto own = [](std::size_t rank) { return Parts{{static_cast<std::uint32_t>(rank), 1}}; };
  const auto own_below = [&](std::size_t s) { return parts_of(below[s]); };
  const auto if_root = [](std::size_t rank) { return rank == 0 ? Parts{{0, 1}} : Parts{}; };
  const auto if_root_below = [&](std::size_t s) {
    return std::find(below[s].begin(), below[s].end(), 0u) != below[s].end() ? Parts{{0, 1}} : Parts{};
  };
  switch (kind) {
    case CollectiveKind::reduce_scatter:
      writer.up(tree, all, all);
      writer.down(tree, own, own_below);
      break;
    case CollectiveKind::all_gather:
      writer.up(tree, own, own_below);
      writer.down(
          tree,
          [&](std::size_t rank) {
            const auto r = static_cast<std::uint32_t>(rank);
            Parts others;
            if (r > 0) others.push_back({0, r});
            if (r + 1 < n) others.push_back({r + 1, n - r - 1});
            return others;
          },
          all);
      break;
    case CollectiveKind::reduce:
      writer.up(tree, all, all);
      writer.down(tree, if_root, if_root_below);
      break;
    default:  // broadcast
      writer.up(tree, if_root, if_root_below);
      writer.down(
          tree,
          [](std::size_t rank) {
            return rank == 0 ? Parts{} : Parts{{0, 1}};
          },
          [&](std::size_t s) {
            return below[s] == RankList{0} ? Parts{} : Parts{{0, 1}};
          });
  }
  std::erase_if(schedule.rounds, [](const Round& round) { return round.sends.empty(); });
  return schedule;
}

bool nvls_sharp_supports(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_reduce && !group.trees.empty() && group.in_switch() &&
         std::all_of(group.nodes.begin(), group.nodes.end(), [](const GroupNode& n) { return n.ranks.size() >= 2; });
}

CollectiveSchedule nvls_sharp_schedule(CollectiveKind, const Group& group) {
  const auto channels = static_cast<std::uint32_t>(group.trees.size());
  CollectiveSchedule schedule = blank(group, channels);
  const auto everyone = [&](bool upwards) {  // into the nodes' adders, out of their multicasters
    Round& round = schedule.rounds.emplace_back();
    for (std::size_t k = 0; k < group.nodes.size(); ++k)
      for (std::uint32_t rank : group.nodes[k].ranks)
        round.sends.push_back(upwards ? Send{rank, group.adder(k), 0, channels, SendAction::reduce}
                                      : Send{group.multicaster(k), rank, 0, channels, SendAction::copy});
  };
  const auto carriers = [&](bool upwards) {  // out of the adders, into the multicasters
    Round& round = schedule.rounds.emplace_back();
    for (std::size_t k = 0; k < group.nodes.size(); ++k)
      for (std::uint32_t c = 0; c < channels; ++c) {
        const std::uint32_t carrier = group.trees[c].carriers[k];
        round.sends.push_back(upwards ? Send{carrier, group.multicaster(k), c, 1, SendAction::copy}
                                      : Send{group.adder(k), carrier, c, 1, SendAction::copy});
      }
  };
  everyone(true);
  carriers(false);
  reduce_in_network(schedule, group);
  carriers(true);
  everyone(false);
  return schedule;
}

}  // namespace orrery
