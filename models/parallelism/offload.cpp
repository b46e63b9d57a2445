#include "models/parallelism/offload.hpp"

#include "models/parallelism/fully_sharded.hpp"

namespace orrery {

ActivationOffload::ActivationOffload(StepLowering& lowering, int stage, const std::vector<PipelinePass>& passes)
    : lowering_(lowering) {
  if (lowering.job.plan.offload.activations == 0) return;
  for (const PipelinePass& pass : passes)
    if (!pass.forward)
      for (const Unit* unit : units_of_pass(lowering, stage, pass))
        if (leaves(*unit)) returns_.push_back({unit, pass.micro_batch});
  returned_.resize(returns_.size());
}

bool ActivationOffload::leaves(const Unit& unit) const { return unit.offloaded; }

std::vector<Seconds> ActivationOffload::times(double bytes) const {
  std::vector<Seconds> all;
  for (int c : lowering_.emitter.current()) all.emplace_back(bytes / lowering_.emitter.host_link(c).value);
  return all;
}

Emitter::OpOfClass ActivationOffload::copy(double bytes, bool out, Label label, MemoryDelta memory) {
  Emitter& emitter = lowering_.emitter;
  if (lowering_.job.plan.offload.to == OffloadTarget::host) return emitter.host_work(times(bytes), label, memory);
  return emitter.pool_work(out ? Emitter::PoolWay::out : Emitter::PoolWay::back, bytes, label, memory);
}

void ActivationOffload::after_forward(const Unit& unit, const PipelinePass& pass) {
  if (!leaves(unit)) return;
  const double bytes = lowering_.steps(unit).saved_bytes;
  Label label;
  label.phase = Phase::forward;
  label.layer = unit.layer;
  label.micro_batch = pass.micro_batch;
  leaving_.push_back(copy(bytes, true, label, MemoryDelta{MemoryCategory::activations, 0, -bytes}));
  if (leaving_.size() < 3) return;
  lowering_.emitter.wait_for(leaving_.front());
  leaving_.erase(leaving_.begin());
}

void ActivationOffload::fetch(std::size_t use) {
  const Use& u = returns_[use];
  const double bytes = lowering_.steps(*u.unit).saved_bytes;
  Label label;
  label.phase = Phase::backward;
  label.layer = u.unit->layer;
  label.micro_batch = u.micro_batch;
  returned_[use] = copy(bytes, false, label, MemoryDelta{MemoryCategory::activations, bytes, 0});
}

// The copy of the next layer is issued when this one begins.
void ActivationOffload::before_unit(const Unit& unit, const PipelinePass& pass) {
  if (pass.forward || next_ == returns_.size() || (!leaves(unit) && issued_ > next_)) return;
  const std::size_t ahead = leaves(unit) ? 2 : 1;
  for (; issued_ < std::min(next_ + ahead, returns_.size()) &&
         (issued_ == next_ || returns_[issued_].micro_batch == pass.micro_batch);
       ++issued_)
    fetch(issued_);
  if (!leaves(unit)) return;
  lowering_.emitter.wait_for(returned_[next_]);
  ++next_;
}

void emit_host_optimizer(StepLowering& l, double parameters) {
  const double host_rate = l.job.software.host_adam_rate / l.job.optimizer.traffic_over_adam();
  std::vector<Seconds> all;
  for (int c : l.emitter.current()) {
    const double link = l.emitter.host_link(c).value;
    const double step = parameters * l.emitter.devices_per_host(c) / host_rate;
    all.emplace_back(parameters * (gradient_element(l.context) + l.context.element()) / link + step);
  }
  Label label;
  label.phase = Phase::optimizer;
  const Emitter::OpOfClass host = l.emitter.host_work(all, label);
  if (l.job.plan.offload.to == OffloadTarget::pool)
    l.emitter.wait_for(
        l.emitter.pool_work(Emitter::PoolWay::host_both, parameters * optimizer_state_bytes(l.context), label));
  l.emitter.wait_for(host);
}

}  // namespace orrery
