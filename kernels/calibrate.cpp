#include "kernels/calibrate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "kernels/cost_models.hpp"
#include "kernels/expert_shapes.hpp"
#include "kernels/family_model.hpp"
#include "kernels/nelder_mead.hpp"

namespace orrery {

namespace {

// What a kernel takes on an idle device at least; streaming rates at large sizes cannot resolve less. On GPUs the smallest
// kernels of inference stacks take 2 us, on TPUs copies of 2 MiB take 1.5 us in all.
constexpr double shortest_gpu_kernel_s = 1.5e-6, shortest_kernel_s = 0.8e-6;

// A parameter seen by the search: its logarithm (of x, or of x / (1 - x) for fractions) is free, its value is bounded.
struct Knob {
  double* value;
  double low, high;
};

double percentile(std::vector<double> sorted, double p) {
  if (sorted.empty()) return 0;
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// The rows that one file has of one kind of kernel count with the square root of their number: neither do a few hundred
// rows of one benchmark silence another, nor do four. The weights add up to 1.
std::vector<double> group_weights(std::span<const KernelSample> samples) {
  using Group = std::pair<std::string_view, KernelKind>;
  const auto group_of = [](const KernelSample& sample) { return Group(sample.file, sample.kernels.front().kind); };
  std::map<Group, double> rows;
  for (const auto& sample : samples) rows[group_of(sample)] += 1;
  double total = 0;
  for (const auto& [group, count] : rows) total += std::sqrt(count);
  std::vector<double> weights;
  for (const auto& sample : samples) weights.push_back(1 / (std::sqrt(rows.at(group_of(sample))) * total));
  return weights;
}

// What no sample determines stays where it started: a tenfold change costs less than a tenth of a per cent of error.
constexpr double anchor = 0.0003;

// More would be noise, and what another machine's arithmetic gives differently.
double three_digits(double x) {
  const double scale = std::pow(10.0, 2 - std::floor(std::log10(x)));
  return std::round(x * scale) / scale;
}

// Searches over the knobs, whose values live inside `calibration`.
void search(const DeviceModel& device, DeviceCalibration& calibration, std::span<const KernelSample> samples,
            const std::vector<Knob>& knobs) {
  const auto set = [&knobs](const std::vector<double>& at) {
    for (std::size_t i = 0; i < knobs.size(); ++i)
      *knobs[i].value = std::clamp(std::exp(at[i]), knobs[i].low, knobs[i].high);
  };
  const std::vector<double> weights = group_weights(samples);
  std::vector<double> start;
  for (const Knob& knob : knobs) start.push_back(std::log(std::clamp(*knob.value, knob.low, knob.high)));
  const auto loss = [&](const std::vector<double>& at) {
    set(at);
    double sum = 0;
    const auto residuals = log_residuals(device, calibration, samples);
    for (std::size_t i = 0; i < residuals.size(); ++i) sum += weights[i] * std::abs(residuals[i]);
    for (std::size_t i = 0; i < knobs.size(); ++i) sum += anchor * std::abs(at[i] - start[i]);
    double outside = 0;  // keeps the search near the bounds that set() enforces
    for (std::size_t i = 0; i < knobs.size(); ++i)
      outside += std::max({0.0, at[i] - std::log(knobs[i].high), std::log(knobs[i].low) - at[i]});
    return sum + outside;
  };
  Minimum best{start, loss(start), 0};
  constexpr int evaluations = 1500;
  for (const double step : {0.25, -0.25, 0.8}) {
    const Minimum found = nelder_mead(loss, best.at, step, evaluations);
    if (found.value < best.value) best = found;
  }
  set(best.at);
  for (const Knob& knob : knobs) *knob.value = three_digits(*knob.value);
}

}  // namespace

std::vector<double> log_residuals(const DeviceModel& device, const DeviceCalibration& calibration,
                                  std::span<const KernelSample> samples) {
  const DeviceContext context{device, calibration, Conditions::isolated};
  const FamilyModel family = family_model(device);
  std::vector<double> residuals;
  residuals.reserve(samples.size());
  for (const KernelSample& sample : samples) {
    double predicted = sample.harness_s;
    for (const Kernel& kernel : sample.kernels)
      predicted += cost_at(family(kernel, context), OperatingPoint{}).time.value * kernel.repeat;
    residuals.push_back(std::log(predicted / sample.measured_s));
  }
  return residuals;
}

namespace {

void stretch(std::optional<Span>& span, std::int64_t to) {
  span = span ? Span{std::min(span->low, to), std::max(span->high, to)} : Span{to, to};
}

template <class T> void keep_each_once(std::vector<T>& all) {
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

// To hold this sample.
void widen(Fit& fit, const Kernel& k) {
  const auto hold = [&](std::initializer_list<std::int64_t> sizes) {
    fit.smallest = std::min(fit.smallest, std::min(sizes));
    fit.largest = std::max(fit.largest, std::max(sizes));
  };
  switch (k.kind) {
    case KernelKind::gemm:
    case KernelKind::convolution:
      if (k.kind == KernelKind::convolution) fit.kernels.emplace_back(name(k.kind));
      if (k.group > 1) fit.kernels.emplace_back(uneven_groups);
      stretch(fit.short_side, std::min(k.m, k.n));
      stretch(fit.long_side, std::max(k.m, k.n));
      stretch(fit.depth, k.k);
      stretch(fit.batch, k.batch);
      stretch(fit.flops, std::llround(std::min(k.flops, static_cast<double>(Fit::unknown_end))));
      return hold({k.m, k.n, k.k});
    case KernelKind::attention:
    case KernelKind::attention_backward: {
      const bool first = fit.narrowest == 1 && fit.widest == Fit::unknown_end;
      fit.narrowest = first ? k.k : std::min(fit.narrowest, k.k);
      fit.widest = first ? k.k : std::max(fit.widest, k.k);
      fit.types.push_back(k.type);
      fit.kernels.emplace_back(name(k.kind));
      stretch(fit.sharing, k.group);
      stretch(fit.flops, std::llround(std::min(k.flops, static_cast<double>(Fit::unknown_end))));
      return hold({k.m, k.n});
    }
    default:
      fit.kernels.emplace_back(name(k.kind));
      return hold({std::llround(k.bytes)});
  }
}

}  // namespace

Fit describe_fit(std::span<const KernelSample> samples, std::span<const double> residuals) {
  Fit fit;
  fit.samples = static_cast<int>(samples.size());
  std::vector<double> errors;
  for (double r : residuals) errors.push_back(std::abs(r));
  std::sort(errors.begin(), errors.end());
  fit.median_error = percentile(errors, 0.5);
  fit.p90_error = percentile(errors, 0.9);
  fit.smallest = std::numeric_limits<std::int64_t>::max();
  fit.largest = 1;
  for (const KernelSample& sample : samples) {
    fit.files.push_back(sample.file);
    for (const Kernel& k : sample.kernels) widen(fit, k);
  }
  fit.together = !samples.empty() && std::all_of(samples.begin(), samples.end(), [](const KernelSample& sample) {
    const auto kind_is = [&sample](KernelKind kind) {
      return std::any_of(sample.kernels.begin(), sample.kernels.end(),
                         [kind](const Kernel& k) { return k.kind == kind; });
    };
    return kind_is(KernelKind::attention) && kind_is(KernelKind::attention_backward);
  });
  keep_each_once(fit.files);
  keep_each_once(fit.kernels);
  keep_each_once(fit.types);
  return fit;
}

GemmParameters fit_gemm(const DeviceModel& device, const DeviceCalibration& start,
                        std::span<const KernelSample> samples) {
  if (samples.empty()) return start.gemm[static_cast<std::size_t>(DataType::bf16)].parameters;
  const DataType type = samples.front().kernels.front().type;
  DeviceCalibration trial = start;
  GemmParameters& gemm = trial.gemm[static_cast<std::size_t>(type)].parameters;
  gemm.type = type;
  constexpr int enough = 8;  // a handful of misaligned or shallow rows would fit their own noise
  constexpr double shallow_depth = 8;
  std::vector<Knob> knobs = {
      {&gemm.efficiency, 0.2, 0.98}, {&gemm.memory_efficiency, 0.55, 0.95}, {&gemm.launch.value, 0.5e-6, 9e-6}};
  if (family_model(device) == gpu) {
    // Only shallow products tell what a tile's prologue costs; deep ones would have it fit what else differs with k.
    const auto shallow = std::count_if(samples.begin(), samples.end(), [&](const KernelSample& sample) {
      return static_cast<double>(sample.kernels.front().k) < shallow_depth * gemm.k_overhead;
    });
    if (shallow >= enough) knobs.push_back({&gemm.k_overhead, 5, 600});
    knobs.push_back({&gemm.tile_cost, 0.3, 60});
  } else if (gemm.overlap) {
    knobs.push_back({&*gemm.overlap, 1, 20});
  }
  const auto misaligned = std::count_if(samples.begin(), samples.end(),
                                        [](const KernelSample& sample) { return !is_aligned(sample.kernels.front()); });
  if (misaligned >= enough) knobs.push_back({&gemm.misaligned, 0.2, 1});
  search(device, trial, samples, knobs);
  gemm.fit = describe_fit(samples, log_residuals(device, trial, samples));
  return gemm;
}

AttentionParameters fit_attention(const DeviceModel& device, const DeviceCalibration& start,
                                  std::span<const KernelSample> samples) {
  DeviceCalibration trial = start;
  if (samples.empty()) return trial.attention.front().parameters;
  const int generation = samples.front().kernels.front().generation;
  AttentionParameters attention = attention_parameters(start, generation).parameters;
  attention.generation = generation;
  trial.attention = {{attention, false, ""}};
  AttentionParameters& fitted = trial.attention.front().parameters;
  const auto any = [&](auto condition) {
    return std::any_of(samples.begin(), samples.end(), [&](const KernelSample& sample) {
      return std::any_of(sample.kernels.begin(), sample.kernels.end(), condition);
    });
  };
  std::vector<Knob> knobs = {{&fitted.efficiency, 0.1, 0.98}};
  if (any([](const Kernel& k) { return k.kind == KernelKind::attention_backward; }))
    knobs.push_back({&fitted.backward_ratio, 0.3, 1});
  if (any([](const Kernel& k) { return k.causal; })) {
    knobs.push_back({&fitted.causal_ratio, 0.3, 1});
    knobs.push_back({&fitted.causal_half_length, 1, 2000});
  }
  if (any([](const Kernel& k) { return !k.causal; })) knobs.push_back({&fitted.half_length, 1, 2000});
  const auto head = samples.front().kernels.front().k;
  if (any([head](const Kernel& k) { return k.k != head; })) knobs.push_back({&fitted.head_overhead, 1, 200});
  search(device, trial, samples, knobs);
  fitted.fit = describe_fit(samples, log_residuals(device, trial, samples));
  return fitted;
}

MemoryParameters fit_memory(const DeviceModel& device, const DeviceCalibration& start,
                            std::span<const KernelSample> samples) {
  DeviceCalibration trial = start;
  MemoryParameters& memory = trial.memory.parameters;
  if (samples.empty()) return memory;
  std::array<std::pair<double*, bool>, 4> efficiencies = {{{&memory.elementwise, false},
                                                           {&memory.normalization, false},
                                                           {&memory.softmax, false},
                                                           {&memory.wide_normalization, false}}};
  for (const KernelSample& sample : samples)
    for (const Kernel& k : sample.kernels) {
      const bool wide = k.kind == KernelKind::normalization && k.n >= memory.wide_columns;
      const std::size_t which = wide                                  ? 3
                                : k.kind == KernelKind::normalization ? 1
                                : k.kind == KernelKind::softmax       ? 2
                                                                      : 0;
      efficiencies[which].second = true;
    }
  const double shortest = family_model(device) == gpu ? shortest_gpu_kernel_s : shortest_kernel_s;
  std::vector<Knob> knobs = {{&memory.launch.value, shortest, 10e-6}};
  for (const auto& [value, sampled] : efficiencies)
    if (sampled) knobs.push_back({value, 0.1, 0.99});
  search(device, trial, samples, knobs);
  memory.fit = describe_fit(samples, log_residuals(device, trial, samples));
  return memory;
}

}  // namespace orrery
