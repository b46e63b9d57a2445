// What a collective costs beyond the wires. With B the time that the bytes occupy the wires at the rate the library reaches
// and h the software cost of one round,
//   t = launch + rounds x (h + wire latency) + B + local x bytes + 2 pipeline sqrt(h B).
// The root term is what a chunked pipeline costs at its best chunk size: k chunks cost k h more and leave B/k of the bytes
// unhidden, least at k = sqrt(B/h). `pipeline` is 1 in that ideal. `local` is the part of reading and writing the buffer that
// sending over links of a node does not hide: on A100 times over 2 to 8 GPUs at 1 GiB are (2(n-1)/n)/293 GB/s + 1/605 GB/s
// per byte, within 1 %. It hides where a node's links wait for the network: EFA and InfiniBand reach their payload rate. The
// launch is the device's and its library's: leaving the node keeps it.
// No efficiency exceeds 1: nothing is faster than the payload rate of its links.
// h = scale of the link x step of (algorithm, protocol) + added: the steps start from NCCL's tuning table, which knows links
// inside a node, PCIe and networks; a generation only scales them all, and a network stack may add a latency to every
// message, whatever the protocol (EFA: tens of us). Six to eight numbers per generation, in
// kernels/calibration/collectives.json (`orrery calibrate --collectives`); what a link's row leaves out is its family's
// (the name up to the first digit or dash: "nvlink"), else its class's: links never measured get those.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/collectives/group.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct CollectiveCost {
  Seconds launch{0};      // once per collective
  Seconds step{0};        // per round over this link
  double efficiency = 1;  // reached payload rate over the links' own
  double pipeline = 0;
  double local = 0;    // s per byte of the buffer; over links between nodes none
  double largest = 0;  // bytes that one reduction in the network takes, longer buffers take several; 0: any
};

// How well the costs describe the samples that cross a link, and the buffer sizes of those.
struct CollectiveFitRange {
  int samples = 0;
  double median_error = 0, p90_error = 0;  // |ln(predicted / measured)|
  double smallest = 0, largest = 0;        // bytes
};

struct LinkParameters {
  std::optional<double> launch_us;
  std::optional<double> scale;       // of the steps below
  std::optional<double> added_us;    // to every step
  std::optional<double> efficiency;  // of rings with the Simple protocol
  std::optional<double> pipeline;
  std::optional<double> local_ps_per_byte;
  std::optional<double> in_switch_efficiency;  // of reductions in the switch (NVLink SHARP, InfiniBand SHARP)
  std::optional<double> in_switch_bytes;       // the most that one such reduction takes
  std::optional<double> tree_efficiency;       // of trees between nodes, relative; LL is slower than that
};

struct LinkCosts {
  std::string link;      // of a link, a family, or a class: "scale-up", "host", "scale-out"
  std::string over;      // its class, where that is not where the link is used: PCIe is "host" wherever it is
  LinkParameters value;  // where there is a fit or a prior, a fit's
  LinkParameters prior;  // where a fit starts and what it is pulled to; empty: the row above (family, class)
  std::optional<CollectiveFitRange> fit;
  std::string note;
};

struct StepParameters {
  std::optional<double> step_us;
  std::optional<double> efficiency;  // relative to the link's; empty: 1
  std::optional<double> launch;      // likewise
};

struct StepCosts {
  std::string over;       // a class of links
  std::string algorithm;  // or "message": sends and receives between pairs, all-to-all among them
  std::string protocol = "simple";
  StepParameters value;
  StepParameters prior;  // what a fit may move, and from where
  std::string note;
};

struct CollectiveCalibration {
  std::string name, title;
  std::vector<LinkCosts> links;
  std::vector<StepCosts> steps;
  Json sources;

  // Falls back from an algorithm without steps of its own to the ring. Empty when the class of link has steps for this
  // algorithm but not for this protocol (LL128 over PCIe).
  std::optional<CollectiveCost> find(const std::string& link, bool scale_up, std::string_view algorithm,
                                     std::string_view protocol) const;
  const LinkCosts* row(std::string_view link) const;  // null: none of its own
  // Of the class whose rows apply to a link.
  std::string class_of(const std::string& link, bool scale_up) const;
};

// "nvlink3" -> "nvlink", "infiniband-hdr-200" -> "infiniband".
std::string link_family(std::string_view link);

void fields(Fields&, CollectiveFitRange&);
void fields(Fields&, LinkParameters&);
void fields(Fields&, LinkCosts&);
void fields(Fields&, StepParameters&);
void fields(Fields&, StepCosts&);
void fields(Fields&, CollectiveCalibration&);

// The calibration that came with the binary; read once.
const CollectiveCalibration& collective_calibration();

}  // namespace orrery
