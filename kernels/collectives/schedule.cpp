#include "kernels/collectives/schedule.hpp"

#include <algorithm>

namespace orrery {

double CollectiveSchedule::share_of(const Send& send) const {
  if (uneven.empty()) return send.chunks * chunk_share;
  double share = 0;
  for (std::uint32_t c = 0; c < send.chunks; ++c) share += uneven[send.chunk + c];
  return share;
}

CollectiveSchedule mirrored(CollectiveSchedule schedule, SendAction action) {
  std::reverse(schedule.rounds.begin(), schedule.rounds.end());
  for (Round& round : schedule.rounds)
    for (Send& send : round.sends) {
      std::swap(send.from, send.to);
      send.action = action;
    }
  return schedule;
}

void post_once_a_round(TrafficPhase& phase) {
  phase.posts = phase.rounds;
  phase.node_posts = phase.node_rounds;
}

void merge_pairs(std::vector<PairTraffic>& pairs) {
  std::stable_sort(pairs.begin(), pairs.end(), [](const PairTraffic& a, const PairTraffic& b) {
    return a.from != b.from ? a.from < b.from : a.to < b.to;
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (kept > 0 && pairs[kept - 1].from == pairs[i].from && pairs[kept - 1].to == pairs[i].to &&
        pairs[kept - 1].copies == pairs[i].copies)
      pairs[kept - 1].share += pairs[i].share;
    else
      pairs[kept++] = pairs[i];
  }
  pairs.resize(kept);
}

std::vector<TrafficPhase> aggregate(const CollectiveSchedule& schedule, const Group& group) {
  std::vector<std::uint32_t> node_of(group.places.size(), ~0u);  // of switches between nodes: none
  for (std::size_t k = 0; k < group.nodes.size(); ++k) {
    for (std::uint32_t rank : group.nodes[k].ranks) node_of[rank] = static_cast<std::uint32_t>(k);
    if (group.in_switch()) node_of[group.adder(k)] = node_of[group.multicaster(k)] = static_cast<std::uint32_t>(k);
  }
  std::vector<TrafficPhase> phases;
  std::vector<std::size_t> merged;  // pairs of each phase after its last merge
  for (const Round& round : schedule.rounds) {
    if (phases.size() <= round.phase) {
      phases.resize(round.phase + 1);
      merged.resize(round.phase + 1, 0);
    }
    TrafficPhase& phase = phases[round.phase];
    if (!round.sends.empty() &&
        std::all_of(round.sends.begin(), round.sends.end(), [](const Send& s) { return s.local(); }))
      continue;
    ++phase.rounds;
    phase.posts += round.posts;
    if (std::any_of(round.sends.begin(), round.sends.end(),
                    [&](const Send& s) { return node_of[s.from] != node_of[s.to]; })) {
      ++phase.node_rounds;
      phase.node_posts += round.node_posts;
    }
    RoundTraffic alone;
    for (const Send& send : round.sends)
      if (!send.local()) alone.pairs.push_back({send.from, send.to, schedule.share_of(send), 1});
    phase.pairs.insert(phase.pairs.end(), alone.pairs.begin(), alone.pairs.end());
    if (schedule.lockstep || group.one_node()) {
      merge_pairs(alone.pairs);
      phase.each.push_back(std::move(alone));
    }
    if (phase.pairs.size() < 2 * merged[round.phase] + 4096) continue;  // merging now and then keeps memory small
    merge_pairs(phase.pairs);
    merged[round.phase] = phase.pairs.size();
  }
  for (TrafficPhase& phase : phases) {
    merge_pairs(phase.pairs);
    phase.lockstep = schedule.lockstep;
    if (phase.each.size() == 1) phase.each.clear();
  }
  return phases;
}

}  // namespace orrery
