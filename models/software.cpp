#include "models/software.hpp"

namespace orrery {

void fields(Fields& f, SoftwareProfile& s) {
  f("name", s.name);
  f("title", s.title);
  f("attention", s.attention);
  f("fused_softmax", s.fused_softmax);
  f("fused_elementwise", s.fused_elementwise);
  f("fused_normalization", s.fused_normalization);
  f("dropout", s.dropout);
  f("attention_copies", s.attention_copies);
  f("compiled", s.compiled);
  f("host_forward_per_layer", s.host_forward_per_layer, Need::optional, non_negative);
  f("host_backward_per_layer", s.host_backward_per_layer, Need::optional, non_negative);
  f("host_per_expert_launch", s.host_per_expert_launch, Need::optional, non_negative);
  f("blocking_launches", s.blocking_launches);
  f("host_optimizer", s.host_optimizer, Need::optional, non_negative);
  f("gradient_overlap", s.gradient_overlap);
  f("gradient_bucket", s.gradient_bucket, Need::optional, positive);
  f("gradients_in_fp32", s.gradients_in_fp32);
  f("gradient_accumulation_fused", s.gradient_accumulation_fused);
  f("parameter_gather_overlap", s.parameter_gather_overlap);
  f("sharded_broadcast", s.sharded_broadcast);
  f("tensor_overlap", s.tensor_overlap);
  f("tensor_overlap_forward", s.tensor_overlap_forward);
  f("eager_ring", s.eager_ring);
  f("grouped_products", s.grouped_products);
  f("fused_experts", s.fused_experts);
  f("fused_dispatch", s.fused_dispatch);
  f("expert_overlap", s.expert_overlap);
  f("shared_expert_overlap", s.shared_expert_overlap);
  f("pipeline_overlap", s.pipeline_overlap);
  f("scatter_gather", s.scatter_gather);
  f("gradient_norm", s.gradient_norm);
  f("recompute_stops_early", s.recompute_stops_early);
  f("fused_cross_entropy", s.fused_cross_entropy);
  f("eager_cross_entropy", s.eager_cross_entropy);
  f("fp32_parameters", s.fp32_parameters);
  f("gathered_units", s.gathered_units, Need::optional, Range{1, 2});
  f("saves_quantized", s.saves_quantized);
  f("host_adam_rate", s.host_adam_rate, Need::optional, positive);
  f("optimizer_bytes_per_parameter", s.optimizer_bytes_per_parameter, Need::optional, positive);
  f("pad_vocabulary", s.pad_vocabulary);
  f("bitstream_load", s.bitstream_load, Need::optional, positive);
  f.check(!s.sharded_broadcast || !s.parameter_gather_overlap, "sharded_broadcast",
          "false beside \"parameter_gather_overlap\": true, which gathers during the next forward pass", "true");
  f.raw("sources", s.sources);
}

}  // namespace orrery
