// Schedules of the user's own in a job: its collectives are those very transfers, and folding stays exact although the
// ranks of a group do unlike things.
#include <catch2/catch.hpp>

#include "tests/support/chain_schedule.hpp"
#include "tests/support/same_metrics.hpp"

using namespace orrery;
using orrery::testing::plan;
using orrery::testing::SmallScenario;
using orrery::testing::Wiring;

namespace {

std::shared_ptr<const UserSchedule> chain() {
  static const auto schedule = std::make_shared<const UserSchedule>(orrery::testing::chain_schedule(4));
  return schedule;
}

// All all-reduces over four devices run as the chain.
ScenarioRun run_chains(const SmallScenario& s) {
  Scenario scenario = orrery::testing::make(s);
  scenario.jobs[0].collectives = {{"all_reduce", 4, "chain.xml", chain()}};
  ScenarioRun run = run_scenario(scenario, "test.json", Library::installed());
  REQUIRE(run.jobs[0].collectives.contains(chain()->shape()));
  return run;
}

}  // namespace

TEST_CASE("the transfers of a job are those of the schedule that it is given, whole or round by round") {
  for (const char* detail : {"flow", "step"}) {
    SmallScenario s;
    s.plan = plan(4, 4, 1);
    s.detail = detail;
    const ScenarioRun run = run_chains(s);
    const Program& program = *run.jobs[0].program;
    CollectiveRequest request;
    for (std::size_t d = 0; d < 4; ++d) request.members.emplace_back(d);
    request.user = chain();
    request.detail = s.detail == "step" ? CollectiveDetail::step : CollectiveDetail::flow;
    std::size_t found = 0, steps = 1;
    for (const Operation& op : program.operations) {
      const auto queues = program.queues_of(op);
      if (op.kind != OpKind::transfer || op.label.collective != CollectiveKind::all_reduce ||
          program.queues[queues.front().index()].stream != Stream::tensor)
        continue;
      request.bytes = Bytes(op.bytes);
      const CollectivePlan own = plan_collective(run.cluster, request);
      steps = own.steps.size();
      const CollectiveStep& step = own.steps[found++ % steps];
      CHECK(op.rounds == step.rounds);
      CHECK(op.efficiency == step.efficiency);
      CHECK(op.setup_s == step.setup.value);
      CHECK(program.pattern(op.pattern).size() == 4 * step.flows.size());  // of the four folded groups
    }
    CHECK(steps == std::size_t{s.detail == "step" ? 6u : 1u});
    CHECK(found > steps);
    CHECK(found % steps == 0);
  }
}

TEST_CASE("folded equals unfolded with schedules whose ranks do unlike things") {
  for (const Wiring wiring : {Wiring::one_switch, Wiring::oversubscribed_tree, Wiring::three_level_tree})
    for (const Plan& p : {plan(4, 4, 1), plan(4, 2, 2), plan(4, 1, 4)})
      for (const char* detail : {"flow", "step"})
        for (const std::vector<int>& slow : {std::vector<int>{}, {5}}) {
          CAPTURE(write_spec(p).dump(), static_cast<int>(wiring), detail, slow);
          SmallScenario s;
          s.wiring = wiring;
          s.plan = p;
          s.detail = detail;
          s.slow_devices = slow;
          const ScenarioRun folded = run_chains(s);
          s.fold = false;
          const ScenarioRun whole = run_chains(s);
          REQUIRE(folded.jobs[0].classes <= whole.jobs[0].classes);
          orrery::testing::require_equal(folded.metrics, whole.metrics);
        }
}

TEST_CASE("two jobs on one network, each with schedules of its own, are the same folded and unfolded") {
  SmallScenario s;
  s.plan = plan(4, 2, 1);
  s.wiring = Wiring::oversubscribed_tree;
  s.global_batch = 16;
  Scenario both = orrery::testing::make(s);
  both.jobs.push_back(both.jobs[0]);
  both.jobs[1].name = "other";
  both.jobs[0].placement = Placement{4, 8};
  both.jobs[1].placement = Placement{12, 4};
  both.jobs[1].plan = plan(4, 1, 1);
  for (JobSpec& job : both.jobs) job.collectives = {{"all_reduce", 4, "chain.xml", chain()}};
  const auto metrics = [&](bool fold) {
    both.simulate.fold = fold;
    return run_scenario(both, "test.json", Library::installed()).metrics;
  };
  orrery::testing::require_equal(metrics(true), metrics(false));
}
