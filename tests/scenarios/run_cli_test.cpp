// `orrery run`: exit codes, the result document, the files it writes.
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "sim/json.hpp"
#include "sim/spec.hpp"
#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

Json without_provenance(const std::string& text) {
  Json document = parse_json(text, "output");
  REQUIRE(document.contains("provenance"));
  document.erase("provenance");
  return document;
}

}  // namespace

TEST_CASE("run prints a report and ends with 0") {
  const Folder folder;
  const Outcome outcome = run_orrery({"run", folder.write("small.json", small_scenario)});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "");
  CHECK_THAT(outcome.out, StartsWith("small\n") && Contains("iteration") && Contains("Notes"));
}

TEST_CASE("run --json prints one document and nothing else") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const Outcome outcome = run_orrery({"run", file, "--json"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "");
  const Json document = parse_json(outcome.out, "output");
  CHECK(document["feasible"] == true);
  CHECK(document["metrics"]["iteration_s"].get<double>() > 0);
  CHECK(document["metrics"]["devices"] == 8);
  CHECK(document["jobs"].size() == 1);
  CHECK(document["jobs"][0]["metrics"]["iteration_s"] == document["metrics"]["iteration_s"]);
  CHECK(document["scenario"]["jobs"][0]["model"]["name"] == "tiny-gpt");
  CHECK(document["provenance"]["wall_s"].get<double>() > 0);
  CHECK(document["provenance"]["peak_rss_bytes"].get<double>() > 1e6);
  CHECK(document["provenance"]["command_line"] == Json({"orrery", "run", file, "--json"}));
}

TEST_CASE("two runs differ in nothing but provenance") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  for (const char* fidelity : {"flow", "analytic"}) {
    const std::string first = run_orrery({"run", file, "--json", "--fidelity", fidelity}).out;
    const std::string second = run_orrery({"run", file, "--json", "--fidelity", fidelity}).out;
    CHECK(without_provenance(first).dump() == without_provenance(second).dump());
  }
}

TEST_CASE("the scenario that a result embeds gives the same result") {
  const Folder folder;
  const Outcome first = run_orrery({"run", folder.write("small.json", small_scenario), "--json"});
  const Json document = parse_json(first.out, "output");
  const Outcome again = run_orrery({"run", folder.write("resolved.json", document["scenario"].dump()), "--json"});
  INFO(again.err);
  CHECK(without_provenance(again.out) == without_provenance(first.out));
}

TEST_CASE("option --out writes result, report and trace, and replaces an earlier result") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario), out = folder.path("new/out");
  const Outcome first = run_orrery({"run", file, "--out", out});
  INFO(first.err);
  REQUIRE(first.exit_code == 0);
  CHECK(read_text(out + "/report.txt") == first.out);
  CHECK(parse_json(read_text(out + "/trace.json"), "trace").is_object());
  const Json before = without_provenance(read_text(out + "/result.json"));
  const Outcome second = run_orrery({"run", file, "--out", out, "--set", "/jobs/0/batch/global=32"});
  CHECK(second.exit_code == 0);
  const Json after = without_provenance(read_text(out + "/result.json"));
  CHECK(after["metrics"]["iteration_s"] > before["metrics"]["iteration_s"]);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(out)) ++files;
  CHECK(files == 3);  // no temporary file is left
}

TEST_CASE("option --trace replaces an earlier trace, and writes through to what is no file") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario), trace = folder.write("trace.json", "");
  for (int i = 0; i < 2; ++i) CHECK(run_orrery({"run", file, "--trace", trace}).exit_code == 0);
  CHECK(parse_json(read_text(trace), "trace").is_object());
  CHECK(run_orrery({"run", file, "--trace", "/dev/null"}).exit_code == 0);
  CHECK(std::filesystem::is_character_file("/dev/null"));
  CHECK(folder.names() == std::vector<std::string>{"small.json", "trace.json"});
}

TEST_CASE("outputs go where symbolic links lead, also to what is not there yet, and the links stay") {
  namespace fs = std::filesystem;
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  fs::create_symlink("written.json", folder.path("trace.json"));
  fs::create_symlink(folder.path("new/result"), folder.path("out"));
  const Outcome outcome = run_orrery({"run", file, "--out", folder.path("out"), "--trace", folder.path("trace.json")});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(fs::is_symlink(folder.path("trace.json")));
  CHECK(fs::is_symlink(folder.path("out")));
  CHECK(parse_json(read_text(folder.path("written.json")), "trace").is_object());
  CHECK(parse_json(read_text(folder.path("new/result/result.json")), "result").is_object());
  CHECK(folder.names() == std::vector<std::string>{"new", "out", "small.json", "trace.json", "written.json"});
}

TEST_CASE("a symbolic link into a folder that is not there, or to itself, is told before the run") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  std::filesystem::create_symlink("absent/trace.json", folder.path("trace.json"));
  std::filesystem::create_symlink("loop", folder.path("loop"));
  const Outcome absent = run_orrery({"run", file, "--trace", folder.path("trace.json")});
  CHECK(absent.exit_code == 2);
  CHECK_THAT(absent.err, Contains("there is no folder") && Contains("absent"));
  for (const char* option : {"--trace", "--out"}) {
    const Outcome loop = run_orrery({"run", file, option, folder.path("loop")});
    CHECK(loop.exit_code == 1);
    CHECK(loop.out.empty());
    CHECK_THAT(loop.err, Contains("loop: cannot be written: Too many levels of symbolic links"));
  }
  CHECK(folder.names() == std::vector<std::string>{"loop", "small.json", "trace.json"});
}

TEST_CASE("a trace is bounded unless asked otherwise, and the report says what it leaves out") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario), trace = folder.path("trace.json");
  const std::vector<std::string> run = {"run", file, "--set", "/simulate/fold=false", "--trace", trace};
  const auto with_options = [&](std::vector<std::string> more) {
    more.insert(more.begin(), run.begin(), run.end());
    const Outcome outcome = run_orrery(more);
    CHECK(outcome.exit_code == 0);
    return outcome.out;
  };
  const std::string some = with_options({"--trace-devices", "3", "--set", "/simulate/iterations=2"});
  CHECK_THAT(some, Contains("the trace shows 3 of 8 simulated devices, 1 of 2 iterations (--trace-devices"));
  const auto size = read_text(trace).size();
  CHECK_THAT(with_options({"--trace-devices", "all"}), !Contains("the trace shows"));
  CHECK(read_text(trace).size() > 2 * size);
  for (const char* wrong : {"0", "-1", "some", "1.5", "99999999999999999999"})
    CHECK(run_orrery({"run", file, "--trace", trace, "--trace-devices", wrong}).exit_code == 2);
}

TEST_CASE("a model that does not fit is a result: report, shortfall, files and exit code 3") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const Outcome outcome = run_orrery(
      {"run", file, "--out", folder.path("out"), "--set", "/cluster/pools/0/node/device/memory/capacity=10 MB"});
  CHECK(outcome.exit_code == 3);
  CHECK_THAT(outcome.out, Contains("DOES NOT FIT IN MEMORY"));
  CHECK(outcome.out.find("DOES NOT FIT") < outcome.out.find("iteration  "));
  CHECK_THAT(outcome.err, StartsWith("infeasible: train, stage 0: each device needs ") &&
                              Contains("bytes) short; largest: optimizer"));
  const Json result = parse_json(read_text(folder.path("out/result.json")), "result");
  CHECK(result["feasible"] == false);
  CHECK(result["metrics"]["memory_shortfall_bytes"].get<double>() > 0);
}

TEST_CASE("option --set changes the run, takes text as well as JSON, and reaches options left out") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const Outcome outcome = run_orrery({"run", "--set", "/jobs/0/precision=bf16", "--set", "/jobs/0/plan/zero_stage=1",
                                      file, "--set", "/simulate/iterations=2", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json document = parse_json(outcome.out, "output");
  CHECK(document["scenario"]["jobs"][0]["precision"] == "bf16");
  CHECK(document["scenario"]["jobs"][0]["plan"]["zero_stage"] == 1);
  CHECK(document["metrics"]["iterations_s"].size() == 2);
}

TEST_CASE("options without effect are warned of") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const Outcome outcome = run_orrery({"run", file, "--json", "--set", "/jobs/0/precision=fp16", "--set",
                                      "/jobs/0/plan/zero_group=2", "--set", "/cluster/fabric/rail_optimized=true"});
  REQUIRE(outcome.exit_code == 0);
  const std::string warnings = parse_json(outcome.out, "output")["warnings"].dump();
  CHECK_THAT(warnings, Contains("--set /jobs/0/precision=fp16 had no effect"));
  CHECK_THAT(warnings, Contains("zero_group has no effect: zero_stage is 0"));
  CHECK_THAT(warnings, Contains("rail_optimized has no effect: one node"));
  const Outcome flat = run_orrery({"run", file, "--json", "--set", "/cluster/pools/0/count=2", "--set",
                                   "/jobs/0/plan/data=4", "--set",
                                   R"(/cluster/fabric={"kind": "fat-tree", "levels": 1, "oversubscription": 7})"});
  INFO(flat.err);
  REQUIRE(flat.exit_code == 0);
  CHECK_THAT(parse_json(flat.out, "output")["warnings"].dump(), Contains("oversubscription has no effect: one level"));
  const Outcome idle = run_orrery({"run", file, "--json", "--set", "/cluster/pools/0/count=2", "--set",
                                   "/jobs/0/plan/data=4", "--set", "/jobs/0/plan/layer_split=balanced", "--set",
                                   R"(/jobs/0/plan/offload={"to": "pool"})", "--set",
                                   R"(/cluster/fabric={"kind": "fat-tree", "levels": 1, "ecmp": "hash"})", "--set",
                                   R"(/jobs/0/model={"layers": 4, "hidden": 512, "heads": 8, "vocabulary": 512,
                                       "sequence": 512, "sliding_window": {"tokens": 512}})"});
  INFO(idle.err);
  REQUIRE(idle.exit_code == 0);
  const std::string notes = parse_json(idle.out, "output")["warnings"].dump();
  CHECK_THAT(notes, Contains("fabric ecmp has no effect: one level is one switch"));
  CHECK_THAT(notes, Contains("offload to has no effect: nothing is offloaded"));
  CHECK_THAT(notes, Contains("layer_split has no effect: the layers divide evenly"));
  CHECK_THAT(notes, Contains("sliding_window has no effect: the sequence has 512 tokens"));
}

TEST_CASE("a memory of one's own that states no bandwidth is warned of: nothing of the old one stays") {
  const auto warnings = [](const std::string& memory) {
    const Outcome outcome = run_orrery(
        {"run", "tiny", "--json", "--set", "/cluster/pools/0/node/device/memory=" + memory});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return parse_json(outcome.out, "output")["warnings"].dump();
  };
  CHECK_THAT(warnings(R"({"name": "mine", "capacity": "96 GB"})"), Contains("memory bandwidth unknown"));
  CHECK_THAT(warnings(R"({"base": "hbm3", "stacks": 5})"), !Contains("memory bandwidth unknown"));
}

TEST_CASE("links of unknown energy are warned of where they carry bytes") {
  const auto warnings = [](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"run", "tiny", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run_orrery(arguments);
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return parse_json(outcome.out, "output")["warnings"].dump();
  };
  CHECK_THAT(warnings({}), !Contains("energy per bit"));  // one node
  const std::vector<std::string> two = {"--set", "/cluster/pools/0/count=2",
                                        "--set", "/cluster/fabric/kind=single-switch",
                                        "--set", "/jobs/0/plan/data=null"};
  CHECK_THAT(warnings(two), Contains("pcie4-x16: energy per bit unknown"));
}

TEST_CASE("what show prints replaces a part within an override too, and nothing of the old part stays") {
  const Folder folder;
  const auto check = [&](const std::string& device) {
    std::string text = with("\"dgx-a100-80gb\"", R"({"base": "dgx-a100-80gb", )" + device + "}");
    const std::string fp16 = R"("precision": "fp16")";
    text.replace(text.find(fp16), fp16.size(), R"("precision": "bf16")");
    return run_orrery({"check", folder.write("small.json", text)});
  };
  const Outcome shown = run_orrery({"show", "accelerators/nvidia-p4", "--json"});
  REQUIRE(shown.exit_code == 0);
  const Outcome named = check(R"("device": "nvidia-p4")"), whole = check(R"("device": )" + shown.out);
  CHECK(named.exit_code == 2);
  CHECK_THAT(named.err, Contains("expected a precision that nvidia-p4 trains in"));
  CHECK(whole.err == named.err);
  const std::string link = run_orrery({"show", "links/infiniband-hdr-200", "--json"}).out;
  const auto energy = [&](const std::string& part) {
    const std::string file = folder.write(
        "small.json", with("\"dgx-a100-80gb\"", R"({"base": "dgx-a100-80gb", "scale_up": {"link": )" + part + "}}"));
    return parse_json(run_orrery({"run", file, "--json"}).out, "output")["metrics"].dump();
  };
  CHECK(energy(link) == energy("\"infiniband-hdr-200\""));
}

TEST_CASE("names resolve beside the scenario first, then in --library") {
  const Folder folder, library;
  const std::string model =
      R"({"base": "gpt2-small", "name": "mine", "layers": 4, "sequence": 128, "learned_positions": 128})";
  const std::string file = folder.write("small.json", with("tiny-gpt", "mine"));
  CHECK(run_orrery({"check", file}).exit_code == 2);
  library.write("mine.json", model);
  CHECK(run_orrery({"check", file, "--library", library.path()}).exit_code == 0);
  folder.write("mine.json", model);
  CHECK(run_orrery({"check", file}).exit_code == 0);
}

TEST_CASE("a standard output that takes nothing is an I/O error, a closed pipe is not") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const Outcome full = run_orrery({"run", file}, {Output::full_device});
  CHECK(full.exit_code == 1);
  CHECK_THAT(full.err, StartsWith("error: ") && Contains("standard output"));
  const Outcome closed = run_orrery({"run", file}, {Output::closed_pipe});
  CHECK(closed.exit_code == 0);
  CHECK(closed.err == "");
}

TEST_CASE("an interrupted run ends with 130 and leaves no file") {
  const Folder folder;
  const std::string file = folder.write("small.json", with("\"global\": 16", "\"global\": 4000000"));
  const Outcome outcome = run_orrery({"run", file, "--out", folder.path("out"), "--trace", folder.path("trace")},
                                     {Output::kept, 400});
  CHECK(outcome.exit_code == 130);
  CHECK(outcome.out == "");
  CHECK(folder.names() == std::vector<std::string>{"small.json"});
}

TEST_CASE("every shipped scenario passes check") {
  const Library library = Library::installed();
  const auto names = library.names("scenarios");
  REQUIRE(names.size() >= 5);
  std::vector<std::string> arguments{"check"};
  arguments.insert(arguments.end(), names.begin(), names.end());
  const Outcome outcome = run_orrery(arguments);
  CHECK(outcome.err == "");
  CHECK(outcome.exit_code == 0);
}

TEST_CASE("every shipped scenario runs, and fits in the memory of its machine") {
  for (const std::string& name : Library::installed().names("scenarios")) {
    const Outcome outcome = run_orrery({"run", name, "--fidelity", "analytic", "--json"});
    INFO(name << ": " << outcome.err);
    CHECK(outcome.exit_code == 0);
    if (outcome.exit_code == 0) CHECK(parse_json(outcome.out, "output")["feasible"] == true);
  }
}

TEST_CASE("another clock for a device of the library is warned of, as its peaks stay") {
  const auto warnings = [](const std::string& set) {
    const Outcome outcome = run_orrery({"run", "tiny", "--json", "--fidelity", "analytic", "--set", set});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return parse_json(outcome.out, "output")["warnings"].dump();
  };
  CHECK_THAT(warnings("/cluster/pools/0/node/device/clock=0.7 GHz"), Contains("the device's clock has no effect"));
  CHECK_THAT(warnings("/jobs/0/precision=bf16"), !Contains("clock has no effect"));
}

TEST_CASE("a folder does not hide the shipped scenario of its name") {
  const Folder folder;
  std::filesystem::create_directories(folder.path("tiny"));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const Outcome first = run_orrery({"run", "tiny", "--out", "tiny"}),
                again = run_orrery({"run", "tiny", "--out", "tiny"});
  std::filesystem::current_path(before);
  CHECK(first.err == "");
  CHECK(first.exit_code == 0);
  CHECK(again.err == "");
  CHECK(again.exit_code == 0);
}
