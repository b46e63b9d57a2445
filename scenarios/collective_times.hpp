// Predicted times of one collective on one group of devices, size by size: the plan of kernels/collectives, laid onto the
// fabric, its steps one after the other. Alone on the machine the analytic sum of the steps and the flow evaluator agree;
// --fidelity flow runs the steps through the engine all the same. Optical circuits are set for all steps together, which
// may be impossible: over them the analytic evaluator runs the steps too, and refuses what the engine refuses.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/collective_table.hpp"
#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/options.hpp"
#include "sim/routes.hpp"
#include "sim/spec.hpp"

namespace orrery {

// Sizes in bytes as nccl-tests reads them: 8, 64K, 8G (binary prefixes); "8..8G" doubles from the first while not above
// the last; parts are joined by commas. Increasing, without duplicates. Throws std::invalid_argument with what is wrong.
std::vector<double> parse_sizes(std::string_view text);

// Shares of an all-to-all on so many ranks: "0.5,0.25,0.25" (weights of the receivers), "zipf:1.2" (the r-th receiver has
// weight r to the power -1.2), or n x n weights, a row per sender. Scaled so that the busiest sender sends 1 in all.
// Throws std::invalid_argument with what is wrong.
std::vector<double> parse_shares(std::string_view text, std::size_t ranks);

// The first devices of the machine, or equally many of each of the first `nodes` nodes. std::invalid_argument when it has
// fewer.
std::vector<DeviceId> choose_devices(const Cluster&, std::int64_t devices, std::optional<std::int64_t> nodes);
std::size_t node_count(const Cluster&, std::span<const DeviceId>);

enum class CollectiveEvaluator { analytic, flow };

class CollectiveTimes {
 public:
  // Throws std::invalid_argument when the algorithm is unknown or cannot do this collective on this group, saying which
  // can and on how many devices it could.
  CollectiveTimes(const Cluster&, CollectiveRequest, CollectiveEvaluator, const Library&);

  CollectiveRow row(double bytes);
  // What to know of all rows: which algorithms `auto` took from which size on, and links without costs of their own.
  std::vector<std::string> notes(const std::vector<CollectiveRow>&) const;

 private:
  double analytic(const CollectivePlan&);
  double run(const CollectivePlan&, CollectiveEvaluator) const;
  std::optional<RunnerUp> runner_up(const CollectivePlan&) const;

  const Cluster& cluster_;
  CollectiveRequest request_;
  CollectiveEvaluator evaluator_;
  const Library& library_;
  WiredCollective wired_;                                     // the same for all sizes
  std::map<std::string, std::vector<RoutedPattern>> routed_;  // by algorithm and protocol
};

}  // namespace orrery
