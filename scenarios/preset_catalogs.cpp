#include <algorithm>

#include <fmt/format.h>

#include "kernels/collectives/algorithms.hpp"
#include "scenarios/preset_tables.hpp"
#include "sim/kernel.hpp"
#include "sim/program.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

namespace {

// ---- topologies: the two places of a cluster where a family may stand ---------------------------------------------

struct TopologyUse {
  std::string_view key;  // of the scenario
  std::string_view name, description;
};

std::vector<TopologyUse> topology_uses() {
  std::vector<TopologyUse> all;
  for (const auto& entry : scale_up_catalog()) all.push_back({"scale_up", entry.name, entry.description});
  for (const auto& entry : fabric_catalog()) all.push_back({"fabric", entry.name, entry.description});
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
    preset.resolved[std::string(use.key)] = use.description;
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

struct KernelText {
  KernelKind kind;
  std::string_view description;
};
constexpr KernelText kernel_texts[] = {
    {KernelKind::gemm, "matrix product of m x k and k x n, `batch` times"},
    {KernelKind::attention, "fused attention, forward"},
    {KernelKind::attention_backward, "fused attention, backward with recomputed scores"},
    {KernelKind::softmax, "softmax of rows, with scale and mask"},
    {KernelKind::normalization, "layer norm or RMS norm of rows"},
    {KernelKind::elementwise, "element-wise chains: bias, activation, dropout, residual"},
    {KernelKind::embedding, "look-up of table rows and the scatter of their gradients"},
    {KernelKind::cross_entropy, "loss over the vocabulary"},
    {KernelKind::optimizer, "parameter update"},
    {KernelKind::copy, "copies and layout changes"},
    {KernelKind::routing, "choice of experts and permutation of tokens"},
    {KernelKind::quantize, "conversion to a narrow format with scales"},
    {KernelKind::reduction, "sums over a buffer"},
    {KernelKind::convolution, "convolution"},
    {KernelKind::stencil, "update of a grid from its neighbours"},
    {KernelKind::fft, "fast Fourier transform"},
    {KernelKind::sparse_matrix_vector, "product of a sparse matrix and a vector"},
    {KernelKind::spiking_step, "one time step of a spiking network"},
};
static_assert(std::size(kernel_texts) == kernel_kind_names.size(), "describe every kind of kernel");

std::vector<std::string> kernel_names(const Library&) {
  std::vector<std::string> all;
  for (const KernelText& kernel : kernel_texts) all.emplace_back(name(kernel.kind));
  return all;
}

TextTable kernel_table(const Library&) {
  TextTable table{{{"name"}, {"description"}}, {}, {}};
  for (const KernelText& kernel : kernel_texts)
    table.rows.push_back({std::string(name(kernel.kind)), std::string(kernel.description)});
  return table;
}

Preset load_kernel(const std::string& wanted, const Library&) {
  for (const KernelText& kernel : kernel_texts)
    if (name(kernel.kind) == wanted)
      return {std::string(kernel.description), "", {{"name", wanted}, {"description", kernel.description}}, {}};
  internal_error(__FILE__, __LINE__, "no kernel " + wanted);
}

}  // namespace

const PresetCategory topologies_category = {topology_names, topology_table, load_topology};
const PresetCategory collectives_category = {collective_algorithm_names, collective_table, load_collective};
const PresetCategory kernels_category = {kernel_names, kernel_table, load_kernel};

}  // namespace orrery
