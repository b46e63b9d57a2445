// Laws of what devices hold: what lowering alone tells, and the buffers of ZeRO.
#include <algorithm>

#include <catch2/catch.hpp>

#include "analysis/memory_profile.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::SmallScenario;

namespace {

SmallScenario small(int pipeline, int zero_stage = 0) {
  SmallScenario s;
  s.plan.pipeline = pipeline;
  s.plan.data = 16 / pipeline;
  s.plan.zero_stage = zero_stage;
  return s;
}

double held(const SmallScenario& s, MemoryCategory category) {
  return run(s).metrics.jobs[0].stages[0].memory_peak_by_category_bytes[static_cast<std::size_t>(category)];
}

}  // namespace

TEST_CASE("the operations of a program as written tell the peak of every device that its run has") {
  for (const int pipeline : {1, 4})
    for (const int zero_stage : {0, 2, 3})
      for (const Recompute recompute : {Recompute::none, Recompute::full})
        for (const int virtual_pipeline : {1, 2}) {
          if (pipeline == 1 && virtual_pipeline > 1) continue;
          if (pipeline > 1 && zero_stage == 3) continue;
          SmallScenario s = small(pipeline, zero_stage);
          s.plan.recompute = recompute;
          s.plan.virtual_pipeline = virtual_pipeline;
          if (virtual_pipeline > 1) s.plan.schedule = Schedule::interleaved;
          CAPTURE(pipeline, zero_stage, static_cast<int>(recompute), virtual_pipeline);
          const ScenarioRun done = run(s);
          const Program& program = *done.jobs[0].program;
          const std::vector<MemoryPeak> written = memory_peaks_as_written(program);
          REQUIRE(written.size() == program.devices.size());
          for (const StageMetrics& stage : done.metrics.jobs[0].stages) {
            double peak = 0;
            for (std::size_t i = 0; i < written.size(); ++i)
              if (program.devices[i].stage == stage.stage) peak = std::max(peak, written[i].total);
            CHECK(peak == Approx(stage.memory_peak_bytes).epsilon(1e-12));
            CHECK(peak > 0);
          }
        }
}

TEST_CASE("under ZeRO-3 two gathered units and the gradient of one, as wide as it is reduced, are held") {
  SmallScenario s = small(1, 3);
  const auto buffers = [&](bool in_fp32) {
    s.more_software = {{"gradients_in_fp32", in_fp32}};
    return held(s, MemoryCategory::buffers);
  };
  const double table = 32000.0 * 1024;  // the largest unit
  CHECK(buffers(false) >= 3 * 2 * table);
  CHECK(buffers(true) == Approx(buffers(false) * (2 * 2 + 4) / (3 * 2)));
}

TEST_CASE("the norm before the head has a weight per channel, and a bias only where it is a layer norm") {
  SmallScenario s = small(4);
  const auto last = [&](const char* norm) {
    s.more_model = {{"normalization", norm}, {"gated_ffn", true}, {"tied_embeddings", false}, {"ffn_hidden", 4096}};
    const Scenario scenario = orrery::testing::make(s);
    const double layer = shared_layer_parameters(scenario.jobs[0].model, {});
    const double table = static_cast<double>(scenario.jobs[0].model.vocabulary) * 1024;
    const auto peak = run(s).metrics.jobs[0].stages.back().memory_peak_by_category_bytes;
    return peak[static_cast<std::size_t>(MemoryCategory::weights)] / 2 - 2 * layer - table;
  };
  CHECK(last("rmsnorm") == 1024);
  CHECK(last("layernorm") == 2048);
}

TEST_CASE("parameters are kept once, whatever type they have and wherever the optimizer runs") {
  SmallScenario s = small(1, 3);
  s.more_software = {{"fp32_parameters", true}};
  const double all = held(small(1), MemoryCategory::weights) / 2;
  const auto weights = [&](DataType precision, bool offloaded) {
    Scenario scenario = make(s);
    scenario.jobs[0].precision = precision;
    scenario.jobs[0].plan.offload.optimizer = offloaded;
    const auto peak =
        run_scenario(scenario, "test", Library::installed()).metrics.jobs[0].stages[0].memory_peak_by_category_bytes;
    return peak[static_cast<std::size_t>(MemoryCategory::weights)];
  };
  // The shards are the master weights, which stand among the optimizer's states.
  CHECK(weights(DataType::fp16, false) == 0);
  CHECK(weights(DataType::tf32, false) == Approx(4 * all / 16));
  CHECK(weights(DataType::fp16, true) == Approx(2 * all / 16));
}

TEST_CASE("saving inputs of linear layers quantized costs no memory where they are as wide as what attention gives") {
  SmallScenario s = small(1);
  const auto activations = [&](bool quantized) {
    s.more_software = {{"saves_quantized", quantized}};
    return held(s, MemoryCategory::activations);
  };
  CHECK(activations(true) == activations(false));
}

TEST_CASE("ZeRO-2 holds the bucket of gradients that fills and the one under way beside its shard of all") {
  SmallScenario s = small(1, 2);
  s.more_software = {{"gradient_overlap", true}, {"gradient_bucket", "1 B"}, {"gradients_in_fp32", true}};
  const double all = held(small(1), MemoryCategory::weights) / 2;  // parameters
  CHECK(held(s, MemoryCategory::gradients) == Approx(4 * all / 16));
  // Every unit is a bucket: the largest neighbours are the embedding or the head, of 32000 (padded to 128) x 1024, and a layer.
  const double table = 32000.0 * 1024, layer = (all - table) / 8;
  CHECK(held(s, MemoryCategory::buffers) == Approx(4 * (table + layer)).epsilon(0.01));
  s.more_software["gradients_in_fp32"] = false;
  CHECK(held(s, MemoryCategory::buffers) == Approx(2 * (table + layer)).epsilon(0.01));
  // Larger than the model: all gradients are one bucket, and that of the micro-batch before may be under way.
  s.more_software["gradient_bucket"] = "1 TB";
  CHECK(held(s, MemoryCategory::buffers) == Approx(2 * 2 * all));
  s.global_batch = 16;
  CHECK(held(s, MemoryCategory::buffers) == Approx(2 * all));
  s.global_batch = 32;
  // Reduced at once at the end of each pass.
  s.more_software["gradient_overlap"] = false;
  CHECK(held(s, MemoryCategory::buffers) == Approx(2 * all));
}

TEST_CASE("ZeRO-1 and plain data parallelism reduce the gradients where they are kept") {
  for (const int zero_stage : {0, 1}) {
    SmallScenario s = small(1, zero_stage);
    s.more_software = {{"gradient_overlap", true}, {"gradient_bucket", "1 B"}};
    CHECK(held(s, MemoryCategory::buffers) == 0);
  }
}
