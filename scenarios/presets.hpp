// Everything that has a name a scenario can use: hardware, models, software and scenarios from the library's JSON files,
// and the catalogs that are code (topologies, collectives, kernels). `orrery list` and `orrery show` read only this.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "scenarios/text_table.hpp"
#include "sim/catalog.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct Preset {
  std::string title;               // one line; may be empty
  std::string file;                // where it was read from; empty: it is code
  Json resolved;                   // every part inline, every default spelled out
  std::vector<std::string> notes;  // what else to know, e.g. how it is calibrated
};

struct PresetCategory {
  std::vector<std::string> (*names)(const Library&);
  TextTable (*table)(const Library&);  // one row per name, the name first
  Preset (*load)(const std::string& name, const Library&);
};

// In the order of `orrery list`.
std::span<const CatalogEntry<PresetCategory>> preset_categories();

}  // namespace orrery
