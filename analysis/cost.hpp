// What an iteration and a training run cost, in US dollars. Two bases:
//   rental      device-seconds x rental price; electricity, hosts, network and building are in the price
//   ownership   device-seconds x purchase / (lifetime x utilization), the fabric's parts in the same way where their
//               prices are known, plus IT energy (switches and cables included) x PUE x electricity price
// Linear in time and energy: no discounts, no interest, no staff, and the run is taken to never fail or restart.
// Prices move by tens of percent within a year; a range in, a range out.
#pragma once

#include <optional>
#include <string>

namespace orrery {

struct JobMetrics;

struct CostInputs {              // of all devices of a job
  std::string basis;             // "rental at 1.10 to 3.00 USD per device-hour (2025, list price)"
  double devices_USD_per_s = 0;  // the price, or the middle of its range
  double devices_low_USD_per_s = 0, devices_high_USD_per_s = 0;
  double electricity_USD_per_J = 0;  // at the meter; 0: in the price of the devices
  double pue = 1;                    // energy at the meter / energy of the IT equipment
};

struct CostMetrics {
  std::string basis;
  double iteration_USD = 0, iteration_low_USD = 0, iteration_high_USD = 0;
  double electricity_USD = 0;  // of one iteration, contained in the above; 0 for rental
  std::optional<double> per_million_tokens_USD;
  std::optional<double> training_USD, training_low_USD, training_high_USD;  // with training_tokens
};

CostMetrics cost_of(const JobMetrics&, const CostInputs&);

}  // namespace orrery
