// What a collective costs beyond the wires: t = launch + rounds x step + bytes / (efficiency x bandwidth)
// + root x sqrt(bytes). The first two terms are the library's alpha (kernel launch; protocol handshake of one round), the
// efficiency is the part of the links' payload rate that the library's kernels reach, and the root term is what a chunked
// pipeline costs at its best chunk size: with p stages, bytes S and a cost h per chunk, min over chunks k of h k + p S/(k B)
// is proportional to sqrt(S). Parameters are fitted on measured curves (kernels/calibration/collectives.json) per link
// generation, algorithm and protocol; outside the generations measured, those of the class of link apply.
#pragma once

#include <string>
#include <vector>

#include "kernels/collectives/group.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct CollectiveCost {
  // Name of the link; of its family, which is the name up to the first digit ("pcie" for pcie4-x16); or of its class,
  // "scale-up" or "scale-out".
  std::string link;
  std::string algorithm;  // or "message": sends and receives between pairs, all-to-all among them
  std::string protocol = "simple";
  Seconds launch{0};      // once per collective
  Seconds step{0};        // per round over this link
  double efficiency = 1;  // reached payload rate over the links' own
  double root_ns = 0;     // ns per sqrt(byte)
  std::string note;
};

struct CollectiveCalibration {
  std::string name, title;
  std::vector<CollectiveCost> costs;
  Json sources;

  // For (link, algorithm, protocol); falls back to the family and the class of link, then to the ring of those. Null when this
  // protocol is not known for the link although others are (a generation without it).
  const CollectiveCost* find(const std::string& link, bool scale_up, std::string_view algorithm,
                             std::string_view protocol) const;
};

void fields(Fields&, CollectiveCost&);
void fields(Fields&, CollectiveCalibration&);

// The calibration that came with the binary; read once.
const CollectiveCalibration& collective_calibration();

}  // namespace orrery
