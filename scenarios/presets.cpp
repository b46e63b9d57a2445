#include "scenarios/presets.hpp"

#include "scenarios/preset_tables.hpp"

namespace orrery {

std::span<const CatalogEntry<PresetCategory>> preset_categories() {
  static const CatalogEntry<PresetCategory> table[] = {
      {"accelerators", "one device as its data sheet describes it", accelerators_category},
      {"nodes", "devices that share one scale-up network, with their NICs", nodes_category},
      {"hosts", "what nodes hold beside their accelerators: processors, memory, power", hosts_category},
      {"links", "one link or port, one way", links_category},
      {"network", "switches, NICs and cables: ports, power, price", network_category},
      {"memories", "what device memory is made of: stacks, channels, chips", memories_category},
      {"models", "neural networks by their sizes", models_category},
      {"software", "what a training framework fuses, overlaps and launches", software_category},
      {"optimizers", "what an optimizer keeps of a parameter and moves in a step", optimizers_category},
      {"reliability", "how often devices of a generation fail, as published", reliability_category},
      {"topologies", "ways to wire devices inside a node and nodes with each other", topologies_category},
      {"collectives", "algorithms of collective communication", collectives_category},
      {"kernels", "compute kernels that the cost models know, and the sizes they are asked for by", kernels_category},
      {"scenarios", "complete scenarios, ready for `orrery run`", scenarios_category},
      {"sweeps", "variations of a scenario, ready for `orrery sweep`", sweeps_category},
  };
  return table;
}

}  // namespace orrery
