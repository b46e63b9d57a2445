#include "kernels/kernel_terms.hpp"

#include <algorithm>
#include <cmath>

namespace orrery {

namespace {

double join(double a, double b, const std::optional<double>& exponent) {
  const double large = std::max(a, b), small = std::min(a, b);
  if (!exponent || small <= 0) return large;
  return large * std::pow(1 + std::pow(small / large, *exponent), 1 / *exponent);
}

double voltage(double clock) { return std::max(0.65, 0.2 + 0.8 * clock); }

struct Energy {
  double compute_J, memory_J;
};

// The least time in which the power cap lets the memory take its energy.
double memory_power_s(const KernelTerms& terms) {
  return terms.power_cap_W > 0 ? terms.memory_J / terms.power_cap_W : 0;
}

double nominal_s(const KernelTerms& terms) {
  return terms.launch_s + join(terms.compute_s, terms.memory_s, terms.overlap);
}

// What the power cap leaves at the nominal point. A board keeps its limit by the clock of its cores: computing gives way.
Energy under_cap(const KernelTerms& terms) {
  const Energy own{terms.compute_J, terms.memory_J};
  if (terms.power_cap_W <= 0) return own;
  const double cap_J = terms.power_cap_W * std::max(nominal_s(terms), memory_power_s(terms));
  return {std::min(own.compute_J, cap_J - own.memory_J), own.memory_J};
}

constexpr double lowest_clock = 0.1;  // of nominal, about what boards go down to

}  // namespace

Cost cost_at(const KernelTerms& terms, const OperatingPoint& point) {
  const double clock = std::min(point.clock, terms.highest_clock);
  const double busy = join(terms.compute_s / clock, terms.memory_s / point.memory, terms.overlap);
  const double time = std::max(terms.launch_s + busy, memory_power_s(terms)) / point.share;
  const double volts = voltage(clock);
  const Energy capped = under_cap(terms);
  const double energy = capped.compute_J * volts * volts + capped.memory_J;
  return {Seconds(terms.limit_W > 0 ? std::max(time, energy / terms.limit_W) : time), Joules(energy)};
}

void hold_to_limit(KernelTerms& terms, double limit_W) {
  const auto within = [&terms, limit_W](double clock) {
    constexpr double rounding = 1e-12;
    const Cost cost = cost_at(terms, {.clock = clock});
    return cost.energy.value <= limit_W * cost.time.value * (1 + rounding);
  };
  if (within(1)) return;
  double low = lowest_clock, high = 1;
  for (int halvings = 0; halvings < 40; ++halvings) {
    const double middle = (low + high) / 2;
    (within(middle) ? low : high) = middle;
  }
  terms.highest_clock = low;
  terms.limit_W = limit_W;
}

bool power_sets_time(const KernelTerms& terms) { return terms.limit_W > 0 || memory_power_s(terms) > nominal_s(terms); }

const char* bound_of(const KernelTerms& terms) {
  if (power_sets_time(terms)) return "power limit";
  if (terms.launch_s >= std::max(terms.compute_s, terms.memory_s)) return "launch";
  return terms.compute_s >= terms.memory_s ? terms.compute_name : terms.memory_name;
}

}  // namespace orrery
