// An even all-to-all on a whole torus or ring without writing every pair. Such a graph looks alike from everywhere and paths
// depend on the way to go only (dimension order, ties spread evenly), so every link of one direction of an axis carries what
// one source puts on all links of that direction together: the pairs of neighbours, each with as many copies as cross their
// link, load the links alike, exactly. A pair with no copies per member shows the longest path.
// Nowhere else: parts of a torus, meshes, failed or slowed links, hashed paths.
#pragma once

#include "kernels/collectives/schedule.hpp"

namespace orrery {

// Every member to every other, `share` each, as pairs of neighbours; empty where they cannot stand for it.
std::vector<PairTraffic> torus_all_pairs(const Group&, double share);

}  // namespace orrery
