#include "tests/analysis/hand_made.hpp"

#include <algorithm>
#include <tuple>

namespace orrery::tests {

Cluster cluster_of(std::size_t devices, double capacity_bytes) {
  Cluster cluster;
  DeviceModel model;
  model.name = "toy";
  model.title = "Toy";
  if (capacity_bytes > 0) model.memory.capacity = Bytes(capacity_bytes);
  cluster.device_types.push_back(model);
  cluster.type_of.assign(devices, DeviceTypeId(0));
  cluster.speed.assign(devices, 1);
  return cluster;
}

HandMade& HandMade::device(std::size_t id, double multiplicity, int stage) {
  program_.devices.push_back({DeviceId(id), multiplicity, stage});
  return *this;
}

HandMade& HandMade::holds(std::size_t device, MemoryCategory category, double bytes) {
  program_.persistent.push_back({DeviceId(device), category, bytes});
  return *this;
}

OpId HandMade::add(Operation op, const std::vector<Queue>& queues, double start, double end,
                   const std::vector<OpId>& after) {
  const OpId id(program_.operations.size());
  if (!queues.empty()) {
    for (const Queue& queue : queues) {
      auto at = std::find(program_.queues.begin(), program_.queues.end(), queue);
      if (at == program_.queues.end()) at = program_.queues.insert(at, queue);
      program_.queue_sets.emplace_back(static_cast<std::size_t>(at - program_.queues.begin()));
    }
    op.queues = QueueSetId(program_.queue_set_begin.size() - 1);
    program_.queue_set_begin.push_back(static_cast<std::uint32_t>(program_.queue_sets.size()));
  }
  op.label.job = job_;
  program_.operations.push_back(op);
  program_.dependencies.insert(program_.dependencies.end(), after.begin(), after.end());
  program_.dependency_begin.push_back(static_cast<std::uint32_t>(program_.dependencies.size()));
  records_.push_back({0, id, start, end, 0, OpId()});
  return id;
}

OpId HandMade::compute(std::size_t device, double start, double end, std::vector<Kernel> kernels, Label label,
                       std::vector<OpId> after) {
  Operation op;
  op.kind = OpKind::compute;
  op.label = label;
  op.sequence = SequenceId(program_.sequence_count());
  program_.kernels.insert(program_.kernels.end(), kernels.begin(), kernels.end());
  program_.sequence_begin.push_back(static_cast<std::uint32_t>(program_.kernels.size()));
  return add(op, {{DeviceId(device), Stream::compute}}, start, end, after);
}

OpId HandMade::transfer(std::vector<Queue> queues, double start, double end, Label label, std::vector<OpId> after,
                        std::vector<Flow> flows, double bytes) {
  Operation op;
  op.kind = OpKind::transfer;
  op.label = label;
  op.bytes = bytes;
  op.pattern = PatternId(program_.pattern_count());
  program_.flows.insert(program_.flows.end(), flows.begin(), flows.end());
  program_.pattern_begin.push_back(static_cast<std::uint32_t>(program_.flows.size()));
  return add(op, queues, start, end, after);
}

OpId HandMade::join(double at, std::vector<OpId> after) { return add({}, {}, at, at, after); }

void HandMade::memory(OpId op, MemoryDelta delta) {
  program_.operations[op.index()].memory = MemoryEffectId(program_.memory_effects.size());
  program_.memory_effects.push_back(delta);
}

void HandMade::append_to(Timeline& timeline, double at, double length, bool cancelled) const {
  if (!shared_ || shared_->operations.size() != program_.operations.size())
    shared_ = std::make_shared<const Program>(program_);
  const auto fragment = static_cast<std::uint32_t>(timeline.fragments.size());
  timeline.fragments.push_back({job_, shared_, at, at + length, cancelled});
  for (Record r : records_) {
    r.fragment = fragment;
    r.start_s += at;
    r.end_s += at;
    timeline.records.push_back(r);
    timeline.events += 2;
  }
  std::sort(timeline.records.begin(), timeline.records.end(), [](const Record& a, const Record& b) {
    return std::tie(a.end_s, a.fragment, a.op) < std::tie(b.end_s, b.fragment, b.op);
  });
  timeline.end_s = std::max(timeline.end_s, at + length);
}

Timeline HandMade::timeline(double length) const {
  Timeline timeline;
  append_to(timeline, 0, length);
  return timeline;
}

Label collective(CollectiveKind kind) {
  Label label;
  label.collective = kind;
  return label;
}

Label phase(Phase phase, int layer, int micro_batch) {
  Label label;
  label.phase = phase;
  label.layer = layer;
  label.micro_batch = micro_batch;
  return label;
}

}  // namespace orrery::tests
