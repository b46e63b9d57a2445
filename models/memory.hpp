// Bytes that one rank keeps: weights, gradients, optimizer states, and the activations that one layer saves for its
// backward pass (Korthikanti et al. 2022, eqs. 1-6, generalized to grouped queries, gated feed-forward and fused
// attention, mixtures of experts). Not modelled: allocator fragmentation and framework overheads (typically 1-3 GB per device),
// and the two pieces of keys and values that a ring of context-parallel ranks holds beside its own.
#pragma once

#include "models/layer_steps.hpp"

namespace orrery {

double layer_activation_bytes(const StepContext&, LayerKind,
                              Recompute);  // saved for the backward pass of a micro-batch
double layer_working_bytes(const StepContext&, LayerKind,
                           Recompute);             // extra while a layer runs backward: recomputed or gathered
double layer_input_bytes(const StepContext&);      // the tensor between layers, on this rank
double head_activation_bytes(const StepContext&);  // logits and their fp32 copy

// Mixed precision: 16-bit weights; gradients in fp32 or 16-bit; the optimizer keeps its states and fp32 master weights.
struct ParameterBytes {
  double weights = 0, gradients = 0, optimizer = 0;
};
// `experts`: of the parameters, those that are shared only among the expert-parallel ranks' replicas.
ParameterBytes parameter_bytes(const StepContext&, double parameters_on_rank, double experts);

double optimizer_state_bytes(const StepContext&);  // of one parameter, master weight included
double gradient_element(const StepContext&);       // bytes of a gradient as it is accumulated and reduced

}  // namespace orrery
