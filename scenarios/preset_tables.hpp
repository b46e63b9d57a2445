// The categories of named things, one constant each: how each is listed and shown. Kinds kept in files are read and
// resolved as a scenario would read them; catalogs are the tables that the program itself looks names up in.
#pragma once

#include "scenarios/presets.hpp"

namespace orrery {

extern const PresetCategory accelerators_category, nodes_category, hosts_category, links_category, network_category,
    memories_category, models_category, software_category, optimizers_category, reliability_category,
    scenarios_category, sweeps_category;                                                  // preset_files.cpp
extern const PresetCategory topologies_category, collectives_category, kernels_category;  // preset_catalogs.cpp

}  // namespace orrery
