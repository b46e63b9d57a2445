// Proof by execution: every schedule of every algorithm, run on real integers, gives every rank the right result.
#include <cmath>
#include <numeric>
#include <optional>

#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

using Buffer = std::vector<std::int64_t>;

constexpr std::int64_t nothing = -1'000'000'007;  // what a rank holds where it has no data

struct Grid {  // element range of each chunk: chunks of an odd buffer differ by one element
  std::size_t elements, chunks;
  std::size_t begin(std::size_t chunk) const { return elements * chunk / chunks; }
};

std::int64_t value(std::uint32_t rank, std::size_t element) {
  return static_cast<std::int64_t>(rank + 1) * 1000003 + static_cast<std::int64_t>(element * element % 9973);
}

bool is_reduction(CollectiveKind kind) {
  return kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::reduce;
}

// The rank that owns a chunk in reduce-scatter, all-gather, gather, scatter.
std::uint32_t owner(const Schedule& s, std::size_t chunk) {
  return static_cast<std::uint32_t>(chunk / (s.chunks / s.ranks));
}

bool holds_at_start(CollectiveKind kind, const Schedule& s, std::uint32_t rank, std::size_t chunk) {
  switch (kind) {
    case CollectiveKind::all_gather:
    case CollectiveKind::gather:
      return owner(s, chunk) == rank;
    case CollectiveKind::all_to_all:
      return chunk / s.ranks == rank;
    case CollectiveKind::broadcast:
    case CollectiveKind::scatter:
    case CollectiveKind::send_receive:
      return rank == 0;
    default:
      return true;
  }
}

// The rank whose value the chunk must show at `rank` in the end; nothing when it does not matter.
std::optional<std::uint32_t> wanted_from(CollectiveKind kind, const Schedule& s, std::uint32_t rank,
                                         std::size_t chunk) {
  switch (kind) {
    case CollectiveKind::all_gather:
      return owner(s, chunk);
    case CollectiveKind::gather:
      return rank == 0 ? std::optional(owner(s, chunk)) : std::nullopt;
    case CollectiveKind::scatter:
      return owner(s, chunk) == rank ? std::optional(0u) : std::nullopt;
    case CollectiveKind::all_to_all:
      return chunk % s.ranks == rank ? std::optional(static_cast<std::uint32_t>(chunk / s.ranks)) : std::nullopt;
    case CollectiveKind::broadcast:
    case CollectiveKind::send_receive:
      return 0;
    default:
      return std::nullopt;
  }
}

bool wants_sum(CollectiveKind kind, const Schedule& s, std::uint32_t rank, std::size_t chunk) {
  if (kind == CollectiveKind::all_reduce) return true;
  if (kind == CollectiveKind::reduce) return rank == 0;
  return kind == CollectiveKind::reduce_scatter && owner(s, chunk) == rank;
}

struct Skip {  // one send left out
  std::size_t round = ~std::size_t{0}, send = 0;
};

std::vector<Buffer> execute(CollectiveKind kind, const Schedule& s, const Grid& grid, Skip skip = {}) {
  std::vector<Buffer> held(s.ranks + s.switches, Buffer(grid.elements, 0));
  for (std::uint32_t r = 0; r < s.ranks; ++r)
    for (std::size_t c = 0; c < s.chunks; ++c)
      for (std::size_t e = grid.begin(c); e < grid.begin(c + 1); ++e)
        held[r][e] = holds_at_start(kind, s, r, c) ? value(r, e) : nothing;
  for (std::size_t t = 0; t < s.rounds.size(); ++t) {
    const auto& sends = s.rounds[t].sends;
    std::vector<Buffer> in_flight;
    for (const Send& send : sends)
      in_flight.emplace_back(
          held[send.from].begin() + static_cast<std::ptrdiff_t>(grid.begin(send.chunk)),
          held[send.from].begin() + static_cast<std::ptrdiff_t>(grid.begin(send.chunk + send.chunks)));
    for (std::size_t i = 0; i < sends.size(); ++i) {
      if (t == skip.round && i == skip.send) continue;
      for (std::size_t e = 0; e < in_flight[i].size(); ++e) {
        auto& target = held[sends[i].to][grid.begin(sends[i].chunk) + e];
        target = sends[i].action == SendAction::reduce ? target + in_flight[i][e] : in_flight[i][e];
      }
    }
  }
  return held;
}

bool correct(CollectiveKind kind, const Schedule& s, const Grid& grid, const std::vector<Buffer>& held) {
  for (std::uint32_t r = 0; r < s.ranks; ++r)
    for (std::size_t c = 0; c < s.chunks; ++c)
      for (std::size_t e = grid.begin(c); e < grid.begin(c + 1); ++e) {
        if (is_reduction(kind)) {
          if (!wants_sum(kind, s, r, c)) continue;
          std::int64_t sum = 0;
          for (std::uint32_t other = 0; other < s.ranks; ++other) sum += value(other, e);
          if (held[r][e] != sum) return false;
        } else if (const auto from = wanted_from(kind, s, r, c); from && held[r][e] != value(*from, e)) {
          return false;
        }
      }
  return true;
}

std::vector<std::pair<std::string, Cluster>> machines(std::uint32_t ranks) {
  std::vector<std::pair<std::string, Cluster>> all;
  const int n = static_cast<int>(ranks);
  NodeModel sharp = node_of("switch", n);
  sharp.scale_up.in_network_reduction = true;
  all.emplace_back("switch", build_cluster(nodes_of(sharp, 1, "none")));
  if (n > 1 && n <= 36) all.emplace_back("full mesh", build_cluster(nodes_of(node_of("full-mesh", n), 1, "none")));
  NodeModel eight = switch_node(8, 8);
  eight.scale_up.in_network_reduction = true;
  if (n > 8) all.emplace_back("nodes of 8", build_cluster(nodes_of(eight, (n + 7) / 8, "single-switch")));
  if (n > 4)
    all.emplace_back("nodes of 4, 2 NICs", build_cluster(nodes_of(switch_node(4, 2), (n + 3) / 4, "single-switch")));
  for (int a = 2; a * a <= n; ++a)
    if (n % a == 0)
      all.emplace_back("torus of " + std::to_string(a),
                       build_cluster(nodes_of(node_of("torus", n, {a, n / a}, 4), 1, "none")));
  if (n % 8 == 0)
    all.emplace_back("3D torus", build_cluster(nodes_of(node_of("torus", n, {2, n / 4, 2}, 6), 1, "none")));
  return all;
}

// Ranks in an order that is not the wiring's.
Group shuffled_members(const Cluster& cluster, std::uint32_t ranks) {
  std::vector<DeviceId> members;
  for (std::uint32_t r = 0; r < ranks; ++r) members.emplace_back(r % 2 == 0 ? r / 2 : ranks - 1 - r / 2);
  return make_group(cluster, members);
}

constexpr CollectiveKind kinds[] = {
    CollectiveKind::all_reduce, CollectiveKind::reduce_scatter, CollectiveKind::all_gather,
    CollectiveKind::broadcast,  CollectiveKind::reduce,         CollectiveKind::all_to_all,
    CollectiveKind::gather,     CollectiveKind::scatter,        CollectiveKind::send_receive};

template <class Check> void for_all_schedules(std::span<const std::uint32_t> sizes, Check check) {
  for (std::uint32_t n : sizes)
    for (const auto& [name, cluster] : machines(n)) {
      const Group group = shuffled_members(cluster, n);
      for (const auto& entry : collective_catalog())
        for (CollectiveKind kind : kinds) {
          if (!entry.value.supports(kind, group)) continue;
          INFO(entry.name << " " << collective_names[static_cast<std::size_t>(kind)] << " of " << n << " on " << name);
          check(entry.value, kind, group);
        }
    }
}

std::vector<std::uint32_t> up_to(std::uint32_t most) {
  std::vector<std::uint32_t> sizes(most - 1);
  std::iota(sizes.begin(), sizes.end(), 2u);
  return sizes;
}

}  // namespace

TEST_CASE("every schedule gives every rank the right result at every group size and odd buffer sizes") {
  std::vector<std::uint32_t> sizes = up_to(33);
  sizes.insert(sizes.end(), {64, 100, 128});
  for_all_schedules(sizes, [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const Schedule s = algorithm.schedule(kind, group);
    for (std::size_t elements : {std::size_t{1}, std::size_t{37}, s.chunks + std::size_t{1}}) {
      const Grid grid{elements, s.chunks};
      REQUIRE(correct(kind, s, grid, execute(kind, s, grid)));
    }
  });
}

TEST_CASE("a schedule with one send left out gives a wrong result") {
  const std::vector<std::uint32_t> sizes = {2, 3, 4, 7, 8, 16, 17};
  for_all_schedules(sizes, [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const Schedule s = algorithm.schedule(kind, group);
    const Grid grid{s.chunks * std::size_t{1}, s.chunks};
    for (std::size_t t = 0; t < s.rounds.size(); ++t)
      for (std::size_t i = 0; i < s.rounds[t].sends.size(); i += 1 + s.rounds[t].sends.size() / 3)
        REQUIRE_FALSE(correct(kind, s, grid, execute(kind, s, grid, {t, i})));
  });
}

TEST_CASE("the traffic of every algorithm is the sum of its schedule's sends") {
  std::vector<std::uint32_t> sizes = up_to(33);
  sizes.push_back(64);
  for_all_schedules(sizes, [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const auto closed = traffic_of(algorithm, kind, group);
    const auto summed = aggregate(algorithm.schedule(kind, group), group);
    REQUIRE(closed.size() == summed.size());
    for (std::size_t p = 0; p < closed.size(); ++p) {
      CHECK(closed[p].rounds == summed[p].rounds);
      REQUIRE(closed[p].pairs.size() == summed[p].pairs.size());
      for (std::size_t i = 0; i < closed[p].pairs.size(); ++i) {
        REQUIRE(closed[p].pairs[i].from == summed[p].pairs[i].from);
        REQUIRE(closed[p].pairs[i].to == summed[p].pairs[i].to);
        REQUIRE(closed[p].pairs[i].share == Approx(summed[p].pairs[i].share).epsilon(1e-12));
      }
    }
  });
}

TEST_CASE("bandwidth-optimal algorithms send the least bytes that any can") {
  for_all_schedules(up_to(33), [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const auto optimal = [&](std::string_view name) { return &algorithm == &find(collective_catalog(), name)->value; };
    const double n = group.ranks;
    const bool power = std::has_single_bit(group.ranks);
    if (!(optimal("ring") || optimal("direct") || optimal("torus-rings") || (optimal("halving-doubling") && power)))
      return;
    std::vector<double> sent(group.ranks, 0);
    for (const TrafficPhase& phase : traffic_of(algorithm, kind, group))
      for (const PairTraffic& pair : phase.pairs) sent[pair.from] += pair.share;
    const double most = *std::max_element(sent.begin(), sent.end());
    if (kind == CollectiveKind::all_reduce) CHECK(most == Approx(2 * (n - 1) / n));
    if (kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::all_gather ||
        kind == CollectiveKind::all_to_all)
      CHECK(most == Approx((n - 1) / n));
    if (kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce) CHECK(most == Approx(1));
  });
}

TEST_CASE("round counts are the known ones") {
  for_all_schedules(up_to(33), [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const auto is = [&](std::string_view name) { return &algorithm == &find(collective_catalog(), name)->value; };
    const std::uint32_t n = group.ranks, log2 = static_cast<std::uint32_t>(std::bit_width(n) - 1);
    const std::size_t rounds = algorithm.schedule(kind, group).rounds.size();
    if (is("ring") && kind == CollectiveKind::all_reduce) CHECK(rounds == 2 * (n - 1));
    if (is("ring") && (kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter))
      CHECK(rounds == n - 1);
    if (is("halving-doubling") && kind == CollectiveKind::all_reduce)
      CHECK(rounds == 2 * log2 + (std::has_single_bit(n) ? 0 : 2));
    if (is("tree") && group.one_node()) CHECK(rounds == 2 * log2);
    if (is("direct") && kind == CollectiveKind::all_to_all) CHECK(rounds == n - 1);
    if (is("direct") && kind == CollectiveKind::all_reduce) CHECK(rounds == 2);
    if (is("nvls") && kind == CollectiveKind::all_reduce) CHECK(rounds == 4);
  });
}
