// Jobs measured under each other's load, against max-min sharing worked out by hand.
#include "sim/repeated_jobs.hpp"

#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Computes on `from`, then sends to device 2, whose cable (1 B/s) all jobs share.
std::shared_ptr<const Program> compute_then_send(const Cluster& cluster, std::size_t from, double seconds,
                                                 double bytes) {
  Writer w(cluster);
  const QueueId queues[] = {w.builder.queue(DeviceId(from), Stream::compute)};
  const QueueSetId on = w.builder.queue_set(queues);
  if (seconds > 0) w.compute(on, seconds);
  w.transfer(on, {w.flow(from, 2)}, bytes);
  return w.finish();
}

Timeline run(Evaluator evaluate, const Cluster& cluster, RepeatedJobs& jobs) {
  ConstantGovernor governor;
  const std::vector<JobDriver*> drivers = jobs.drivers();
  return evaluate(cluster, HeadCost(), governor, drivers);
}

std::vector<double> iterations(const Timeline& timeline, std::uint16_t job) {
  std::vector<double> all;
  for (const FragmentRecord& f : timeline.fragments)
    if (f.job == job && !f.cancelled) all.push_back(f.end_s - f.start_s);
  return all;
}

}  // namespace

TEST_CASE("two jobs that send all the time over one link get half of it each, however unequal they are") {
  const Cluster cluster = star(3);
  RepeatedJobs jobs({1, 1});
  jobs.add(compute_then_send(cluster, 0, 0, 1));
  jobs.add(compute_then_send(cluster, 1, 0, 3));
  const Timeline t = run(simulate_flow, cluster, jobs);
  const auto shorter = iterations(t, 0), longer = iterations(t, 1);
  REQUIRE(longer.size() == 2);
  for (const double s : longer) CHECK(s == Approx(6));
  REQUIRE(shorter.size() >= 5);
  for (const double s : shorter) CHECK(s == Approx(2));
}

TEST_CASE("a long job keeps the load of a short one to its end") {
  // The short job computes 2 s, then sends 1 B at half rate in 2 s: 4 s. Meanwhile the long one sends 2 + 1 B, so that its
  // 6 B take 8 s. Run once each, the short one would be gone after 4 s and the long one take 7 s.
  const Cluster cluster = star(3);
  RepeatedJobs jobs({1, 2});
  jobs.add(compute_then_send(cluster, 0, 2, 1));
  jobs.add(compute_then_send(cluster, 1, 0, 6));
  const Timeline t = run(simulate_flow, cluster, jobs);
  for (const double s : iterations(t, 0)) CHECK(s == Approx(4));
  REQUIRE(iterations(t, 1).size() == 3);
  for (const double s : iterations(t, 1)) CHECK(s == Approx(8));
}

TEST_CASE("what is under way when the last job has been measured is cancelled") {
  const Cluster cluster = star(3);
  RepeatedJobs jobs({0, 1});
  jobs.add(compute_then_send(cluster, 0, 5, 0));
  jobs.add(compute_then_send(cluster, 1, 7, 0));
  const Timeline t = run(simulate_flow, cluster, jobs);
  CHECK(t.end_s == 7);
  CHECK(iterations(t, 0) == std::vector<double>{5});
  REQUIRE(t.fragments.size() == 3);
  CHECK(t.fragments[2].cancelled);
}

TEST_CASE("jobs that finish together end the run together") {
  const Cluster cluster = star(3);
  RepeatedJobs jobs({1, 2});
  for (std::size_t d = 0; d < 2; ++d) jobs.add(compute_then_send(cluster, d, 1, 1));
  const Timeline t = run(simulate_flow, cluster, jobs);
  CHECK(t.end_s == Approx(9));
  CHECK(iterations(t, 0).size() == 3);
  CHECK(iterations(t, 1).size() == 3);
}

TEST_CASE("a job is repeated no further than its limit of operations, but always until it has been measured") {
  const Cluster cluster = star(3);
  for (const std::size_t most : {std::size_t{0}, std::size_t{12}}) {
    RepeatedJobs jobs({1, 2, most});
    jobs.add(compute_then_send(cluster, 0, 1, 0));  // two operations
    jobs.add(compute_then_send(cluster, 1, 100, 0));
    const Timeline t = run(evaluate_analytic, cluster, jobs);
    CHECK(iterations(t, 0).size() == (most == 0 ? 3 : 6));
    CHECK(iterations(t, 1).size() == 3);
    CHECK(t.end_s == 300);
  }
}

TEST_CASE("one job runs exactly the iterations asked for") {
  const Cluster cluster = star(3);
  RepeatedJobs jobs({0, 3});
  jobs.add(compute_then_send(cluster, 0, 1, 1));
  const Timeline t = run(simulate_flow, cluster, jobs);
  CHECK(t.fragments.size() == 3);
  CHECK(t.end_s == Approx(6));
}
