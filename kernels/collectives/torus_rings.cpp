// Multi-dimensional rings on a torus: the buffer is cut into 2 x dimensions parts; part (d, direction) is reduce-scattered
// along dimension d, then d+1, ..., and all-gathered back, so that all links of a device are busy in both directions
// (Jain & Sabharwal, IPDPS 2010; bucket algorithm of Chan et al., Concurrency 19, 2007). Dimensions of unequal length keep
// the links of the longer ones busy longer. Reduce-scatter and all-gather are the halves of it.
// Which rings, and where a twisted torus has lines instead: torus_grid.hpp. On a line every chunk is reduced from both ends
// to its owner.
#include <algorithm>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/torus_grid.hpp"

namespace orrery {

namespace {

// Chunks of a part: one per member, who owns it in the end. Reducing along an axis, a member passes on the chunks of owners
// that are due on this axis, are on its own lines of all axes already reduced, and anywhere on later ones.
class Writer {
 public:
  Writer(const Group& group, bool by_owner, std::uint32_t parts)
      : ranks_(group.ranks), by_owner_(by_owner), parts_(parts) {}

  // The reduce-scatter of one part.
  std::vector<Round> reduce_scatter(const TorusGrid& grid, std::uint32_t part, bool forward) {
    std::vector<Round> rounds;
    RankList owners(ranks_);
    for (std::uint32_t r = 0; r < ranks_; ++r) owners[grid.label[r]] = r;
    for (std::size_t i = 0; i < grid.axes.size(); ++i) {
      const TorusAxis& axis = grid.axes[i];
      for (std::uint32_t t = 0; t + 1 < axis.size; ++t) {
        Round& round = rounds.emplace_back();
        for (std::uint32_t rank : owners) {
          const std::uint32_t mine = axis.place[rank], n = axis.size;
          const auto pass = [&](std::uint32_t to, std::uint32_t due) {
            send(round, grid, owners, part, i, rank, to, due);
          };
          if (axis.closed && forward) pass(axis.next[rank], (mine + 2 * n - t - 1) % n);
          if (axis.closed && !forward) pass(axis.before[rank], (mine + t + 1) % n);
          if (axis.closed) continue;
          // From each end, so that all arrive in the last round.
          if (t >= mine && mine + 1 < n) pass(axis.next[rank], n - 1 + mine - t);
          if (t >= n - 1 - mine && mine > 0) pass(axis.before[rank], t - (n - 1 - mine));
        }
      }
    }
    return rounds;
  }

 private:
  void send(Round& round, const TorusGrid& grid, const RankList& owners, std::uint32_t part, std::size_t i,
            std::uint32_t from, std::uint32_t to, std::uint32_t due) {
    for (std::uint32_t owner : owners) {
      bool wanted = grid.axes[i].place[owner] == due;
      for (std::size_t done = 0; done < i && wanted; ++done)
        wanted = grid.axes[done].place[owner] == grid.axes[done].place[from];
      if (!wanted) continue;
      const std::uint32_t chunk = by_owner_ ? owner * parts_ + part : part * ranks_ + grid.label[owner];
      auto& sends = round.sends;
      if (!sends.empty() && sends.back().from == from && sends.back().to == to &&
          sends.back().chunk + sends.back().chunks == chunk)
        ++sends.back().chunks;
      else
        sends.push_back({from, to, chunk, 1, SendAction::reduce});
    }
  }

  std::uint32_t ranks_;
  bool by_owner_;
  std::uint32_t parts_;
};

void append(CollectiveSchedule& schedule, std::size_t first, const std::vector<Round>& rounds) {
  if (schedule.rounds.size() < first + rounds.size()) schedule.rounds.resize(first + rounds.size());
  for (std::size_t r = 0; r < rounds.size(); ++r) {
    auto& sends = schedule.rounds[first + r].sends;
    sends.insert(sends.end(), rounds[r].sends.begin(), rounds[r].sends.end());
  }
}

std::vector<Round> gathered(std::vector<Round> rounds) {
  CollectiveSchedule schedule;
  schedule.rounds = std::move(rounds);
  return mirrored(std::move(schedule), SendAction::copy).rounds;
}

// Hops are unlike where rings are closed through members left out: a chunk goes along one axis after the other.
LongestWay way_over(std::vector<TorusGrid> grids, double passes) {
  return [grids = std::move(grids), passes](const HopDelay& delay) {
    double longest = 0;
    for (const TorusGrid& grid : grids) {
      double sum = 0;
      for (const TorusAxis& axis : grid.axes) {
        double most = 0;
        for (const RankList* step : {&axis.next, &axis.before})
          for (std::uint32_t start = 0; start < step->size(); ++start) {
            double along = 0;
            for (std::uint32_t hop = 0, at = start; hop + 1 < axis.size; ++hop, at = (*step)[at])
              along += delay(at, (*step)[at]);
            most = std::max(most, along);
          }
        sum += most;
      }
      longest = std::max(longest, sum);
    }
    return passes * longest;
  };
}

}  // namespace

bool torus_rings_supports(CollectiveKind kind, const Group& group) {
  return (kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter ||
          kind == CollectiveKind::all_gather) &&
         torus_orders(group) > 0;
}

// The halves wait for measurements of training on slices that tell them from rings over all members.
bool torus_rings_considered(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_reduce && torus_rings_supports(kind, group);
}

CollectiveSchedule torus_rings_schedule(CollectiveKind kind, const Group& group) {
  const auto orders = static_cast<std::uint32_t>(torus_orders(group));
  const bool whole = kind == CollectiveKind::all_reduce;
  CollectiveSchedule schedule;
  schedule.ranks = group.ranks;
  schedule.chunks = 2 * orders * group.ranks;
  schedule.chunk_share = 1.0 / schedule.chunks;
  Writer writer(group, !whole, 2 * orders);
  for (std::uint32_t first = 0; first < orders; ++first) {
    const TorusGrid grid = torus_grid(group, first);
    for (std::uint32_t way = 0; way < 2; ++way) {
      const std::vector<Round> reduced = writer.reduce_scatter(grid, 2 * first + way, way == 0);
      if (kind != CollectiveKind::all_gather) append(schedule, 0, reduced);
      if (kind != CollectiveKind::reduce_scatter) append(schedule, whole ? reduced.size() : 0, gathered(reduced));
    }
  }
  return schedule;
}

std::vector<TrafficPhase> torus_rings_traffic(CollectiveKind kind, const Group& group) {
  TrafficPhase phase;
  const std::size_t orders = torus_orders(group);
  const bool reduces = kind != CollectiveKind::all_gather, gathers = kind != CollectiveKind::reduce_scatter;
  std::vector<TorusGrid> grids;
  for (std::size_t first = 0; first < orders; ++first) {
    const TorusGrid& grid = grids.emplace_back(torus_grid(group, first));
    double left = 1.0 / static_cast<double>(2 * orders);  // of the buffer: one way's part of this order
    std::uint32_t rounds = 0;
    for (const TorusAxis& axis : grid.axes) {
      const double n = axis.size;
      rounds += axis.size - 1;
      for (std::uint32_t rank = 0; rank < group.ranks; ++rank) {
        // Of both ways' parts: what goes to the next one and to the one before while reducing; gathering, the same comes back.
        const double place = axis.place[rank];
        const double on = left * (axis.closed ? (n - 1) / n : 2 * (n - 1 - place) / n);
        const double back = left * (axis.closed ? (n - 1) / n : 2 * place / n);
        const auto add = [&](std::uint32_t to, double share) {
          if (share > 0 && reduces) phase.pairs.push_back({rank, to, share, 1});
          if (share > 0 && gathers) phase.pairs.push_back({to, rank, share, 1});
        };
        add(axis.next[rank], on);
        add(axis.before[rank], back);
      }
      left /= n;
    }
    phase.rounds = std::max(phase.rounds, rounds * (reduces && gathers ? 2 : 1));
  }
  merge_pairs(phase.pairs);
  post_once_a_round(phase);
  phase.longest = way_over(std::move(grids), reduces && gathers ? 2 : 1);
  return {phase};
}

}  // namespace orrery
