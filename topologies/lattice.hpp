// k-ary n-dimensional lattices, closed (torus) or open (mesh), and dimension-order routing on them, the shorter way round.
// Vertex number = mixed-radix number of its coordinates, the first dimension varying slowest.
// Twisted: the wrap-around link of every dimension of size k also moves by k in every dimension of size 2k. k x 2k is the
// rectangular twisted torus (Camara et al., IEEE TPDS 2010), k x k x 2k and k x 2k x 2k are the FCC and BCC lattice graphs
// (Camarero et al., IEEE Trans. Computers 2013), as in TPU v4 slices (Jouppi et al., ISCA 2023, section 2.9).
// Where several shortest ways exist that differ in how often they wrap, ideal spreading uses all evenly and hashing one;
// the order of dimensions is always the same.
#pragma once

#include <string>
#include <vector>

#include "sim/fabric.hpp"

namespace orrery {

struct Lattice {
  std::vector<int> sizes, strides;
  bool wraps = true;
  std::vector<std::vector<int>> twist;  // by dimension: what wrapping upwards adds to each coordinate; empty: nothing

  Lattice() = default;
  Lattice(std::vector<int> sizes, bool wraps);
  // Turns it into its twisted form; false where no size is twice another of at least 2, or it does not wrap.
  bool make_twisted();

  int vertices() const;
  int coordinate(int v, std::size_t d) const { return v / strides[d] % sizes[d]; }
  int moved(int v, std::size_t d, int to) const { return v + (to - coordinate(v, d)) * strides[d]; }
  // -1 past the edge of an open lattice.
  int neighbour(int v, std::size_t d, int direction) const;
  // Both directions of this dimension lead to the same neighbour over one cable of twice the width.
  bool doubled(std::size_t d) const { return wraps && sizes[d] == 2 && !twisted(d); }
  bool twisted(std::size_t d) const { return !twist.empty() && !twist[d].empty(); }
};

// Steps along every dimension of all shortest ways from one vertex to another of a twisted lattice.
std::vector<std::vector<int>> shortest_ways(const Lattice&, int from, int to);

class LatticePaths {
 public:
  LatticePaths() = default;
  LatticePaths(Lattice lattice, bool ideal, std::uint64_t seed);

  // add(v, next, widths, dimension): makes the cable and returns the number of the link v -> next; the way back is the next
  // number.
  template <class Add> void wire(Add add);
  // Appends the links and returns how many hops one byte makes.
  int route(int from, int to, std::uint64_t key, std::vector<Hop>& hops) const;

 private:
  std::size_t slot(int v, std::size_t d, int direction) const {
    return (static_cast<std::size_t>(v) * lattice_.sizes.size() + d) * 2 + (direction > 0 ? 0 : 1);
  }
  int walk(int v, std::size_t d, int steps, double share, std::vector<Hop>& hops) const;
  int route_twisted(int from, int to, std::uint64_t key, std::vector<Hop>& hops) const;

  Lattice lattice_;
  std::vector<std::uint32_t> link_of_;  // by vertex, dimension, direction
  bool ideal_ = true;
  std::uint64_t seed_ = 0;
};

template <class Add> void LatticePaths::wire(Add add) {
  for (int v = 0; v < lattice_.vertices(); ++v)
    for (std::size_t d = 0; d < lattice_.sizes.size(); ++d) {
      const int next = lattice_.sizes[d] == 1 ? -1 : lattice_.neighbour(v, d, +1);
      const bool doubled = lattice_.doubled(d);
      if (next < 0 || (doubled && lattice_.coordinate(v, d) == 1)) continue;  // its one cable came from the other side
      const std::uint32_t link = add(v, next, doubled ? 2 : 1, d);
      link_of_[slot(v, d, +1)] = link;
      link_of_[slot(next, d, -1)] = link + 1;
      if (!doubled) continue;
      link_of_[slot(v, d, -1)] = link;
      link_of_[slot(next, d, +1)] = link + 1;
    }
}

}  // namespace orrery
