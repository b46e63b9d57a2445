// Laws of order: nothing is computed before what it needs has come, and nothing is copied back before it was there.
#include <algorithm>
#include <map>
#include <tuple>

#include <catch2/catch.hpp>

#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::SmallScenario;

namespace {

// One operation that ran, with the label of the pass that it belongs to.
struct Ran {
  OpKind kind;
  Label label;
  std::vector<Queue> queues;
  double start_s, end_s;

  bool on(Stream stream) const { return queues.front().stream == stream; }
};

std::vector<Ran> operations_of(const ScenarioRun& run) {
  std::vector<Ran> all;
  for (const Record& r : run.timeline.records) {
    const Program& program = *run.timeline.fragments[r.fragment].program;
    const Operation& op = program.operations[r.op.index()];
    if (op.kind == OpKind::join) continue;
    Ran ran{op.kind, op.label, {}, r.start_s, r.end_s};
    if (r.call.valid()) ran.label.micro_batch = program.operations[r.call.index()].label.micro_batch;
    for (const QueueId q : program.queues_of(op)) ran.queues.push_back(program.queues[q.index()]);
    all.push_back(ran);
  }
  return all;
}

// Device, micro-batch, chunk, and whether it is a forward pass.
using Pass = std::tuple<std::uint32_t, std::int32_t, std::int16_t, bool>;

std::map<Pass, double> starts_of_passes(const std::vector<Ran>& all) {
  std::map<Pass, double> starts;
  for (const Ran& r : all) {
    if (r.kind != OpKind::compute || r.label.micro_batch < 0) continue;
    const Pass pass{r.queues.front().device.value, r.label.micro_batch, r.label.chunk, r.label.phase == Phase::forward};
    const auto [at, is_first] = starts.try_emplace(pass, r.start_s);
    if (!is_first) at->second = std::min(at->second, r.start_s);
  }
  return starts;
}

int passes_before_their_input(const SmallScenario& s) {
  const auto all = operations_of(orrery::testing::run(s));
  const auto starts = starts_of_passes(all);
  const int last = s.plan.pipeline - 1;
  int messages = 0, early = 0;
  for (const Ran& r : all) {
    const bool forward = r.on(Stream::send_forward), backward = r.on(Stream::send_backward);
    if (!forward && !backward) continue;
    ++messages;
    const int round = forward && r.label.stage == last ? 1 : backward && r.label.stage == 0 ? -1 : 0;
    const Pass pass{r.queues.back().device.value, r.label.micro_batch, static_cast<std::int16_t>(r.label.chunk + round),
                    forward};
    INFO("to device " << r.queues.back().device.value << ", micro-batch " << r.label.micro_batch);
    REQUIRE(starts.count(pass) == 1);
    early += starts.at(pass) < r.end_s * (1 - 1e-12);
  }
  REQUIRE(messages > 0);
  return early;
}

}  // namespace

TEST_CASE("no pass of a pipeline computes before its input has arrived, whatever is gathered meanwhile") {
  for (const int zero : {0, 1, 3})
    for (const int chunks : {1, 2})
      for (const char* software : {"megatron-core", "pytorch-fsdp"}) {
        SmallScenario s = orrery::testing::with(orrery::testing::plan(2, 2, 4, zero, chunks));
        s.software = software;
        s.fold = false;
        CAPTURE(zero, chunks, software);
        CHECK(passes_before_their_input(s) == 0);
      }
}

TEST_CASE("parameters that are gathered behind the first forward pass wait for no stage before") {
  const int tensor = GENERATE(1, 2);  // 2: messages are split among tensor ranks and gathered
  CAPTURE(tensor);
  SmallScenario s = orrery::testing::with(orrery::testing::plan(4 / tensor, tensor, 4, 1));
  s.software = "megatron-core";  // gathers behind the forward pass
  std::map<std::int16_t, double> first;
  for (const Ran& r : operations_of(orrery::testing::run(s)))
    if (r.on(Stream::data_gather)) {
      const auto [at, is_new] = first.try_emplace(r.label.stage, r.start_s);
      if (!is_new) at->second = std::min(at->second, r.start_s);
    }
  REQUIRE(first.size() == 4);
  for (const auto& [stage, start_s] : first) CHECK(start_s == 0);
}

TEST_CASE("activations come back from the host after they have left, on a link that carries both ways at once") {
  for (const int pipeline : {1, 4}) {
    SmallScenario s = orrery::testing::with(orrery::testing::plan(16 / pipeline, 1, pipeline));
    s.plan.offload = {1, false};
    s.global_batch = 64;
    s.fold = false;
    Scenario scenario = orrery::testing::make(s);
    *scenario.cluster.pools[0].node.device.host_link->bandwidth_per_direction *= 1e-3;  // only copies take time
    const ScenarioRun run = run_scenario(scenario, "test", Library::installed());
    std::map<std::tuple<std::uint32_t, std::int32_t, std::int32_t>, double> left;
    const auto key = [](const Ran& r) {
      return std::tuple(r.queues.front().device.value, r.label.layer, r.label.micro_batch);
    };
    const auto all = operations_of(run);
    for (const Ran& r : all)
      if (r.on(Stream::copy)) left[key(r)] = r.end_s;
    int back = 0, early = 0;
    for (const Ran& r : all)
      if (r.on(Stream::copy_back)) {
        ++back;
        REQUIRE(left.count(key(r)) == 1);
        early += r.start_s < left[key(r)] * (1 - 1e-12);
      }
    CAPTURE(pipeline);
    CHECK(back == 8 * 64);  // layers x sequences
    CHECK(early == 0);
    const auto beside = [&](const Ran& r) {  // a copy out on the same device at the same time
      return std::ranges::any_of(all, [&](const Ran& out) {
        return out.on(Stream::copy) && out.queues.front().device == r.queues.front().device && out.start_s < r.end_s &&
               r.start_s < out.end_s;
      });
    };
    const auto met = std::ranges::count_if(all, [&](const Ran& r) { return r.on(Stream::copy_back) && beside(r); });
    if (pipeline > 1) CHECK(met > 0);  // stages before the last have other micro-batches under way
  }
}
