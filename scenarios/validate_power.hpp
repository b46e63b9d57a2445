// A measured average power as the scenario that reproduces it: a known transformer workload on the row's devices, or the
// kernels of a training step of ResNet-50 (models/residual_network.hpp). A row that states its model is a training row. What is
// compared is energy over time of the steady step, by the energy model of kernels/energy.hpp: of the devices alone, or of whole
// nodes with their hosts where the boundary is the node. A board runs under the row's power limit (`power.limit` of the
// device): where that binds, the prediction is about the limit itself, so rows that it does not bind are also summed up alone.
// Not modelled: other convolutional, speech and recommendation networks, decoding, low-rank adaptation; CannotSimulate says so.
#pragma once

#include "scenarios/measured_rules.hpp"
#include "scenarios/run_scenario.hpp"

namespace orrery {

enum class PowerBoundary { device, all_devices, node };

struct MeasuredPower {
  double watts = 0;
  PowerBoundary boundary = PowerBoundary::device;  // what the watts are the mean of
};
// None when the row states no average power.
std::optional<MeasuredPower> measured_power(const MeasuredRow&);

// What the devices within the boundary may draw together; none where the row states no limit or hosts are inside.
std::optional<double> stated_power_limit(const MeasuredRow&, PowerBoundary);

bool is_residual_network(const MeasuredRow&);
struct ResidualNetworkPower {
  std::string device;
  double watts = 0;
};
ResidualNetworkPower residual_network_power(const MeasuredRow&, PowerBoundary, const Library&, RulesUsed&);

// The board of a row as a document, held to the row's limit (of one device) where that is below its own.
Json held_device(const std::string& accelerator, const std::optional<double>& limit, const Library&, RulesUsed&);
// Of the host of the reference node with so many of these accelerators. CannotSimulate where there is none.
std::string host_power(const std::string& accelerator, std::int64_t devices, const Library&);
// Of a workload that the row names; one whose model it states is a training step (measured_scenario.hpp).
Json power_scenario(const MeasuredRow&, PowerBoundary, const Library&, RulesUsed&);
double predicted_power(const ScenarioRun&, PowerBoundary);

}  // namespace orrery
