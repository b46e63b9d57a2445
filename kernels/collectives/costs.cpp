#include "kernels/collectives/costs.hpp"

#include <algorithm>

namespace orrery {

void fields(Fields& f, CollectiveCost& cost) {
  f.required("link", cost.link);
  f.required("algorithm", cost.algorithm);
  f("protocol", cost.protocol);
  f.required("launch", cost.launch, non_negative);
  f.required("step", cost.step, non_negative);
  f.required("efficiency", cost.efficiency, Range{0, 2, true});
  f("root_ns", cost.root_ns, Need::optional, non_negative);
  f("note", cost.note);
}

void fields(Fields& f, CollectiveCalibration& calibration) {
  f.required("name", calibration.name);
  f("title", calibration.title);
  f.required("costs", calibration.costs);
  f.raw("sources", calibration.sources, Need::required);
}

const CollectiveCost* CollectiveCalibration::find(const std::string& link, bool scale_up, std::string_view algorithm,
                                                  std::string_view protocol) const {
  const std::string family = link.substr(0, std::min(link.find_first_of("0123456789"), link.size()));
  const std::string of_class = scale_up ? "scale-up" : "scale-out";
  for (const std::string& wanted : {link, family, of_class}) {
    bool known = false;
    for (const CollectiveCost& cost : costs) {
      if (cost.link != wanted || cost.algorithm != algorithm) continue;
      known = true;
      if (cost.protocol == protocol) return &cost;
    }
    if (known) return nullptr;
  }
  if (algorithm == "ring") return nullptr;
  return find(link, scale_up, "ring", protocol);
}

const CollectiveCalibration& collective_calibration() {
  static const CollectiveCalibration calibration = load_part<CollectiveCalibration>(
      "kernels/calibration", "collectives", Library::installed());
  return calibration;
}

}  // namespace orrery
