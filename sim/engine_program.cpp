#include "sim/engine_program.hpp"

#include "sim/error.hpp"

namespace orrery {
namespace {

void check_ids(const Program& p, std::size_t devices) {
  const std::size_t count = p.operations.size();
  const auto closed = [](const std::vector<std::uint32_t>& begin, std::size_t values) {
    return begin.empty() ? values == 0 : begin.back() == values;
  };
  ORRERY_CHECK(p.dependency_begin.size() == count + 1 || (count == 0 && p.dependency_begin.empty()),
               "a program of {} operations has {} dependency offsets", count, p.dependency_begin.size());
  ORRERY_CHECK(closed(p.dependency_begin, p.dependencies.size()) && closed(p.queue_set_begin, p.queue_sets.size()) &&
                   closed(p.sequence_begin, p.kernels.size()) && closed(p.pattern_begin, p.flows.size()),
               "a table of the program does not end where its offsets say");
  for (OpId on : p.dependencies) ORRERY_CHECK(on.index() < count, "dependency on operation {} of {}", on.value, count);
  for (const Queue& q : p.queues)
    ORRERY_CHECK(q.device.index() < devices, "a queue of device {} on a cluster of {}", q.device.value, devices);
  for (QueueId q : p.queue_sets) ORRERY_CHECK(q.index() < p.queues.size(), "queue {} does not exist", q.value);
  for (const Representative& r : p.devices)
    ORRERY_CHECK(r.device.index() < devices, "device {} on a cluster of {}", r.device.value, devices);
  for (std::size_t i = 0; i < count; ++i) {
    const Operation& op = p.operations[i];
    ORRERY_CHECK(!op.queues.valid() || op.queues.index() + 1 < p.queue_set_begin.size(), "operation {}: no queue set",
                 i);
    if (op.kind == OpKind::compute)
      ORRERY_CHECK(op.queues.valid() && op.sequence.index() < p.sequence_count(), "operation {}: no queue or kernels",
                   i);
    if (op.kind == OpKind::transfer)
      ORRERY_CHECK(op.pattern.index() < p.pattern_count(), "operation {}: no pattern", i);
  }
}

Lists successors_of(const Program& p) {
  Lists lists;
  const std::size_t count = p.operations.size();
  lists.begin.assign(count + 1, 0);
  for (OpId on : p.dependencies) ++lists.begin[on.index() + 1];
  for (std::size_t i = 0; i < count; ++i) lists.begin[i + 1] += lists.begin[i];
  lists.values.resize(p.dependencies.size());
  std::vector<std::uint32_t> next(lists.begin.begin(), lists.begin.end() - 1);
  for (std::size_t i = 0; i < count; ++i)
    for (OpId on : p.dependencies_of(i)) lists.values[next[on.index()]++] = static_cast<std::uint32_t>(i);
  return lists;
}

Lists queue_operations_of(const Program& p) {
  Lists lists;
  lists.begin.assign(p.queues.size() + 1, 0);
  for (const Operation& op : p.operations)
    for (QueueId q : p.queues_of(op)) ++lists.begin[q.index() + 1];
  for (std::size_t i = 0; i < p.queues.size(); ++i) lists.begin[i + 1] += lists.begin[i];
  lists.values.resize(lists.begin.back());
  std::vector<std::uint32_t> next(lists.begin.begin(), lists.begin.end() - 1);
  for (std::size_t i = 0; i < p.operations.size(); ++i)
    for (QueueId q : p.queues_of(p.operations[i])) lists.values[next[q.index()]++] = static_cast<std::uint32_t>(i);
  return lists;
}

}  // namespace

IndexedProgram index_program(std::shared_ptr<const Program> program, const Cluster& cluster) {
  const Program& p = *program;
  check_ids(p, cluster.type_of.size());
  IndexedProgram indexed;
  indexed.waits.resize(p.operations.size());
  for (std::size_t i = 0; i < p.operations.size(); ++i)
    indexed.waits[i] = static_cast<std::uint32_t>(p.dependencies_of(i).size() + p.queues_of(p.operations[i]).size());
  indexed.successors = successors_of(p);
  indexed.queue_operations = queue_operations_of(p);
  for (std::size_t i = 0; i < p.pattern_count(); ++i) {
    ORRERY_CHECK(cluster.router, "a cluster without a router cannot carry a Transfer");
    indexed.patterns.push_back(route_pattern(cluster.fabric, *cluster.router, p.pattern(PatternId(i))));
  }
  indexed.program = std::move(program);
  return indexed;
}

Cost CostCache::cost(const Program& program, SequenceId sequence, DeviceTypeId type, const OperatingPoint& point) {
  auto& by_sequence = answers_[&program];
  if (by_sequence.empty()) by_sequence.resize(program.sequence_count());
  Answers& answers = by_sequence[sequence.index()];
  for (std::uint32_t i = 0; i < answers.used; ++i)
    if (answers.kept[i].type == type && answers.kept[i].point == point) return answers.kept[i].cost;
  const Cost cost = model_.sequence(type, program.sequence(sequence), point);
  ORRERY_CHECK(cost.time.value >= 0 && cost.energy.value >= 0, "a Compute costs {} s and {} J", cost.time.value,
               cost.energy.value);
  const std::uint32_t slot = answers.used < answers.kept.size() ? answers.used++ : answers.oldest++ % 4;
  answers.kept[slot] = {type, point, cost};
  return cost;
}

}  // namespace orrery
