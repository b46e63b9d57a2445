#include "scenarios/cost_spec.hpp"

#include <algorithm>

#include <fmt/ranges.h>

namespace orrery {

void fields(Fields& f, CostSpec& c) {
  f("basis", c.basis);
  f("rental_per_device", c.rental_per_device, Need::optional, non_negative);
  f("purchase_per_device", c.purchase_per_device, Need::optional, non_negative);
  f("network_per_device", c.network_per_device, Need::optional, non_negative);
  f("amortization", c.amortization, Need::optional, positive);
  f("utilization", c.utilization, Need::optional, Range{0, 1, true});
  f("electricity", c.electricity, Need::optional, non_negative);
  f("pue", c.pue, Need::optional, at_least_one);
  f.raw("sources", c.sources);
  const bool rental = c.basis == CostBasis::rental, known = f.readable("basis");
  f.check(!known || !rental || !c.purchase_per_device, "purchase_per_device", "only beside \"basis\": \"ownership\"",
          "\"rental\"");
  f.check(!known || !rental || !c.network_per_device, "network_per_device", "only beside \"basis\": \"ownership\"",
          "\"rental\"");
  f.check(!known || rental || !c.rental_per_device, "rental_per_device", "only beside \"basis\": \"rental\"",
          "\"ownership\"");
}

namespace {

// How many devices of each type a job has, in order of type.
std::vector<double> count_types(const Cluster& cluster, const std::vector<DeviceId>& devices) {
  std::vector<double> counts(cluster.device_types.size(), 0);
  for (const DeviceId device : devices) counts[cluster.type_of[device.index()].index()] += 1;
  return counts;
}

struct PriceRange {
  double low = 0, high = 0;  // per device: USD/s for rental, USD for purchase
};

std::optional<PriceRange> price_of(const DeviceModel& device, const CostSpec& spec) {
  if (spec.basis == CostBasis::rental) {
    if (spec.rental_per_device) return PriceRange{spec.rental_per_device->value, spec.rental_per_device->value};
    if (!device.price || (!device.price->rental_low && !device.price->rental_high)) return std::nullopt;
    const DollarsPerSecond low = device.price->rental_low ? *device.price->rental_low : *device.price->rental_high;
    return PriceRange{low.value, device.price->rental_high.value_or(low).value};
  }
  if (spec.purchase_per_device) return PriceRange{spec.purchase_per_device->value, spec.purchase_per_device->value};
  if (!device.price || !device.price->purchase) return std::nullopt;
  return PriceRange{device.price->purchase->value, device.price->purchase->value};
}

// "1.10 to 3.00": per device-hour or per device.
std::string range_text(const PriceRange& price, double scale) {
  const std::string low = fmt::format("{:.2f}", price.low * scale), high = fmt::format("{:.2f}", price.high * scale);
  return low == high ? low : low + " to " + high;
}

std::string basis_of(const DeviceModel& device, const CostSpec& spec, const PriceRange& price) {
  const bool stated = spec.basis == CostBasis::rental ? spec.rental_per_device.has_value()
                                                      : spec.purchase_per_device.has_value();
  std::string text;
  if (spec.basis == CostBasis::rental)
    text = fmt::format("rental at {} USD per device-hour", range_text(price, 3600));
  else
    text = fmt::format("{} USD per device over {:.3g} years, {:.3g} USD/kWh, PUE {:.3g}", range_text(price, 1),
                       spec.amortization.value / (365 * 86400.0), spec.electricity.value * 3.6e6, spec.pue);
  if (stated) return text;
  text += spec.basis == CostBasis::rental ? " (" : " (the device alone; ";
  return text + device.price->as_of + ")";
}

// What the fabric costs per device; none where there is none or a price is missing.
std::optional<double> network_per_device(const std::vector<NetworkItem>& network, std::size_t devices,
                                         const CostSpec& spec) {
  if (spec.network_per_device) return spec.network_per_device->value;
  if (spec.purchase_per_device) return std::nullopt;  // its share is in that price
  double all = 0;
  for (const NetworkItem& item : network) {
    if (!item.price) return std::nullopt;
    all += item.price->value * item.count;
  }
  if (network.empty()) return std::nullopt;
  return all / static_cast<double>(devices);
}

// Of a job on `devices` of the `all` that the fabric joins.
void add_network(CostInputs& inputs, const std::vector<NetworkItem>& network, std::size_t all, const CostSpec& spec,
                 double devices) {
  const std::optional<double> share = network_per_device(network, all, spec);
  if (share) {
    const double rate = *share * devices / (spec.amortization.value * spec.utilization);
    inputs.devices_low_USD_per_s += rate;
    inputs.devices_high_USD_per_s += rate;
    inputs.basis += fmt::format("; {:.0f} USD of switches, NICs and cables per device", *share);
  } else if (!spec.purchase_per_device && !network.empty()) {
    inputs.basis += "; network not priced (`orrery topology` says what has no price)";
  }
}

}  // namespace

std::optional<CostInputs> cost_inputs(const std::optional<CostSpec>& stated, const Cluster& cluster,
                                      const std::vector<NetworkItem>& network, const std::vector<DeviceId>& devices,
                                      const std::string& file) {
  const CostSpec spec = stated.value_or(CostSpec{});
  const bool rental = spec.basis == CostBasis::rental;
  CostInputs inputs;
  std::vector<std::string> bases;
  const std::vector<double> counts = count_types(cluster, devices);
  for (std::size_t type = 0; type < counts.size(); ++type) {
    if (counts[type] == 0) continue;
    const DeviceModel& device = cluster.device_types[type];
    const std::optional<PriceRange> price = price_of(device, spec);
    if (!price && !stated) return std::nullopt;
    if (!price)
      throw SpecError(file, rental ? "/cost/rental_per_device" : "/cost/purchase_per_device",
                      fmt::format("a price, since {} states none", device.name), "none");
    const double scale = rental ? 1 : 1 / (spec.amortization.value * spec.utilization);
    inputs.devices_low_USD_per_s += counts[type] * price->low * scale;
    inputs.devices_high_USD_per_s += counts[type] * price->high * scale;
    const std::string basis = basis_of(device, spec, *price);
    if (std::find(bases.begin(), bases.end(), basis) == bases.end()) bases.push_back(basis);
  }
  inputs.basis = fmt::format("{}", fmt::join(bases, "; "));  // pools of one price say it once
  if (!rental) add_network(inputs, network, cluster.fabric.device_count(), spec, static_cast<double>(devices.size()));
  inputs.devices_USD_per_s = (inputs.devices_low_USD_per_s + inputs.devices_high_USD_per_s) / 2;
  if (rental) return inputs;
  inputs.electricity_USD_per_J = spec.electricity.value;
  inputs.pue = spec.pue;
  return inputs;
}

}  // namespace orrery
