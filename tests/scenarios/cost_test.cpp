#include <catch2/catch.hpp>

#include "analysis/metrics_from_json.hpp"
#include "analysis/report.hpp"
#include "scenarios/cost_spec.hpp"
#include "scenarios/idle_options.hpp"
#include "tests/support/small_scenario.hpp"
#include "topologies/network_inventory.hpp"

using namespace orrery;
using orrery::testing::make;
using orrery::testing::SmallScenario;

namespace {

JobMetrics run_with(const std::optional<CostSpec>& cost, std::optional<double> tokens = 1e9) {
  Scenario scenario = make(SmallScenario{});  // 16 A100
  scenario.cost = cost;
  scenario.jobs[0].training_tokens = tokens;
  return run_scenario(scenario, "test.json", Library::installed()).metrics.jobs[0];
}

CostSpec rental(double per_hour) {
  CostSpec spec;
  spec.rental_per_device = DollarsPerSecond(per_hour / 3600);
  return spec;
}

}  // namespace

TEST_CASE("rental costs device-seconds at the price, electricity included") {
  const JobMetrics job = run_with(rental(2));
  REQUIRE(job.cost);
  CHECK(job.cost->iteration_USD == Approx(16 * job.iteration_s * 2 / 3600));
  CHECK(job.cost->electricity_USD == 0);
  CHECK(*job.cost->training_USD == Approx(16 * *job.time_to_train_s * 2 / 3600));
  CHECK(*job.cost->per_million_tokens_USD * 1000 == Approx(*job.cost->training_USD));
}

TEST_CASE("ownership writes the purchase off over the time in use and pays for energy at the meter") {
  CostSpec spec;
  spec.basis = CostBasis::ownership;
  spec.purchase_per_device = Dollars(30000);
  spec.amortization = Seconds(1e8);
  spec.utilization = 0.5;
  spec.electricity = DollarsPerJoule(1e-7);
  spec.pue = 1.5;
  const JobMetrics job = run_with(spec);
  CHECK(job.cost->electricity_USD == Approx(job.energy_J * 1.5e-7));
  CHECK(job.cost->iteration_USD == Approx(16 * 30000 / 0.5e8 * job.iteration_s + job.energy_J * 1.5e-7));
}

TEST_CASE("ownership at list prices pays for the network, a price per device that holds its share does not pay twice") {
  CostSpec spec;
  spec.basis = CostBasis::ownership;
  spec.amortization = Seconds(1e8);
  spec.electricity = DollarsPerJoule(0);
  Scenario scenario = make(SmallScenario{});  // 16 A100 on four nodes
  scenario.jobs[0].training_tokens = 1e9;
  scenario.cluster.pools[0].node.device.price->purchase = Dollars(10000);
  const auto cost_of = [&](const CostSpec& with) {
    scenario.cost = with;
    const JobMetrics job = run_scenario(scenario, "test.json", Library::installed()).metrics.jobs[0];
    return std::pair(job.cost->iteration_USD / job.iteration_s * 1e8, job.cost->basis);
  };
  double network = 0;
  std::vector<NetworkItem> items;
  build_cluster(scenario.cluster, items);
  for (const NetworkItem& item : items) network += item.price->value * item.count;
  CHECK(network > 16 * 1000);  // a NIC each
  CHECK(cost_of(spec).first == Approx(16 * 10000 + network));
  CHECK_THAT(cost_of(spec).second, Catch::Matchers::Contains("switches, NICs and cables per device"));
  spec.network_per_device = Dollars(500);
  CHECK(cost_of(spec).first == Approx(16 * 10500));
  spec.network_per_device.reset();
  spec.purchase_per_device = Dollars(12000);
  CHECK(cost_of(spec).first == Approx(16 * 12000));
  spec.purchase_per_device.reset();
  scenario.cluster.pools[0].node.nics->link.adapter->price.reset();
  CHECK(cost_of(spec).first == Approx(16 * 10000));
  CHECK_THAT(cost_of(spec).second, Catch::Matchers::Contains("network not priced"));
}

TEST_CASE("what a rental price holds already is said to have no effect beside it") {
  CostSpec spec = rental(2);
  CHECK(idle_options(spec).empty());
  spec.pue = 1.3;
  spec.utilization = 0.5;
  const std::string why = R"( has no effect: basis is "rental", whose price holds it)";
  CHECK(idle_options(spec) == std::vector<std::string>{"cost: utilization" + why, "cost: pue" + why});
  Scenario scenario = make(SmallScenario{});
  scenario.cost = spec;
  const auto warnings = run_scenario(scenario, "test.json", Library::installed()).warnings;
  CHECK(std::count(warnings.begin(), warnings.end(), "cost: pue" + why) == 1);
  spec.basis = CostBasis::ownership;
  spec.rental_per_device.reset();
  CHECK(idle_options(spec).empty());
}

TEST_CASE("without a cost section devices cost what their data says, with the range") {
  const JobMetrics job = run_with({});
  REQUIRE(job.cost);
  CHECK(job.cost->iteration_low_USD < job.cost->iteration_USD);
  CHECK(job.cost->iteration_USD == Approx((job.cost->iteration_low_USD + job.cost->iteration_high_USD) / 2));
}

TEST_CASE("pools of one price say what it rests on once") {
  Scenario scenario = make(SmallScenario{});
  const auto basis = [&] {
    return run_scenario(scenario, "test.json", Library::installed()).metrics.jobs[0].cost->basis;
  };
  const std::string of_one = basis();
  scenario.cluster.pools[0].count = 2;
  scenario.cluster.pools.push_back(scenario.cluster.pools[0]);
  CHECK(basis() == of_one);
  scenario.cluster.pools[1].node.device.price->rental_low = DollarsPerSecond(0.5 / 3600);
  CHECK_THAT(basis(), Catch::Contains(of_one + "; rental at 0.50"));
}

TEST_CASE("a basis that cannot be read is one fault, whatever else is stated") {
  const Json text = parse_json(R"({"basis": "buying", "purchase_per_device": "30000 USD"})", "doc.json");
  CHECK_THROWS_WITH(read_spec<CostSpec>(text, "doc.json", {}), !Catch::Contains("\n"));
}

TEST_CASE("a stated basis that lacks a price is a fault of the scenario, and nothing stated is no cost") {
  CostSpec spec;
  spec.basis = CostBasis::ownership;
  CHECK_THROWS_WITH(run_with(spec), Catch::Matchers::Contains("/cost/purchase_per_device"));
  Scenario scenario = make(SmallScenario{});
  scenario.cluster.pools[0].node.device.price.reset();
  CHECK_FALSE(run_scenario(scenario, "test.json", Library::installed()).metrics.jobs[0].cost);
}

TEST_CASE("time, energy and cost of training are the iteration's times the number of iterations") {
  const JobMetrics job = run_with(rental(1));
  const double iterations = 1e9 / (32 * 1024);
  CHECK(*job.time_to_train_s == Approx(iterations * job.iteration_s));
  CHECK(*job.energy_to_train_J == Approx(iterations * job.energy_J));
  CHECK(*job.cost->training_USD == Approx(iterations * job.cost->iteration_USD));
  CHECK_FALSE(run_with(rental(1), {}).cost->training_USD);
}

TEST_CASE("metrics read back from their document write the same document") {
  const Json document = metrics_json(run_with({}));
  CHECK(metrics_json(job_metrics_from_json("train", document)) == document);
}

TEST_CASE("the memory of a job read back is that of the stage with least room, as of the one that ran") {
  JobMetrics job;
  job.iteration_s = 1;
  job.stages.resize(2);
  job.stages[0].memory_peak_bytes = 45e9;
  job.stages[0].memory_capacity_bytes = 40e9;
  job.stages[1].memory_peak_bytes = 60e9;
  job.stages[1].memory_capacity_bytes = 80e9;
  for (StageMetrics& stage : job.stages) stage.devices = 4;
  CHECK(job_metrics_from_json("train", metrics_json(job)).mean.memory_capacity_bytes == 40e9);
}
