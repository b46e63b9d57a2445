#include <algorithm>

#include <fmt/format.h>

#include "kernels/collectives/algorithms.hpp"
#include "scenarios/kernel_forms.hpp"
#include "scenarios/preset_tables.hpp"
#include "sim/program.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

namespace {

// ---- topologies: the two places of a cluster where a family may stand ---------------------------------------------

struct TopologyUse {
  std::string_view key;  // of the scenario
  std::string_view name, description;
  std::vector<FamilyOption> options;
  std::vector<std::string> fields;
};

std::vector<TopologyUse> topology_uses() {
  std::vector<TopologyUse> all;
  for (const auto& entry : scale_up_catalog())
    all.push_back({"scale_up", entry.name, entry.description, entry.value.options, {}});
  for (const auto& entry : fabric_catalog())
    all.push_back({"fabric", entry.name, entry.description, options_of(entry.value), entry.value.fields});
  return all;
}

std::vector<std::string> topology_names(const Library&) {
  std::vector<std::string> all;
  for (const TopologyUse& use : topology_uses())
    if (std::find(all.begin(), all.end(), use.name) == all.end()) all.emplace_back(use.name);
  return all;
}

TextTable topology_table(const Library&) {
  TextTable table{{{"name"}, {"used in"}, {"description"}}, {}, {}};
  for (const TopologyUse& use : topology_uses())
    table.rows.push_back({std::string(use.name), std::string(use.key), std::string(use.description)});
  return table;
}

Preset load_topology(const std::string& name, const Library&) {
  Preset preset;
  preset.resolved["name"] = name;
  for (const TopologyUse& use : topology_uses()) {
    if (use.name != name) continue;
    Json& place = preset.resolved[std::string(use.key)];
    place["description"] = use.description;
    for (const FamilyOption& option : use.options) place["options"][std::string(option.name)] = option.meaning;
    for (const std::string& field : use.fields) place["fields"].push_back(field);
    preset.notes.push_back(fmt::format("in a scenario: \"{}\": {{\"kind\": \"{}\"}}", use.key, name));
  }
  return preset;
}

// ---- collectives --------------------------------------------------------------------------------------------------

std::vector<std::string> collective_algorithm_names(const Library&) { return names(collective_catalog()); }

TextTable collective_table(const Library&) {
  TextTable table{{{"name"}, {"description"}}, {}, {}};
  for (const auto& entry : collective_catalog())
    table.rows.push_back({std::string(entry.name), std::string(entry.description)});
  return table;
}

Preset load_collective(const std::string& name, const Library&) {
  const auto* entry = find(collective_catalog(), name);
  Preset preset{std::string(entry->description), "", {{"name", name}, {"description", entry->description}}, {}};
  for (const std::string_view protocol : entry->value.protocols) preset.resolved["protocols"].push_back(protocol);
  return preset;
}

// ---- kernels ------------------------------------------------------------------------------------------------------

std::vector<std::string> kernel_names(const Library&) { return names(kernel_forms()); }

TextTable kernel_table(const Library&) {
  TextTable table{{{"name"}, {"description"}}, {}, {}};
  for (const auto& form : kernel_forms()) table.rows.push_back({std::string(form.name), std::string(form.description)});
  table.remarks = {"", "`orrery show NAME` and `orrery kernel --help` say by which sizes a kernel is asked for"};
  return table;
}

Preset load_kernel(const std::string& wanted, const Library&) {
  const auto* form = find(kernel_forms(), wanted);
  Preset preset{std::string(form->description), "", {{"name", wanted}, {"description", form->description}}, {}};
  preset.resolved["usual_precision"] = name(form->value.usual);
  for (const KernelSize& size : form->value.sizes)
    preset.resolved["sizes"][std::string(size.name)] = {
        {"description", size.description}, {"default", size.otherwise ? Json(*size.otherwise) : Json(nullptr)}};
  return preset;
}

}  // namespace

const PresetCategory topologies_category = {topology_names, topology_table, load_topology};
const PresetCategory collectives_category = {collective_algorithm_names, collective_table, load_collective};
const PresetCategory kernels_category = {kernel_names, kernel_table, load_kernel};

}  // namespace orrery
