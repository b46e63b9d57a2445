#include "kernels/collectives/schedule.hpp"

#include <algorithm>
#include <unordered_map>

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

namespace {

// By participant, the node of a member or of a node's switch; of switches between nodes none.
std::vector<std::uint32_t> node_of_places(const Group& group) {
  std::vector<std::uint32_t> node_of(group.places.size(), ~0u);
  for (std::size_t k = 0; k < group.nodes.size(); ++k) {
    for (std::uint32_t rank : group.nodes[k].ranks) node_of[rank] = static_cast<std::uint32_t>(k);
    if (group.in_switch()) node_of[group.adder(k)] = node_of[group.multicaster(k)] = static_cast<std::uint32_t>(k);
  }
  return node_of;
}

void count_posts(Round& round, std::uint32_t ranks, const std::vector<std::uint32_t>& node_of) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> messages;
  for (const Send& send : round.sends) messages.emplace_back(send.from, send.to);
  std::sort(messages.begin(), messages.end());
  messages.erase(std::unique(messages.begin(), messages.end()), messages.end());
  std::vector<std::uint32_t> sent(ranks), received(ranks), left(ranks), entered(ranks);
  for (const auto& [from, to] : messages) {
    const bool leaves = node_of[from] != node_of[to];
    ++sent[from], ++received[to];
    left[from] += leaves, entered[to] += leaves;
  }
  const auto most = [](const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
    return std::max(*std::max_element(a.begin(), a.end()), *std::max_element(b.begin(), b.end()));
  };
  round.posts = most(sent, received);
  round.node_posts = most(left, entered);
}

}  // namespace

void drop_empty_sends(CollectiveSchedule& schedule, const Group& group) {
  const std::vector<std::uint32_t> node_of = node_of_places(group);
  for (Round& round : schedule.rounds) {
    std::erase_if(round.sends, [&](const Send& send) { return !(schedule.share_of(send) > 0); });
    if (!round.sends.empty()) count_posts(round, schedule.ranks, node_of);
  }
  std::erase_if(schedule.rounds, [](const Round& round) { return round.sends.empty(); });
  if (!schedule.rounds.empty()) return;
  schedule.rounds.emplace_back().posts = 0;  // a launch that finds nothing to send
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

LongestWay way_round(std::vector<RankList> rings, std::uint32_t hops) {
  return [rings = std::move(rings), hops](const HopDelay& delay) {
    double longest = 0;
    for (const RankList& ring : rings) {
      const std::size_t n = ring.size();
      std::vector<double> hop;  // out of position p
      for (std::size_t p = 0; p < n; ++p) hop.push_back(delay(ring[p], ring[(p + 1) % n]));
      std::vector<double> upto{0};  // before position p, of three laps
      for (std::size_t p = 0; p < 3 * n; ++p) upto.push_back(upto.back() + hop[p % n]);
      for (std::size_t p = 0; p < n; ++p) longest = std::max(longest, upto[p + hops] - upto[p]);
    }
    return longest;
  };
}

namespace {

// A chunk is sent on when it is there, whatever else goes on: the latest arrival of any, with nothing else taking time.
LongestWay way_of(std::vector<std::vector<Send>> rounds) {
  return [rounds = std::move(rounds)](const HopDelay& delay) {
    const auto place = [](std::uint32_t rank, std::uint32_t chunk) { return std::uint64_t{rank} << 32 | chunk; };
    std::unordered_map<std::uint64_t, double> there;  // what is not at once
    std::vector<std::pair<std::uint64_t, double>> arrived;
    double longest = 0;
    for (const std::vector<Send>& sends : rounds) {
      arrived.clear();
      for (const Send& send : sends) {
        const double hop = send.local() ? 0 : delay(send.from, send.to);
        for (std::uint32_t c = 0; c < send.chunks; ++c) {
          const auto held = there.find(place(send.from, send.chunk + c));
          const double at = hop + (held == there.end() ? 0 : held->second);
          if (at > 0) arrived.emplace_back(place(send.to, send.target() + c), at);
        }
      }
      for (const auto& [where, at] : arrived) {
        double& latest = there[where];
        latest = std::max(latest, at);
        longest = std::max(longest, latest);
      }
    }
    return longest;
  };
}

std::uint32_t posts_that_leave(const Round& round, const std::vector<std::uint32_t>& node_of) {
  if (round.posts_by_part.empty()) return round.node_posts;
  std::uint32_t most = 0;
  for (const Round::PostsTo& part : round.posts_by_part)
    if (node_of[part.from] != node_of[part.to]) most = std::max(most, part.posts);
  return most;
}

}  // namespace

std::vector<TrafficPhase> aggregate(const CollectiveSchedule& schedule, const Group& group) {
  const std::vector<std::uint32_t> node_of = node_of_places(group);
  std::vector<TrafficPhase> phases;
  std::vector<std::size_t> merged;                    // pairs of each phase after its last merge
  std::vector<std::vector<std::vector<Send>>> sends;  // by phase and round, where rounds overlap
  for (const Round& round : schedule.rounds) {
    if (phases.size() <= round.phase) {
      phases.resize(round.phase + 1);
      merged.resize(round.phase + 1, 0);
      sends.resize(round.phase + 1);
    }
    TrafficPhase& phase = phases[round.phase];
    if (!schedule.lockstep) sends[round.phase].push_back(round.sends);
    if (!round.sends.empty() &&
        std::all_of(round.sends.begin(), round.sends.end(), [](const Send& s) { return s.local(); }))
      continue;
    ++phase.rounds;
    phase.posts += round.posts;
    if (std::any_of(round.sends.begin(), round.sends.end(),
                    [&](const Send& s) { return node_of[s.from] != node_of[s.to]; })) {
      ++phase.node_rounds;
      phase.node_posts += posts_that_leave(round, node_of);
    }
    RoundTraffic alone;
    for (const Send& send : round.sends)
      if (!send.local()) alone.pairs.push_back({send.from, send.to, schedule.share_of(send), 1});
    phase.pairs.insert(phase.pairs.end(), alone.pairs.begin(), alone.pairs.end());
    if (schedule.lockstep) {
      merge_pairs(alone.pairs);
      phase.each.push_back(std::move(alone));
    }
    if (phase.pairs.size() < 2 * merged[round.phase] + 4096) continue;  // merging now and then keeps memory small
    merge_pairs(phase.pairs);
    merged[round.phase] = phase.pairs.size();
  }
  for (std::size_t i = 0; i < phases.size(); ++i) {
    TrafficPhase& phase = phases[i];
    merge_pairs(phase.pairs);
    phase.lockstep = schedule.lockstep;
    if (!schedule.lockstep) phase.longest = way_of(std::move(sends[i]));
    if (phase.each.size() == 1) phase.each.clear();
  }
  return phases;
}

}  // namespace orrery
