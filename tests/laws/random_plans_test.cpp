// Laws that hold for every plan, on plans that nobody chose: drawn with a fixed seed from what the grid of ranks allows.
#include <random>

#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "tests/support/same_metrics.hpp"

using namespace orrery;
using orrery::testing::SmallScenario;
using orrery::testing::Wiring;

namespace {

class Draw {
 public:
  int below(int n) { return static_cast<int>(engine_() % static_cast<unsigned>(n)); }
  bool once_in(int n) { return below(n) == 0; }
  template <class T> T one_of(std::initializer_list<T> all) { return all.begin()[below(static_cast<int>(all.size()))]; }
  int divisor(int n, int most = 8) {
    std::vector<int> all;
    for (int d = 1; d <= std::min(n, most); ++d)
      if (n % d == 0) all.push_back(d);
    return all[static_cast<std::size_t>(below(static_cast<int>(all.size())))];
  }

 private:
  std::mt19937 engine_{20};
};

SmallScenario random_scenario(Draw& draw) {
  SmallScenario s;
  s.nodes = draw.one_of({2, 3, 4});
  s.nics = draw.one_of({1, 2, 4});
  s.wiring = draw.one_of({Wiring::one_switch, Wiring::fat_tree, Wiring::oversubscribed_tree});
  s.software = draw.one_of({"megatron-core", "megatron-lm-2021", "pytorch-fsdp", "pytorch-ddp", "megatron-bridge",
                            "deepspeed-zero", "megatron-bridge-moe-eager"});
  const int ranks = 4 * s.nodes;
  s.plan.tensor = draw.divisor(ranks);
  s.plan.pipeline = draw.divisor(ranks / s.plan.tensor);
  s.plan.context = draw.once_in(3) ? draw.divisor(ranks / s.plan.tensor / s.plan.pipeline, 2) : 1;
  const int data = ranks / s.plan.tensor / s.plan.pipeline / s.plan.context;
  s.plan.data = data;
  s.plan.virtual_pipeline = s.plan.pipeline > 1 ? draw.one_of({1, 2, 3}) : 1;
  s.plan.zero_stage = draw.one_of({0, 0, 1, 2, 3});
  s.plan.sequence_parallel = draw.once_in(2);
  s.plan.recompute = draw.one_of({Recompute::none, Recompute::selective, Recompute::full});
  s.layers = s.plan.pipeline * s.plan.virtual_pipeline * draw.one_of({1, 2});
  s.global_batch = data * s.plan.pipeline * draw.one_of({1, 2, 3});
  s.more_model = {{"heads", 24}, {"hidden", 1536}, {"sequence", 1536}};
  if (draw.once_in(4)) {
    s.more_model["experts"] = {{"count", 8}, {"active", 2}, {"ffn_hidden", 512}};
    s.plan.expert = draw.one_of({1, 2, 4});
  }
  if (draw.once_in(3)) s.slow_devices = {draw.below(ranks)};
  return s;
}

}  // namespace

TEST_CASE("folded equals unfolded in every metric of both evaluators for plans drawn at random") {
  Draw draw;
  for (int compared = 0; compared < 160;) {
    SmallScenario s = random_scenario(draw);
    CAPTURE(write_spec(s.plan).dump(), s.more_model.dump(), s.software, s.nodes, s.nics, s.slow_devices, s.layers,
            s.global_batch, static_cast<int>(s.wiring));
    Metrics folded;
    try {
      folded = orrery::testing::run(s).metrics;
    } catch (const SpecError&) {
      continue;  // degrees that do not go together
    }
    ++compared;
    for (const char* fidelity : {"flow", "analytic"}) {
      CAPTURE(fidelity);
      s.fidelity = fidelity;
      s.fold = true;
      if (s.fidelity != "flow") folded = orrery::testing::run(s).metrics;
      s.fold = false;
      orrery::testing::require_equal(folded, orrery::testing::run(s).metrics);
    }
  }
}
