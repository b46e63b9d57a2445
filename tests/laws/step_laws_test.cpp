#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "analysis/report.hpp"
#include "sim/routes.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::plan;
using orrery::testing::run;
using orrery::testing::SmallScenario;
using orrery::testing::Wiring;
using orrery::testing::with;

namespace {

// Bytes that cross links of a class in one iteration, from the Program alone.
double bytes_on(const ScenarioRun& r, const std::string& link_class) {
  const Program& program = *r.jobs[0].program;
  const std::vector<std::uint32_t> times = program.executions();
  double sum = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Operation& op = program.operations[i];
    if (op.kind != OpKind::transfer) continue;
    for (const LinkLoad& load : route_pattern(r.cluster.fabric, *r.cluster.router, program.pattern(op.pattern)).loads)
      if (r.cluster.fabric.link_class(r.cluster.fabric.link(load.link).link_class).name == link_class)
        sum += op.bytes * load.weight * times[i];
  }
  return sum;
}

double weights(const SmallScenario& s) { return parameters(orrery::testing::make(s).jobs[0].model); }

}  // namespace

TEST_CASE("an all-reduce of the gradients puts 2(n-1)/n of the buffer on every device's link") {
  SmallScenario s = with(plan(4, 1, 1));
  s.nodes = 1;  // all four devices in one NVSwitch domain: each byte crosses one link up and one link down
  s.more_software = {{"gradient_norm", false}, {"pad_vocabulary", false}};
  const ScenarioRun r = run(s);
  const double gradients = 2 * weights(s);  // this software reduces in 16 bits
  REQUIRE(bytes_on(r, "nvlink3") == Approx(2 * 4 * 2 * 3.0 / 4 * gradients).epsilon(1e-3));
}

TEST_CASE("ZeRO-1 moves as much as an all-reduce, ZeRO-3 gathers once more") {
  SmallScenario s = with(plan(4, 1, 1, 1));
  s.nodes = 1;
  s.global_batch = 4;
  s.more_software = {{"gradient_norm", false}, {"pad_vocabulary", false}};
  const double n = weights(s), once = 2 * 4 * 3.0 / 4;  // links x devices x (n-1)/n
  REQUIRE(bytes_on(run(s), "nvlink3") == Approx(once * (2 + 2) * n).epsilon(1e-3));
  s.plan.zero_stage = 3;
  REQUIRE(bytes_on(run(s), "nvlink3") == Approx(once * (2 + 2 + 2) * n).epsilon(1e-3));
}

TEST_CASE("a job on one device has no communication and no bubble") {
  Scenario one = orrery::testing::make(with(plan(16, 1, 1)));
  one.cluster.pools[0].count = 1;
  one.cluster.pools[0].node.devices = 1;
  one.cluster.pools[0].node.nics->count = 1;
  one.jobs[0].plan = plan(1, 1, 1);
  const JobMetrics job = run_scenario(one, "test", Library::installed()).metrics.jobs[0];
  REQUIRE(job.exposed_communication_s == 0);
  REQUIRE(job.bubble_s == Approx(0).margin(1e-12));
  REQUIRE(job.compute_s == Approx(job.iteration_s));
}

TEST_CASE("ZeRO on one data-parallel rank and a schedule on one stage change nothing, memory included") {
  SmallScenario s = with(plan(1, 4, 1));
  s.nodes = 1;
  const auto plain = orrery::testing::numbers(run(s).metrics);
  for (const int zero : {1, 2, 3}) {
    s.plan.zero_stage = zero;
    CHECK(orrery::testing::numbers(run(s).metrics) == plain);
  }
  s.plan.schedule = Schedule::gpipe;
  CHECK(orrery::testing::numbers(run(s).metrics) == plain);
}

TEST_CASE("ZeRO over groups of one rank is no ZeRO") {
  SmallScenario s = with(plan(4, 2, 2));
  const auto plain = orrery::testing::numbers(run(s).metrics);
  s.plan.zero_group = 1;
  for (const int zero : {1, 2, 3}) {
    s.plan.zero_stage = zero;
    CHECK(orrery::testing::numbers(run(s).metrics) == plain);
  }
}

TEST_CASE("options that degree 1 makes meaningless change nothing") {
  SmallScenario s = with(plan(16, 1, 1));
  const auto plain = orrery::testing::numbers(run(s).metrics);
  s.more_software = {{"scatter_gather", false}, {"tensor_overlap", true}, {"pipeline_overlap", true}};
  s.plan.sequence_parallel = true;
  s.plan.schedule = Schedule::one_f_one_b;
  REQUIRE(orrery::testing::numbers(run(s).metrics) == plain);
}

TEST_CASE("compute, exposed communication, bubble and the rest sum to the iteration on every stage") {
  for (const Plan& p : {plan(16, 1, 1), plan(2, 2, 4), plan(16, 1, 1, 3)}) {
    const ScenarioRun r = run(with(p));
    const JobMetrics& job = r.metrics.jobs[0];
    for (const StageMetrics& stage : job.stages)
      REQUIRE(stage.compute_s + stage.exposed_communication_s + stage.bubble_s + stage.other_s ==
              Approx(job.iteration_s).epsilon(1e-9));
  }
}

TEST_CASE("the analytic evaluator is never slower than the flow model, and equal where nothing contends") {
  for (const Plan& p : {plan(16, 1, 1), plan(2, 2, 4), plan(4, 4, 1), plan(16, 1, 1, 3), plan(4, 2, 2, 1)})
    for (Wiring wiring : {Wiring::one_switch, Wiring::oversubscribed_tree}) {
      SmallScenario s = with(p);
      s.wiring = wiring;
      const double flow = run(s).metrics.jobs[0].iteration_s;
      s.fidelity = "analytic";
      REQUIRE(run(s).metrics.jobs[0].iteration_s <= flow * (1 + 1e-9));
    }
  SmallScenario alone = with(plan(4, 4, 1));
  const double flow = run(alone).metrics.jobs[0].iteration_s;
  alone.fidelity = "analytic";
  REQUIRE(run(alone).metrics.jobs[0].iteration_s == Approx(flow).epsilon(1e-9));
}

// Where messages come later because links are shared, other computing is slowed beside them: an anomaly like those of
// max-min sharing, and as small as the slowdown is.
TEST_CASE("where computing is slowed beside messages the analytic evaluator exceeds the flow model by 0.1 % at most") {
  SmallScenario s = with(plan(2, 1, 2));
  s.plan.context = 2;
  s.plan.virtual_pipeline = 2;
  s.nodes = 2;
  s.global_batch = 16;
  s.micro_batch = 2;
  s.software = "megatron-bridge";
  const double flow = run(s).metrics.jobs[0].iteration_s;
  s.fidelity = "analytic";
  REQUIRE(run(s).metrics.jobs[0].iteration_s <= flow * 1.001);
}

// Some of their messages stay in a node and some share its NICs, so that later ones no longer start together.
TEST_CASE(
    "where replicas get out of step the analytic evaluator, which has them meet, exceeds the flow model by 2 % at "
    "most") {
  SmallScenario askew = with(plan(3, 1, 4));
  askew.nodes = 3;
  askew.nics = 1;
  askew.global_batch = 24;
  askew.wiring = Wiring::fat_tree;
  const double flow = run(askew).metrics.jobs[0].iteration_s;
  askew.fidelity = "analytic";
  REQUIRE(run(askew).metrics.jobs[0].iteration_s <= flow * 1.02);
}

// Rings of gradients over a dragonfly meet on slow cables, of which they use unequal parts.
TEST_CASE(
    "where one of several rings is done first the analytic evaluator leaves its part of the links to the others") {
  const Json document = Json::parse(R"({
    "orrery": "scenario/1", "name": "slow cables",
    "cluster": {"pools": [{"node": "dgx-h100", "count": 4}], "fabric": {"kind": "dragonfly"},
                "degraded": [{"link": "infiniband-ndr-400", "share": 0.2, "rate": 0.5}]},
    "jobs": [{"model": {"name": "small", "layers": 4, "hidden": 1024, "heads": 8, "vocabulary": 1024, "sequence": 256},
              "precision": "bf16", "batch": {"global": 8, "micro": 1},
              "plan": {"tensor": 8, "zero_stage": 1, "sequence_parallel": true, "recompute": "full"},
              "software": "megatron-lm-2021"}]})");
  Scenario s = read_scenario({document, "test.json"}, Library::installed());
  const auto time = [&](Fidelity fidelity) {
    s.simulate.fidelity = fidelity;
    return run_scenario(s, "test.json", Library::installed()).metrics.jobs[0].iteration_s;
  };
  const double flow = time(Fidelity::flow), analytic = time(Fidelity::analytic);
  REQUIRE(analytic <= flow * (1 + 1e-4));
  REQUIRE(analytic == Approx(flow).epsilon(1e-3));
}

TEST_CASE("no run beats its compute or the bandwidth of its links") {
  for (const Plan& p : {plan(16, 1, 1), plan(2, 2, 4), plan(16, 1, 1, 3)}) {
    const ScenarioRun r = run(with(p));
    const double iteration = r.metrics.jobs[0].iteration_s;
    for (const StageMetrics& stage : r.metrics.jobs[0].stages) REQUIRE(stage.compute_s <= iteration * (1 + 1e-9));
    std::map<std::uint32_t, double> bytes;
    const Program& program = *r.jobs[0].program;
    const std::vector<std::uint32_t> times = program.executions();
    for (std::size_t i = 0; i < times.size(); ++i) {
      const Operation& op = program.operations[i];
      if (op.kind != OpKind::transfer) continue;
      for (const LinkLoad& load : route_pattern(r.cluster.fabric, *r.cluster.router, program.pattern(op.pattern)).loads)
        bytes[load.link.value] += op.bytes * load.weight * times[i];
    }
    for (const auto& [link, sum] : bytes)
      REQUIRE(sum / r.cluster.fabric.link(LinkId(link)).bandwidth.value <= iteration * (1 + 1e-9));
  }
}

double bytes_on_links(const ScenarioRun& r) {
  double bytes = 0;
  const Program& program = *r.jobs[0].program;
  const std::vector<std::uint32_t> times = program.executions();
  for (std::size_t i = 0; i < times.size(); ++i)
    if (const Operation& op = program.operations[i]; op.kind == OpKind::transfer)
      for (const Flow& flow : program.pattern(op.pattern)) bytes += op.bytes * flow.share * flow.copies * times[i];
  return bytes;
}

TEST_CASE("first and last stage add up their gradients of a tied embedding, each rank what it holds of them") {
  const double table = 32000 * 1024 * 2;  // gradients in fp16
  for (const int zero_stage : {0, 1, 2, 3}) {
    CAPTURE(zero_stage);
    SmallScenario s = with(plan(4, 1, 2, zero_stage));
    s.nodes = 2;
    s.more_model = {{"tied_embeddings", true}};
    const double tied = bytes_on_links(run(s));
    s.more_model = {{"tied_embeddings", false}};
    const double copies = zero_stage >= 2 ? 1 : 4;  // of the gradients of a stage, over its four ranks
    REQUIRE(tied - bytes_on_links(run(s)) == Approx(2 * table * copies));
  }
}

TEST_CASE("doubling every bandwidth never slows a run in the analytic evaluator") {
  for (const Plan& p : {plan(16, 1, 1), plan(2, 2, 4), plan(4, 2, 2, 1), plan(16, 1, 1, 3)}) {
    Scenario slow = orrery::testing::make(with(p, "analytic")), fast = slow;
    fast.cluster.pools[0].node.scale_up.link->bandwidth_per_direction *= 2;
    fast.cluster.pools[0].node.nics->link.bandwidth_per_direction *= 2;
    const auto time = [](const Scenario& s) {
      return run_scenario(s, "test", Library::installed()).metrics.jobs[0].iteration_s;
    };
    REQUIRE(time(fast) <= time(slow) * (1 + 1e-12));
  }
}

TEST_CASE("two runs give the same numbers to the last bit") {
  SmallScenario s = with(plan(2, 2, 4));
  s.wiring = Wiring::oversubscribed_tree;
  const auto first = orrery::testing::numbers(run(s).metrics);
  run(with(plan(16, 1, 1, 3)));
  REQUIRE(orrery::testing::numbers(run(s).metrics) == first);
}

TEST_CASE("collectives written step by step take as long as collectives written as flows") {
  for (const Plan& p : {plan(4, 4, 1), plan(16, 1, 1), plan(16, 1, 1, 3)}) {
    SmallScenario s = with(p);
    const double flows = run(s).metrics.jobs[0].iteration_s;
    s.detail = "step";
    REQUIRE(run(s).metrics.jobs[0].iteration_s == Approx(flows).epsilon(0.01));
  }
}

TEST_CASE(
    "collectives written step by step bound those written as flows from above, in small groups by 2.5 times at most") {
  for (const Plan& p : {plan(16, 1, 1), plan(4, 4, 1), plan(16, 1, 1, 3)})
    for (Wiring wiring : {Wiring::fat_tree, Wiring::oversubscribed_tree}) {
      SmallScenario s = with(p);
      s.wiring = wiring;
      const JobMetrics flow = run(s).metrics.jobs[0];
      s.detail = "step";
      const JobMetrics step = run(s).metrics.jobs[0];
      REQUIRE(step.iteration_s >= flow.iteration_s * (1 - 1e-9));
      REQUIRE(step.exposed_communication_s <= 2.5 * flow.exposed_communication_s);
    }
}

TEST_CASE("a fraction of the layers is recomputed however they are cut into chunks") {
  const auto over_model = [](int pipeline, int virtual_pipeline, double fraction) {
    SmallScenario s = with(plan(16 / pipeline, 1, pipeline));
    s.plan.virtual_pipeline = virtual_pipeline;
    s.plan.recompute = Recompute::partial;
    s.plan.recompute_fraction = fraction;
    const JobMetrics job = run(s).metrics.jobs[0];
    return job.hfu.value() / job.mfu.value();
  };
  for (const double fraction : {0.125, 0.25, 0.375, 0.5, 0.75}) {
    CAPTURE(fraction);
    const double whole = over_model(1, 1, fraction);
    CHECK(over_model(4, 1, fraction) == Approx(whole).epsilon(1e-9));  // two layers a chunk
    CHECK(over_model(4, 2, fraction) == Approx(whole).epsilon(1e-9));  // one
  }
  CHECK(over_model(4, 2, 0.375) > over_model(4, 2, 0.25) * 1.01);
}

TEST_CASE("recomputing more layers never makes a step faster, nor lets any stage hold more") {
  for (const int virtual_pipeline : {1, 2}) {
    JobMetrics before;
    for (int of_16 = 0; of_16 <= 16; ++of_16) {
      CAPTURE(virtual_pipeline, of_16);
      SmallScenario s = with(plan(2, 2, 4));
      s.plan.virtual_pipeline = virtual_pipeline;
      s.plan.recompute = Recompute::partial;
      s.plan.recompute_fraction = of_16 / 16.0;
      const JobMetrics job = run(s).metrics.jobs[0];
      if (of_16 > 0) {
        CHECK(job.iteration_s >= before.iteration_s * (1 - 1e-9));
        for (std::size_t k = 0; k < job.stages.size(); ++k)
          CHECK(job.stages[k].memory_peak_bytes <= before.stages[k].memory_peak_bytes);
      }
      before = job;
    }
  }
}

TEST_CASE("hosts launch on while devices wait for overlapped collectives: overlap slows no step") {
  // At most the 7 % by which collectives slow the kernels beside them, on the part that overlaps.
  SmallScenario s = with(plan(4, 4, 1, 1));
  s.plan.sequence_parallel = true;
  s.software = "megatron-core";
  s.nics = 1;
  for (const double host_ms : {0.2, 0.5, 1.0, 2.0}) {
    const auto seconds = [&](bool backward, bool forward) {
      s.more_software = {{"tensor_overlap", backward},
                         {"tensor_overlap_forward", forward},
                         {"host_forward_per_layer", fmt::format("{} ms", host_ms)},
                         {"host_backward_per_layer", fmt::format("{} ms", 2 * host_ms)}};
      return run(s).metrics.jobs[0].iteration_s;
    };
    CAPTURE(host_ms);
    const double none = seconds(false, false), backward = seconds(true, false);
    CHECK(backward <= 1.01 * none);
    CHECK(seconds(false, true) <= 1.01 * none);
    CHECK(seconds(true, true) <= 1.01 * backward);
  }
}

TEST_CASE("without recomputation hardware FLOPs are model FLOPs, however attention is split or masked") {
  // A fused backward pass computes the scores again: 5 products where the model has 4, of 2 + 4 in all.
  const auto over_model = [](int context, const char* attention, double share) {
    SmallScenario s = with(plan(8 / context, 2, 1));
    s.plan.context = context;
    s.more_software = {{"pad_vocabulary", false}, {"attention", attention}};
    Scenario scenario = orrery::testing::make(s);
    scenario.jobs[0].model.attention_length_share = share;
    const JobMetrics job = run_scenario(scenario, "test.json", Library::installed()).metrics.jobs[0];
    return job.hfu.value() / job.mfu.value();
  };
  for (const double share : {1.0, 0.5})
    for (const int context : {1, 2, 4}) {
      CAPTURE(context, share);
      REQUIRE(over_model(context, "unfused", share) == Approx(1).epsilon(1e-9));
      REQUIRE(over_model(context, "flash-2", share) == Approx(over_model(1, "flash-2", share)).epsilon(1e-9));
      REQUIRE(over_model(context, "flash-2", share) > 1);
    }
}
