// Gradient synchronization of data parallelism and ZeRO-1/2/3, and the optimizer step.
//   zero 0   all-reduce (DDP, Megatron-LM): in buckets during the last backward pass when the software overlaps, else after it
//   zero 1   reduce-scatter instead; parameters gathered after the step (or during the next forward when overlapped)
//   zero 2   reduce-scatter in every micro-batch
//   zero 3   reduce-scatter per unit and micro-batch (FSDP)
// Experts' gradients go to the ranks that hold the same experts, in collectives of their own.
// With a ZeRO group smaller than the data-parallel ranks, what a group holds is all-reduced across groups (HSDP).
#pragma once

#include "models/parallelism/pipeline_schedule.hpp"
#include "models/parallelism/reconfiguration.hpp"
#include "models/parallelism/step_context.hpp"

namespace orrery {

class GradientSync {
 public:
  GradientSync(StepLowering&, int stage, const std::vector<PipelinePass>& passes);
  void after_backward(const Unit&, const PipelinePass&);
  // After the last pass: whatever has not been reduced yet; the optimizer of this stage waits for all of it.
  void finish();

 private:
  struct Families {
    GroupFamily gradients, shards, replicas;
  };
  void reduce_bucket(Label, bool wait);
  void reduce(const Families&, double parameters, int zero_group, int shards, Label, bool wait);
  StepLowering& lowering_;
  int stage_;
  std::vector<int> remaining_;  // backward passes left, by chunk of this stage
  double bucket_ = 0;           // parameters whose gradients wait in the open bucket
  double experts_ = 0;          // of them, experts'
  std::vector<Emitter::OpOfClass> detached_;
};

// Gradients that a rank of `stage` holds beside its shard: under ZeRO-2 those of the bucket that fills and, where reductions
// overlap, of the one under way (ZeRO's constant buffers, Rajbhandari et al. 2020, section 6.2; DeepSpeed allocates one of
// reduce_bucket_size elements, or two with overlap_comm, deepspeed/runtime/zero/stage_1_and_2.py). Under ZeRO-0/1 buckets
// are parts of the gradients that are kept anyway, as in Megatron-LM and in DDP with gradient_as_bucket_view; under ZeRO-3
// they are counted with the gathered units.
double gradient_buffer_bytes(const StepLowering&, int stage);

// Ties of embeddings, the global gradient norm, the optimizer itself, and the parameter gather of ZeRO-1/2.
void emit_optimizer(StepLowering&, BitstreamLoads&);

}  // namespace orrery
