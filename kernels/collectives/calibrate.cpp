#include "kernels/collectives/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "sim/error.hpp"

namespace orrery {

namespace {

struct Prepared {  // samples with their routing done; samples of one group share it
  std::vector<std::vector<CollectiveOption>> options;
  std::vector<std::size_t> options_of;
};

Prepared prepare(std::span<const CollectiveSample> samples) {
  Prepared prepared;
  std::map<std::tuple<const Cluster*, CollectiveKind, std::vector<DeviceId>, std::string>, std::size_t> seen;
  for (const CollectiveSample& sample : samples) {
    const auto [slot, fresh] = seen.try_emplace({sample.cluster, sample.kind, sample.members, sample.algorithm},
                                                prepared.options.size());
    if (fresh)
      prepared.options.push_back(
          collective_options(make_group(*sample.cluster, sample.members), sample.kind, sample.algorithm));
    prepared.options_of.push_back(slot->second);
  }
  return prepared;
}

double predict(const std::vector<CollectiveOption>& options, const CollectiveCalibration& calibration, double bytes) {
  double least = std::numeric_limits<double>::infinity();
  for (const CollectiveOption& option : options)
    if (const OptionPrice priced = price(option, calibration, bytes); priced.known)
      least = std::min(least, priced.seconds);
  return least;
}

double mean_error(const Prepared& prepared, const CollectiveCalibration& calibration,
                  std::span<const CollectiveSample> samples) {
  double sum = 0, weights = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double predicted = predict(prepared.options[prepared.options_of[i]], calibration, samples[i].bytes.value);
    sum += samples[i].weight * std::abs(std::log(predicted / samples[i].time.value));
    weights += samples[i].weight;
  }
  return weights > 0 ? sum / weights : 0;
}

struct Knob {
  double* value;
  double low, high;
  double start = std::max(*value, low);
};

std::vector<Knob> knobs_of(CollectiveCalibration& calibration, const std::set<std::string>& links) {
  std::vector<Knob> knobs;
  for (CollectiveCost& cost : calibration.costs) {
    if (!links.contains(cost.link)) continue;
    knobs.push_back({&cost.launch.value, 1e-7, 1e-3});
    knobs.push_back({&cost.step.value, 1e-8, 1e-3});
    knobs.push_back({&cost.efficiency, 0.05, 1.06});
    knobs.push_back({&cost.root_ns, 0.01, 1000});
  }
  return knobs;
}

}  // namespace

std::vector<double> collective_errors(const CollectiveCalibration& calibration,
                                      std::span<const CollectiveSample> samples) {
  const Prepared prepared = prepare(samples);
  std::vector<double> errors;
  for (std::size_t i = 0; i < samples.size(); ++i)
    errors.push_back(std::log(predict(prepared.options[prepared.options_of[i]], calibration, samples[i].bytes.value) /
                              samples[i].time.value));
  return errors;
}

CollectiveFit fit_collectives(CollectiveCalibration start, std::span<const CollectiveSample> samples,
                              const std::set<std::string>& links, double price_of_moving) {
  double weights = 0;
  for (const CollectiveSample& sample : samples) {
    ORRERY_CHECK(sample.time.value > 0, "a sample took {} s", sample.time.value);
    weights += sample.weight;
  }
  const Prepared prepared = prepare(samples);
  CollectiveFit fit{std::move(start), 0, 0};
  if (samples.empty()) return fit;
  CollectiveCalibration& now = fit.calibration;
  fit.error_before = mean_error(prepared, now, samples);
  const std::vector<Knob> knobs = knobs_of(now, links);
  const auto objective = [&] {
    double moved = 0;
    for (const Knob& knob : knobs) moved += std::pow(std::log(std::max(*knob.value, knob.low) / knob.start), 2);
    return mean_error(prepared, now, samples) + price_of_moving * moved / weights;
  };
  double best = objective();
  const auto try_step = [&](const Knob& knob, double factor) {
    const double old = *knob.value;
    *knob.value = std::clamp(std::max(old, knob.low) * factor, knob.low, knob.high);
    if (const double now_at = objective(); now_at < best * (1 - 1e-9))
      best = now_at;
    else
      *knob.value = old;
  };
  for (double factor = 1.6; factor > 1.004; factor = std::sqrt(factor))
    for (int pass = 0; pass < 40; ++pass) {
      const double before = best;
      for (const Knob& knob : knobs) {
        try_step(knob, factor);
        try_step(knob, 1 / factor);
      }
      if (before - best < 1e-5 * before) break;
    }
  fit.error_after = mean_error(prepared, now, samples);
  return fit;
}

}  // namespace orrery
