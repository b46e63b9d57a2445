// What an optimizer keeps of every parameter beside the weight, and what its step moves. The kinds are data
// (models/optimizers/*.json). Assumed: element-wise updates, bound by memory; those that multiply matrices (Shampoo, Muon)
// are not described by this. Where the weights are 16-bit, an fp32 master copy is kept unless `master_weights` is off.
#pragma once

#include <string>

#include "sim/spec.hpp"

namespace orrery {

struct Optimizer {
  std::string name = "adam", title;
  double state_bytes = 8;      // of a parameter, kept from step to step: Adam's two moments in fp32
  double traffic_bytes = 30;   // of a parameter, read and written by one fused step with fp32 gradients
  bool master_weights = true;  // fp32 copy of 16-bit weights
  Json sources;

  // Traffic against that of Adam. Software states what its Adam moves (fused or as a chain of operations), and what
  // another optimizer moves in the same software is taken to be in proportion.
  double traffic_over_adam() const { return traffic_bytes / 30; }
};

void fields(Fields&, Optimizer&);

}  // namespace orrery
