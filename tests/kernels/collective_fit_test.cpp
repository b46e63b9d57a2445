// The fit of collective costs: gives back what made the samples, keeps what no sample tells, forgets what is left out.
#include <cmath>

#include <catch2/catch.hpp>

#include "kernels/collectives/calibrate.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

LinkCosts link(const std::string& name, LinkParameters value, LinkParameters prior = {}) {
  return {name, "", value, prior, std::nullopt, ""};
}

// Every class alike, with one algorithm.
CollectiveCalibration calibration_of(const LinkParameters& scale_up) {
  CollectiveCalibration calibration;
  const LinkParameters prior{20.0, 1.0, 0.0, 0.9, 1.0, 0.5, {}, {}, {}};
  calibration.links = {link("scale-up", scale_up, prior), link("host", prior, prior), link("scale-out", prior, prior),
                       link("ici", {3.0, 0.0, 0.0, 0.95, 0.0, 0.0, {}, {}, {}})};
  for (const char* over : {"scale-up", "host", "scale-out"})
    calibration.steps.push_back({over, "ring", "simple", {3.4, {}, {}}, {}, ""});
  return calibration;
}

// Rings of 2 to 8 devices of one node, each taking a second.
std::vector<CollectiveSample> rings(const Cluster& cluster, const std::string& source) {
  std::vector<CollectiveSample> samples;
  for (std::size_t n : {2u, 3u, 5u, 8u})
    for (double bytes = 1e3; bytes < 1e10; bytes *= 8) {
      CollectiveSample sample;
      sample.cluster = &cluster;
      for (std::size_t d = 0; d < n; ++d) sample.members.emplace_back(d);
      sample.bytes = Bytes(bytes);
      sample.time = Seconds(1);
      sample.algorithm = "ring";
      sample.source = source;
      samples.push_back(sample);
    }
  return samples;
}

void time_by(std::vector<CollectiveSample>& samples, const CollectiveCalibration& truth, double factor = 1) {
  const std::vector<double> at_one_second = collective_errors(truth, RoutedCollectives(samples));
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i].time = Seconds(factor * std::exp(at_one_second[i]));
}

double value(const CollectiveCalibration& calibration, std::optional<double> LinkParameters::*parameter) {
  // The samples' link has no family of a measured generation: its own row, or the class.
  for (const LinkCosts& row : calibration.links)
    if (row.fit && row.link != "scale-up" && row.value.*parameter) return *(row.value.*parameter);
  return *(calibration.row("scale-up")->value.*parameter);
}

}  // namespace

TEST_CASE("fitting recovers the costs that synthetic collectives were timed with") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  std::vector<CollectiveSample> samples = rings(cluster, "lab");
  time_by(samples, calibration_of({25.0, 0.7, 0.0, 0.85, 1.2, 0.8, {}, {}, {}}));
  const CollectiveFit fit = fit_collectives(calibration_of({20.0, 1.0, 0.0, 0.9, 1.0, 0.5, {}, {}, {}}),
                                            RoutedCollectives(samples));
  CHECK(fit.error_before > 0.03);
  CHECK(fit.error_after < 0.01);
  CHECK(value(fit.calibration, &LinkParameters::launch_us) == Approx(25).epsilon(0.1));
  CHECK(value(fit.calibration, &LinkParameters::efficiency) == Approx(0.85).epsilon(0.03));
}

TEST_CASE("a fit keeps what no sample crosses, states samples and range, and repeats itself from its own result") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  std::vector<CollectiveSample> samples = rings(cluster, "lab");
  const CollectiveCalibration start = calibration_of({20.0, 1.0, 0.0, 0.9, 1.0, 0.5, {}, {}, {}});
  time_by(samples, start, 1.3);
  const RoutedCollectives routed(samples);
  const CollectiveCalibration once = fit_collectives(start, routed).calibration;
  CHECK(write_spec(*once.row("ici")) == write_spec(*start.row("ici")));
  CHECK(once.row("scale-out")->value.launch_us == 20.0);
  REQUIRE(once.row("scale-up")->fit);
  CHECK(once.row("scale-up")->fit->samples == static_cast<int>(samples.size()));
  CHECK(once.row("scale-up")->fit->smallest == 1e3);
  CHECK(write_spec(fit_collectives(once, routed).calibration) == write_spec(once));
}

TEST_CASE("a source that is left out has no part in the fit") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  const CollectiveCalibration start = calibration_of({20.0, 1.0, 0.0, 0.9, 1.0, 0.5, {}, {}, {}});
  std::vector<CollectiveSample> both = rings(cluster, "good"), bad = rings(cluster, "bad");
  time_by(both, start);
  time_by(bad, start, 3);
  const CollectiveFit alone = fit_collectives(start, RoutedCollectives(both));
  both.insert(both.end(), bad.begin(), bad.end());
  const CollectiveFit without = fit_collectives(start, RoutedCollectives(both), "bad");
  CHECK(without.error_after == Approx(alone.error_after).margin(1e-12));
  for (const char* row : {"scale-up", "scale-out"})
    CHECK(write_spec(without.calibration.row(row)->value) == write_spec(alone.calibration.row(row)->value));
  CHECK(fit_collectives(start, RoutedCollectives(both)).error_after > 0.1);
}

TEST_CASE("links never measured take the costs of their family, else of their class") {
  CollectiveCalibration calibration = calibration_of({20.0, 1.0, 0.0, 0.9, 1.0, 0.5, {}, {}, {}});
  calibration.links.push_back(link("nvlink", {{}, 0.5, {}, {}, {}, {}, {}, {}, {}}));
  const auto known = calibration.find("nvlink9", true, "ring", "simple");
  const auto unknown = calibration.find("wormhole-800", true, "ring", "simple");
  REQUIRE(known);
  REQUIRE(unknown);
  CHECK(known->step.value == Approx(0.5 * 3.4e-6));
  CHECK(known->launch.value == unknown->launch.value);
  CHECK(unknown->step.value == Approx(3.4e-6));
  CHECK_FALSE(calibration.find("wormhole-800", true, "ring", "ll128"));
  CHECK(link_family("infiniband-hdr-200") == "infiniband");
}
