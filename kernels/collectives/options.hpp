// What a library may choose from for one collective on one group: an algorithm and a protocol, with everything about its
// time that follows from the wiring. Calibrated numbers come in only when an option is priced, so that fitting them need
// not route again.
// Rounds that overlap in pieces keep the wires busy for bytes x the worse of the two levels' bottlenecks, each over the
// efficiency that the library reaches on it, all rounds' bytes together; in lockstep that holds round by round, and the
// rounds' times add up. Rounds between nodes pay the longest path between nodes, rounds inside nodes, which wait for each
// other along the same chain of sends, the longest inside them. Where hops between nodes are not alike, every round pays the
// shortest, and the longest chain of sends that wait for each other pays what its own hops have beyond that. Rounds in
// lockstep that are known one by one pay their own longest hop each.
#pragma once

#include <string>
#include <vector>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/costs.hpp"
#include "kernels/collectives/user_schedule.hpp"

namespace orrery {

struct LevelLoads {  // s/B of the most loaded link of each level
  double outer = 0, inner = 0;
  double times = 1;  // rounds that load them so, one after the other
};

struct PhaseTerms {
  double outer_rounds = 0, inner_rounds = 0;  // path latencies
  double outer_posts = 0, inner_posts = 0;    // messages whose software cost is paid one after the other
  double latency_s = 0;                       // of one outer round
  double inner_latency_s = 0;                 // of one inner round
  double latencies_s = 0;                     // of rounds paid here and not by the transfer: outer_rounds is 0 then
  double switching_s = 0;                     // of optical circuits, whatever the bytes
  double bottleneck = 0;                      // s/B of all rounds together on the most loaded link
  std::vector<LevelLoads> loads;              // one; in lockstep one for every round
  double largest_share = 0;  // of the buffer: what one tree of switches between nodes adds; 0: none adds
};

struct CollectiveOption {
  const CatalogEntry<CollectiveAlgorithm>* entry = nullptr;  // null for a schedule of the user's own
  std::string algorithm, protocol;
  std::string costs;                   // which algorithm's costs apply
  std::string outer_link, inner_link;  // calibrations; inner is "" when the group lies in one node
  std::string start_link;              // whose launch is paid: the node's own links stand for its devices
  // Where nodes are of different generations.
  std::vector<std::string> other_outer_links, other_inner_links, other_start_links;
  bool outer_is_node = false, start_is_node = false;
  std::vector<PhaseTerms> phases;
};

// Options for `algorithm` ("auto": those a library would weigh). `traffic` gets the phases of each option's algorithm.
// `shares`: see CollectiveRequest.
std::vector<CollectiveOption> collective_options(const Group&, CollectiveKind, const std::string& algorithm,
                                                 std::vector<std::vector<TrafficPhase>>* traffic = nullptr,
                                                 std::span<const double> shares = {});
// What planning one collective over one group needs besides the size of its buffer.
struct WiredCollective {
  Group group;
  std::vector<CollectiveOption> options;           // of a schedule of the user's own the one
  std::vector<std::vector<TrafficPhase>> traffic;  // of each
};
WiredCollective wire_collective(const Cluster&, const CollectiveRequest&);
CollectivePlan plan_collective(const WiredCollective&, const CollectiveRequest&);
// The one option that a schedule of the user's own leaves.
CollectiveOption user_option(const Group&, const UserSchedule&, const std::vector<TrafficPhase>&);
// The schedule of an algorithm with its chunks weighted by uneven shares.
CollectiveSchedule schedule_of(const CollectiveAlgorithm&, CollectiveKind, const Group&,
                               std::span<const double> shares);

struct OptionPrice {
  bool known = false;              // the calibration has this protocol on this link
  double seconds = 0;              // in all
  double start_s = 0;              // launch, root term and local work
  std::vector<double> software_s;  // per phase: of its rounds
  std::vector<double> setup_s;     // per phase: software and the latencies that a transfer does not know of
  std::vector<double> efficiency;  // per phase: reached rate over the rate of its most loaded link
  double outer_efficiency = 1, inner_efficiency = 1;  // of the links of each level
};

OptionPrice price(const CollectiveOption&, const CollectiveCalibration&, double bytes);
// OptionPrice::seconds with the costs looked up; `inner` is null when the group lies in one node.
double price_seconds(const CollectiveOption&, const CollectiveCost& outer, const CollectiveCost* inner, Seconds launch,
                     double bytes);

// What a pattern of the group puts on the two levels.
LevelLoads level_loads(const Group&, const RoutedPattern&);

std::vector<Flow> flows_of(const Group&, const std::vector<PairTraffic>&);

}  // namespace orrery
