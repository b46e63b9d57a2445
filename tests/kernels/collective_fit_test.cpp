// The fit of collective costs: gives back what made the samples.
#include <cmath>

#include <catch2/catch.hpp>

#include "kernels/collectives/calibrate.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

TEST_CASE("fitting recovers the costs that synthetic samples were made with") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  CollectiveCalibration truth;
  truth.costs.push_back({"fast", "ring", "simple", Seconds(30e-6), Seconds(2e-6), 0.8, 6, ""});
  CollectiveCalibration start = truth;
  start.costs[0] = {"fast", "ring", "simple", Seconds(15e-6), Seconds(4e-6), 0.5, 2, ""};
  std::vector<CollectiveSample> samples;
  for (std::size_t n : {2u, 3u, 5u, 8u})
    for (double bytes = 1e3; bytes < 1e10; bytes *= 8) {
      CollectiveSample sample;
      sample.cluster = &cluster;
      for (std::size_t d = 0; d < n; ++d) sample.members.emplace_back(d);
      sample.bytes = Bytes(bytes);
      sample.time = Seconds(1);
      sample.algorithm = "ring";
      samples.push_back(sample);
    }
  const std::vector<double> at_one_second = collective_errors(truth, samples);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i].time = Seconds(std::exp(at_one_second[i]));
  const CollectiveFit fit = fit_collectives(start, samples, {"fast"}, 1e-6);
  CHECK(fit.error_before > 0.2);
  CHECK(fit.error_after < 0.01);
  CHECK(fit.calibration.costs[0].efficiency == Approx(0.8).epsilon(0.02));
  CHECK(fit.calibration.costs[0].launch.value == Approx(30e-6).epsilon(0.1));
}
