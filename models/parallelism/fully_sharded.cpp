#include "models/parallelism/fully_sharded.hpp"

#include <algorithm>

namespace orrery {

std::vector<const Unit*> units_of_pass(const StepLowering& l, int stage, const PipelinePass& pass) {
  std::vector<const Unit*> units;
  for (const Unit& unit : l.chunks[static_cast<std::size_t>(pass.chunk * l.job.plan.pipeline + stage)])
    units.push_back(&unit);
  if (!pass.forward) std::reverse(units.begin(), units.end());
  return units;
}

ParameterGather::ParameterGather(StepLowering& lowering, int stage, const std::vector<PipelinePass>& passes)
    : lowering_(lowering) {
  const int zero = lowering.job.plan.zero_stage;
  const bool first_forward_only = zero < 3;
  if (first_forward_only && !(zero > 0 && lowering.job.software.parameter_gather_overlap)) return;
  for (const PipelinePass& pass : passes)
    for (const Unit* unit : units_of_pass(lowering, stage, pass)) {
      Label label;
      label.phase = Phase::parameter_gather;
      label.layer = unit->layer;
      label.micro_batch = pass.micro_batch;
      label.chunk = static_cast<std::int16_t>(pass.chunk);
      uses_.push_back({unit, !first_forward_only || (pass.forward && pass.micro_batch == 0), label});
    }
  ops_.resize(uses_.size());
  ahead_ = first_forward_only ? uses_.size() : 2;
}

void ParameterGather::gather(std::size_t use) {
  if (!uses_[use].gathered) return;
  const Unit& unit = *uses_[use].unit;
  const auto gathered = [&](GroupFamily family, double parameters) {
    return lowering_.emitter.collective(family, Stream::data_gather, CollectiveKind::all_gather,
                                        parameters * lowering_.context.element(), uses_[use].label,
                                        Emitter::Wait::detached);
  };
  ops_[use] = gathered(GroupFamily::shards, unit.parameters - unit.experts);
  // Queued behind it on the same stream, so that whoever waits for the experts waits for both.
  for (auto [cls, op] : gathered(GroupFamily::expert_shards, unit.experts)) ops_[use][cls] = op;
}

void ParameterGather::issue() {
  for (; issued_ < std::min(next_ + ahead_, uses_.size()); ++issued_) gather(issued_);
}

void ParameterGather::await() {
  if (uses_.empty()) return;
  lowering_.emitter.wait_for(ops_[next_]);
  ops_[next_].clear();
  ++next_;
}

}  // namespace orrery
