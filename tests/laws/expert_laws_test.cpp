// Laws of expert parallelism: what it must not change, and what it must move.
#include <catch2/catch.hpp>

#include "models/expert_steps.hpp"
#include "models/memory.hpp"
#include "tests/support/same_metrics.hpp"

using namespace orrery;
using orrery::testing::SmallScenario;

namespace {

Plan plan(int data, int tensor, int expert, int zero = 0) {
  Plan p;
  p.data = data;
  p.tensor = tensor;
  p.expert = expert;
  p.zero_stage = zero;
  p.sequence_parallel = tensor > 1;
  return p;
}

// 16 devices, a gated network of eight experts of which two serve a token.
Scenario mixture(const Plan& p, int count = 8, int active = 2) {
  SmallScenario s;
  s.plan = p;
  s.plan.expert = 1;  // the plan is checked against the model, which gets its experts below
  Scenario scenario = orrery::testing::make(s);
  scenario.jobs[0].plan = p;
  scenario.jobs[0].software.host_per_expert_launch = Seconds(30e-6);
  scenario.jobs[0].model.gated_ffn = true;
  scenario.jobs[0].model.ffn_hidden = 2048;
  Experts experts;
  experts.count = count;
  experts.active = active;
  experts.ffn_hidden = 2048;
  scenario.jobs[0].model.experts = experts;
  return scenario;
}

Metrics metrics(const Scenario& s) { return run_scenario(s, "test", Library::installed()).metrics; }

// Bytes that each member of the groups puts into all-to-alls in one iteration.
double exchanged(const Scenario& s) {
  const ScenarioRun r = run_scenario(s, "test", Library::installed());
  const Program& program = *r.jobs[0].program;
  const std::vector<std::uint32_t> times = program.executions();
  double sum = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Operation& op = program.operations[i];
    if (op.label.collective == CollectiveKind::all_to_all && op.label.phase != Phase::none) sum += op.bytes * times[i];
  }
  return sum;
}

}  // namespace

TEST_CASE("one expert that serves every token is a dense network") {
  for (const Plan& p : {plan(16, 1, 1), plan(16, 1, 1, 3)}) {
    Scenario mixed = mixture(p, 1, 1), dense = mixed;
    dense.jobs[0].model.experts.reset();
    REQUIRE(mixed.jobs[0].software.host_per_expert_launch > Seconds(0));
    const auto of_dense = orrery::testing::numbers(metrics(dense));
    for (const auto& [pointer, value] : orrery::testing::numbers(metrics(mixed))) {
      INFO(pointer);
      CHECK(of_dense.at(pointer) == Approx(value).epsilon(1e-12));
    }
  }
}

TEST_CASE("experts that all serve every token need the matrix products of a dense network as wide as all of them") {
  const Scenario mixed = mixture(plan(16, 1, 1), 4, 4);
  TransformerModel wide = mixed.jobs[0].model;
  wide.experts.reset();
  wide.ffn_hidden = 4 * 2048;
  const double router = 3.0 * 2 * wide.sequence * wide.layers * wide.hidden * 4;
  REQUIRE(model_flops_per_sequence(mixed.jobs[0].model) == Approx(model_flops_per_sequence(wide) + router));
  REQUIRE(parameters(mixed.jobs[0].model) - parameters(wide) ==
          Approx(wide.layers * (4.0 * wide.hidden + 3 * wide.hidden)));  // router, and a bias for each expert's output
}

TEST_CASE("expert parallelism sends each copy of a token there and back, forward and backward") {
  for (int expert : {2, 4, 8}) {
    const Scenario s = mixture(plan(16, 1, expert));
    const TransformerModel& m = s.jobs[0].model;
    const double tokens = 32 / 16 * m.sequence;  // of one rank in the whole iteration
    const double once = tokens * 2 * m.hidden * 2;
    REQUIRE(exchanged(s) == Approx(4 * m.layers * once));
  }
  REQUIRE(exchanged(mixture(plan(16, 1, 1))) == 0);
}

TEST_CASE("tensor ranks route a share of the tokens each") {
  const TransformerModel m = mixture(plan(16, 1, 1)).jobs[0].model;
  REQUIRE(exchanged(mixture(plan(8, 2, 4))) == Approx(exchanged(mixture(plan(16, 1, 4)))));
}

TEST_CASE("an all-to-all that sends a token only once to each device moves less") {
  Scenario s = mixture(plan(16, 1, 4));
  const double every_copy = exchanged(s);
  s.jobs[0].software.fused_dispatch = true;
  // One of four places is missed when both choices out of eight fall on the other six: 6/8 x 5/7.
  REQUIRE(exchanged(s) == Approx(every_copy * 4 * (1 - 6.0 / 8 * 5 / 7) / 2));
}

TEST_CASE("parameters on a rank: experts shrink with the expert degree, the rest does not") {
  const auto weights = [](const Scenario& s) {
    return metrics(s).jobs[0].stages[0].memory_peak_by_category_bytes.at(0);
  };
  const TransformerModel m = mixture(plan(16, 1, 1)).jobs[0].model;
  const double experts = 2 * m.layers * expert_parameters(m);
  REQUIRE(weights(mixture(plan(16, 1, 1))) - weights(mixture(plan(16, 1, 4))) == Approx(experts * 3 / 4));
  REQUIRE(weights(mixture(plan(16, 1, 4))) - weights(mixture(plan(16, 1, 8))) == Approx(experts / 8));
}

TEST_CASE("folded equals unfolded with expert parallelism") {
  for (const Plan& p : {plan(16, 1, 8), plan(8, 2, 8), plan(16, 1, 4, 1), plan(16, 1, 4, 3)}) {
    Scenario s = mixture(p);
    const Metrics folded = metrics(s);
    s.simulate.fold = false;
    orrery::testing::require_equal(folded, metrics(s));
  }
}

TEST_CASE("a model without experts refuses expert parallelism") {
  SmallScenario s;
  s.plan = plan(16, 1, 2);
  REQUIRE_THROWS_AS(orrery::testing::run(s), SpecError);
}
