// Which transfers a collective becomes on the wired machine. The algorithm sees the fabric and its nested domains only.
// Buffer convention (as nccl-tests): `bytes` is the larger of the send and receive buffer of one rank: the full vector for
// all-reduce, reduce-scatter (its input), all-gather (its output), broadcast; all-to-all: what one rank sends in all, its
// part to itself included.
// A plan is a list of steps executed one after the other. Detail `flow` gives one step with one flow per neighbour and the
// number of rounds; detail `step` gives every round of the schedule, which waits for all its sends. Their times agree where
// an algorithm waits after every round anyway; where pieces follow each other through unlike rounds `step` is an upper bound
// (docs/topologies.md has the ratios).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/program.hpp"
#include "sim/routes.hpp"

namespace orrery {

enum class CollectiveDetail : std::uint8_t { flow, step };

struct UserSchedule;

struct CollectiveRequest {
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::vector<DeviceId> members;  // in rank order
  Bytes bytes{0};
  std::string algorithm = "auto";  // or a row of the collective catalog: "ring", "tree", ...
  CollectiveDetail detail = CollectiveDetail::flow;
  std::string protocol = "auto";  // or ll, ll128, simple
  // Uneven all-to-all: the shares of `bytes` that go to each rank, n numbers for all senders alike (expert popularity) or
  // n x n, a row per sender. Empty: 1/n each.
  std::vector<double> shares = {};
  std::shared_ptr<const UserSchedule> user = {};  // run instead of `algorithm` (see user_schedule.hpp)
};

struct CollectiveStep {
  std::vector<Flow> flows;  // shares of `bytes`; empty for a group of one
  double bytes = 0;
  double efficiency = 1;  // rate that the library's kernels reach over the links' own
  std::uint32_t rounds = 0;
  Seconds setup{0};  // launch and protocol time before and between rounds
};

struct CollectivePlan {
  std::string algorithm, protocol, why;
  std::vector<CollectiveStep> steps;  // flows depend on (kind, members, algorithm, protocol) only, never on bytes
};

CollectivePlan plan_collective(const Cluster&, const CollectiveRequest&);

// Time of one step that shares no link with others; of all steps of a plan, one after the other.
Seconds time_alone(const CollectiveStep&, const RoutedPattern&);
Seconds time_alone(const Cluster&, const CollectivePlan&);

}  // namespace orrery
