// Fewest-hop routing with equal-cost multi-path on any graph, links of no bandwidth left out: for wirings without a regular
// family (custom graphs, imported platforms) and for the way around what has failed. Any part relays, devices too; or only
// switches and the parts of the two nodes at the ends of a flow (no GPU forwards what other nodes say to each other, and no
// host or memory anything).
// Ideal spreading splits a flow at every vertex over the next links of shortest paths in proportion to their bandwidth;
// hashing takes one of them per flow. Distances to a target are found by breadth-first search when first asked for; the
// most recent ones are kept, within 64 MB.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "sim/fabric.hpp"

namespace orrery {

struct EcmpSettings {
  bool ideal = true;
  std::uint64_t seed = 0;  // of the hash
  bool foreign_nodes_relay = true;
};

class EcmpRouter final : public Router {
 public:
  EcmpRouter(const Fabric&, EcmpSettings);
  Seconds route(VertexId from, VertexId to, std::uint64_t flow_key, std::vector<Hop>& hops) const override;
  bool reaches(VertexId from, VertexId to) const;

 private:
  static constexpr std::uint16_t unreached = 0xffff;
  using Distances = std::vector<std::uint16_t>;  // of every vertex to one target

  std::shared_ptr<const Distances> distances_to(VertexId target) const;
  Distances search(VertexId target) const;
  Seconds spread(VertexId from, VertexId to, const Distances&, std::vector<Hop>& hops) const;
  Seconds hash(VertexId from, VertexId to, std::uint64_t key, const Distances&, std::vector<Hop>& hops) const;
  std::vector<std::uint32_t> next_links(std::uint32_t vertex, VertexId to, const Distances&) const;
  bool may_leave_towards(std::uint32_t from, std::uint32_t next, VertexId to) const;

  EcmpSettings settings_;
  std::vector<Link> links_;                          // a copy, so that a Cluster can be moved
  std::vector<std::uint32_t> node_of_;               // by vertex, where foreign nodes do not relay
  std::vector<bool> relays_;                         // by vertex, likewise
  std::vector<std::uint32_t> out_begin_, in_begin_;  // by vertex
  std::vector<std::uint32_t> out_links_, in_links_;  // ascending
  std::size_t most_kept_ = 1;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::uint32_t, std::shared_ptr<const Distances>> known_;  // by target, only looked up
  mutable std::deque<std::uint32_t> order_;                                            // oldest first
};

}  // namespace orrery
