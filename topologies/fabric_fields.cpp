#include "topologies/fabric_fields.hpp"

#include <algorithm>

namespace orrery {

namespace {

struct Reads {
  const char* family;
  std::vector<std::string> fields;
};

const std::vector<Reads>& all_reads() {
  // Routing over circuits, in dimension order or over one switch has no equal paths to choose from.
  static const std::vector<Reads> all = {
      {"none", {}},
      {"single-switch", {}},
      {"fat-tree", {"levels", "radix", "oversubscription", "rail_optimized", "ecmp", "seed"}},
      {"dragonfly", {"radix", "ecmp", "seed"}},
      {"dragonfly+", {"radix", "ecmp", "seed"}},
      {"torus", {"radix", "ecmp", "seed"}},
      {"mesh", {"radix", "ecmp", "seed"}},
      {"hyperx", {"radix"}},
      {"optical-circuits", {"radix", "rail_optimized"}},
      {"wide-area", {"ecmp", "seed"}},
      {"custom", {"ecmp", "seed"}},
      {"simgrid", {}},
  };
  return all;
}

}  // namespace

std::vector<std::string> families_with_fields() {
  std::vector<std::string> names;
  for (const Reads& reads : all_reads()) names.emplace_back(reads.family);
  return names;
}

std::vector<std::string> idle_fields(const FabricSpec& fabric) {
  const auto& all = all_reads();
  const auto reads = std::find_if(all.begin(), all.end(), [&](const Reads& r) { return fabric.kind == r.family; });
  std::vector<std::string> idle;
  if (reads == all.end()) return idle;
  const FabricSpec usual;
  const auto note = [&](const char* field, bool set) {
    if (set && std::find(reads->fields.begin(), reads->fields.end(), field) == reads->fields.end())
      idle.emplace_back(field);
  };
  note("levels", fabric.levels != usual.levels);
  note("radix", fabric.radix != usual.radix);
  note("oversubscription", fabric.oversubscription != usual.oversubscription);
  note("rail_optimized", fabric.rail_optimized != usual.rail_optimized);
  note("ecmp", fabric.ecmp != usual.ecmp);
  note("seed", fabric.seed != usual.seed);
  return idle;
}

}  // namespace orrery
