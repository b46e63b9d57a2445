#include "analysis/goodput.hpp"

#include <cmath>
#include <random>

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

ReliabilityInputs inputs(double mtbf_s, double checkpoint_s, double restart_s) {
  return {"test", mtbf_s, checkpoint_s, restart_s, std::nullopt};
}

// Time until `segments` pieces of work and their checkpoints are done, failure by failure.
double played_s(const ReliabilityInputs& in, double work_s, int segments, unsigned seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> until_failure(1 / in.mtbf_s);
  double now = 0, next_failure = until_failure(random);
  for (int done = 0; done < segments;) {
    const double end = now + work_s + in.checkpoint_s;
    if (end <= next_failure) {
      now = end;
      ++done;
      continue;
    }
    do {  // restarts fail too
      now = next_failure;
      next_failure = now + until_failure(random);
    } while (now + in.restart_s > next_failure);
    now += in.restart_s;
  }
  return now;
}

}  // namespace

TEST_CASE("a machine that never fails loses only its checkpoints") {
  ReliabilityInputs in = inputs(1e15, 60, 600);
  in.interval_s = 3600;
  CHECK(goodput_of(in, std::nullopt).goodput == Approx(3600.0 / 3660).epsilon(1e-9));
}

TEST_CASE("the best interval is Young's where a checkpoint is short beside the time between failures") {
  CHECK(best_checkpoint_interval_s(inputs(1e6, 1, 0)) == Approx(std::sqrt(2 * 1e6)).epsilon(1e-3));
  CHECK(best_checkpoint_interval_s(inputs(1e12, 1, 0)) == Approx(std::sqrt(2 * 1e12)).epsilon(1e-5));
}

TEST_CASE("no other interval has a better goodput, however long checkpoints are") {
  for (const double checkpoint : {1.0, 40.0, 900.0, 7200.0, 50000.0}) {
    const ReliabilityInputs in = inputs(10000, checkpoint, 300);
    const GoodputMetrics best = goodput_of(in, std::nullopt);
    CHECK(best.checkpoint_interval_s == best.best_checkpoint_interval_s);
    for (const double factor : {0.5, 0.9, 0.99, 1.01, 1.1, 2.0}) {
      ReliabilityInputs other = in;
      other.interval_s = factor * best.checkpoint_interval_s;
      CHECK(goodput_of(other, std::nullopt).goodput < best.goodput);
    }
  }
}

TEST_CASE("a run played failure by failure takes the expected time") {
  struct Case {
    double mtbf_s, work_s, checkpoint_s, restart_s;
  };
  for (const Case c : {Case{10000, 1000, 40, 300}, Case{3600, 3600, 120, 900}, Case{600, 300, 60, 400}}) {
    const ReliabilityInputs in = inputs(c.mtbf_s, c.checkpoint_s, c.restart_s);
    const int segments = 200000;
    const double expected = segments * expected_segment_s(c.work_s, in);
    CHECK(played_s(in, c.work_s, segments, 7) == Approx(expected).epsilon(0.01));
  }
}

TEST_CASE("failures stretch the time to train by the inverse of the goodput") {
  const GoodputMetrics m = goodput_of(inputs(11000, 40, 600), 1e6);
  CHECK(*m.time_to_train_s == Approx(1e6 / m.goodput));
  CHECK(m.goodput < 1);
}

TEST_CASE("a checkpoint that no failure-free stretch is long enough for leaves no goodput") {
  ReliabilityInputs in = inputs(1, 1e6, 10);
  in.interval_s = 1e6;
  CHECK(goodput_of(in, 1e6).goodput == 0);
  CHECK_FALSE(goodput_of(in, 1e6).time_to_train_s);
}
