#include "sim/program.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "sim/error.hpp"

namespace orrery {
namespace {

// The bytes of plain values, as a hash map key.
template <class T> void append_bytes(std::string& key, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  key.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void open_table(std::vector<std::uint32_t>& begin) {
  if (begin.empty()) begin.push_back(0);
}

}  // namespace

std::vector<std::uint32_t> Program::executions() const {
  std::vector<std::uint32_t> times(operations.size(), 1), calls(bodies.size(), 0);
  for (std::size_t i = 0; i < operations.size(); ++i)
    if (operations[i].kind == OpKind::call) {
      times[i] = 0;
      ++calls[operations[i].body.index()];
    }
  for (std::size_t b = 0; b < bodies.size(); ++b)
    std::fill(times.begin() + bodies[b].begin, times.begin() + bodies[b].end, calls[b]);
  return times;
}

std::size_t Program::executed_operations() const {
  const std::vector<std::uint32_t> times = executions();
  return std::accumulate(times.begin(), times.end(), std::size_t{0});
}

QueueId ProgramBuilder::queue(DeviceId device, Stream stream) {
  ORRERY_CHECK(device.valid(), "a queue needs a device");
  const std::uint64_t key = std::uint64_t{device.value} << 8 | static_cast<std::uint64_t>(stream);
  const auto [entry, added] = queue_ids_.try_emplace(key, program_.queues.size());
  if (added) program_.queues.push_back({device, stream});
  return entry->second;
}

QueueSetId ProgramBuilder::queue_set(std::span<const QueueId> queues) {
  std::vector<QueueId> members(queues.begin(), queues.end());
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  if (members.empty()) return {};
  std::string key;
  for (QueueId q : members) {
    ORRERY_CHECK(q.index() < program_.queues.size(), "queue {} does not exist", q.value);
    append_bytes(key, q.value);
  }
  open_table(program_.queue_set_begin);
  const auto [entry, added] = queue_set_ids_.try_emplace(std::move(key), program_.queue_set_begin.size() - 1);
  if (added) {
    program_.queue_sets.insert(program_.queue_sets.end(), members.begin(), members.end());
    program_.queue_set_begin.push_back(static_cast<std::uint32_t>(program_.queue_sets.size()));
  }
  return entry->second;
}

SequenceId ProgramBuilder::sequence(std::span<const Kernel> kernels) {
  open_table(program_.sequence_begin);
  program_.kernels.insert(program_.kernels.end(), kernels.begin(), kernels.end());
  program_.sequence_begin.push_back(static_cast<std::uint32_t>(program_.kernels.size()));
  return SequenceId(program_.sequence_begin.size() - 2);
}

PatternId ProgramBuilder::pattern(std::span<const Flow> flows, std::size_t of_one_group) {
  ORRERY_CHECK(of_one_group <= flows.size(), "a group of {} flows in a pattern of {}", of_one_group, flows.size());
  open_table(program_.pattern_begin);
  program_.pattern_group.push_back(static_cast<std::uint32_t>(of_one_group));
  program_.flows.insert(program_.flows.end(), flows.begin(), flows.end());
  program_.pattern_begin.push_back(static_cast<std::uint32_t>(program_.flows.size()));
  return PatternId(program_.pattern_begin.size() - 2);
}

void ProgramBuilder::move_together(std::span<const MovingPart> parts) {
  open_table(program_.together_begin);
  program_.together.insert(program_.together.end(), parts.begin(), parts.end());
  program_.together_begin.push_back(static_cast<std::uint32_t>(program_.together.size()));
}

MemoryEffectId ProgramBuilder::memory(MemoryDelta delta) {
  std::string key;
  append_bytes(key, delta.category);
  append_bytes(key, delta.at_start);
  append_bytes(key, delta.at_end);
  const auto [entry, added] = memory_ids_.try_emplace(std::move(key), program_.memory_effects.size());
  if (added) program_.memory_effects.push_back(delta);
  return entry->second;
}

OpId ProgramBuilder::compute(QueueSetId queues, SequenceId sequence, Label label, MemoryEffectId memory) {
  ORRERY_CHECK(queues.valid(), "a Compute needs a queue");
  ORRERY_CHECK(sequence.index() < program_.sequence_count(), "sequence {} does not exist", sequence.value);
  Operation op;
  op.kind = OpKind::compute;
  op.queues = queues;
  op.sequence = sequence;
  op.memory = memory;
  op.label = label;
  program_.operations.push_back(op);
  return OpId(program_.operations.size() - 1);
}

OpId ProgramBuilder::transfer(QueueSetId queues, PatternId pattern, double bytes, std::uint32_t rounds, Seconds setup,
                              Label label, MemoryEffectId memory) {
  ORRERY_CHECK(pattern.index() < program_.pattern_count(), "pattern {} does not exist", pattern.value);
  ORRERY_CHECK(bytes >= 0 && setup.value >= 0, "a Transfer of {} B with a setup of {} s", bytes, setup.value);
  Operation op;
  op.kind = OpKind::transfer;
  op.queues = queues;
  op.pattern = pattern;
  op.memory = memory;
  op.rounds = rounds;
  op.bytes = bytes;
  op.setup_s = setup.value;
  op.label = label;
  program_.operations.push_back(op);
  return OpId(program_.operations.size() - 1);
}

OpId ProgramBuilder::join(Label label) {
  Operation op;
  op.label = label;
  program_.operations.push_back(op);
  return OpId(program_.operations.size() - 1);
}

BodyId ProgramBuilder::begin_body() {
  ORRERY_CHECK(!in_body_, "a body inside a body");
  in_body_ = true;
  Body body;
  body.begin = body.end = static_cast<std::uint32_t>(size());
  program_.bodies.push_back(body);
  return BodyId(program_.bodies.size() - 1);
}

// Inside a body the order of a queue becomes dependencies, so that running it needs no queues.
void ProgramBuilder::end_body() {
  ORRERY_CHECK(in_body_, "no body was begun");
  in_body_ = false;
  Body& body = program_.bodies.back();
  body.end = static_cast<std::uint32_t>(size());
  std::map<QueueId, OpId> last;
  for (std::size_t op = body.begin; op < body.end; ++op)
    for (QueueId q : program_.queues_of(program_.operations[op])) {
      OpId& before = last[q];
      depend(OpId(op), before);
      before = OpId(op);
    }
  std::vector<QueueId> queues;
  for (const auto& [queue, op] : last) queues.push_back(queue);
  body.queues = queue_set(queues);
}

OpId ProgramBuilder::call(BodyId body, Label label) {
  ORRERY_CHECK(!in_body_ && body.index() < program_.bodies.size(), "body {} cannot be called here", body.value);
  Operation op;
  op.kind = OpKind::call;
  op.body = body;
  op.queues = program_.bodies[body.index()].queues;
  op.label = label;
  program_.operations.push_back(op);
  return OpId(program_.operations.size() - 1);
}

void ProgramBuilder::depend(OpId op, OpId on) {
  if (op.valid() && on.valid()) edges_.emplace_back(op, on);
}

Program ProgramBuilder::finish() && {
  for (auto* table :
       {&program_.queue_set_begin, &program_.sequence_begin, &program_.pattern_begin, &program_.together_begin})
    open_table(*table);
  const std::size_t count = program_.operations.size();
  std::vector<std::uint32_t> begin(count + 1, 0);
  for (const auto& [op, on] : edges_) {
    ORRERY_CHECK(op.index() < count && on.index() < count, "dependency of operation {} on {} of {}", op.value, on.value,
                 count);
    ++begin[op.index() + 1];
  }
  for (std::size_t i = 0; i < count; ++i) begin[i + 1] += begin[i];
  std::vector<OpId> all(edges_.size());
  std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
  for (const auto& [op, on] : edges_) all[next[op.index()]++] = on;

  program_.dependency_begin.assign(1, 0);
  program_.dependency_begin.reserve(count + 1);
  program_.dependencies.reserve(all.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto first = all.begin() + begin[i], last = all.begin() + begin[i + 1];
    std::sort(first, last);
    program_.dependencies.insert(program_.dependencies.end(), first, std::unique(first, last));
    program_.dependency_begin.push_back(static_cast<std::uint32_t>(program_.dependencies.size()));
  }
  edges_.clear();
  return std::move(program_);
}

}  // namespace orrery
