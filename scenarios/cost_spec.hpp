// The "cost" section of a scenario: what devices and electricity cost. Defaults, with their dates:
//   rental price   the device's own range (models/hardware/accelerators, "price", dated there); its middle is used
//   amortization   5 years: Amazon, 10-K for 2024, shortened part of its servers from 6 to 5 years as of January 2025;
//                  Alphabet and Microsoft write off over 6, Meta over 5.5 (their 10-K for 2024)
//   electricity    0.08 USD/kWh: US industrial average of 2023, 8.06 cents (EIA, Electric Power Monthly, table 5.3)
//   PUE            1.56: mean of the Uptime Institute's Global Data Center Survey 2024; large new sites publish 1.1 to 1.3
// A purchase price has no default beyond a device's own list price, which leaves out node and building; the switches, NICs
// and cables of the fabric are then added at their own prices (models/hardware/network, dated there), where all have one.
#pragma once

#include <optional>
#include <vector>

#include "analysis/cost.hpp"
#include "sim/cluster.hpp"
#include "sim/network_item.hpp"
#include "sim/spec.hpp"

namespace orrery {

enum class CostBasis { rental, ownership };
template <> struct EnumNames<CostBasis> {
  static constexpr std::array<std::string_view, 2> names = {"rental", "ownership"};
};

struct CostSpec {
  CostBasis basis = CostBasis::rental;
  std::optional<DollarsPerSecond> rental_per_device;  // absent: the device's own range
  std::optional<Dollars> purchase_per_device;  // with its share of node, network and building; absent: list price
  std::optional<Dollars>
      network_per_device;  // share of switches, NICs, cables; absent: in purchase_per_device, if stated
  Seconds amortization{5 * 365 * 86400.0};
  double utilization = 1;  // share of that time in which the machine is paid for by work
  DollarsPerJoule electricity{0.08 / 3.6e6};
  double pue = 1.56;
  Json sources;
};

void fields(Fields&, CostSpec&);

// Prices for the devices of one job. Without a spec: rental at the devices' own prices, nothing when one has none. With
// a spec that needs a price which a device does not state: SpecError at /cost of `file`.
std::optional<CostInputs> cost_inputs(const std::optional<CostSpec>&, const Cluster&,
                                      const std::vector<NetworkItem>& network, const std::vector<DeviceId>&,
                                      const std::string& file);

}  // namespace orrery
