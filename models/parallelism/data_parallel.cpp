#include "models/parallelism/data_parallel.hpp"

#include <algorithm>
#include <utility>

#include "kernels/shapes.hpp"
#include "models/parallelism/offload.hpp"

namespace orrery {

namespace {

bool fills_bucket(const StepLowering& l, double parameters) {
  return parameters * gradient_element(l.context) >= l.job.software.gradient_bucket.value;
}

}  // namespace

double gradient_buffer_bytes(const StepLowering& l, int stage) {
  if (l.job.plan.zero_stage != 2) return 0;
  const bool overlap = l.job.software.gradient_overlap;
  const auto last_of = [&](const std::vector<Unit>& units) {  // bucket of a pass
    double bucket = 0;
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
      bucket = (fills_bucket(l, bucket) ? 0 : bucket) + unit->parameters;
    return bucket;
  };
  double largest = 0, before = 0;
  if (overlap &&
      l.job.plan.micro_batches * l.job.plan.virtual_pipeline > 1)  // of the pass before, which none waits for
    for (int c = stage; c < l.chunk_count(); c += l.job.plan.pipeline)
      before = std::max(before, last_of(l.chunks[static_cast<std::size_t>(c)]));
  for (int c = stage; c < l.chunk_count(); c += l.job.plan.pipeline) {
    const std::vector<Unit>& units = l.chunks[static_cast<std::size_t>(c)];
    double bucket = 0, under_way = before;
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
      bucket += unit->parameters;
      largest = std::max(largest, under_way + bucket);
      if (overlap && fills_bucket(l, bucket)) under_way = std::exchange(bucket, 0);
    }
  }
  return largest * gradient_element(l.context);
}

GradientSync::GradientSync(StepLowering& lowering, int stage, const std::vector<PipelinePass>& passes)
    : lowering_(lowering), stage_(stage), remaining_(static_cast<std::size_t>(lowering.job.plan.virtual_pipeline), 0) {
  for (const PipelinePass& pass : passes)
    if (!pass.forward) ++remaining_[static_cast<std::size_t>(pass.chunk)];
}

void GradientSync::after_backward(const Unit& unit, const PipelinePass& pass) {
  int& remaining = remaining_[static_cast<std::size_t>(pass.chunk)];
  const int chunk = pass.chunk * lowering_.job.plan.pipeline + stage_;
  const bool chunk_ends = &unit == &lowering_.chunks[static_cast<std::size_t>(chunk)].front();
  const bool last_micro_batch = remaining == 1;
  if (chunk_ends) --remaining;
  const int zero = lowering_.job.plan.zero_stage;
  if (zero < 2 && !last_micro_batch) return;
  bucket_ += unit.parameters;
  experts_ += unit.experts;
  if (zero < 3 && !lowering_.job.software.gradient_overlap && !(zero == 2 && chunk_ends)) return;
  if (zero < 3 && !fills_bucket(lowering_, bucket_) && !chunk_ends) return;
  Label label;
  label.layer = unit.layer;
  label.micro_batch = pass.micro_batch;
  reduce_bucket(label, zero == 2 && !lowering_.job.software.gradient_overlap);
}

void GradientSync::reduce_bucket(Label label, bool wait) {
  const ResolvedPlan& plan = lowering_.job.plan;
  reduce({GroupFamily::gradients, GroupFamily::shards, GroupFamily::replicas}, bucket_ - experts_, plan.zero_group,
         plan.shards(), label, wait);
  reduce({GroupFamily::expert_gradients, GroupFamily::expert_shards, GroupFamily::expert_replicas}, experts_,
         plan.expert_zero_group(), plan.expert_shards(), label, wait);
  bucket_ = experts_ = 0;
}

void GradientSync::reduce(const Families& families, double parameters, int zero_group, int shards, Label label,
                          bool wait) {
  label.phase = Phase::gradient_sync;
  const double bytes = parameters * gradient_element(lowering_.context);
  const Emitter::Wait how = wait ? Emitter::Wait::next : Emitter::Wait::detached;
  Emitter& emitter = lowering_.emitter;
  if (lowering_.job.plan.zero_stage == 0) {
    detached_.push_back(
        emitter.collective(families.gradients, Stream::data, CollectiveKind::all_reduce, bytes, label, how));
    return;
  }
  detached_.push_back(
      emitter.collective(families.shards, Stream::data, CollectiveKind::reduce_scatter, bytes, label, how));
  if (zero_group < shards)  // queued behind the reduce-scatter on the same stream
    detached_.push_back(emitter.collective(families.replicas, Stream::data, CollectiveKind::all_reduce,
                                           bytes / zero_group, label, how));
}

void GradientSync::finish() {
  if (bucket_ > 0) reduce_bucket({}, true);
  for (const auto& ops : detached_) lowering_.emitter.wait_for(ops);
}

namespace {

void emit_global_synchronization(StepLowering& l) {
  Label label;
  label.phase = Phase::gradient_sync;
  if (l.job.model.tied_embeddings && l.job.plan.pipeline > 1) {
    const ResolvedPlan& plan = l.job.plan;
    const int owners = plan.zero_stage >= 2 ? plan.zero_group : 1;  // of the gradients, after their reduce-scatter
    const double table = static_cast<double>(l.context.padded_vocabulary()) * l.job.model.hidden / plan.tensor / owners;
    l.emitter.collective(GroupFamily::embedding, Stream::data, CollectiveKind::all_reduce,
                         table * gradient_element(l.context), label, Emitter::Wait::next);
  }
  if (l.job.software.gradient_norm) {
    const GroupFamily family = l.job.plan.zero_stage > 0 ? GroupFamily::world : GroupFamily::model;
    l.emitter.collective(family, Stream::data, CollectiveKind::all_reduce, 8, label, Emitter::Wait::next);
  }
}

// Updated parameters of all owners to all; or each owner broadcasts its shard in turn, every broadcast a collective of its own.
void share_parameters(StepLowering& l, GroupFamily family, int owners, double parameters) {
  Label label;
  label.phase = Phase::parameter_gather;
  const double bytes = parameters * l.context.element();
  const bool in_turn = l.job.software.sharded_broadcast;
  for (int owner = 0; owner < (in_turn ? owners : 1); ++owner)
    l.emitter.collective(family, Stream::data_gather, in_turn ? CollectiveKind::broadcast : CollectiveKind::all_gather,
                         in_turn ? bytes / owners : bytes, label, Emitter::Wait::next);
}

void emit_stage_optimizer(StepLowering& l, BitstreamLoads& bitstreams, int stage) {
  const ResolvedPlan& plan = l.job.plan;
  const SoftwareProfile& software = l.job.software;
  l.emitter.stage(stage);
  const double experts = l.stage_experts(stage), parameters = l.stage_parameters(stage) - experts;
  const bool sharded = plan.zero_stage >= 1;
  const double owned = parameters / (sharded ? plan.zero_group : 1) +
                       experts / (sharded ? plan.expert_zero_group() : 1);
  Label label;
  label.phase = Phase::optimizer;
  if (plan.offload.optimizer) {
    emit_host_optimizer(l, owned);
  } else {
    bitstreams.load(stage, Bitstream::optimizer, -1);
    const double moved = software.optimizer_bytes_per_parameter * l.job.optimizer.traffic_over_adam() *
                         std::max(1.0, l.context.element() / 4);  // states as wide as the parameters, fp32 at least
    Kernel step = optimizer_step(owned, moved, 1);
    step.host_s = software.host_optimizer.value;
    l.emitter.compute(l.emitter.builder().sequence({&step, 1}), label);
  }
  if (plan.zero_stage == 0 || plan.zero_stage == 3 || software.parameter_gather_overlap) return;
  share_parameters(l, GroupFamily::shards, plan.zero_group, parameters);
  share_parameters(l, GroupFamily::expert_shards, plan.expert_zero_group(), experts);
}

}  // namespace

void emit_optimizer(StepLowering& l, BitstreamLoads& bitstreams) {
  emit_global_synchronization(l);
  for (int s = 0; s < l.job.plan.pipeline; ++s) emit_stage_optimizer(l, bitstreams, s);
}

}  // namespace orrery
