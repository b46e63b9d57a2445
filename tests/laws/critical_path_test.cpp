// The critical path, found here from the Program alone: no dispatcher, no event queue, no network.
#include <map>

#include <catch2/catch.hpp>

#include "sim/routes.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::SmallScenario;
using orrery::testing::Wiring;

namespace {

class CriticalPath {
 public:
  explicit CriticalPath(const ScenarioRun& run) : run_(run), program_(*run.jobs[0].program) {}

  // Longest chain over dependencies and queues, every operation as fast as if it had the machine to itself.
  double length() {
    std::vector<bool> inside(program_.operations.size(), false);
    for (const Body& body : program_.bodies) {
      std::fill(inside.begin() + body.begin, inside.begin() + body.end, true);
      bodies_.push_back(longest(body.begin, body.end, inside, true));
    }
    return longest(0, program_.operations.size(), inside, false);
  }

 private:
  double longest(std::size_t begin, std::size_t end, const std::vector<bool>& inside, bool of_body) {
    const auto mine = [&](std::size_t i) { return inside[i] == of_body; };
    std::vector<std::vector<std::size_t>> next(end - begin);
    std::vector<std::size_t> waits(end - begin, 0);
    std::map<std::uint32_t, std::size_t> last_in_queue;
    const auto edge = [&](std::size_t from, std::size_t to) {
      next[from - begin].push_back(to);
      ++waits[to - begin];
    };
    for (std::size_t i = begin; i < end; ++i) {
      if (!mine(i)) continue;
      for (OpId on : program_.dependencies_of(i)) edge(on.index(), i);
      for (QueueId q : program_.queues_of(program_.operations[i])) {
        const auto [at, first] = last_in_queue.try_emplace(q.value, i);
        if (!first) edge(at->second, i);
        at->second = i;
      }
    }
    std::vector<std::size_t> ready;
    for (std::size_t i = begin; i < end; ++i)
      if (mine(i) && waits[i - begin] == 0) ready.push_back(i);
    std::vector<double> start(end - begin, 0);
    double all = 0;
    while (!ready.empty()) {
      const std::size_t i = ready.back();
      ready.pop_back();
      const double finish = start[i - begin] + duration(program_.operations[i]);
      all = std::max(all, finish);
      for (std::size_t n : next[i - begin]) {
        start[n - begin] = std::max(start[n - begin], finish);
        if (--waits[n - begin] == 0) ready.push_back(n);
      }
    }
    return all;
  }

  double duration(const Operation& op) const {
    switch (op.kind) {
      case OpKind::call:
        return bodies_.at(op.body.index());
      case OpKind::compute: {
        const DeviceId device = program_.queues[program_.queues_of(op).front().index()].device;
        return run_.costs->sequence(run_.cluster.type_of[device.index()], program_.sequence(op.sequence), {})
            .time.value;
      }
      case OpKind::transfer:
        return time_alone(op, route_pattern(run_.cluster.fabric, *run_.cluster.router, program_.pattern(op.pattern)))
            .value;
      default:
        return 0;
    }
  }

  const ScenarioRun& run_;
  const Program& program_;
  std::vector<double> bodies_;
};

}  // namespace

TEST_CASE("no run beats its critical path, and where nothing slows anything the analytic evaluator is that path") {
  struct Case {
    int data, tensor, pipeline, zero;
  };
  for (const Case& c : {Case{16, 1, 1, 0}, Case{2, 2, 4, 0}, Case{4, 4, 1, 0}, Case{16, 1, 1, 3}, Case{4, 2, 2, 1}})
    for (Wiring wiring : {Wiring::one_switch, Wiring::oversubscribed_tree})
      for (const char* fidelity : {"flow", "analytic"}) {
        CAPTURE(c.data, c.tensor, c.pipeline, c.zero, static_cast<int>(wiring), fidelity);
        SmallScenario s;
        s.plan.data = c.data;
        s.plan.tensor = c.tensor;
        s.plan.pipeline = c.pipeline;
        s.plan.zero_stage = c.zero;
        s.wiring = wiring;
        s.fidelity = fidelity;
        const ScenarioRun run = orrery::testing::run(s);
        const double path = CriticalPath(run).length(), iteration = run.metrics.jobs[0].iteration_s;
        REQUIRE(path <= iteration * (1 + 1e-9));
        // Computing is slower beside transfers, which only ZeRO-3 and pipelines with messages in flight have here.
        if (s.fidelity == std::string("analytic") && c.zero == 0 && c.pipeline == 1)
          REQUIRE(path == Approx(iteration).epsilon(1e-9));
        if (s.fidelity == std::string("analytic")) REQUIRE(path > 0.9 * iteration);
      }
}
