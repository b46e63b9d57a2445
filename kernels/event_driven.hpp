// Neuromorphic chips: a time step of a spiking layer costs one update per neuron and one operation per synaptic event that
// arrives, each core doing its share one after the other, and a barrier over the chip; no event, no cost beyond the update.
//   t = barrier + neurons / cores x t_update + events / cores x t_event;   E = neurons x E_update + events x E_event
// Constants: Loihi, Davies et al., IEEE Micro 38(1) 2018, Table 2 (simulated, before silicon), see family-neuromorphic; on a
// newer chip they are an upper bound. Events are spread evenly; a core with a busy neuron takes longer. Weights fit on
// chip. Kernels other than the spiking step (SpiNNaker2's arrays) run as a roofline.
// Compared with no measurement: the family's calibration says so (`unvalidated`).
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms event_driven(const Kernel&, const DeviceContext&);

}  // namespace orrery
