#include "scenarios/comparison.hpp"

#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;
using orrery::testing::make;
using orrery::testing::SmallScenario;

namespace {

Json result(const SmallScenario& s) {
  const Scenario scenario = make(s);
  return result_json(scenario, run_scenario(scenario, "test.json", Library::installed()));
}

SmallScenario plain() {
  SmallScenario s;
  s.plan.tensor = 2;
  s.plan.pipeline = 2;
  return s;
}

}  // namespace

TEST_CASE("a result differs from itself in nothing") {
  const Json one = result(plain());
  const Comparison c = compare_results(one, one, "a", "b");
  CHECK(c.inputs.empty());
  REQUIRE(c.jobs.size() == 1);
  CHECK(c.jobs[0].metrics.empty());
  for (const TimeShare& part : c.jobs[0].parts) CHECK(part.change_s() == 0);
  CHECK_THAT(comparison_text(c), Contains("the same"));
}

TEST_CASE("the attribution sums to the change of the iteration, and its phases to the change of compute") {
  SmallScenario other = plain();
  other.plan.recompute = Recompute::full;
  other.plan.tensor = 4;
  other.micro_batch = 2;
  const Json a = result(plain()), b = result(other);
  const JobComparison job = compare_results(a, b, "a", "b").jobs.at(0);
  double parts = 0, phases = 0;
  for (const TimeShare& part : job.parts) parts += part.change_s();
  for (const TimeShare& phase : job.phases) phases += phase.change_s();
  const auto metric = [](const Json& r, const char* key) { return r["metrics"][key].get<double>(); };
  CHECK(parts == Approx(metric(b, "iteration_s") - metric(a, "iteration_s")).epsilon(1e-6));
  CHECK(phases == Approx(metric(b, "compute_s") - metric(a, "compute_s")).epsilon(1e-6));
}

TEST_CASE("what differs in the input is named by its pointer, and nothing else is") {
  SmallScenario other = plain();
  other.plan.recompute = Recompute::full;
  const Comparison c = compare_results(result(plain()), result(other), "a", "b");
  REQUIRE(c.inputs.size() == 1);
  CHECK(c.inputs[0].pointer == "/jobs/0/plan/recompute");
  CHECK(c.inputs[0].before == "none");
  CHECK(c.inputs[0].after == "full");
}

TEST_CASE("a side that does not fit in memory is said not to, before anything that it would cost or take") {
  Json none = result(plain());
  CHECK_THAT(comparison_text(compare_results(none, none, "a", "b")), !Contains("NOT FIT"));
  Json short_of = none;
  short_of["jobs"][0]["metrics"]["memory_shortfall_bytes"] = 113e9;
  short_of["jobs"][0]["metrics"]["feasible"] = false;
  const Comparison c = compare_results(none, short_of, "a", "b");
  CHECK_THAT(comparison_text(c), Contains("after   b  DOES NOT FIT in memory, 113 GB short"));
  CHECK(comparison_json(c)["feasible"] == Json({{"before", true}, {"after", false}}));
}

TEST_CASE("what moved is sorted by how much, and exchanging the two turns the signs") {
  SmallScenario other = plain();
  other.layers = 16;
  const Json a = result(plain()), b = result(other);
  const auto forth = compare_results(a, b, "a", "b").jobs.at(0).metrics;
  const auto back = compare_results(b, a, "b", "a").jobs.at(0).metrics;
  REQUIRE(forth.size() == back.size());
  for (std::size_t i = 1; i < forth.size(); ++i)
    if (forth[i].relative() && forth[i - 1].relative())
      CHECK(std::abs(*forth[i - 1].relative()) >= std::abs(*forth[i].relative()));
  for (const MetricChange& m : forth)
    for (const MetricChange& n : back)
      if (m.name == n.name) CHECK(m.after - m.before == -(n.after - n.before));
}

TEST_CASE("compare takes results, their folders and scenarios alike") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario), out = folder.path("out");
  REQUIRE(run_orrery({"run", file, "--out", out}).exit_code == 0);
  for (const std::string& input : {out, out + "/result.json", file}) {
    const Outcome outcome = run_orrery({"compare", out, input, "--json"});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
    const Json document = parse_json(outcome.out, "output");
    CHECK(document["inputs"].empty());
    CHECK(document["jobs"][0]["iteration_s"]["change_s"] == 0);
  }
}

TEST_CASE("compare refuses in one line what is no result") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  for (const std::string& wrong : {folder.write("a.json", "{}"), folder.write("b.json", "[1]"),
                                   folder.write("c.json", "{"), folder.path("none.json"), folder.path(),
                                   folder.write("d.json", R"({"orrery": "x", "jobs": [1], "scenario": {}})")}) {
    const Outcome outcome = run_orrery({"compare", file, wrong});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
}

TEST_CASE("figures that only one side has are listed") {
  Json a = result(plain()), b = a;
  b["jobs"][0]["metrics"]["time_to_train_s"] = 7;
  const Comparison c = compare_results(a, b, "a", "b");
  REQUIRE(c.jobs.at(0).appeared.size() == 1);
  CHECK(c.jobs[0].appeared[0].name == "time_to_train_s");
  CHECK(c.jobs[0].vanished.empty());
  const std::string text = comparison_text(c);
  CHECK(text.find("only after: time_to_train_s 7") != std::string::npos);
  CHECK(text.find("  nothing\n") == std::string::npos);
  CHECK(comparison_text(compare_results(b, a, "b", "a")).find("only before: time_to_train_s 7") != std::string::npos);
  CHECK(comparison_json(c)["jobs"][0]["appeared"][0]["value"] == 7);
}
