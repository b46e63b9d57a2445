#include "kernels/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "kernels/expert_shapes.hpp"
#include "kernels/power_ceiling.hpp"
#include "sim/error.hpp"

namespace orrery {

void fields(Fields& f, Span& span) {
  f.required("low", span.low, at_least_one);
  f.required("high", span.high, at_least_one);
  f.check(span.low <= span.high, "high", "no less than low", std::to_string(span.high));
}

void fields(Fields& f, Fit& fit) {
  f("files", fit.files);
  f("samples", fit.samples, Need::optional, non_negative);
  f("median_error", fit.median_error, Need::optional, non_negative);
  f("p90_error", fit.p90_error, Need::optional, non_negative);
  f("smallest", fit.smallest, Need::optional, at_least_one);
  f("largest", fit.largest, Need::optional, at_least_one);
  f("narrowest", fit.narrowest, Need::optional, at_least_one);
  f("widest", fit.widest, Need::optional, at_least_one);
  f("short_side", fit.short_side);
  f("long_side", fit.long_side);
  f("depth", fit.depth);
  f("batch", fit.batch);
  f("flops", fit.flops);
  f("sharing", fit.sharing);
  f("together", fit.together);
  f("types", fit.types);
  f("kernels", fit.kernels);
  f("note", fit.note);
}

namespace {

bool is_stream(KernelKind kind) {
  return kind == KernelKind::elementwise || kind == KernelKind::copy || kind == KernelKind::optimizer ||
         kind == KernelKind::reduction;
}

bool covers_kind(const Fit& fit, KernelKind kind) {
  return std::any_of(fit.kernels.begin(), fit.kernels.end(), [kind](const std::string& sampled) {
    if (sampled == name(kind)) return true;
    if (!is_stream(kind)) return false;
    for (const KernelKind stream :
         {KernelKind::elementwise, KernelKind::copy, KernelKind::optimizer, KernelKind::reduction})
      if (sampled == name(stream)) return true;
    return false;
  });
}

// Types that are computed alike, so that a measurement of one tells of the other.
bool alike(DataType a, DataType b) {
  const auto half = [](DataType t) { return t == DataType::bf16 || t == DataType::fp16; };
  return a == b || (half(a) && half(b));
}

bool covers_type(const Fit& fit, DataType type) {
  if (fit.types.empty()) return alike(type, DataType::fp16);
  return std::any_of(fit.types.begin(), fit.types.end(), [type](DataType sampled) { return alike(sampled, type); });
}

bool covers_work(const Fit& fit, const Kernel& kernel) {
  return !fit.flops || fit.flops->contains(std::llround(std::min(kernel.flops, 0x1p53)));
}

// Where a file does not say that several were timed at once, one was.
constexpr Span one_at_a_time{1, 1};

bool covers_product(const Fit& fit, const Kernel& kernel) {
  const Span box{fit.smallest, fit.largest};
  const auto [narrow, wide] = std::minmax(kernel.m, kernel.n);
  const bool uneven = kernel.group > 1;
  const bool sampled = std::find(fit.kernels.begin(), fit.kernels.end(), uneven_groups) != fit.kernels.end();
  return fit.short_side.value_or(box).contains(narrow) && fit.long_side.value_or(box).contains(wide) &&
         fit.depth.value_or(box).contains(kernel.k) && fit.batch.value_or(one_at_a_time).contains(kernel.batch) &&
         (!uneven || sampled) && covers_work(fit, kernel);
}

bool covers_attention(const Fit& fit, const Kernel& kernel) {
  const Span lengths{fit.smallest, fit.largest}, heads{fit.narrowest, fit.widest};
  return lengths.contains(kernel.m) && lengths.contains(kernel.n) && heads.contains(kernel.k) &&
         fit.sharing.value_or(one_at_a_time).contains(kernel.group) && covers_kind(fit, kernel.kind) &&
         covers_type(fit, kernel.type) && covers_work(fit, kernel);
}

// Fewer samples are a ceiling or a guess, not a fit.
constexpr int enough_samples = 5;

}  // namespace

std::string fit_shortfall(const Fit& fit) {
  if (!(fit.median_error > 0)) return "set by hand, not fitted";
  return fit.samples < enough_samples ? "too few samples (" + std::to_string(fit.samples) + ")" : "";
}

bool fit_covers(const Fit& fit, const Kernel& kernel) {
  switch (kernel.kind) {
    case KernelKind::gemm:
      return covers_product(fit, kernel);
    case KernelKind::convolution:
      return covers_kind(fit, kernel.kind) && covers_product(fit, kernel);
    case KernelKind::attention:
    case KernelKind::attention_backward:
      return covers_attention(fit, kernel);
    default:
      return covers_kind(fit, kernel.kind) && kernel.bytes >= static_cast<double>(fit.smallest);
  }
}

int unit_bits(DataType type) {
  switch (type) {
    case DataType::fp64:
      return 64;
    case DataType::fp32:
    case DataType::tf32:
      return 32;
    case DataType::bf16:
    case DataType::fp16:
      return 16;
    case DataType::fp8:
    case DataType::mxfp8:
    case DataType::int8:
    case DataType::fp6:
      return 8;
    case DataType::fp4:
    case DataType::mxfp4:
    case DataType::nvfp4:
      return 4;
  }
  return 16;
}

bool is_wide(DataType type) { return type == DataType::fp32 || type == DataType::fp64; }

int unit_bits(const DeviceModel& device, DataType type) {
  const auto peak = matrix_peak(device, type), narrower = matrix_peak(device, DataType::fp4);
  return unit_bits(type == DataType::fp6 && peak && narrower && *peak >= *narrower ? DataType::fp4 : type);
}

// Efficiencies are fractions of a data-sheet peak: above 1 a kernel would beat the device.
constexpr Range efficiency_range{0, 1, true};

void fields(Fields& f, GemmParameters& gemm) {
  f.required("type", gemm.type);
  f.required("efficiency", gemm.efficiency, efficiency_range);
  f.required("memory_efficiency", gemm.memory_efficiency, efficiency_range);
  f.required("launch", gemm.launch, non_negative);
  f("k_overhead", gemm.k_overhead, Need::optional, non_negative);
  f("tile_cost", gemm.tile_cost, Need::optional, non_negative);
  f("tile_step", gemm.tile_step, Need::optional, non_negative);
  f("wave_tail", gemm.wave_tail, Need::optional, Range{0, 1});
  f("misaligned", gemm.misaligned, Need::optional, efficiency_range);
  f("overlap", gemm.overlap, Need::optional, at_least_one);
  f("fit", gemm.fit);
}

void fields(Fields& f, SustainedFraction& sustained) {
  f.required("type", sustained.type);
  f.required("fraction", sustained.fraction, efficiency_range);
  f.required("note", sustained.note);
}

void fields(Fields& f, AttentionParameters& attention) {
  f.required("generation", attention.generation, at_least_one);
  f.required("efficiency", attention.efficiency, efficiency_range);
  f("backward_ratio", attention.backward_ratio, Need::optional, efficiency_range);
  f("causal_ratio", attention.causal_ratio, Need::optional, efficiency_range);
  f("head_overhead", attention.head_overhead, Need::optional, non_negative);
  f("half_length", attention.half_length, Need::optional, non_negative);
  f("causal_half_length", attention.causal_half_length, Need::optional, non_negative);
  f("fit", attention.fit);
}

void fields(Fields& f, MemoryParameters& memory) {
  f.required("launch", memory.launch, non_negative);
  f.required("elementwise", memory.elementwise, efficiency_range);
  f.required("normalization", memory.normalization, efficiency_range);
  f.required("softmax", memory.softmax, efficiency_range);
  f("wide_normalization", memory.wide_normalization, Need::optional, efficiency_range);
  f("wide_columns", memory.wide_columns, Need::optional, at_least_one);
  f("fit", memory.fit);
}

void fields(Fields& f, EnergyParameters& energy) {
  f.required("matrix_pJ_per_flop", energy.matrix_pJ_per_flop, non_negative);
  f.required("vector_pJ_per_flop", energy.vector_pJ_per_flop, non_negative);
  f.required("cache_pJ_per_bit", energy.cache_pJ_per_bit, non_negative);
  f.required("memory_pJ_per_bit", energy.memory_pJ_per_bit, non_negative);
  f("die_pJ_per_bit", energy.die_pJ_per_bit, Need::optional, non_negative);
  f.check(energy.die_pJ_per_bit <= energy.memory_pJ_per_bit || !f.readable("die_pJ_per_bit"), "die_pJ_per_bit",
          "at most memory_pJ_per_bit, of which it is part", "more");
}

void fields(Fields& f, EventParameters& events) {
  f("neuron_update", events.neuron_update, Need::optional, positive);
  f("synaptic_event", events.synaptic_event, Need::optional, positive);
  f("barrier", events.barrier, Need::optional, non_negative);
  f("neuron_update_pJ", events.neuron_update_pJ, Need::optional, non_negative);
  f("synaptic_event_pJ", events.synaptic_event_pJ, Need::optional, non_negative);
}

void fields(Fields& f, Calibration& calibration) {
  f.required("name", calibration.name);
  f.required("title", calibration.title);
  f("unvalidated", calibration.unvalidated);
  f("gemm", calibration.gemm);
  f("sustained", calibration.sustained);
  f("attention", calibration.attention);
  f("memory", calibration.memory);
  f("energy", calibration.energy);
  f("events", calibration.events);
  f.raw("sources", calibration.sources, Need::required);
}

namespace {

// How many times as many operands of `wanted` as of `given` the unit takes in.
double unit_ratio(DataType wanted, DataType given) { return static_cast<double>(unit_bits(given)) / unit_bits(wanted); }

}  // namespace

// Exponent 0.7 between A100 fp16 (k0 79, c 11) and H100 fp8 (246, 33), per core 5.2 times faster. The units of wide types differ
// too much between chips: fp64 runs at the rate of fp32, a half or a 32nd of it.
GemmParameters of_type(GemmParameters entry, DataType type) {
  constexpr double delivery_exponent = 0.7;
  const double scale = is_wide(type) ? 1 : std::pow(unit_ratio(type, entry.type), delivery_exponent);
  entry.type = type;
  entry.k_overhead *= scale;
  entry.tile_cost *= scale;
  return entry;
}

namespace {

struct Source {  // one file of the look-up order
  Calibration calibration;
  std::string from;
  bool own = false;      // of a device of this name
  bool changed = false;  // which this one is not, for all its name
};

bool is_fit(const Source& source, const Fit& fit) {
  return source.own && !source.changed && fit_shortfall(fit).empty();
}

// What the times of kernels depend on, 0 where unknown. A power limit, a price or a link changes no benchmark of one.
std::vector<double> silicon(const DeviceModel& d) {
  std::vector<double> figures;
  const auto add = [&figures](const auto&... optionals) {
    const auto number = [](const auto& figure) {
      if constexpr (requires { figure.value; })
        return figure.value;
      else
        return static_cast<double>(figure);
    };
    (figures.push_back(optionals ? number(*optionals) : 0), ...);
  };
  const PeakRates& p = d.peak;
  const OnChipMemory& c = d.on_chip;
  add(d.cores, d.clock, d.matrix_units, d.systolic_rows, d.systolic_columns, memory_bandwidth(d), p.fp64, p.fp64_matrix,
      p.fp32, p.fp32_matrix, p.tf32, p.bf16, p.fp16, p.fp8, p.int8, p.fp6, p.fp4, p.vector, c.l1_per_core, c.l2,
      c.total, c.l1_bandwidth, c.l2_bandwidth);
  return figures;
}

// What the author of a device's calibration saw of the library: the folder that it stands in and those behind it.
Library as_calibrated(const std::string& name, const Library& library) {
  const auto& folders = library.folders();
  const auto first = std::find_if(folders.begin(), folders.end(), [&name](const std::filesystem::path& folder) {
    return !Library({folder}).find("kernels/calibration", name).empty();
  });
  return Library(std::vector<std::filesystem::path>(first, folders.end()));
}

// Whether this is another device than the one of its name that was calibrated, changed by a scenario or replaced in a folder
// that is searched before that of the calibration: data sheets have three digits.
bool is_changed(const DeviceModel& device, const Library& library) {
  constexpr const char* accelerators = "hardware/accelerators";
  constexpr double rounding = 0.005;
  const Library behind = as_calibrated(device.name, library);
  if (behind.find(accelerators, device.name).empty()) return false;
  const auto shipped = load_part<DeviceModel>(accelerators, device.name, behind);
  const auto same = [](double a, double b) { return std::abs(a - b) <= rounding * std::max(a, b); };
  return device.family != shipped.family || !std::ranges::equal(silicon(device), silicon(shipped), same);
}

std::vector<Source> sources_of(const DeviceModel& device, const Library& library) {
  const std::string family(EnumNames<DeviceFamily>::names[static_cast<std::size_t>(device.family)]);
  const std::pair<std::string, std::string> order[] = {
      {device.name, "of this device"},
      {"generation-" + device.generation, "from its generation " + device.generation},
      {"family-" + family, "family default"},
      {"family-any", "default of all families"}};
  std::vector<Source> found;
  for (const auto& [name, from] : order)
    if (!library.find("kernels/calibration", name).empty())
      found.push_back({load_part<Calibration>("kernels/calibration", name, library), from, name == device.name});
  if (!found.empty() && found.front().own && is_changed(device, library)) {
    found.front().changed = true;
    found.front().from = "of this device as the library has it, changed here";
  }
  return found;
}

// Of a file's entries, that of this type, else of the nearest width; none where only units of another kind are known.
template <class Entry> const Entry* nearest(const std::vector<Entry>& entries, DataType type) {
  const Entry* best = nullptr;
  const auto distance = [&](const Entry& entry) {
    return entry.type == type ? -1 : std::abs(std::log2(unit_ratio(type, entry.type)));
  };
  // FP6 runs at the rate of one width or another, chip by chip: what is known of it tells of no other type.
  const auto tells = [type](const Entry& entry) {
    return is_wide(entry.type) == is_wide(type) && (entry.type != DataType::fp6 || type == DataType::fp6);
  };
  for (const Entry& entry : entries)
    if (tells(entry) && (best == nullptr || distance(entry) < distance(*best))) best = &entry;
  return best;
}

// Another type of a nearer file says more than this type of a more general one.
DeviceCalibration::Found<GemmParameters> find_gemm(const std::vector<Source>& sources, DataType type) {
  for (const auto& source : sources)
    if (const auto* entry = nearest(source.calibration.gemm, type)) {
      const bool same_unit = unit_bits(entry->type) == unit_bits(type);
      return {of_type(*entry, type), alike(entry->type, type) && is_fit(source, entry->fit),
              source.own && !same_unit ? "scaled from another precision" : source.from};
    }
  return {GemmParameters{}, false, "built-in default"};
}

// Of a type whose multiply-adds take far less power than those of the one it was found for, as much more.
double find_sustained(const DeviceModel& device, const std::vector<Source>& sources, DataType type,
                      const std::optional<EnergyParameters>& energy) {
  constexpr double alike = 1.25;  // so far apart powers are the same: data sheets round
  for (const auto& source : sources)
    if (const auto* entry = nearest(source.calibration.sustained, type)) {
      const double own = full_power_W(device, type, energy), measured = full_power_W(device, entry->type, energy);
      const double more = own > 0 ? std::max(1.0, measured / (alike * own)) : 1.0;
      return std::min(1.0, entry->fraction * more);
    }
  return 1;
}

// The first file that says anything of products or events decides: a default of all families was compared with nothing.
std::string find_unvalidated(const std::vector<Source>& sources) {
  for (const Source& source : sources)
    if (!source.calibration.gemm.empty() || source.calibration.events) return source.calibration.unvalidated;
  return "no calibration file is there";
}

}  // namespace

DeviceCalibration resolve_calibration(const DeviceModel& device, const Library& library) {
  const auto sources = sources_of(device, library);
  DeviceCalibration resolved;
  for (const auto& source : sources) {
    if (resolved.attention.empty())
      for (const auto& entry : source.calibration.attention)
        resolved.attention.push_back({entry, is_fit(source, entry.fit), source.from});
    if (resolved.memory.from.empty() && source.calibration.memory)
      resolved.memory = {*source.calibration.memory, is_fit(source, source.calibration.memory->fit), source.from};
    if (!resolved.energy && source.calibration.energy) resolved.energy = source.calibration.energy;
  }
  for (auto source = sources.rbegin(); source != sources.rend(); ++source)
    if (source->calibration.events) {
      resolved.events = *source->calibration.events;
      resolved.events_from = source->from;
    }
  resolved.unvalidated = find_unvalidated(sources);
  for (std::size_t i = 0; i < data_type_names.size(); ++i) {
    const auto type = static_cast<DataType>(i);
    resolved.gemm[i] = find_gemm(sources, type);
    resolved.sustained[i] = find_sustained(device, sources, type, resolved.energy);
    double& efficiency = resolved.gemm[i].parameters.efficiency;
    const double ceiling = power_ceiling(device, type, resolved.energy);
    if (efficiency <= ceiling) continue;
    // A sustained fraction is the same limit, measured: the lower of the two holds, not their product.
    resolved.sustained[i] = std::min(1.0, resolved.sustained[i] * efficiency / ceiling);
    efficiency = ceiling;
    resolved.gemm[i].from += ", held by the power limit";
    resolved.gemm[i].calibrated = false;  // the rate is no longer the one that was measured
  }
  if (resolved.attention.empty()) resolved.attention.push_back({AttentionParameters{}, false, "built-in default"});
  std::stable_sort(resolved.attention.begin(), resolved.attention.end(),
                   [](const auto& a, const auto& b) { return a.parameters.generation < b.parameters.generation; });
  return resolved;
}

}  // namespace orrery
