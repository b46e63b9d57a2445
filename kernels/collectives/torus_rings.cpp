// Multi-dimensional rings on a torus: the buffer is cut into 2 x dimensions parts; part (d, direction) is reduce-scattered
// along dimension d, then d+1, ..., and all-gathered back, so that all links of a device are busy in both directions
// (Jain & Sabharwal, IPDPS 2010; bucket algorithm of Chan et al., Concurrency 19, 2007). Dimensions of unequal length keep
// the links of the longer ones busy longer. Group: all members of a box of the torus, any subset of coordinates per
// dimension.
#include <algorithm>
#include <set>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

namespace {

struct Box {
  std::vector<std::vector<int>> coordinates;  // per dimension with more than one, sorted
  std::vector<std::size_t> axes;              // which dimensions those are
  std::vector<std::uint32_t> rank_at;         // by mixed-radix position over the axes
  std::vector<std::size_t> strides;
  bool valid = false;
};

Box box_of(const Group& group) {
  Box box;
  const Domain* domain = group.scale_up();
  if (!domain || domain->dimensions.empty() || group.ranks < 2) return box;
  const std::size_t axes = domain->dimensions.size();
  std::vector<std::size_t> strides(axes, 1);
  for (std::size_t d = axes; d-- > 1;) strides[d - 1] = strides[d] * static_cast<std::size_t>(domain->dimensions[d]);
  const std::size_t first = domain->members.front().index();
  const auto coordinate = [&](std::uint32_t rank, std::size_t d) {
    return static_cast<int>((group.members[rank].index() - first) / strides[d] %
                            static_cast<std::size_t>(domain->dimensions[d]));
  };
  std::size_t volume = 1;
  for (std::size_t d = 0; d < axes; ++d) {
    std::set<int> seen;
    for (std::uint32_t r = 0; r < group.ranks; ++r) seen.insert(coordinate(r, d));
    if (seen.size() < 2) continue;
    box.coordinates.emplace_back(seen.begin(), seen.end());
    box.axes.push_back(d);
    volume *= seen.size();
  }
  if (volume != group.ranks) return box;
  box.strides.assign(box.axes.size(), 1);
  for (std::size_t a = box.axes.size(); a-- > 1;) box.strides[a - 1] = box.strides[a] * box.coordinates[a].size();
  box.rank_at.assign(volume, 0);
  for (std::uint32_t r = 0; r < group.ranks; ++r) {
    std::size_t position = 0;
    for (std::size_t a = 0; a < box.axes.size(); ++a) {
      const auto& all = box.coordinates[a];
      position += box.strides[a] *
                  static_cast<std::size_t>(std::lower_bound(all.begin(), all.end(), coordinate(r, box.axes[a])) -
                                           all.begin());
    }
    box.rank_at[position] = r;
  }
  box.valid = true;
  return box;
}

// Chunks of a part: one per position of the box. Reducing along axis a in step t, a member passes on the chunks whose
// coordinate on that axis is due, for all axes already reduced fixed to its own and all later ones free.
class Writer {
 public:
  Writer(const Box& box, CollectiveSchedule& schedule) : box_(box), schedule_(schedule) {}

  void part(std::uint32_t part, std::size_t first_axis, bool forward) {
    std::size_t round = 0;
    const std::size_t axes = box_.axes.size();
    for (std::size_t i = 0; i < axes; ++i) along(part, first_axis, i, forward, true, round);
    for (std::size_t i = axes; i-- > 0;) along(part, first_axis, i, forward, false, round);
  }

 private:
  std::size_t size(std::size_t axis) const { return box_.coordinates[axis].size(); }
  std::size_t at(std::size_t position, std::size_t axis) const { return position / box_.strides[axis] % size(axis); }

  void along(std::uint32_t part, std::size_t first_axis, std::size_t order, bool forward, bool reduce,
             std::size_t& round) {
    const std::size_t axes = box_.axes.size(), axis = (first_axis + order) % axes, n = size(axis);
    for (std::size_t t = 0; t + 1 < n; ++t, ++round) {
      if (schedule_.rounds.size() <= round) schedule_.rounds.emplace_back();
      for (std::size_t p = 0; p < box_.rank_at.size(); ++p) {
        const std::size_t mine = at(p, axis), step = forward ? 1 : n - 1;
        const std::size_t to = p + ((mine + step) % n) * box_.strides[axis] - mine * box_.strides[axis];
        const std::size_t back = t + (reduce ? 1 : 0);  // how far behind the chunk's owner is
        const std::size_t due = forward ? (mine + 2 * n - back) % n : (mine + back) % n;
        send_chunks(part, first_axis, order, p, to, axis, due, reduce, round);
      }
    }
  }

  void send_chunks(std::uint32_t part, std::size_t first_axis, std::size_t order, std::size_t p, std::size_t to,
                   std::size_t axis, std::size_t due, bool reduce, std::size_t round) {
    const auto volume = static_cast<std::uint32_t>(box_.rank_at.size());
    for (std::uint32_t chunk = 0; chunk < volume; ++chunk) {
      bool wanted = at(chunk, axis) == due;
      for (std::size_t i = 0; i < order && wanted; ++i) {
        const std::size_t done = (first_axis + i) % box_.axes.size();
        wanted = at(chunk, done) == at(p, done);
      }
      if (!wanted) continue;
      auto& sends = schedule_.rounds[round].sends;
      const std::uint32_t index = part * volume + chunk;
      const std::uint32_t from = box_.rank_at[p], target = box_.rank_at[to];
      if (!sends.empty() && sends.back().from == from && sends.back().to == target &&
          sends.back().chunk + sends.back().chunks == index)
        ++sends.back().chunks;
      else
        sends.push_back({from, target, index, 1, reduce ? SendAction::reduce : SendAction::copy});
    }
  }

  const Box& box_;
  CollectiveSchedule& schedule_;
};

}  // namespace

bool torus_rings_supports(CollectiveKind kind, const Group& group) {
  if (kind != CollectiveKind::all_reduce || !group.scale_up()) return false;
  const DomainKind wiring = group.scale_up()->kind;
  if (wiring != DomainKind::torus && wiring != DomainKind::mesh && wiring != DomainKind::ring) return false;
  return box_of(group).valid;
}

CollectiveSchedule torus_rings_schedule(CollectiveKind, const Group& group) {
  const Box box = box_of(group);
  CollectiveSchedule schedule;
  schedule.ranks = group.ranks;
  const auto parts = static_cast<std::uint32_t>(2 * box.axes.size());
  schedule.chunks = parts * group.ranks;
  schedule.chunk_share = 1.0 / schedule.chunks;
  Writer writer(box, schedule);
  for (std::uint32_t part = 0; part < parts; ++part) writer.part(part, part / 2, part % 2 == 0);
  return schedule;
}

std::vector<TrafficPhase> torus_rings_traffic(CollectiveKind, const Group& group) {
  const Box box = box_of(group);
  TrafficPhase phase;
  const std::size_t axes = box.axes.size();
  std::vector<double> sent(axes, 0);  // along each axis, one direction, of the whole buffer
  for (std::size_t first = 0; first < axes; ++first) {
    double left = 1;
    for (std::size_t i = 0; i < axes; ++i) {
      const double n = static_cast<double>(box.coordinates[(first + i) % axes].size());
      sent[(first + i) % axes] += 2 * left * (n - 1) / n / static_cast<double>(2 * axes);
      left /= n;
    }
  }
  for (std::size_t p = 0; p < box.rank_at.size(); ++p)
    for (std::size_t a = 0; a < axes; ++a) {
      const std::size_t n = box.coordinates[a].size(), mine = p / box.strides[a] % n;
      for (std::size_t step : {std::size_t{1}, n - 1}) {
        const std::size_t to = p + ((mine + step) % n) * box.strides[a] - mine * box.strides[a];
        phase.pairs.push_back({box.rank_at[p], box.rank_at[to], sent[a], 1});
      }
    }
  merge_pairs(phase.pairs);
  for (const auto& coordinates : box.coordinates)
    phase.rounds += 2 * (static_cast<std::uint32_t>(coordinates.size()) - 1);
  post_once_a_round(phase);
  return {phase};
}

}  // namespace orrery
