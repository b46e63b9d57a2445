#include "kernels/collectives/torus_grid.hpp"

#include <algorithm>
#include <set>

namespace orrery {

namespace {

constexpr std::uint32_t nobody = ~0u;

const Domain* torus_of(const Group& group) {
  const Domain* domain = group.scale_up();
  if (!domain || domain->dimensions.empty() || group.ranks < 2) return nullptr;
  const bool known = domain->kind == DomainKind::torus || domain->kind == DomainKind::mesh ||
                     domain->kind == DomainKind::ring;
  return known ? domain : nullptr;
}

// Places of the wiring, 0 .. product of the sizes - 1, last dimension fastest.
struct Wiring {
  explicit Wiring(const Domain& domain) : sizes(domain.dimensions.begin(), domain.dimensions.end()) {
    strides.assign(sizes.size(), 1);
    for (std::size_t d = sizes.size(); d-- > 1;) strides[d - 1] = strides[d] * sizes[d];
  }
  std::uint32_t coordinate(std::uint32_t place, std::size_t d) const { return place / strides[d] % sizes[d]; }
  std::uint32_t moved(std::uint32_t place, std::size_t d, std::uint32_t steps) const {
    const std::uint32_t now = coordinate(place, d);
    return place - now * strides[d] + (now + steps) % sizes[d] * strides[d];
  }
  // One step along a dimension of a twisted torus (see topologies/lattice.hpp).
  std::uint32_t stepped(std::uint32_t place, std::size_t d) const {
    const bool wraps = coordinate(place, d) + 1 == sizes[d];
    place = moved(place, d, 1);
    for (std::size_t e = 0; wraps && sizes[d] > 1 && e < sizes.size(); ++e)
      if (sizes[e] == 2 * sizes[d]) place = moved(place, e, sizes[d]);
    return place;
  }

  std::vector<std::uint32_t> sizes, strides;
};

RankList places_of(const Group& group, const Domain& domain) {
  RankList places;
  for (DeviceId device : group.members)
    places.push_back(static_cast<std::uint32_t>(device.index() - domain.members.front().index()));
  return places;
}

// Coordinates in use, by dimension; empty: the members are no box.
std::vector<std::vector<std::uint32_t>> box_of(const Wiring& wiring, const RankList& places) {
  std::vector<std::vector<std::uint32_t>> box;
  std::size_t volume = 1;
  for (std::size_t d = 0; d < wiring.sizes.size(); ++d) {
    std::set<std::uint32_t> seen;
    for (std::uint32_t place : places) seen.insert(wiring.coordinate(place, d));
    box.emplace_back(seen.begin(), seen.end());
    volume *= seen.size();
  }
  if (volume != places.size()) box.clear();
  return box;
}

// All of a torus whose last place along some side is wired to the first one shifted.
bool whole_and_twisted(const Group& group, const Domain& domain, const Wiring& wiring) {
  if (domain.kind != DomainKind::torus || group.ranks != domain.members.size()) return false;
  const auto at = [&](std::uint32_t place) { return group.cluster->fabric.vertex_of(domain.members[place]); };
  for (std::size_t d = 0; d < wiring.sizes.size(); ++d) {
    const std::uint32_t last = (wiring.sizes[d] - 1) * wiring.strides[d], on = wiring.stepped(last, d);
    if (on == wiring.moved(last, d, 1)) continue;  // nothing to shift along
    std::vector<Hop> hops;
    group.cluster->router->route(at(last), at(on), 0, hops);
    if (hops.size() == 1) return true;
  }
  return false;
}

std::vector<std::size_t> wide_axes(const std::vector<std::vector<std::uint32_t>>& box) {
  std::vector<std::size_t> axes;
  for (std::size_t d = 0; d < box.size(); ++d)
    if (box[d].size() > 1) axes.push_back(d);
  return axes;
}

RankList rank_at(const Wiring& wiring, const RankList& places) {
  RankList ranks(wiring.sizes[0] * wiring.strides[0], nobody);
  for (std::uint32_t r = 0; r < places.size(); ++r) ranks[places[r]] = r;
  return ranks;
}

TorusAxis straight_axis(const Wiring& wiring, const RankList& places, const RankList& ranks,
                        const std::vector<std::uint32_t>& used, std::size_t d) {
  TorusAxis axis;
  axis.size = static_cast<std::uint32_t>(used.size());
  for (std::uint32_t place : places) {
    const std::uint32_t now = wiring.coordinate(place, d);
    const auto at = static_cast<std::size_t>(std::lower_bound(used.begin(), used.end(), now) - used.begin());
    const auto neighbour = [&](std::size_t steps) {
      const std::uint32_t to = used[(at + steps) % used.size()];
      return ranks[wiring.moved(place, d, to + wiring.sizes[d] - now)];
    };
    axis.place.push_back(static_cast<std::uint32_t>(at));
    axis.next.push_back(neighbour(1));
    axis.before.push_back(neighbour(used.size() - 1));
  }
  return axis;
}

// Steps along dimension d through what `found`, the places reached so far, leaves over.
TorusAxis twisted_axis(const Wiring& wiring, const RankList& places, const RankList& ranks, std::size_t d,
                       std::vector<std::uint32_t>& found, std::vector<TorusAxis>& done) {
  TorusAxis axis;
  std::uint32_t at = 0;
  axis.size = 0;
  do {
    at = wiring.stepped(at, d);
    ++axis.size;
  } while (std::find(found.begin(), found.end(), at) == found.end());
  axis.closed = at == 0;
  axis.place.assign(places.size(), 0);
  const std::size_t before = found.size();
  std::vector<std::uint32_t> line(found);
  for (std::uint32_t step = 1; step < axis.size; ++step)
    for (std::size_t i = 0; i < before; ++i) {
      const std::uint32_t from = ranks[found[i]];
      line[i] = wiring.stepped(line[i], d);
      const std::uint32_t rank = ranks[line[i]];
      found.push_back(line[i]);
      axis.place[rank] = step;
      for (TorusAxis& other : done) other.place[rank] = other.place[from];
    }
  axis.next.assign(places.size(), 0);
  axis.before.assign(places.size(), 0);
  for (std::uint32_t rank = 0; rank < places.size(); ++rank) {
    const std::uint32_t next = ranks[wiring.stepped(places[rank], d)];
    axis.next[rank] = next;
    axis.before[next] = rank;
  }
  return axis;
}

}  // namespace

std::size_t torus_orders(const Group& group) {
  const Domain* domain = torus_of(group);
  if (!domain) return 0;
  return wide_axes(box_of(Wiring(*domain), places_of(group, *domain))).size();
}

TorusGrid torus_grid(const Group& group, std::size_t first) {
  const Domain& domain = *torus_of(group);
  const Wiring wiring(domain);
  const RankList places = places_of(group, domain), ranks = rank_at(wiring, places);
  const auto box = box_of(wiring, places);
  const std::vector<std::size_t> axes = wide_axes(box);
  TorusGrid grid;
  std::vector<std::uint32_t> found{0};
  const bool twisted = whole_and_twisted(group, domain, wiring);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t d = axes[(first + i) % axes.size()];
    TorusAxis axis = twisted ? twisted_axis(wiring, places, ranks, d, found, grid.axes)
                             : straight_axis(wiring, places, ranks, box[d], d);
    if (axis.size > 1) grid.axes.push_back(std::move(axis));
  }
  RankList by_place(group.ranks);
  for (std::uint32_t r = 0; r < group.ranks; ++r) by_place[r] = r;
  std::sort(by_place.begin(), by_place.end(), [&](std::uint32_t a, std::uint32_t b) { return places[a] < places[b]; });
  grid.label.resize(group.ranks);
  for (std::uint32_t i = 0; i < group.ranks; ++i) grid.label[by_place[i]] = i;
  return grid;
}

}  // namespace orrery
