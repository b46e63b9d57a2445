#include "scenarios/band_fit.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "kernels/gpu_attention.hpp"

namespace orrery {

namespace {

using measured::Group;

// The geometric mean of a positive figure over several fits.
template <class T, class Get> double mean_of(const std::vector<T>& fits, Get get) {
  double sum = 0;
  for (const T& fit : fits) sum += std::log(std::max(1e-12, get(fit)));
  return std::exp(sum / static_cast<double>(fits.size()));
}

GemmParameters mean_of(const std::vector<GemmParameters>& fits, const GemmParameters& start) {
  GemmParameters mean = start;
  mean.efficiency = mean_of(fits, [](const GemmParameters& p) { return p.efficiency; });
  mean.memory_efficiency = mean_of(fits, [](const GemmParameters& p) { return p.memory_efficiency; });
  mean.launch = Seconds(mean_of(fits, [](const GemmParameters& p) { return p.launch.value; }));
  mean.k_overhead = mean_of(fits, [](const GemmParameters& p) { return p.k_overhead; });
  mean.tile_cost = mean_of(fits, [](const GemmParameters& p) { return p.tile_cost; });
  mean.misaligned = mean_of(fits, [](const GemmParameters& p) { return p.misaligned; });
  return mean;
}

AttentionParameters mean_of(const std::vector<AttentionParameters>& fits, const AttentionParameters& start) {
  AttentionParameters mean = start;
  using P = AttentionParameters;
  for (double P::*figure : {&P::efficiency, &P::backward_ratio, &P::causal_ratio, &P::head_overhead, &P::half_length,
                            &P::causal_half_length})
    mean.*figure = mean_of(fits, [figure](const P& p) { return p.*figure; });
  return mean;
}

MemoryParameters mean_of(const std::vector<MemoryParameters>& fits, const MemoryParameters& start) {
  MemoryParameters mean = start;
  using P = MemoryParameters;
  for (double P::*figure : {&P::elementwise, &P::normalization, &P::softmax, &P::wide_normalization})
    mean.*figure = mean_of(fits, [figure](const P& p) { return p.*figure; });
  mean.launch = Seconds(mean_of(fits, [](const P& p) { return p.launch.value; }));
  return mean;
}

// The other devices that know something, of the same generation if any does, else of the same family.
template <class T>
std::vector<T> stand_ins(const DeviceFit& left_out, const std::vector<DeviceFit>& fits,
                         const std::function<std::optional<T>(const DeviceFit&)>& known) {
  for (const bool generation : {true, false}) {
    std::vector<T> found;
    for (const DeviceFit& other : fits) {
      if (other.device.name == left_out.device.name || other.device.family != left_out.device.family) continue;
      if (generation && other.device.generation != left_out.device.generation) continue;
      if (const auto parameters = known(other)) found.push_back(*parameters);
    }
    if (!found.empty()) return found;
  }
  return {};
}

std::optional<GemmParameters> gemm_of(const DeviceFit& fit, DataType type) {
  for (const auto& entry : fit.calibration.gemm)
    if (entry.type == type) return entry;
  for (const auto& entry : fit.calibration.gemm)
    if (is_wide(entry.type) == is_wide(type) && !is_wide(type)) return of_type(entry, type);
  return std::nullopt;
}

std::optional<AttentionParameters> attention_of(const DeviceFit& fit, int generation) {
  for (const auto& entry : fit.calibration.attention)
    if (entry.generation == generation) return entry;
  return std::nullopt;
}

void keep(std::vector<LeftOutError>& errors, const DeviceModel& device, Group group, const std::string& what,
          const DeviceCalibration& calibration, const std::vector<KernelSample>& samples) {
  for (const double residual : log_residuals(device, calibration, samples))
    errors.push_back({device.name, group, what, -residual});
}

void leave_out(std::vector<LeftOutError>& errors, const DeviceFit& fit, const std::vector<DeviceFit>& fits,
               const std::vector<measured::Row>& rows, const Library& library) {
  const std::string& name = fit.device.name;
  const DeviceCalibration start = fit_start(fit.device, library);
  for (const GemmParameters& own : fit.calibration.gemm) {
    const DataType type = own.type;
    const auto others = stand_ins<GemmParameters>(fit, fits, [type](const DeviceFit& f) { return gemm_of(f, type); });
    if (others.empty()) continue;
    DeviceCalibration stand_in = start;
    GemmParameters mean = mean_of(others, start.gemm[static_cast<std::size_t>(type)].parameters);
    mean.type = type;
    put(stand_in, mean);
    keep(errors, timed_device(fit.device, Group::gemm), Group::gemm, what_of(own), stand_in,
         measured::of_type(measured::select(rows, name, Group::gemm), type));
  }
  for (const AttentionParameters& own : fit.calibration.attention) {
    const int generation = own.generation;
    const auto others = stand_ins<AttentionParameters>(
        fit, fits, [generation](const DeviceFit& f) { return attention_of(f, generation); });
    if (others.empty()) continue;
    DeviceCalibration stand_in = start;
    AttentionParameters mean = mean_of(others, attention_parameters(start, generation).parameters);
    mean.generation = generation;
    put(stand_in, mean);
    keep(errors, fit.device, Group::attention, what_of(own), stand_in,
         measured::of_generation(measured::select(rows, name, Group::attention), generation));
  }
  if (!fit.calibration.memory) return;
  const auto others = stand_ins<MemoryParameters>(fit, fits, [](const DeviceFit& f) { return f.calibration.memory; });
  if (others.empty()) return;
  DeviceCalibration stand_in = start;
  stand_in.memory.parameters = mean_of(others, start.memory.parameters);
  keep(errors, fit.device, Group::memory, memory_bound_name, stand_in, measured::select(rows, name, Group::memory));
}

using Refit = std::function<void(DeviceCalibration&, const std::vector<KernelSample>& known)>;

// Of a device and a group: samples that fits use, and those that only judge them.
struct Samples {
  std::vector<KernelSample> fitted, compared;
};

// Few samples, or a last quarter of few, would test the fit on itself.
void cross_validate(std::vector<LeftOutError>& errors, const DeviceModel& device, Group group, const std::string& what,
                    const DeviceCalibration& start, const Samples& all, const Refit& refit) {
  constexpr std::size_t folds = 4, enough = 8;
  const std::vector<KernelSample>& samples = all.fitted;
  if (samples.size() < enough) return;
  DeviceCalibration whole = start;
  refit(whole, samples);
  keep(errors, device, group, what, whole, all.compared);
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<KernelSample> known, asked;
    for (std::size_t i = 0; i < samples.size(); ++i) (i % folds == fold ? asked : known).push_back(samples[i]);
    DeviceCalibration calibration = start;
    refit(calibration, known);
    keep(errors, device, group, what, calibration, asked);
  }
}

struct GroupedError {
  std::string group;  // device, machine or source
  double error = 0;
};

// A group of n rows weighs as the root of n, as in the fits: neither do 400 rows of one source silence another, nor do 4.
std::vector<WeightedResidual> weighted(const std::vector<GroupedError>& errors) {
  std::map<std::string, double> rows;
  for (const GroupedError& e : errors) rows[e.group] += 1;
  std::vector<WeightedResidual> all;
  for (const GroupedError& e : errors) all.push_back({e.error, 1 / std::sqrt(rows.at(e.group))});
  return all;
}

// The mean, groups weighing as the root of their rows.
double weighted_mean(const std::vector<GroupedError>& values) {
  double sum = 0, total = 0;
  for (const WeightedResidual& w : weighted(values)) {
    sum += w.weight * w.value;
    total += w.weight;
  }
  return total > 0 ? sum / total : 0;
}

// Four digits: what another machine's arithmetic gives as well.
ErrorBand rounded(const ErrorBand& band) {
  const auto digits = [](double x) { return std::round(x * 1e4) / 1e4 + 0.0; };  // never -0
  return {digits(band.low), digits(band.median), digits(band.high)};
}

void fill(BandClass& c, const std::vector<GroupedError>& errors) {
  if (errors.empty()) return;
  c.band = rounded(band_of(weighted(errors)));
  std::set<std::string> groups;
  for (const GroupedError& e : errors) groups.insert(e.group);
  c.samples = static_cast<int>(errors.size());
  c.groups = static_cast<int>(groups.size());
}

struct BandedRow {
  std::string group;
  double error = 0;  // ln(measured / predicted)
  BandFactors band;
};

Coverage coverage_of(const std::string& what, const std::vector<BandedRow>& rows) {
  Coverage c;
  c.of = what;
  c.rows = rows.size();
  std::map<std::string, std::pair<double, double>> by_source;  // inside, all
  std::vector<double> widths;
  for (const BandedRow& row : rows) {
    const double ratio = std::exp(row.error);
    const bool inside = row.band.low <= ratio && ratio <= row.band.high;
    c.share += inside ? 1 : 0;
    by_source[row.group].first += inside ? 1 : 0;
    by_source[row.group].second += 1;
    widths.push_back((row.band.high - row.band.low) / ratio);
  }
  if (rows.empty()) return c;
  c.share /= static_cast<double>(rows.size());
  c.sources = by_source.size();
  for (const auto& [source, counts] : by_source)
    c.share_by_source += counts.first / counts.second / static_cast<double>(by_source.size());
  c.median_width = *median(widths);
  return c;
}

bool judged(const ValidatedRow& row) {
  const Prediction& p = row.prediction;
  return row.counts && p.predicted && p.measured && *p.predicted > 0 && *p.measured > 0;
}

double error_of(const ValidatedRow& row) { return std::log(*row.prediction.measured / *row.prediction.predicted); }

std::vector<const ValidatedRow*> of_kind(const std::vector<ValidatedRow>& rows, const std::string& kind) {
  std::vector<const ValidatedRow*> found;
  for (const ValidatedRow& row : rows)
    if (judged(row) && row.row.kind == kind) found.push_back(&row);
  return found;
}

// Share of the rows inside their band, weighing groups by the root of their rows.
double weighted_coverage(const std::vector<BandedRow>& rows) {
  std::vector<GroupedError> inside;
  for (const BandedRow& row : rows) {
    const double ratio = std::exp(row.error);
    inside.push_back({row.group, row.band.low <= ratio && ratio <= row.band.high ? 1.0 : 0.0});
  }
  return weighted_mean(inside);
}

ErrorBand around_zero(const std::vector<GroupedError>& errors) {
  const ErrorBand band = band_of(weighted(errors));
  return {std::min(0.0, band.low), band.median, std::max(0.0, band.high)};
}

ErrorBand times(double factor, const ErrorBand& band) { return {factor * band.low, band.median, factor * band.high}; }

// The band of a row when its class has this one.
using BandOfRow = std::function<BandFactors(std::size_t row, const ErrorBand&)>;

struct LeftOutBand {
  ErrorBand band;
  std::vector<BandedRow> rows;  // each with the band found without its own group
};

// Each error with the band of the other groups. Of a single group nothing.
std::vector<BandedRow> in_bands_of_others(const std::vector<GroupedError>& errors) {
  std::map<std::string, std::vector<GroupedError>> others;
  for (const GroupedError& e : errors) others[e.group];
  if (others.size() < 2) return {};
  for (auto& [group, rest] : others)
    for (const GroupedError& e : errors)
      if (e.group != group) rest.push_back(e);
  std::map<std::string, ErrorBand> without;
  for (const auto& [group, rest] : others) without[group] = band_of(weighted(rest));
  std::vector<BandedRow> rows;
  for (const GroupedError& e : errors) {
    const ErrorBand& band = without.at(e.group);
    rows.push_back({e.group, e.error, {std::exp(band.low), std::exp(band.high)}});
  }
  return rows;
}

// What holds 90 % of the rows of a group (machine, source) that was left out: the percentiles of the other groups, widened
// by one factor until it does, at most two: a source that errs like none of the others is not to decide. The band is that
// of all groups, widened by the same factor. With fewer than three groups nothing can be left out: the larger of their
// percentiles then stands at both ends, since one source does not say on which side the next will err.
LeftOutBand left_out_band(const std::vector<GroupedError>& errors, const BandOfRow& band_of_row) {
  constexpr double wanted = 0.9, widest = 2;
  constexpr std::size_t least_groups = 3;
  std::map<std::string, std::vector<GroupedError>> others;
  for (const GroupedError& e : errors) others[e.group];
  for (auto& [group, rest] : others)
    for (const GroupedError& e : errors)
      if (e.group != group) rest.push_back(e);
  const ErrorBand all = around_zero(errors);
  if (others.size() < least_groups) {
    const double larger = std::max(-all.low, all.high);
    return {{-larger, all.median, larger}, {}};
  }
  std::map<std::string, ErrorBand> without;
  for (const auto& [group, rest] : others) without[group] = around_zero(rest);
  const auto banded = [&](double factor) {
    std::vector<BandedRow> rows;
    for (std::size_t i = 0; i < errors.size(); ++i)
      rows.push_back({errors[i].group, errors[i].error, band_of_row(i, times(factor, without.at(errors[i].group)))});
    return rows;
  };
  double low = 0, high = widest;
  for (int i = 0; i < 30; ++i) {
    const double factor = (low + high) / 2;
    (weighted_coverage(banded(factor)) < wanted ? low : high) = factor;
  }
  return {times(high, all), banded(high)};
}

std::vector<GroupedError> errors_by_source(const std::vector<const ValidatedRow*>& rows) {
  std::vector<GroupedError> errors;
  for (const ValidatedRow* row : rows) errors.push_back({row->row.source, error_of(*row)});
  return errors;
}

// Collectives of one class, each by itself: the whole time is of the class.
void fit_links(BandClass& c, std::vector<const ValidatedRow*> rows, std::vector<Coverage>& coverage) {
  std::erase_if(rows, [&](const ValidatedRow* row) { return !row->prediction.shares.contains(c.name); });
  if (rows.empty()) return;
  const auto errors = errors_by_source(rows);
  const LeftOutBand found = left_out_band(errors, [](std::size_t, const ErrorBand& band) {
    return BandFactors{std::exp(band.low), std::exp(band.high)};
  });
  fill(c, errors);
  c.band = rounded(found.band);
  if (!found.rows.empty())
    coverage.push_back(coverage_of("collectives, " + c.name + ", each source left out", found.rows));
}

// What the other classes leave open of training steps.
void fit_unexplained(ErrorBands& bands, const std::vector<const ValidatedRow*>& rows, std::vector<Coverage>& coverage) {
  if (rows.empty()) return;
  const auto errors = errors_by_source(rows);
  const LeftOutBand found = left_out_band(errors, [&](std::size_t i, const ErrorBand& band) {
    bands.unexplained.band = band;
    return whole_band(bands, rows[i]->prediction.shares);
  });
  fill(bands.unexplained, errors);
  // Where the classes alone hold enough rows no width is left, but what rows miss in one direction is.
  ErrorBand left = found.band;
  left.low = std::min(left.low, left.median);
  left.high = std::max(left.high, left.median);
  bands.unexplained.band = rounded(left);
  if (!found.rows.empty()) coverage.push_back(coverage_of("training steps, each source left out", found.rows));
}

std::string_view class_name(Group group) {
  constexpr std::string_view names[] = {"gemm", "attention", "memory"};
  return names[static_cast<std::size_t>(group)];
}

}  // namespace

std::string what_of(const GemmParameters& gemm) { return fmt::format("gemm {}", name(gemm.type)); }
std::string what_of(const AttentionParameters& attention) { return fmt::format("attention {}", attention.generation); }

std::vector<LeftOutError> left_out_errors(const std::vector<measured::Row>& rows, const std::vector<DeviceFit>& fits,
                                          const Library& library) {
  std::vector<LeftOutError> errors;
  for (const DeviceFit& fit : fits) leave_out(errors, fit, fits, rows, library);
  return errors;
}

std::vector<LeftOutError> left_out_shapes(const std::vector<measured::Row>& rows, const std::vector<DeviceFit>& fits,
                                          const Library& library) {
  std::vector<LeftOutError> errors;
  for (const DeviceFit& fit : fits) {
    const DeviceCalibration start = fit_start(fit.device, library);
    const DeviceModel halved = timed_device(fit.device, Group::gemm);
    const auto samples = [&](Group group, const auto& choose) {
      return Samples{choose(samples_of(rows, fit.device.name, group, true)),
                     choose(samples_of(rows, fit.device.name, group, false))};
    };
    for (const GemmParameters& own : fit.calibration.gemm)
      cross_validate(errors, halved, Group::gemm, what_of(own), start,
                     samples(Group::gemm, [&](const auto& all) { return measured::of_type(all, own.type); }),
                     [&](DeviceCalibration& c, const auto& known) { put(c, fit_gemm(halved, start, known)); });
    for (const AttentionParameters& own : fit.calibration.attention)
      cross_validate(
          errors, fit.device, Group::attention, what_of(own), start,
          samples(Group::attention, [&](const auto& all) { return measured::of_generation(all, own.generation); }),
          [&](DeviceCalibration& c, const auto& known) { put(c, fit_attention(fit.device, start, known)); });
    cross_validate(
        errors, fit.device, Group::memory, memory_bound_name, start,
        samples(Group::memory, [](const auto& all) { return all; }),
        [&](DeviceCalibration& c, const auto& known) { c.memory.parameters = fit_memory(fit.device, start, known); });
  }
  return errors;
}

BandFit fit_bands(ErrorBands start, const std::vector<LeftOutError>& devices, const std::vector<LeftOutError>& shapes,
                  const std::vector<ValidatedRow>& validated) {
  BandFit result{std::move(start), {}};
  ErrorBands& bands = result.bands;
  for (BandClass& c : bands.kernels) {
    std::vector<GroupedError> of_shapes, of_devices;
    for (const LeftOutError& e : shapes)
      if (class_name(e.group) == c.name) of_shapes.push_back({e.device, e.error});
    for (const LeftOutError& e : devices)
      if (class_name(e.group) == c.name) of_devices.push_back({e.device, e.error});
    if (!of_shapes.empty()) c.measured = rounded(band_of(weighted(of_shapes)));
    for (const auto& [errors, of] : {std::pair(&of_devices, "each device left out"),
                                     std::pair(&of_shapes, "shapes left out, in the band of the other devices")})
      if (const std::vector<BandedRow> banded = in_bands_of_others(*errors); !banded.empty())
        result.coverage.push_back(coverage_of(fmt::format("{}, {}", c.name, of), banded));
    fill(c, of_devices);
  }
  for (BandClass& c : bands.links) fit_links(c, of_kind(validated, "collective"), result.coverage);
  // One or two sources, which may have informed the costs, cannot show a class to be known better than the first one.
  for (BandClass& c : bands.links) {
    if (c.groups >= 3) continue;
    c.band.low = std::min(c.band.low, bands.links.front().band.low);
    c.band.high = std::max(c.band.high, bands.links.front().band.high);
  }
  fit_unexplained(bands, of_kind(validated, "training"), result.coverage);
  return result;
}

}  // namespace orrery
