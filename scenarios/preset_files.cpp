#include <algorithm>

#include <fmt/format.h>

#include "kernels/calibration.hpp"
#include "kernels/cost_models.hpp"
#include "models/optimizer.hpp"
#include "models/software.hpp"
#include "models/transformer.hpp"
#include "scenarios/link_ramp.hpp"
#include "scenarios/preset_tables.hpp"
#include "scenarios/reliability_spec.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/sweep_spec.hpp"
#include "topologies/cluster_spec.hpp"
#include "topologies/host_model.hpp"

namespace orrery {

namespace {

// Folders of the library.
constexpr std::string_view accelerators = "hardware/accelerators", nodes = "hardware/nodes", hosts = "hardware/hosts",
                           memories = "hardware/memories", links = "hardware/links", network_parts = "hardware/network",
                           networks = "networks", software = "software", optimizers = "optimizers",
                           reliability = "reliability", scenarios = "scenarios", sweeps = "scenarios/library/sweeps";

template <class Q> std::string shown(const std::optional<Q>& quantity) { return quantity ? human(*quantity) : "-"; }

// Rows of all parts of a kind; what cannot be read is reported together, after all have been tried.
template <class T, class MakeRow>
void add_rows(TextTable& table, std::string_view kind, const Library& library, MakeRow row) {
  std::vector<Fault> faults;
  for (const std::string& name : library.names(kind)) {
    try {
      table.rows.push_back(row(name, load_part<T>(kind, name, library)));
    } catch (const SpecError& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
  }
  if (!faults.empty()) throw SpecError(faults);
}

template <class T> Preset load_preset(std::string_view kind, const std::string& name, const Library& library) {
  const T part = load_part<T>(kind, name, library);
  return {part.title, library.find(kind, name).string(), write_spec(part), {}};
}

// ---- accelerators -------------------------------------------------------------------------------------------------

// The precision that a device is usually quoted at: 16-bit floating point where it has it.
std::optional<DataType> headline_type(const DeviceModel& device) {
  for (const DataType type : {DataType::bf16, DataType::fp16, DataType::fp32, DataType::int8, DataType::fp8})
    if (matrix_peak(device, type)) return type;
  return std::nullopt;
}

// Integer operations are no FLOPs.
std::string rate_text(FlopsPerSecond rate, DataType type) {
  std::string text = human(rate);
  const std::size_t flop = text.find("FLOP");
  if (type == DataType::int8 && flop != std::string::npos) text.replace(flop, 4, "OP");
  return text;
}

// Where the parameters of products in the headline type come from, and the types of products measured on the device.
std::string kernels_from(const DeviceModel& device, const Library& library) {
  const auto type = headline_type(device);
  const DeviceCalibration calibration = resolve_calibration(device, library);
  if (!calibration.unvalidated.empty()) return type ? "unvalidated" : "unvalidated, no matrix products";
  if (!type) return "none";
  const auto& gemm = calibration.gemm[static_cast<std::size_t>(*type)];
  std::string measured;
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (calibration.gemm[i].calibrated && matrix_peak(device, static_cast<DataType>(i)))
      measured += (measured.empty() ? "" : ", ") + std::string(data_type_names[i]);
  return (gemm.from.empty() ? "built-in default" : gemm.from) + (measured.empty() ? " *" : "; fitted: " + measured);
}

TextTable accelerator_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"},
                   {"family"},
                   {"memory", Align::right},
                   {"bandwidth", Align::right},
                   {"dense peak", Align::right},
                   {"at"},
                   {"TDP", Align::right},
                   {"kernel times"}};
  add_rows<DeviceModel>(table, accelerators, library, [&](const std::string& part, const DeviceModel& d) {
    const auto type = headline_type(d);
    return std::vector<std::string>{part,
                                    std::string(EnumNames<DeviceFamily>::names[static_cast<std::size_t>(d.family)]),
                                    shown(memory_capacity(d)),
                                    shown(memory_bandwidth(d)),
                                    type ? rate_text(*matrix_peak(d, *type), *type) : "-",
                                    type ? std::string(name(*type)) : "-",
                                    shown(d.power.tdp),
                                    kernels_from(d, library)};
  });
  table.remarks = {"",
                   "kernel times: where the parameters of matrix products in the type under `at` come from.",
                   "of this device: its own file, or that of a board with the same chip; fits, or figures of sources.",
                   "fitted: types with a fit to at least 5 measured products of the chip. *: none; from best shapes,",
                   "training steps, other boards or the data sheet (`show NAME` says which).",
                   "unvalidated: nor was any measurement of such devices compared with the model of their family."};
  return table;
}

Preset load_accelerator(const std::string& name, const Library& library) {
  const auto device = load_part<DeviceModel>(accelerators, name, library);
  return {device.title,
          library.find(accelerators, name).string(),
          write_spec(device),
          {"kernel times: " + calibration_note(device, library)}};
}

// ---- nodes and links ----------------------------------------------------------------------------------------------

TextTable node_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"}, {"devices", Align::right}, {"accelerator"}, {"scale-up"}, {"NICs"}};
  add_rows<NodeModel>(table, nodes, library, [](const std::string& part, const NodeModel& n) {
    const std::string link = n.scale_up.link ? " of " + n.scale_up.link->name : "";
    const std::string nics = n.nics ? fmt::format("{} x {}", n.nics->count, n.nics->link.name) : "-";
    return std::vector<std::string>{part, fmt::format("{}", n.devices), n.device.name, n.scale_up.kind + link, nics};
  });
  return table;
}

std::string energy_text(const std::optional<JoulesPerByte>& energy) {
  return energy ? fmt::format("{:.3g} pJ/b", energy->value / 8e-12) : "-";
}

TextTable link_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"},
                   {"class"},
                   {"per direction", Align::right},
                   {"lanes", Align::right},
                   {"latency", Align::right},
                   {"efficiency", Align::right},
                   {"64 KiB gets", Align::right},
                   {"energy", Align::right},
                   {"title"}};
  add_rows<LinkModel>(table, links, library, [](const std::string& part, const LinkModel& l) {
    return std::vector<std::string>{part,
                                    l.kind,
                                    human(l.bandwidth_per_direction),
                                    l.lanes ? std::to_string(*l.lanes) : "-",
                                    shown(l.latency),
                                    l.efficiency ? fmt::format("{:.3g}", *l.efficiency) : "-",
                                    human(BytesPerSecond(LinkRamp(l).at(ramp_message_bytes).rate)),
                                    energy_text(l.energy),
                                    l.title};
  });
  table.remarks = {
      "", "efficiency: payload share of the line rate. 64 KiB gets: what a message between two devices reaches,",
      "library included (`orrery show LINK` says more). energy: per bit that crosses; -: no source found."};
  return table;
}

TextTable host_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"}, {"sockets", Align::right}, {"cores", Align::right},   {"memory", Align::right},
                   {"PCIe"}, {"idle", Align::right},    {"typical", Align::right}, {"processor"},
                   {"title"}};
  const auto number = [](const std::optional<int>& n) { return n ? std::to_string(*n) : "-"; };
  add_rows<HostModel>(table, hosts, library, [&](const std::string& part, const HostModel& h) {
    return std::vector<std::string>{part,
                                    number(h.sockets),
                                    number(h.cores_per_socket),
                                    shown(h.memory),
                                    h.pcie_generation ? fmt::format("gen {}", *h.pcie_generation) : "-",
                                    shown(h.power.idle),
                                    shown(h.power.typical),
                                    h.processor.empty() ? "-" : h.processor,
                                    h.title};
  });
  table.remarks = {"", "of a node: \"host\": \"NAME\"; power: of the whole node without its accelerators"};
  return table;
}

Preset load_link(const std::string& name, const Library& library) {
  Preset preset = load_preset<LinkModel>(links, name, library);
  const auto link = load_part<LinkModel>(links, name, library);
  preset.notes.push_back(LinkRamp(link).text());
  if (!link.energy) preset.notes.emplace_back("energy per bit: no source found; runs count none and say so");
  return preset;
}

TextTable network_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"}, {"kind"}, {"ports", Align::right}, {"power", Align::right}, {"price", Align::right},
                   {"title"}};
  add_rows<NetworkPart>(table, network_parts, library, [](const std::string& part, const NetworkPart& p) {
    return std::vector<std::string>{part,
                                    p.kind,
                                    p.ports ? std::to_string(*p.ports) : "-",
                                    shown(p.power),
                                    p.price ? fmt::format("{:.0f} $", p.price->value) : "-",
                                    p.title};
  });
  table.remarks = {
      "", "of a fabric: \"switch\", \"cable\"; of \"nics\": \"adapter\", \"cable\"; absent: those of the link."};
  return table;
}

TextTable memory_table(const Library& library) {
  TextTable table;
  table.columns = {
      {"name"}, {"per stack", Align::right}, {"bandwidth", Align::right}, {"energy", Align::right}, {"title"}};
  add_rows<DeviceMemory>(table, memories, library, [](const std::string& part, const DeviceMemory& m) {
    return std::vector<std::string>{part, shown(m.capacity_per_stack), shown(m.bandwidth_per_stack),
                                    m.energy ? fmt::format("{:.3g} pJ/bit", m.energy->value / 8e-12) : "-", m.title};
  });
  table.remarks = {"", "of an accelerator: \"memory\": { \"base\": \"hbm4\", \"stacks\": 8 }"};
  return table;
}

// ---- models and software ------------------------------------------------------------------------------------------

std::string parameters_text(double count) {
  return count >= 1e9 ? fmt::format("{:.1f} B", count * 1e-9) : fmt::format("{:.1f} M", count * 1e-6);
}

TextTable model_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"},
                   {"parameters", Align::right},
                   {"layers", Align::right},
                   {"hidden", Align::right},
                   {"heads", Align::right},
                   {"sequence", Align::right},
                   {"title"}};
  add_rows<TransformerModel>(table, networks, library, [](const std::string& part, const TransformerModel& m) {
    return std::vector<std::string>{part,
                                    parameters_text(parameters(m)),
                                    std::to_string(m.layers),
                                    std::to_string(m.hidden),
                                    std::to_string(m.heads),
                                    std::to_string(m.sequence),
                                    m.title};
  });
  return table;
}

TextTable software_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"}, {"attention"}, {"title"}};
  add_rows<SoftwareProfile>(table, software, library, [](const std::string& part, const SoftwareProfile& s) {
    const auto& kinds = EnumNames<AttentionImplementation>::names;
    return std::vector<std::string>{part, std::string(kinds[static_cast<std::size_t>(s.attention)]), s.title};
  });
  return table;
}

TextTable optimizer_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"},
                   {"state bytes", Align::right},
                   {"master weights", Align::right},
                   {"bytes moved", Align::right},
                   {"title"}};
  add_rows<Optimizer>(table, optimizers, library, [](const std::string& part, const Optimizer& o) {
    return std::vector<std::string>{part, fmt::format("{}", o.state_bytes), o.master_weights ? "4" : "none",
                                    fmt::format("{}", o.traffic_bytes), o.title};
  });
  table.remarks = {
      "", "bytes of one parameter, kept between steps and moved by one step; of a job: \"optimizer\": \"lion\""};
  return table;
}

TextTable reliability_table(const Library& library) {
  TextTable table;
  table.columns = {{"name"}, {"between failures per device", Align::right}, {"1024 devices", Align::right}, {"title"}};
  add_rows<FailureRate>(table, reliability, library, [](const std::string& part, const FailureRate& r) {
    const double hours = r.device_mtbf.value / 3600;
    return std::vector<std::string>{part, fmt::format("{:.0f} h", hours), fmt::format("{:.1f} h", hours / 1024),
                                    r.title};
  });
  return table;
}

// ---- scenarios and sweeps -----------------------------------------------------------------------------------------

TextTable described(std::string_view kind, const Library& library) {
  TextTable table;
  table.columns = {{"name"}, {"description"}};
  for (const std::string& name : library.names(kind)) {
    const Json document = read_json(library.find(kind, name));
    std::string text;
    for (const char* key : {"description", "name"})
      if (text.empty() && document.is_object() && document.contains(key) && document[key].is_string())
        text = document[key].get<std::string>();
    table.rows.push_back({name, text});
  }
  return table;
}

Preset load_scenario(const std::string& name, const Library& library) {
  const ScenarioDocument document = load_scenario_document(library.find(scenarios, name).string(), library);
  const Scenario scenario = read_scenario(document, library);
  return {scenario.description, document.file.string(), write_spec(scenario), {}};
}

// A sweep is shown as it was written: its points are for `orrery sweep --dry-run` to count.
Preset load_shipped_sweep(const std::string& name, const Library& library) {
  const std::string file = library.find(sweeps, name).string();
  const auto spec = read_spec<SweepSpec>(read_json(file), file, library);
  return {spec.description, file, read_json(file), {}};
}

template <class T, const std::string_view& kind>
constexpr PresetCategory files_category(TextTable (*table)(const Library&)) {
  return {[](const Library& library) { return library.names(kind); }, table,
          [](const std::string& name, const Library& library) { return load_preset<T>(kind, name, library); }};
}

}  // namespace

const PresetCategory accelerators_category = {[](const Library& library) { return library.names(accelerators); },
                                              accelerator_table, load_accelerator};
const PresetCategory nodes_category = files_category<NodeModel, nodes>(node_table);
const PresetCategory hosts_category = files_category<HostModel, hosts>(host_table);
const PresetCategory links_category = {[](const Library& library) { return library.names(links); }, link_table,
                                       load_link};
const PresetCategory network_category = files_category<NetworkPart, network_parts>(network_table);
const PresetCategory memories_category = files_category<DeviceMemory, memories>(memory_table);
const PresetCategory models_category = files_category<TransformerModel, networks>(model_table);
const PresetCategory software_category = files_category<SoftwareProfile, software>(software_table);
const PresetCategory optimizers_category = files_category<Optimizer, optimizers>(optimizer_table);
const PresetCategory reliability_category = files_category<FailureRate, reliability>(reliability_table);
const PresetCategory scenarios_category = {[](const Library& library) { return library.names(scenarios); },
                                           [](const Library& library) { return described(scenarios, library); },
                                           load_scenario};
const PresetCategory sweeps_category = {[](const Library& library) { return library.names(sweeps); },
                                        [](const Library& library) { return described(sweeps, library); },
                                        load_shipped_sweep};

}  // namespace orrery
