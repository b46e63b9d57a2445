// The seam to the engine: what measure() and write_trace() say of a Timeline that an evaluator made.
#include <sstream>

#include <catch2/catch.hpp>

#include "analysis/report.hpp"
#include "sim/engine.hpp"
#include "tests/analysis/hand_made.hpp"

using namespace orrery;
using namespace orrery::tests;

namespace {

class SteadyPower : public Governor {
 public:
  Setting set(DeviceId, const Activity&, Seconds) override {
    Setting setting;
    setting.static_power = Watts(10);
    return setting;
  }
};

// Two devices joined by a cable of 10 B/s.
Cluster pair_of_devices() {
  Cluster cluster = cluster_of(2);
  const LinkClassId cable = cluster.fabric.add_link_class({"cable", JoulesPerByte(2), Seconds(0)});
  Vertex vertex;
  vertex.device = DeviceId(0);
  const VertexId a = cluster.fabric.add_vertex(vertex);
  vertex.device = DeviceId(1);
  const VertexId b = cluster.fabric.add_vertex(vertex);
  cluster.fabric.add_cable(a, b, BytesPerSecond(10), Seconds(0), cable);
  cluster.router = make_shortest_path_router(cluster.fabric);
  return cluster;
}

// Forward passes of three micro-batches through two stages: one second of compute each, a tenth of a second between.
std::shared_ptr<const Program> forward_pipeline(const Cluster& cluster) {
  ProgramBuilder builder;
  builder.device({DeviceId(0), 1, 0});
  builder.device({DeviceId(1), 1, 1});
  const Kernel second = kernel(KernelKind::gemm, 1);
  const SequenceId work = builder.sequence({&second, 1});
  const Flow flow{cluster.fabric.vertex_of(DeviceId(0)), cluster.fabric.vertex_of(DeviceId(1)), 1, 0, 1};
  const PatternId message = builder.pattern({&flow, 1});
  const QueueId ends[] = {builder.queue(DeviceId(0), Stream::send_forward),
                          builder.queue(DeviceId(1), Stream::receive_forward)};
  const QueueSetId link = builder.queue_set(ends);
  const MemoryEffectId kept = builder.memory({MemoryCategory::activations, 4, 0});
  const MemoryEffectId freed = builder.memory({MemoryCategory::activations, 0, -12});
  for (int m = 0; m < 3; ++m) {
    const OpId first = builder.compute(builder.on(DeviceId(0), Stream::compute), work, phase(Phase::forward, 0, m),
                                       kept);
    const OpId send = builder.transfer(link, message, 1, 1, Seconds(0), collective(CollectiveKind::send_receive));
    const OpId last = builder.compute(builder.on(DeviceId(1), Stream::compute), work, phase(Phase::forward, 1, m));
    builder.depend(send, first);
    builder.depend(last, send);
    if (m == 2) {
      const OpId done = builder.compute(builder.on(DeviceId(0), Stream::compute), builder.sequence({}), {}, freed);
      builder.depend(done, last);
    }
  }
  return std::make_shared<const Program>(std::move(builder).finish());
}

}  // namespace

TEST_CASE("a forward pipeline run by the engine splits as drawn on paper") {
  const Cluster cluster = pair_of_devices();
  SteadyPower governor;
  SynchronousDriver driver(forward_pipeline(cluster), 2);
  JobDriver* const drivers[] = {&driver};
  const Timeline timeline = evaluate_analytic(cluster, FlopsAreSeconds(), governor, drivers);
  const Metrics metrics = measure(timeline, cluster, FlopsAreSeconds(), {JobFacts{}});
  const JobMetrics& m = metrics.jobs[0];
  REQUIRE(m.iterations_s.size() == 2);
  CHECK(m.iteration_s == Approx(4.1));
  REQUIRE(m.stages.size() == 2);
  // Stage 0 computes three seconds, then sends for a tenth, then waits a second for the release of its activations.
  CHECK(m.stages[0].compute_s == Approx(3));
  CHECK(m.stages[0].exposed_communication_s == Approx(0.1));
  CHECK(m.stages[0].bubble_s == Approx(1));
  CHECK(m.stages[0].other_s == Approx(0).margin(1e-12));
  // Stage 1 has nothing to do for a second, receives for a tenth, then never waits again.
  CHECK(m.stages[1].compute_s == Approx(3));
  CHECK(m.stages[1].exposed_communication_s == Approx(0.1));
  CHECK(m.stages[1].bubble_s == Approx(1));
  CHECK(m.stages[1].other_s == Approx(0).margin(1e-12));
  CHECK(m.memory_peak_bytes == 12);
  CHECK(m.energy.static_J == Approx(2 * 10 * 4.1));
  CHECK(m.energy.transfer_J == Approx(3 * 2));  // three bytes over one cable at 2 J/B
  CHECK(metrics.link_bytes == Approx(2 * 3));
}

TEST_CASE("a trace of the engine's timeline has an arrow per message") {
  const Cluster cluster = pair_of_devices();
  SteadyPower governor;
  SynchronousDriver driver(forward_pipeline(cluster), 2);
  JobDriver* const drivers[] = {&driver};
  const Timeline timeline = evaluate_analytic(cluster, FlopsAreSeconds(), governor, drivers);
  std::ostringstream out;
  write_trace(out, timeline, cluster, FlopsAreSeconds(), {{}, {}, {}});
  int starts = 0, ends = 0;
  const Json trace = parse_json(out.str(), "trace");
  for (const Json& event : trace["traceEvents"]) {
    starts += event["ph"] == "s";
    ends += event["ph"] == "f";
  }
  CHECK(starts == 6);
  CHECK(ends == 6);
}
