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
  if (lowering_.job.plan.offload.to == OffloadTarget::host)  // a link carries both directions at once
    return emitter.host_work(out ? Stream::copy : Stream::copy_back, times(bytes), label, memory);
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
  left_[{&unit, pass.micro_batch}] = leaving_.back();
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
  const auto left = left_.extract({u.unit, u.micro_batch});
  for (auto [cls, op] : returned_[use]) lowering_.emitter.builder().depend(op, left.mapped().at(cls));
}

// The copy of the next layer is issued when this one begins, if its forward pass has run: that of another micro-batch may not.
void ActivationOffload::issue(const Unit& unit, const PipelinePass& pass) {
  if (pass.forward) return;
  const std::size_t ahead = leaves(unit) ? 2 : 1;
  const auto is_due = [&](std::size_t use) {
    return (leaves(unit) && use == next_) || returns_[use].micro_batch == pass.micro_batch;
  };
  for (; issued_ < std::min(next_ + ahead, returns_.size()) && is_due(issued_); ++issued_) fetch(issued_);
}

void ActivationOffload::await(const Unit& unit, const PipelinePass& pass) {
  if (pass.forward || !leaves(unit)) return;
  lowering_.emitter.wait_for(returned_[next_]);
  ++next_;
}

// One after the other: gradients out, Adam, weights back.
void emit_host_optimizer(StepLowering& l, double parameters) {
  Emitter& emitter = l.emitter;
  const double host_rate = l.job.software.host_adam_rate / l.job.optimizer.traffic_over_adam();
  const std::size_t classes = emitter.current().size();
  std::vector<Seconds> out(classes), step(classes), back(classes);
  for (std::size_t i = 0; i < classes; ++i) {
    const int c = emitter.current()[i];
    const double link = emitter.host_link(c).value;
    out[i] = Seconds(parameters * gradient_element(l.context) / link);
    step[i] = Seconds(parameters * emitter.devices_per_host(c) / host_rate);
    back[i] = Seconds(parameters * l.context.element() / link);
  }
  Label label;
  label.phase = Phase::optimizer;
  emitter.wait_for(emitter.host_work(Stream::copy, out, label));
  Emitter::OpOfClass states;  // from a pool and back, while they are stepped
  if (l.job.plan.offload.to == OffloadTarget::pool)
    states = emitter.pool_work(Emitter::PoolWay::host_both, parameters * optimizer_state_bytes(l.context), label);
  emitter.wait_for(emitter.host_work(Stream::host, step, label));
  emitter.wait_for(states);
  emitter.wait_for(emitter.host_work(Stream::copy_back, back, label));
}

}  // namespace orrery
