#include "scenarios/validate_power.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/cost_models.hpp"
#include "kernels/energy.hpp"
#include "models/residual_network.hpp"
#include "scenarios/lower_case.hpp"
#include "scenarios/measured_kernels.hpp"
#include "scenarios/measured_names.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

// "column gpu: v100 = nvidia-v100, a40 = nvidia-a40": which accelerator a row of a CSV names in that column.
std::string stated_accelerator(const MeasuredRow& row) {
  if (const auto own = row.text("accelerator")) return *own;
  const std::string text = row.text("cluster/accelerator").value_or("");
  constexpr std::string_view column = "column ";
  if (!text.starts_with(column)) return text;
  const std::size_t colon = text.find(':');
  const std::string word = row.text(text.substr(column.size(), std::min(colon, text.size()) - column.size()))
                               .value_or("");
  if (word.empty() || colon == std::string::npos) return word;
  const std::string mapping = lower_case(text);
  const std::size_t at = mapping.find(" " + lower_case(word) + " = ", colon);
  if (at == std::string::npos) return word;
  const std::size_t first = at + word.size() + 4;
  return text.substr(first, std::min(text.find(',', first), text.size()) - first);
}

std::string accelerator_of(const MeasuredRow& row, const Library& library, RulesUsed& used) {
  const std::string stated = stated_accelerator(row);
  if (stated.empty()) throw CannotSimulate("the accelerator is not named");
  return *with_known_accelerator(row, stated, library, used).text("accelerator");
}

// As the library writes it, else as stated; "" = not stated.
std::string precision_of(const MeasuredRow& row) {
  const auto stated = precision_text(row);
  if (!stated) return "";
  const auto type = data_type_of(*stated);
  return type ? std::string(name(*type)) : *stated;
}

std::optional<std::string> workload_of(const MeasuredRow& row) {
  return row.has("network") ? row.text("network") : row.text("workload");
}

struct Recipe {
  std::string_view workload, dataset;  // as rows name them, letters and digits alone; "" = not stated
  std::string_view model;
  std::int64_t sequence;
  std::string software, precision, optimizer;
};
const std::array<Recipe, 6> recipes = {
    {{"bertbaseuncased", "squad", "bert-base", 384, "pytorch-eager", "fp32", "adam"},
     {"bertbaseuncased", "sentiment140", "bert-base", 128, "pytorch-eager", "fp32", "adam"},
     {"bertbaseuncased", "", "bert-base", 128, "pytorch-eager", "fp32", "adam"},
     {"bertbase", "", "bert-base", 128, "pytorch-eager", "fp32", "adam"},
     {"bert", "", "bert-large", 512, "nvidia-bert", "fp16", "lamb"},
     {"bertlarge", "", "bert-large", 512, "nvidia-bert", "fp16", "lamb"}}};

// Frameworks keep fp32 programs in fp32 on Volta and compute convolutions in TF32 where there is any.
DataType convolution_type(const MeasuredRow& row, const DeviceModel& device, PowerBoundary boundary) {
  const std::string stated = !row.has("precision") ? boundary == PowerBoundary::node ? "fp16" : "fp32"
                                                   : precision_of(row);
  for (const DataType type : {DataType::fp16, DataType::bf16, DataType::tf32})
    if (stated == name(type)) return type;
  if (stated != "fp32") throw CannotSimulate("ResNet-50 in " + stated + " is not modelled");
  return matrix_peak(device, DataType::tf32) ? DataType::tf32 : DataType::fp32;
}

const Recipe& recipe_of(const MeasuredRow& row, RulesUsed& used) {
  const auto workload = workload_of(row);
  if (row.has("output_tokens_per_s")) throw CannotSimulate("decoding (inference) is not modelled");
  if (!workload) throw CannotSimulate("the workload is not stated");
  const std::string name = bare_name(*workload), dataset = bare_name(row.text("dataset").value_or(""));
  for (const Recipe& recipe : recipes)
    if (name == recipe.workload && dataset == recipe.dataset) {
      used.insert(Rule::power_recipe);
      return recipe;
    }
  throw CannotSimulate("power of workload \"" + *workload + "\": sizes are not stated or its kernels are not modelled");
}

// The board, held to the row's limit where that is below its own.
DeviceModel limited_device(const std::string& accelerator, const std::optional<double>& limit, const Library& library,
                           RulesUsed& used) {
  auto device = load_part<DeviceModel>("hardware/accelerators", accelerator, library);
  if (limit && device.power.tdp && *limit > device.power.tdp->value) used.insert(Rule::own_power_limit);
  if (!limit || (device.power.tdp && *limit >= device.power.tdp->value)) return device;
  if (!device.power.tdp) throw CannotSimulate("the power limit of " + accelerator + " itself is not known");
  used.insert(Rule::power_limit);
  device.power.limit = Watts(*limit);
  return device;
}

// The reference system with the host's power, for boundaries that hold it.
std::string reference_node(const std::string& accelerator, std::int64_t devices) {
  if (accelerator == "nvidia-h100-sxm5-80gb" && devices == 8) return "dgx-h100";
  throw CannotSimulate("no reference node for the host power of " + accelerator);
}

}  // namespace

namespace {

// "all GPUs", "ac (wall)": whose power the row says that it states; nothing where it does not say.
std::optional<PowerBoundary> stated_boundary(const MeasuredRow& row) {
  struct BoundaryWord {
    std::string_view begins;
    PowerBoundary boundary;
  };
  constexpr BoundaryWord words[] = {
      {"device", PowerBoundary::device},   {"gpu", PowerBoundary::device}, {"accelerator", PowerBoundary::device},
      {"all", PowerBoundary::all_devices}, {"node", PowerBoundary::node},  {"ac ", PowerBoundary::node},
      {"dc ", PowerBoundary::node}};  // at the wall, after the power supply
  const std::string text = row.word("boundary").empty() ? "" : row.word("boundary") + " ";
  if (text.empty()) return std::nullopt;
  for (const BoundaryWord& known : words)
    if (text.starts_with(known.begins)) return known.boundary;
  throw CannotSimulate("boundary \"" + row.word("boundary") + "\" of the measured power is not known");
}

std::optional<MeasuredPower> power_by_key(const MeasuredRow& row) {
  if (const auto node = row.figure("node_avg_power_W")) return MeasuredPower{*node, PowerBoundary::node};
  if (const auto all = row.figure("avg_power_W_all_gpus")) return MeasuredPower{*all, PowerBoundary::all_devices};
  const PowerBoundary boundary = stated_boundary(row).value_or(PowerBoundary::device);
  for (const char* key : {"average_power_W", "power_W"})
    if (const auto watts = row.figure(key)) return MeasuredPower{*watts, boundary};
  return std::nullopt;
}

}  // namespace

std::optional<MeasuredPower> measured_power(const MeasuredRow& row) {
  if (const auto power = power_by_key(row)) return power;
  const Json* each = row.at("measured/power_W_per_device");
  if (!each || !each->is_array() || each->empty()) return std::nullopt;
  double sum = 0;
  for (const Json& watts : *each) {
    if (!watts.is_number()) return std::nullopt;
    sum += watts.get<double>();
  }
  return MeasuredPower{sum / static_cast<double>(each->size()), PowerBoundary::device};
}

std::string host_power(const std::string& accelerator, std::int64_t devices, const Library& library) {
  const auto host = load_part<NodeModel>("hardware/nodes", reference_node(accelerator, devices), library).host_power;
  return fmt::format("{} W", host ? host->value : 0);
}

std::optional<double> stated_power_limit(const MeasuredRow& row, PowerBoundary boundary) {
  const auto limit = row.number("power_limit_W");
  if (!limit || boundary == PowerBoundary::node) return std::nullopt;
  if (!(*limit > 0)) throw CannotSimulate("faulty row: power_limit_W is not positive");
  return boundary == PowerBoundary::device ? *limit : *limit * static_cast<double>(row.integer("devices").value_or(1));
}

Json held_device(const std::string& accelerator, const std::optional<double>& limit, const Library& library,
                 RulesUsed& used) {
  const auto held = limited_device(accelerator, limit, library, used).power.limit;
  if (!held) return accelerator;
  return {{"base", accelerator}, {"power", {{"limit", fmt::format("{} W", held->value)}}}};
}

Json power_scenario(const MeasuredRow& row, PowerBoundary boundary, const Library& library, RulesUsed& used) {
  const Recipe& recipe = recipe_of(row, used);
  const std::string accelerator = accelerator_of(row, library, used);
  const std::int64_t devices = row.integer("devices").value_or(1);
  const auto batch = row.has("batch_size") ? row.integer("batch_size") : row.integer("batch/global");
  if (!batch) throw CannotSimulate("the batch size is not stated");
  if (devices < 1 || *batch % devices != 0)
    throw CannotSimulate(fmt::format("a batch of {} does not divide over {} devices", *batch, devices));
  Json node;
  if (boundary == PowerBoundary::node) {
    node = {{"base", reference_node(accelerator, devices)}, {"device", accelerator}};
  } else {
    node = {{"name", accelerator + "-node"},
            {"device", held_device(accelerator, stated_power_limit(row, PowerBoundary::device), library, used)},
            {"devices", devices},
            {"scale_up", {{"kind", devices > 1 ? "pcie" : "none"}}}};
  }
  Json model = {{"base", recipe.model}, {"sequence", recipe.sequence}};
  if (!recipe.dataset.empty()) model["predicted_positions"] = 1;  // a classifier of a few outputs, no vocabulary
  return {{"orrery", "scenario/1"},
          {"name", row.id},
          {"cluster", {{"pools", Json::array({{{"node", node}, {"count", 1}}})}, {"fabric", {{"kind", "none"}}}}},
          {"jobs", Json::array({{{"name", "train"},
                                 {"model", model},
                                 {"precision", row.has("precision") ? precision_of(row) : recipe.precision},
                                 {"batch", {{"global", *batch}, {"micro", *batch / devices}}},
                                 {"software", recipe.software},
                                 {"optimizer", recipe.optimizer}}})}};
}

bool is_residual_network(const MeasuredRow& row) {
  const auto workload = workload_of(row);
  return workload && (bare_name(*workload) == "resnet50" || bare_name(*workload) == "resnet");
}

ResidualNetworkPower residual_network_power(const MeasuredRow& row, PowerBoundary boundary, const Library& library,
                                            RulesUsed& used) {
  const std::string accelerator = accelerator_of(row, library, used);
  const std::int64_t devices = row.integer("devices").value_or(1);
  const auto batch = row.has("batch_size") ? row.integer("batch_size") : row.integer("batch/global");
  if (!batch) throw CannotSimulate("the batch size is not stated");
  if (devices < 1 || *batch < devices) throw CannotSimulate("the batch does not reach every device");
  used.insert(Rule::power_recipe);
  const bool node = boundary == PowerBoundary::node;
  const DeviceModel device = limited_device(
      accelerator, node ? std::nullopt : stated_power_limit(row, PowerBoundary::device), library, used);
  if (energy_source(device, resolve_calibration(device, library), KernelKind::convolution) == EnergySource::unknown)
    throw CannotSimulate("neither power limit nor energy per operation of " + device.name + " is known");
  const auto costs = make_cost_model({&device, 1}, library);
  const std::vector<Kernel> kernels = training_step(resnet50_layers(), *batch / devices,
                                                    convolution_type(row, device, boundary), node);
  const Cost step = costs->sequence(DeviceTypeId(std::size_t{0}), kernels, {});
  const double idle = idle_power(device).value_or(Watts(0)).value;
  ResidualNetworkPower power{device.name, idle + step.energy.value / step.time.value};
  if (boundary != PowerBoundary::device) power.watts *= static_cast<double>(devices);
  if (node) {
    const auto host = load_part<NodeModel>("hardware/nodes", reference_node(accelerator, devices), library).host_power;
    power.watts += host ? host->value : 0;
  }
  return power;
}

double predicted_power(const ScenarioRun& run, PowerBoundary boundary) {
  const JobMetrics& job = run.metrics.jobs.at(0);
  if (!(job.iteration_s > 0)) throw CannotSimulate("no iteration was completed");
  if (std::isnan(job.energy_J)) throw CannotSimulate("neither power limit nor energy per operation is known");
  const double nodes_J = job.energy.total() - job.energy.network_J;  // meters of nodes see no switches
  if (boundary == PowerBoundary::node) return nodes_J / job.iteration_s;
  const double devices = (nodes_J - job.energy.host_J) / job.iteration_s;
  return boundary == PowerBoundary::device ? devices / job.devices : devices;
}

}  // namespace orrery
