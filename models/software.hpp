// What a training framework does or does not do, as its publications state it: yes/no switches and a host cost per layer,
// never a fitted efficiency of a run. models/software/*.json holds one profile per framework generation with sources.
#pragma once

#include <optional>
#include <string>

#include "sim/spec.hpp"

namespace orrery {

enum class AttentionImplementation { unfused, flash_1, flash_2, flash_3 };
template <> struct EnumNames<AttentionImplementation> {
  static constexpr std::array<std::string_view, 4> names = {"unfused", "flash-1", "flash-2", "flash-3"};
};

struct SoftwareProfile {
  std::string name, title;
  AttentionImplementation attention = AttentionImplementation::flash_2;
  bool fused_softmax = true;        // scale, mask and softmax in one kernel (unfused attention only)
  bool fused_elementwise = true;    // bias+GeLU and bias+dropout+residual as one kernel each (JIT or compiled)
  bool fused_normalization = true;  // one-pass layer norm, forward and backward
  bool dropout = false;
  bool attention_copies = true;       // query, key and value are copied between layouts (the context always is)
  bool compiled = false;              // whole-graph compiler: element-wise work fused into its neighbours
  Seconds host_forward_per_layer{0};  // time the host needs to launch one layer forward (and one recomputation)
  Seconds host_backward_per_layer{0};
  // Further, where the products of a layer's experts (and their casts) are launched one by one.
  Seconds host_per_expert_launch{0};
  bool blocking_launches = false;            // the host waits for every kernel before it launches the next
  Seconds host_optimizer{0};                 // fixed host time of one optimizer step
  bool gradient_overlap = false;             // data-parallel reduction runs while backward goes on
  Bytes gradient_bucket{25e6};               // overlapped reductions are cut into buckets of at least this size
  bool gradients_in_fp32 = true;             // main gradients accumulated and reduced in fp32
  bool gradient_accumulation_fused = false;  // weight-gradient GEMM adds into the main gradient itself
  bool parameter_gather_overlap = false;     // ZeRO-1/2: gather overlaps the next forward
  bool sharded_broadcast = false;            // ZeRO-1/2: each owner broadcasts its parameters in turn (no all-gather)
  bool tensor_overlap_forward = false;       // forward ones too, pipelined with the product beside them (user buffers)
  bool tensor_overlap = false;  // backward tensor-parallel collectives hide behind the weight-gradient GEMMs
  // Ring attention of PyTorch: keys and values of all query heads are gathered before the second piece starts, and partial
  // results are merged in fp32 by separate kernels. Off: the next piece travels while this one is computed, one kernel merges.
  bool eager_ring = false;
  bool grouped_products = true;  // one launch for the products of all experts of a rank
  bool fused_experts = false;    // casts and activation happen inside the grouped products
  bool fused_dispatch = false;   // tokens arrive in the order of the experts, and cross to a rank or node only once
  bool expert_overlap = false;   // tokens travel while another micro-batch computes
  bool shared_expert_overlap = false;  // shared experts run while the tokens of the others travel
  bool pipeline_overlap = false;       // point-to-point messages do not block the sender
  bool scatter_gather = false;         // pipeline sends 1/tensor of the activation per rank, gathered inside the node
  bool gradient_norm = true;           // a global gradient norm ties all ranks together before the optimizer
  bool recompute_stops_early =
      false;                         // recomputation ends once backward has all it needs: no last product of the layer
  bool fused_cross_entropy = false;  // the loss keeps no fp32 copy of the logits and leaves their gradient in place
  bool eager_cross_entropy =
      false;  // cast, log-softmax, their losses and their gradients are tensors of their own (PyTorch)
  bool fp32_parameters = false;  // ZeRO-3 shards are the fp32 weights themselves, cast when they are gathered
  // Units of ZeRO-3 whose gathered weights are held at a time: the one in use and the next; 1 where tensors are gathered one by
  // one inside the loop over layers (their time hides behind computing either way).
  int gathered_units = 2;
  bool saves_quantized = false;  // inputs of linear layers are kept for the backward pass in the products' precision
  double host_adam_rate = 4e9;   // parameters per second that the processors of one host update (offloaded optimizer)
  double optimizer_bytes_per_parameter = 30;  // memory traffic of one mixed-precision Adam step
  bool pad_vocabulary = true;                 // vocabulary padded to a multiple of 128 x tensor
  // FPGAs whose kernels do not all fit in one bitstream: the time that loading another takes where a step goes from one phase
  // (forward; backward with what it recomputes; optimizer) to another. Absent: one bitstream holds them all.
  std::optional<Seconds> bitstream_load;
  Json sources;
};

void fields(Fields&, SoftwareProfile&);

}  // namespace orrery
