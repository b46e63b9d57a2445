#include "sim/engine_program.hpp"

#include "sim/error.hpp"
#include "sim/sharing.hpp"

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
                   closed(p.sequence_begin, p.kernels.size()) && closed(p.pattern_begin, p.flows.size()) &&
                   closed(p.together_begin, p.together.size()),
               "a table of the program does not end where its offsets say");
  for (OpId on : p.dependencies) ORRERY_CHECK(on.index() < count, "dependency on operation {} of {}", on.value, count);
  for (const Queue& q : p.queues)
    ORRERY_CHECK(q.device.index() < devices, "a queue of device {} on a cluster of {}", q.device.value, devices);
  for (QueueId q : p.queue_sets) ORRERY_CHECK(q.index() < p.queues.size(), "queue {} does not exist", q.value);
  for (const Representative& r : p.devices)
    ORRERY_CHECK(r.device.index() < devices, "device {} on a cluster of {}", r.device.value, devices);
  ORRERY_CHECK(p.pattern_group.size() == p.pattern_count(), "{} patterns with groups of {}", p.pattern_count(),
               p.pattern_group.size());
  for (const MovingPart& part : p.together)
    ORRERY_CHECK(part.pattern.index() < p.pattern_count() && part.moving > 0, "pattern {} moves {} B with others",
                 part.pattern.value, part.moving);
  for (std::size_t i = 0; i < count; ++i) {
    const Operation& op = p.operations[i];
    ORRERY_CHECK(!op.queues.valid() || op.queues.index() + 1 < p.queue_set_begin.size(), "operation {}: no queue set",
                 i);
    if (op.kind == OpKind::compute)
      ORRERY_CHECK(op.queues.valid() && op.sequence.index() < p.sequence_count(), "operation {}: no queue or kernels",
                   i);
    if (op.kind == OpKind::transfer)
      ORRERY_CHECK(op.pattern.index() < p.pattern_count(), "operation {}: no pattern", i);
    if (op.kind == OpKind::call) ORRERY_CHECK(op.body.index() < p.bodies.size(), "operation {}: no body", i);
  }
}

// Which body an operation belongs to; one more than there are: none.
std::vector<std::uint32_t> body_of_operation(const Program& p) {
  std::vector<std::uint32_t> body_of(p.operations.size(), static_cast<std::uint32_t>(p.bodies.size()));
  for (std::uint32_t b = 0; b < p.bodies.size(); ++b) {
    ORRERY_CHECK(p.bodies[b].begin <= p.bodies[b].end && p.bodies[b].end <= p.operations.size(),
                 "body {} ends at operation {} of {}", b, p.bodies[b].end, p.operations.size());
    for (std::uint32_t op = p.bodies[b].begin; op < p.bodies[b].end; ++op) body_of[op] = b;
  }
  // Dependencies inside a body point backwards, so that what is begun can always be ended.
  for (std::size_t i = 0; i < body_of.size(); ++i) {
    const bool inside = body_of[i] < p.bodies.size();
    ORRERY_CHECK(!inside || p.operations[i].kind != OpKind::call, "operation {}: a Call in a body", i);
    for (OpId on : p.dependencies_of(i))
      ORRERY_CHECK(body_of[on.index()] == body_of[i] && (!inside || on.index() < i),
                   "operation {} cannot wait for operation {}: a body begins and ends as one", i, on.value);
  }
  return body_of;
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

Lists queue_operations_of(const Program& p, const std::vector<std::uint32_t>& body_of) {
  Lists lists;
  lists.begin.assign(p.queues.size() + 1, 0);
  const auto in_body = [&](std::size_t i) { return body_of[i] < p.bodies.size(); };
  for (std::size_t i = 0; i < p.operations.size(); ++i)
    if (!in_body(i))
      for (QueueId q : p.queues_of(p.operations[i])) ++lists.begin[q.index() + 1];
  for (std::size_t i = 0; i < p.queues.size(); ++i) lists.begin[i + 1] += lists.begin[i];
  lists.values.resize(lists.begin.back());
  std::vector<std::uint32_t> next(lists.begin.begin(), lists.begin.end() - 1);
  for (std::size_t i = 0; i < p.operations.size(); ++i)
    if (!in_body(i))
      for (QueueId q : p.queues_of(p.operations[i])) lists.values[next[q.index()]++] = static_cast<std::uint32_t>(i);
  return lists;
}

// How many things each operation waits for, and which wait for none.
void count_waits(const Program& p, const std::vector<std::uint32_t>& body_of, IndexedProgram& indexed) {
  indexed.waits.resize(p.operations.size());
  for (std::size_t i = 0; i < p.operations.size(); ++i) {
    const bool inside = body_of[i] < p.bodies.size();
    const std::size_t waits = p.dependencies_of(i).size() + (inside ? 0 : p.queues_of(p.operations[i]).size());
    indexed.waits[i] = static_cast<std::uint32_t>(waits);
    if (inside) continue;
    ++indexed.unfinished;
    if (waits == 0) indexed.ready.push_back(static_cast<std::uint32_t>(i));
  }
  for (const Body& body : p.bodies) {
    for (std::uint32_t op = body.begin; op < body.end; ++op)
      if (indexed.waits[op] == 0) indexed.ready_in_body.values.push_back(op);
    indexed.ready_in_body.close_list();
  }
}

}  // namespace

IndexedProgram index_program(std::shared_ptr<const Program> program, const Cluster& cluster, CircuitBoard* board) {
  const Program& p = *program;
  check_ids(p, cluster.type_of.size());
  IndexedProgram indexed;
  const std::vector<std::uint32_t> body_of = body_of_operation(p);
  count_waits(p, body_of, indexed);
  indexed.successors = successors_of(p);
  indexed.queue_operations = queue_operations_of(p, body_of);
  for (std::size_t i = 0; i < p.pattern_count(); ++i) {
    ORRERY_CHECK(cluster.router, "a cluster without a router cannot carry a Transfer");
    indexed.patterns.push_back(
        route_pattern(cluster.fabric, *cluster.router, p.pattern(PatternId(i)), p.pattern_group[i]));
  }
  if (board) {
    indexed.circuits = plan_circuits(p, cluster.fabric, indexed.patterns, *board);
    indexed.board = board;
    if (cluster.fabric.circuit_rules().per_phase) indexed.schedules = port_schedules(p, indexed.circuits);
  }
  indexed.program = std::move(program);
  return indexed;
}

void IndexedProgram::time_together(const Cluster& cluster) {
  for (std::size_t set = 0; set < program->together_count(); ++set) {
    const std::span<const MovingPart> parts = program->together_set(set);
    if (cluster.fabric.has_circuits()) {  // which are divided for all of them at once
      std::vector<Flow> flows;
      for (const MovingPart& part : parts) {
        const std::span<const Flow> own = program->pattern(part.pattern);
        flows.insert(flows.end(), own.begin(), own.end());
      }
      const RoutedPattern all = route_pattern(cluster.fabric, *cluster.router, flows);
      if (!all.circuits.empty()) {
        for (const MovingPart& part : parts) {
          patterns[part.pattern.index()].switching_s = all.switching_s;
          patterns[part.pattern.index()].bottleneck = all.bottleneck;
        }
        continue;
      }
    }
    std::vector<SharingTransfer> transfers;
    for (const MovingPart& part : parts) transfers.push_back({&patterns[part.pattern.index()], part.moving});
    const std::vector<double> times = times_sharing(cluster.fabric, transfers);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      double& bottleneck = patterns[parts[i].pattern.index()].bottleneck;
      bottleneck = std::max(bottleneck, times[i] / parts[i].moving);
    }
  }
}

Cost CostCache::cost(const Program& program, SequenceId sequence, DeviceTypeId type, const OperatingPoint& point) {
  if (&program != last_program_) {
    last_program_ = &program;
    last_ = &answers_[&program];
    if (last_->empty()) last_->resize(program.sequence_count());
  }
  Answers& answers = (*last_)[sequence.index()];
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
