// Two-level collectives: reduce-scatter inside every node, then among the members of equal place on all nodes, and all-gather
// the other way round; all-reduce is the one after the other (2D-torus style: Mikami et al., arXiv:1811.05233; BlueConnect:
// Cho et al., SysML 2019). Inside, rings along all sides of a torus, or over direct links, else one ring; so slices of a
// torus that are joined by another network use both fully. Between nodes, rings over all NICs at once. Rounds grow with
// members + nodes instead of their product. Phases follow each other; a library that cuts the buffer could overlap them.
// Needs alike nodes with equally many members (an all-to-all only the latter: see all_to_all.cpp).
#include <algorithm>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/graph_rings.hpp"

namespace orrery {

namespace {

using K = CollectiveKind;

// The members of the first node by themselves: rank i is the i-th member of every node.
Group node_alone(const Group& group) {
  std::vector<DeviceId> members;
  for (std::uint32_t rank : group.nodes.front().ranks) members.push_back(group.members[rank]);
  return make_group(*group.cluster, std::move(members));
}

struct Inside {
  CollectiveSchedule (*schedule)(K, const Group&);
  std::vector<TrafficPhase> (*traffic)(K, const Group&);
};

Inside inside_of(K kind, const Group& node) {
  if (torus_rings_considered(kind, node)) return {torus_rings_schedule, torus_rings_traffic};
  return {ring_schedule, ring_traffic};
}

// The chunks of the whole collective: of every chunk of a node's own schedule one part for each node.
class Chunks {
 public:
  Chunks(K kind, const Group& group, std::uint32_t in_node)
      : group_(group), by_owner_(kind != K::all_reduce), each_(in_node / members()) {}

  std::uint32_t nodes() const { return static_cast<std::uint32_t>(group_.nodes.size()); }
  std::uint32_t members() const { return static_cast<std::uint32_t>(group_.members_per_node()); }
  std::uint32_t each() const { return each_; }
  std::uint32_t count() const { return group_.ranks * each_; }
  std::uint32_t rank(std::uint32_t node, std::uint32_t i) const { return group_.nodes[node].ranks[i]; }
  // The part for a node of a node's chunk: in all-reduce neighbours, else where the rank that owns it has its chunks.
  std::uint32_t part(std::uint32_t chunk, std::uint32_t node) const {
    return by_owner_ ? rank(node, chunk / each_) * each_ + chunk % each_ : chunk * nodes() + node;
  }

  void send_all_parts(Round& round, const Send& inside) const {
    for (std::uint32_t k = 0; k < nodes(); ++k) {
      const std::uint32_t from = rank(k, inside.from), to = rank(k, inside.to);
      if (!by_owner_) {
        round.sends.push_back({from, to, part(inside.chunk, 0), inside.chunks * nodes(), inside.action});
        continue;
      }
      for (std::uint32_t c = inside.chunk; c < inside.chunk + inside.chunks; ++c)
        for (std::uint32_t to_node = 0; to_node < nodes(); ++to_node)
          round.sends.push_back({from, to, part(c, to_node), 1, inside.action});
    }
  }

 private:
  const Group& group_;
  bool by_owner_;
  std::uint32_t each_;  // per member of a node
};

void write_inside(CollectiveSchedule& schedule, const Chunks& chunks, const CollectiveSchedule& node,
                  std::uint32_t phase) {
  for (const Round& alone : node.rounds) {
    Round& round = schedule.rounds.emplace_back();
    round.phase = phase;
    for (const Send& send : alone.sends) chunks.send_all_parts(round, send);
  }
}

// One pass of the rings among the members of equal place.
void write_between(CollectiveSchedule& schedule, const Chunks& chunks, bool reduce, std::uint32_t phase) {
  const std::uint32_t nodes = chunks.nodes();
  for (std::uint32_t t = 0; t + 1 < nodes; ++t) {
    Round& round = schedule.rounds.emplace_back();
    round.phase = phase;
    for (std::uint32_t k = 0; k < nodes; ++k)
      for (std::uint32_t i = 0; i < chunks.members(); ++i)
        for (std::uint32_t c = 0; c < chunks.each(); ++c)
          round.sends.push_back({chunks.rank(k, i), chunks.rank((k + 1) % nodes, i),
                                 chunks.part(i * chunks.each() + c, (k + 2 * nodes - t - (reduce ? 1 : 0)) % nodes), 1,
                                 reduce ? SendAction::reduce : SendAction::copy});
  }
}

TrafficPhase inside_traffic(const Group& group, const TrafficPhase& node) {
  TrafficPhase phase;
  for (const GroupNode& at : group.nodes)
    for (const PairTraffic& pair : node.pairs)
      phase.pairs.push_back({at.ranks[pair.from], at.ranks[pair.to], pair.share, pair.copies});
  merge_pairs(phase.pairs);
  phase.rounds = node.rounds;
  phase.posts = node.posts;
  return phase;
}

TrafficPhase between_traffic(const Group& group, std::uint32_t passes) {
  const auto nodes = static_cast<std::uint32_t>(group.nodes.size());
  TrafficPhase phase;
  std::vector<RankList> rings(group.members_per_node());
  for (std::uint32_t k = 0; k < nodes; ++k)
    for (std::size_t i = 0; i < rings.size(); ++i) {
      const std::uint32_t rank = group.nodes[k].ranks[i], next = group.nodes[(k + 1) % nodes].ranks[i];
      phase.pairs.push_back({rank, next, passes * (nodes - 1.0) / group.ranks, 1});
      rings[i].push_back(rank);
    }
  merge_pairs(phase.pairs);
  phase.rounds = phase.node_rounds = passes * (nodes - 1);
  post_once_a_round(phase);
  phase.longest = way_round(std::move(rings), phase.rounds);
  return phase;
}

bool are_alike(const GroupNode& a, const GroupNode& b) {
  if (!a.domain || !b.domain) return a.domain == b.domain;
  return a.domain->kind == b.domain->kind && a.domain->calibration == b.domain->calibration;
}

// Small slices of a torus do not wrap round.
bool is_slice(const GroupNode& node) {
  return node.domain && (node.domain->kind == DomainKind::torus || node.domain->kind == DomainKind::mesh ||
                         node.domain->kind == DomainKind::ring);
}

}  // namespace

bool hierarchical_supports(CollectiveKind kind, const Group& group) {
  if (group.nodes.size() < 2 || group.members_per_node() < 2 || !group.equal_nodes()) return false;
  if (kind == K::all_to_all) return true;
  const bool known = kind == K::all_reduce || kind == K::reduce_scatter || kind == K::all_gather;
  return known && std::all_of(group.nodes.begin(), group.nodes.end(),
                              [&](const GroupNode& node) { return are_alike(node, group.nodes.front()); });
}

// Libraries send all-to-alls along the rails (NCCL's PXN, on since 2.12); what is reduced or gathered goes by levels where the
// nodes are slices of a torus or mesh (XLA over several slices of TPU). GPU libraries run rings and trees also without a switch.
bool hierarchical_considered(CollectiveKind kind, const Group& group) {
  if (!hierarchical_supports(kind, group)) return false;
  return kind == K::all_to_all || std::all_of(group.nodes.begin(), group.nodes.end(), is_slice);
}

bool only_by_levels(CollectiveKind kind, const Group& group) {
  constexpr std::size_t most_sends = std::size_t{1} << 22;  // seconds and hundreds of MB
  return 2 * channel_count(group) * group.ranks > most_sends && hierarchical_considered(kind, group);
}

CollectiveSchedule hierarchical_schedule(CollectiveKind kind, const Group& group) {
  if (kind == K::all_to_all) return hierarchical_all_to_all(group);
  const Group node = node_alone(group);
  const Inside inside = inside_of(kind, node);
  const CollectiveSchedule scattering = inside.schedule(K::reduce_scatter, node);
  const Chunks chunks(kind, group, scattering.chunks);
  CollectiveSchedule schedule;
  schedule.ranks = group.ranks;
  schedule.chunks = chunks.count();
  schedule.chunk_share = 1.0 / schedule.chunks;
  std::uint32_t phase = 0;
  if (kind != K::all_gather) {
    write_inside(schedule, chunks, scattering, phase++);
    write_between(schedule, chunks, true, phase);
  }
  if (kind == K::reduce_scatter) return schedule;
  write_between(schedule, chunks, false, phase++);
  write_inside(schedule, chunks, inside.schedule(K::all_gather, node), phase);
  return schedule;
}

std::vector<TrafficPhase> hierarchical_traffic(CollectiveKind kind, const Group& group) {
  if (kind == K::all_to_all) return {hierarchical_all_to_all_traffic(group)};
  const Group node = node_alone(group);
  const Inside inside = inside_of(kind, node);
  std::vector<TrafficPhase> phases;
  if (kind != K::all_gather) phases.push_back(inside_traffic(group, inside.traffic(K::reduce_scatter, node).front()));
  phases.push_back(between_traffic(group, kind == K::all_reduce ? 2 : 1));
  if (kind != K::reduce_scatter) phases.push_back(inside_traffic(group, inside.traffic(K::all_gather, node).front()));
  return phases;
}

}  // namespace orrery
