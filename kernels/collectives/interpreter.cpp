#include "kernels/collectives/interpreter.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sim/error.hpp"

namespace orrery {

namespace {

using Buffer = std::vector<std::int64_t>;

constexpr std::int64_t nothing = -1'000'000'007;  // what a rank holds where it has no data

std::int64_t value(std::uint32_t rank, std::size_t element) {
  return static_cast<std::int64_t>(rank + 1) * 1000003 + static_cast<std::int64_t>(element * element % 9973);
}

class Machine {
 public:
  Machine(CollectiveKind kind, const CollectiveSchedule& schedule, std::size_t elements)
      : kind_(kind),
        s_(schedule),
        elements_(elements),
        held_(s_.ranks + s_.switches, Buffer(elements * (s_.chunks + s_.extra) / s_.chunks, nothing)) {
    for (std::uint32_t w = s_.ranks; w < s_.ranks + s_.switches; ++w) held_[w].assign(elements, 0);
    for (std::uint32_t r = 0; r < s_.ranks; ++r)
      for (std::size_t c = 0; c < s_.chunks; ++c)
        for (std::size_t e = begin(c); e < begin(c + 1); ++e)
          held_[r][e] = holds_at_start(r, c) ? value(r, e) : nothing;
    sums_.resize(elements, 0);
    for (std::size_t e = 0; e < elements; ++e)
      for (std::uint32_t r = 0; r < s_.ranks; ++r) sums_[e] += value(r, e);
  }

  void run(LeftOut left_out) {
    for (std::size_t t = 0; t < s_.rounds.size(); ++t) {
      const auto& sends = s_.rounds[t].sends;
      in_flight_.clear();
      for (const Send& send : sends)
        in_flight_.insert(in_flight_.end(), at(send.from, send.chunk), at(send.from, send.chunk + send.chunks));
      auto arriving = in_flight_.begin();
      for (std::size_t i = 0; i < sends.size(); ++i) {
        const std::uint32_t target = sends[i].target();
        const auto first = at(sends[i].to, target), last = at(sends[i].to, target + sends[i].chunks);
        const bool skip = t == left_out.round && i == left_out.send;
        for (auto element = first; element != last; ++element, ++arriving)
          if (!skip) *element = sends[i].action == SendAction::reduce ? *element + *arriving : *arriving;
      }
    }
  }

  std::optional<std::string> fault() const {
    for (std::uint32_t r = 0; r < s_.ranks; ++r)
      for (std::size_t c = 0; c < s_.chunks; ++c) {
        const bool sum = wants_sum(r, c);
        const auto from = sum ? std::nullopt : wanted_from(r, c);
        if (!sum && !from) continue;
        for (std::size_t e = begin(c); e < begin(c + 1); ++e) {
          const std::int64_t wanted = sum ? sums_[e] : value(*from, e);
          if (held_[r][e] == wanted) continue;
          return fmt::format("rank {} ends without {} in chunk {} of {}", r,
                             sum ? "the sum over all ranks" : fmt::format("the data of rank {}", *from), c, s_.chunks);
        }
      }
    return std::nullopt;
  }

 private:
  std::size_t begin(std::size_t chunk) const { return elements_ * chunk / s_.chunks; }
  Buffer::iterator at(std::uint32_t participant, std::size_t chunk) {
    return held_[participant].begin() + static_cast<std::ptrdiff_t>(begin(chunk));
  }
  // Into which what one rank of an all-to-all sends another is cut.
  std::size_t parts() const {
    return std::max<std::size_t>(1, s_.chunks / (static_cast<std::size_t>(s_.ranks) * s_.ranks));
  }
  // Of a chunk in reduce-scatter, all-gather, gather, scatter.
  std::uint32_t owner(std::size_t chunk) const { return static_cast<std::uint32_t>(chunk / (s_.chunks / s_.ranks)); }

  bool holds_at_start(std::uint32_t rank, std::size_t chunk) const {
    switch (kind_) {
      case CollectiveKind::all_gather:
      case CollectiveKind::gather:
        return owner(chunk) == rank;
      case CollectiveKind::all_to_all:
        return chunk / parts() / s_.ranks == rank;
      case CollectiveKind::broadcast:
      case CollectiveKind::scatter:
        return rank == 0;
      case CollectiveKind::send_receive:  // one message, or a ring of them
        return s_.ranks > 2 || rank == 0;
      default:
        return true;
    }
  }

  // The rank whose value the chunk must show at `rank` in the end; nothing when it does not matter.
  std::optional<std::uint32_t> wanted_from(std::uint32_t rank, std::size_t chunk) const {
    switch (kind_) {
      case CollectiveKind::all_gather:
        return owner(chunk);
      case CollectiveKind::gather:
        return rank == 0 ? std::optional(owner(chunk)) : std::nullopt;
      case CollectiveKind::scatter:
        return owner(chunk) == rank ? std::optional(0u) : std::nullopt;
      case CollectiveKind::all_to_all:
        return chunk / parts() % s_.ranks == rank
                   ? std::optional(static_cast<std::uint32_t>(chunk / parts() / s_.ranks))
                   : std::nullopt;
      case CollectiveKind::broadcast:
        return 0;
      case CollectiveKind::send_receive:
        return s_.ranks == 2 ? 0 : (rank + s_.ranks - 1) % s_.ranks;
      default:
        return std::nullopt;
    }
  }

  bool wants_sum(std::uint32_t rank, std::size_t chunk) const {
    if (kind_ == CollectiveKind::all_reduce) return true;
    if (kind_ == CollectiveKind::reduce) return rank == 0;
    return kind_ == CollectiveKind::reduce_scatter && owner(chunk) == rank;
  }

  CollectiveKind kind_;
  const CollectiveSchedule& s_;
  std::size_t elements_;
  std::vector<Buffer> held_;
  Buffer sums_, in_flight_;
};

std::optional<std::string> unheard(const CollectiveSchedule& s, LeftOut left_out) {
  std::vector<std::vector<bool>> heard(s.ranks, std::vector<bool>(s.ranks, false));
  for (std::uint32_t r = 0; r < s.ranks; ++r) heard[r][r] = true;
  for (std::size_t t = 0; t < s.rounds.size(); ++t) {
    const auto before = heard;
    for (std::size_t i = 0; i < s.rounds[t].sends.size(); ++i) {
      const Send& send = s.rounds[t].sends[i];
      if (t == left_out.round && i == left_out.send) continue;
      for (std::uint32_t r = 0; r < s.ranks; ++r)
        if (before[send.from][r]) heard[send.to][r] = true;
    }
  }
  for (std::uint32_t r = 0; r < s.ranks; ++r)
    for (std::uint32_t other = 0; other < s.ranks; ++other)
      if (!heard[r][other]) return fmt::format("rank {} leaves without having heard of rank {}", r, other);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> wrong_result(CollectiveKind kind, const CollectiveSchedule& schedule, std::size_t elements,
                                        LeftOut left_out) {
  ORRERY_CHECK(schedule.extra == 0 || elements % schedule.chunks == 0, "{} elements in {} slots", elements,
               schedule.chunks);
  if (kind == CollectiveKind::barrier) return unheard(schedule, left_out);
  Machine machine(kind, schedule, elements);
  machine.run(left_out);
  return machine.fault();
}

}  // namespace orrery
