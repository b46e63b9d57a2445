// Schedules of the user's own in a scenario: read beside it, proved before they are timed, used where they fit.
#include <catch2/catch.hpp>

#include "sim/json.hpp"
#include "tests/support/chain_schedule.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;
using orrery::testing::chain_xml;

namespace {

std::string scenario(const std::string& collectives, const std::string& simulate = "{}",
                     const std::string& node = "dgx-a100-80gb") {
  return R"({"orrery": "scenario/1", "cluster": {"pools": [{"node": ")" + node + R"("}], "fabric": {"kind": "none"}},
    "jobs": [{"name": "train", "model": "tiny-gpt", "precision": "fp16", "batch": {"global": 16, "micro": 2},
      "plan": {"tensor": 4, "pipeline": 2}, "software": "megatron-lm-2021", "collectives": )" +
         collectives + R"(}], "simulate": )" + simulate + "}";
}

std::string entry(const char* collective, int devices, const char* file) {
  return std::string(R"({"collective": ")") + collective + R"(", "devices": )" + std::to_string(devices) +
         R"(, "schedule": ")" + file + "\"}";
}
std::string only(const char* collective, int devices, const char* file) {
  return "[" + entry(collective, devices, file) + "]";
}

Json run_json(const std::string& file) {
  const Outcome outcome = run_orrery({"run", file, "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return parse_json(outcome.out, "output");
}

double iteration(const Json& document) { return document["metrics"]["iteration_s"].get<double>(); }

// Rank 1 sends on what it gets from rank 2 without adding its own.
std::string broken_chain() {
  std::string xml = chain_xml(4);
  return xml.replace(xml.find("\"rrs\""), 5, "\"rcs\"");
}

// Two ranks tell each other their halves.
const char* const exchange_xml = R"(<algo name="exchange" ngpus="2" coll="allgather" inplace="1">
  <gpu id="0" i_chunks="0" o_chunks="2" s_chunks="0"><tb id="0" send="1" recv="1" chan="0">
    <step s="0" type="s" srcbuf="o" srcoff="0" dstbuf="o" dstoff="0" cnt="1" depid="-1" deps="-1"/>
    <step s="1" type="r" srcbuf="o" srcoff="1" dstbuf="o" dstoff="1" cnt="1" depid="-1" deps="-1"/></tb></gpu>
  <gpu id="1" i_chunks="0" o_chunks="2" s_chunks="0"><tb id="0" send="0" recv="0" chan="0">
    <step s="0" type="s" srcbuf="o" srcoff="1" dstbuf="o" dstoff="1" cnt="1" depid="-1" deps="-1"/>
    <step s="1" type="r" srcbuf="o" srcoff="0" dstbuf="o" dstoff="0" cnt="1" depid="-1" deps="-1"/></tb></gpu></algo>)";

}  // namespace

TEST_CASE("a job's collectives run as the schedule beside its scenario, folded and unfolded, at either detail") {
  const Folder folder;
  folder.write("chain.xml", chain_xml(4));
  const std::string own = only("all_reduce", 4, "chain.xml");
  const Json mine = run_json(folder.write("mine.json", scenario(own)));
  CHECK_THAT(mine["notes"].dump(), Contains("all_reduce over 4 devices runs as \\\"chain\\\""));
  CHECK_THAT(mine["warnings"].dump(), !Contains("collectives/"));
  CHECK(mine["scenario"]["jobs"][0]["collectives"][0]["schedule"] == chain_xml(4));
  const double whole = iteration(mine);
  const Json unfolded = run_json(folder.write("unfolded.json", scenario(own, R"({"fold": false})")));
  CHECK(iteration(unfolded) == Approx(whole).epsilon(1e-6));
  // A rank within the chain passes on two whole buffers, one of a ring one and a half.
  const double library = iteration(run_json(folder.write("library.json", scenario("[]"))));
  CHECK(whole > library);
  const Json step = run_json(folder.write("step.json", scenario(own, R"({"collective_detail": "step"})")));
  CHECK(iteration(step) > whole);  // every round waits for the one before
}

TEST_CASE("outside the sizes of its file a schedule is left to the library, and the command that is given it warns") {
  const Folder folder;
  const auto limited = [](const char* attributes) {
    std::string xml = chain_xml(4);
    return xml.insert(xml.find(" coll="), attributes);
  };
  folder.write("tiny.xml", limited(R"( maxBytes="64")"));
  folder.write("rest.xml", limited(R"( minBytes="65")"));
  folder.write("all.xml", chain_xml(4));
  const auto seconds = [&](const char* name, const std::string& own) {
    return iteration(run_json(folder.write(name, scenario(own))));
  };
  const double library = seconds("library.json", "[]"), chain = seconds("all.json", only("all_reduce", 4, "all.xml"));
  CHECK(chain > library);
  CHECK(seconds("tiny.json", only("all_reduce", 4, "tiny.xml")) == library);  // the job's are larger
  const std::string both = "[" + entry("all_reduce", 4, "tiny.xml") + ", " + entry("all_reduce", 4, "rest.xml") + "]";
  CHECK(seconds("both.json", both) == chain);
  CHECK_THAT(run_json(folder.write("tiny.json", scenario(only("all_reduce", 4, "tiny.xml"))))["notes"].dump(),
             Contains("in place of a library's choice, for buffers of 0 to 64 B only, as its file says"));
  const std::string twice = "[" + entry("all_reduce", 4, "tiny.xml") + ", " + entry("all_reduce", 4, "all.xml") + "]";
  const Outcome refused = run_orrery({"check", folder.write("twice.json", scenario(twice))});
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Contains("/jobs/0/collectives/1") && Contains("minBytes"));
  const auto notes = [&](const char* sizes) {
    return run_orrery({"collective", "all_reduce", "--topology", "dgx-a100-80gb", "--devices", "4", "--schedule",
                       folder.write("tiny.xml", limited(R"( maxBytes="64")")), "--bytes", sizes})
        .out;
  };
  CHECK_THAT(notes("32,64,1M"),
             Contains("warning: the file is for buffers of 0 to 64 B (minBytes, maxBytes): for 1 of 3 sizes"));
  CHECK_THAT(notes("32,64"), !Contains("warning"));
}

TEST_CASE("a schedule that no collective of the job fits is said to have no effect, and why") {
  const Outcome outcome = run_orrery(
      {"run", "tiny-own-schedule", "--set=/jobs/0/plan/tensor=2", "--set=/jobs/0/plan/pipeline=4", "--json"});
  REQUIRE(outcome.exit_code == 0);
  CHECK_THAT(parse_json(outcome.out, "output")["warnings"].dump(),
             Contains("train: collectives/0 has no effect: the job runs all_reduce over 2, 8 devices"));
  const Folder folder;
  folder.write("gather.xml", exchange_xml);
  std::string text = scenario(only("all_gather", 2, "gather.xml"));
  text.replace(text.find(R"("tensor": 4, "pipeline": 2)"), 26, R"("data": 8)");
  CHECK_THAT(run_json(folder.write("idle.json", text))["warnings"].dump(), Contains("the job runs no all_gather"));
}

TEST_CASE("the shipped example runs its schedule, and a study of its scaling does") {
  const Outcome outcome = run_orrery({"run", "tiny-own-schedule"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("ring-allreduce-4"));
  const Outcome scaled = run_orrery({"scale", "tiny-own-schedule", "--devices", "8", "--json"});
  INFO(scaled.err);
  REQUIRE(scaled.exit_code == 0);
  const Json run = run_json("tiny-own-schedule");
  CHECK(parse_json(scaled.out, "output")["points"][0]["metrics"]["iteration_s"] == run["metrics"]["iteration_s"]);
}

TEST_CASE(
    "a schedule that is wrong, missing or made for another collective is refused with its place in the scenario") {
  const Folder folder;
  folder.write("chain.xml", chain_xml(4));
  folder.write("wrong.xml", broken_chain());
  folder.write("low.xml", chain_xml(4, "LL128"));
  const auto refused = [&](const std::string& text, const char* place, const char* found) {
    for (const char* command : {"check", "run"}) {
      const Outcome outcome = run_orrery({command, folder.write("bad.json", text)});
      INFO(outcome.err);
      CHECK(outcome.exit_code == 2);
      CHECK_THAT(outcome.err, Contains(place) && Contains(found));
    }
  };
  const char* file = "/jobs/0/collectives/0/schedule";
  refused(scenario(only("all_reduce", 4, "wrong.xml")), file, "ends without the sum over all ranks in chunk 0 of 1");
  refused(scenario(only("all_reduce", 4, "wrong.xml")), file, "wrong.xml");
  refused(scenario(only("all_reduce", 4, "none.xml")), file, "none.xml");
  refused(scenario(only("all_reduce", 4, "")), file, "\"\"");
  refused(scenario(only("all_gather", 4, "chain.xml")), "/jobs/0/collectives/0/collective", "all_gather");
  refused(scenario(only("all_reduce", 2, "chain.xml")), "/jobs/0/collectives/0/devices",
          "expected 4, which chain.xml is for, found 2");
  refused(scenario(only("all_reduse", 4, "chain.xml")), "/jobs/0/collectives/0/collective", "all_reduse");
  refused(scenario("[" + entry("all_reduce", 4, "chain.xml") + ", " + entry("all_reduce", 4, "chain.xml") + "]"),
          "/jobs/0/collectives/1", "all_reduce over 4 as in /jobs/0/collectives/0");
  refused(scenario(only("all_reduce", 4, "low.xml"), "{}", "a100-pcie-80gb-8"), file, "\"ll128\"");
}

TEST_CASE("faults of schedules, of plans and of values that cannot be read are told together") {
  const Folder folder;
  folder.write("wrong.xml", broken_chain());
  std::string text = scenario(only("all_reduce", 4, "wrong.xml"), R"({"fold": 1})");
  text.replace(text.find("\"tensor\": 4"), 11, "\"tensor\": 3");
  const Outcome outcome = run_orrery({"check", folder.write("bad.json", text)});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err,
             Contains("/jobs/0/collectives/0/schedule") && Contains("/jobs/0/plan") && Contains("/simulate/fold"));
}
