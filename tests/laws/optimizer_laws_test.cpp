// Laws of optimizers: what each kind keeps and moves, in a whole simulated step.
#include <catch2/catch.hpp>

#include "models/optimizer.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::SmallScenario;

namespace {

Scenario with_optimizer(const std::string& kind, int zero_stage = 0) {
  SmallScenario s;
  s.plan.data = 16;
  s.plan.zero_stage = zero_stage;
  Scenario scenario = orrery::testing::make(s);
  if (!kind.empty()) scenario.jobs[0].optimizer = load_part<Optimizer>("optimizers", kind, Library::installed());
  return scenario;
}

JobMetrics job(const Scenario& s) { return run_scenario(s, "test", Library::installed()).metrics.jobs[0]; }

double memory(const JobMetrics& m, MemoryCategory category) {
  return m.stages[0].memory_peak_by_category_bytes.at(static_cast<std::size_t>(category));
}

double step_s(const JobMetrics& m) { return m.stages[0].compute_by_kernel_s.at("optimizer"); }

}  // namespace

TEST_CASE("every optimizer of the library keeps its states and master weights of every parameter, sharded by ZeRO") {
  const double parameters = memory(job(with_optimizer("adam")), MemoryCategory::weights) / 2;
  for (const std::string& kind : Library::installed().names("optimizers")) {
    INFO(kind);
    const Optimizer o = load_part<Optimizer>("optimizers", kind, Library::installed());
    const double each = o.state_bytes + (o.master_weights ? 4 : 0);
    CHECK(memory(job(with_optimizer(kind)), MemoryCategory::optimizer) == Approx(parameters * each));
    CHECK(memory(job(with_optimizer(kind, 1)), MemoryCategory::optimizer) == Approx(parameters * each / 16));
  }
}

TEST_CASE("an optimizer's step takes the time of what it moves, and Adam is what a job without one runs") {
  const JobMetrics unsaid = job(with_optimizer("")), adam = job(with_optimizer("adam"));
  CHECK(unsaid.iteration_s == adam.iteration_s);
  CHECK(unsaid.memory_peak_bytes == adam.memory_peak_bytes);
  for (const std::string& kind : Library::installed().names("optimizers")) {
    INFO(kind);
    const Optimizer o = load_part<Optimizer>("optimizers", kind, Library::installed());
    CHECK(step_s(job(with_optimizer(kind))) == Approx(step_s(adam) * o.traffic_over_adam()).epsilon(0.03));
  }
  CHECK(job(with_optimizer("sgd")).iteration_s < adam.iteration_s);
  CHECK(job(with_optimizer("sgd")).memory_peak_bytes < adam.memory_peak_bytes);
}

TEST_CASE("a host steps a lighter optimizer in less time") {
  const auto iteration = [](const std::string& kind) {
    Scenario s = with_optimizer(kind);
    s.jobs[0].plan.offload = {0, true};
    return job(s).iteration_s;
  };
  const Scenario s = with_optimizer("adam");
  const double four_devices = 4 * parameters(s.jobs[0].model) / s.jobs[0].software.host_adam_rate;
  CHECK(iteration("adam") - iteration("sgd") == Approx(four_devices * (1 - 14.0 / 30)).epsilon(0.01));
}

TEST_CASE("shards that are fp32 themselves stay, whatever the optimizer says of master weights") {
  Scenario s = with_optimizer("adam-16bit", 3);
  s.jobs[0].software.fp32_parameters = true;
  Scenario adam = with_optimizer("adam", 3);
  adam.jobs[0].software.fp32_parameters = true;
  const auto of = [](const Scenario& x) { return memory(job(x), MemoryCategory::optimizer); };
  CHECK(of(s) / of(adam) == Approx(8.0 / 12));
}
