// The builder: interned tables, queue order, dependencies as a compressed table.
#include "sim/program.hpp"

#include <catch2/catch.hpp>

#include "sim/error.hpp"

using namespace orrery;

static DeviceId device(std::size_t i) { return DeviceId(i); }

TEST_CASE("the same queue, set of queues or memory effect is written once") {
  ProgramBuilder b;
  const QueueId x = b.queue(device(0), Stream::compute), y = b.queue(device(1), Stream::compute);
  CHECK(b.queue(device(0), Stream::compute) == x);
  CHECK(b.queue(device(0), Stream::copy) != x);
  const QueueId xy[] = {x, y}, yxy[] = {y, x, y};
  CHECK(b.queue_set(xy) == b.queue_set(yxy));
  CHECK(b.queue_set(xy) != b.on(device(0), Stream::compute));
  CHECK_FALSE(b.queue_set({}).valid());
  CHECK(b.memory({MemoryCategory::activations, 1, -1}) == b.memory({MemoryCategory::activations, 1, -1}));
  CHECK(b.memory({MemoryCategory::activations, 1, -1}) != b.memory({MemoryCategory::buffers, 1, -1}));
}

TEST_CASE("dependencies come sorted, without duplicates and without none") {
  ProgramBuilder b;
  std::vector<OpId> ops;
  for (int i = 0; i < 4; ++i) ops.push_back(b.join({}));
  b.depend(ops[3], ops[2]);
  b.depend(ops[3], ops[0]);
  b.depend(ops[3], ops[2]);
  b.depend(ops[1], ops[3]);  // forwards is allowed
  b.depend(ops[2], {});
  const Program p = std::move(b).finish();
  CHECK(p.dependency_begin.size() == 5);
  CHECK(p.dependencies_of(0).empty());
  CHECK(p.dependencies_of(2).empty());
  REQUIRE(p.dependencies_of(3).size() == 2);
  CHECK(p.dependencies_of(3)[0] == ops[0]);
  CHECK(p.dependencies_of(3)[1] == ops[2]);
  CHECK(p.dependencies_of(1)[0] == ops[3]);
}

TEST_CASE("tables without entries still have an offset") {
  const Program p = ProgramBuilder().finish();
  CHECK(p.dependency_begin == std::vector<std::uint32_t>{0});
  CHECK(p.sequence_count() == 0);
  CHECK(p.pattern_count() == 0);
}

TEST_CASE("sequences, patterns and fields of operations are found again") {
  ProgramBuilder b;
  std::vector<Kernel> kernels(3);
  kernels[1].flops = 7;
  const SequenceId none = b.sequence({}), all = b.sequence(kernels);
  Flow flow;
  flow.share = 0.5;
  const PatternId pattern = b.pattern({&flow, 1});
  Label label;
  label.layer = 12;
  const OpId op = b.transfer(b.on(device(2), Stream::data), pattern, 100, 3, Seconds(0.25), label);
  const OpId compute = b.compute(b.on(device(2), Stream::compute), all, label);
  const Program p = std::move(b).finish();
  CHECK(p.sequence(none).empty());
  CHECK(p.sequence(all)[1].flops == 7);
  CHECK(p.pattern(pattern)[0].share == 0.5);
  const Operation& o = p.operations[op.index()];
  CHECK(o.kind == OpKind::transfer);
  CHECK(o.bytes == 100);
  CHECK(o.rounds == 3);
  CHECK(o.setup_s == 0.25);
  CHECK(o.label == label);
  CHECK(p.queues[p.queues_of(o)[0].index()].stream == Stream::data);
  CHECK(p.operations[compute.index()].sequence == all);
}

TEST_CASE("what cannot be executed cannot be written") {
  ProgramBuilder b;
  CHECK_THROWS_AS(b.compute({}, b.sequence({}), {}), InternalError);
  CHECK_THROWS_AS(b.compute(b.on(device(0), Stream::compute), {}, {}), InternalError);
  CHECK_THROWS_AS(b.transfer({}, {}, 1, 0, Seconds(0), {}), InternalError);
  CHECK_THROWS_AS(b.transfer({}, b.pattern({}), -1, 0, Seconds(0), {}), InternalError);
  CHECK_THROWS_AS(b.queue(DeviceId(), Stream::compute), InternalError);
}
