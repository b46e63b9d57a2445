// Bubble or waiting: who a device was idle for. Timelines as the engine would write them.
#include <catch2/catch.hpp>

#include "analysis/metrics.hpp"
#include "tests/analysis/hand_made.hpp"

using namespace orrery;
using namespace orrery::tests;

namespace {

const std::vector<Kernel> work = {kernel(KernelKind::gemm, 1)};

std::vector<Queue> all(std::initializer_list<std::size_t> devices, Stream stream) {
  std::vector<Queue> queues;
  for (const std::size_t d : devices) queues.push_back({DeviceId(d), stream});
  return queues;
}

JobMetrics measured(const HandMade& job, double length, std::size_t devices) {
  Timeline timeline;
  job.append_to(timeline, 0, length);
  job.append_to(timeline, length, length);
  JobFacts facts;
  facts.measured_iterations = 2;
  return measure(timeline, cluster_of(devices), FlopsAreSeconds(), {facts}).jobs[0];
}

}  // namespace

TEST_CASE("a device that waits for a straggler before a collective is waiting, not in a bubble") {
  HandMade job;
  job.device(0).device(1);
  const OpId fast = job.compute(0, 0, 2, work), slow = job.compute(1, 0, 3, work);
  job.transfer(all({0, 1}, Stream::data), 3, 4, collective(CollectiveKind::all_reduce), {fast, slow});
  const JobMetrics m = measured(job, 4, 2);
  CHECK(m.bubble_s == 0);
  CHECK(m.waiting_s == Approx(0.5));  // one second on one of two devices
  CHECK(m.other_s == Approx(0.5));
}

TEST_CASE("a collective that starts when another member's queue gets free makes the others wait") {
  HandMade job;
  job.device(0).device(1).device(2);
  job.transfer(all({1, 2}, Stream::data), 0, 3, collective(CollectiveKind::all_reduce));
  job.transfer(all({0, 1}, Stream::data), 3, 4, collective(CollectiveKind::all_reduce));
  const JobMetrics m = measured(job, 4, 3);
  CHECK(m.waiting_s == Approx((3 + 1) / 3.0));  // device 0 for the first, device 2 at the end
  CHECK(m.exposed_communication_s == Approx((1 + 4 + 3) / 3.0));
}

TEST_CASE("a device that is done early waits for its peers until the iteration ends") {
  HandMade job;
  job.device(0).device(1);
  job.compute(0, 0, 2, work);
  job.compute(1, 0, 5, work);
  const JobMetrics m = measured(job, 5, 2);
  CHECK(m.waiting_s == Approx(1.5));
  CHECK(m.bubble_s == 0);
}

TEST_CASE("fill and drain of every pipeline stage are bubble") {
  // Two micro-batches through two stages, forward 1 s and backward 2 s, messages in no time worth drawing.
  HandMade job;
  job.device(0, 1, 0).device(1, 1, 1);
  const auto message = [&](std::size_t from, std::size_t to, double at, OpId after) {
    const bool down = from < to;
    return job.transfer({{DeviceId(from), down ? Stream::send_forward : Stream::send_backward},
                         {DeviceId(to), down ? Stream::receive_forward : Stream::receive_backward}},
                        at, at, collective(CollectiveKind::send_receive), {after});
  };
  const OpId f0 = job.compute(0, 0, 1, work), m0 = message(0, 1, 1, f0);
  const OpId f1 = job.compute(0, 1, 2, work), m1 = message(0, 1, 2, f1);
  const OpId g0 = job.compute(1, 1, 2, work, {}, {m0}), b0 = job.compute(1, 2, 4, work, {}, {g0});
  const OpId r0 = message(1, 0, 4, b0);
  job.compute(0, 4, 6, work, {}, {r0});
  const OpId g1 = job.compute(1, 4, 5, work, {}, {m1}), b1 = job.compute(1, 5, 7, work, {}, {g1});
  const OpId r1 = message(1, 0, 7, b1);
  job.compute(0, 7, 9, work, {}, {r1});
  const JobMetrics m = measured(job, 9, 2);
  for (const StageMetrics& s : m.stages) {
    CHECK(s.compute_s == Approx(6));
    CHECK(s.bubble_s == Approx(3));  // (p - 1) (t_forward + t_backward)
    CHECK(s.other_s == Approx(0).margin(1e-12));
  }
}

TEST_CASE("while the stage that is waited for waits for its straggler, everybody behind it is waiting too") {
  // Two stages of two devices; device 1 takes 3 s where device 0 takes 2; both stages end with an all-reduce.
  HandMade job;
  job.device(0, 1, 0).device(1, 1, 0).device(2, 1, 1).device(3, 1, 1);
  const auto reduced = [&](std::size_t a, double at, std::vector<OpId> after) {
    Label label = collective(CollectiveKind::all_reduce);
    label.phase = Phase::forward;
    return job.transfer(all({a, a + 1}, Stream::tensor), at, at + 1, label, std::move(after));
  };
  const auto message = [&](std::size_t from, OpId after) {
    return job.transfer({{DeviceId(from), Stream::send_forward}, {DeviceId(from + 2), Stream::receive_forward}}, 4, 4,
                        collective(CollectiveKind::send_receive), {after});
  };
  const OpId fast = job.compute(0, 0, 2, {kernel(KernelKind::gemm, 2)});
  const OpId slow = job.compute(1, 0, 3, {kernel(KernelKind::gemm, 3)}), sum = reduced(0, 3, {fast, slow});
  const OpId m0 = message(0, sum), m1 = message(1, sum);
  const OpId c2 = job.compute(2, 4, 6, work, {}, {m0}), c3 = job.compute(3, 4, 6, work, {}, {m1});
  reduced(2, 6, {c2, c3});
  const JobMetrics m = measured(job, 7, 4);
  CHECK(m.stages[0].waiting_s == Approx(0.5));  // device 0
  CHECK(m.stages[0].bubble_s == Approx(3));
  CHECK(m.stages[1].waiting_s == Approx(1));  // both: also the one whose messages come from the straggler itself
  CHECK(m.stages[1].bubble_s == Approx(3));   // what fast devices would have made them wait
}

TEST_CASE("what a stage waits for through a join is found behind it") {
  HandMade job;
  job.device(0, 1, 0).device(1, 1, 1);
  const OpId late = job.compute(0, 0, 3, work), early = job.compute(1, 0, 1, work);
  const OpId joined = job.join(3, {late, early});
  job.compute(0, 3, 4, work, {}, {joined});
  job.compute(1, 3, 4, work, {}, {joined});
  const JobMetrics m = measured(job, 4, 2);
  CHECK(m.stages[1].bubble_s == Approx(2));
  CHECK(m.stages[1].waiting_s == 0);
}

TEST_CASE("idle time that nothing on record explains is neither bubble nor waiting") {
  HandMade job;
  job.device(0).compute(0, 1, 2, work);
  const JobMetrics m = measured(job, 4, 1);
  CHECK(m.other_s == Approx(3));
  CHECK(m.waiting_s == 0);
  CHECK(m.bubble_s == 0);
}

TEST_CASE("replicas that differ by little do not wait for each other for as long as a pipeline drains") {
  // Two stages (devices 0 and 1, 2 and 3) of two replicas, of which the second is a millisecond later; it also ends the
  // iteration, with all of its stages.
  constexpr double later = 1e-3;
  HandMade job;
  job.device(0, 1, 0).device(1, 1, 0).device(2, 1, 1).device(3, 1, 1);
  for (const std::size_t replica : {0, 1}) {
    const double at = replica == 0 ? 0 : later;
    const DeviceId first(replica), last(replica + 2);
    const OpId forward = job.compute(replica, 0, 1 + at, work);
    const OpId there = job.transfer({{first, Stream::send_forward}, {last, Stream::receive_forward}}, 1 + at, 1 + at,
                                    collective(CollectiveKind::send_receive), {forward});
    const OpId turn = job.compute(replica + 2, 1 + at, 3 + at, work, {}, {there});
    const OpId back = job.transfer({{last, Stream::send_backward}, {first, Stream::receive_backward}}, 3 + at, 3 + at,
                                   collective(CollectiveKind::send_receive), {turn});
    job.compute(replica, 3 + at, 5 + at, work, {}, {back});
  }
  job.transfer(all({1, 3}, Stream::data), 5 + later, 6, collective(CollectiveKind::all_reduce));
  const JobMetrics m = measured(job, 6, 4);
  CHECK(m.waiting_s <= 2 * later);
  CHECK(m.bubble_s > 2);  // of both stages: fill, turn and drain
}
