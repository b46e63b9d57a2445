// Whatever is wrong with the input: one clear line per fault that names the place, exit code 2, and no file touched.
#include <algorithm>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// `run` and `check` refuse `file` with exactly one error, which holds `expected`, and nothing is written.
void is_refused(const Folder& folder, const std::string& file, const std::string& expected) {
  const auto before = folder.names();
  const Outcome run = run_orrery({"run", file, "--json", "--out", folder.path("out"), "--trace", folder.path("trace")});
  INFO(run.err);
  CHECK(run.exit_code == 2);
  CHECK(run.out == "");
  CHECK_THAT(run.err, StartsWith("error: " + file + ": ") && Contains(expected));
  CHECK(lines(run.err) == 1);
  CHECK(run.err.size() < 1000);
  CHECK(folder.names() == before);
  const Outcome check = run_orrery({"check", file});
  CHECK(check.exit_code == 2);
  CHECK(check.err == run.err);
}

void is_refused(const std::string& content, const std::string& expected) {
  const Folder folder;
  is_refused(folder, folder.write("bad.json", content), expected);
}

}  // namespace

TEST_CASE("a document that is no JSON is refused with line and column") {
  is_refused(R"({"orrery": "scenario/1",,})", "expected valid JSON, found an error at line 1, column 25");
  is_refused("{\n  \"orrery\": NaN}", "line 2");
  is_refused("", "nothing (it is empty)");
  is_refused("  \n", "nothing (it is empty)");
  is_refused("\xff\xfe{}", "expected valid JSON");
  is_refused(std::string(small_scenario) + std::string("\0 {{", 4), "found a NUL byte at line");
  is_refused("[]", "expected an object, found a list of 0");
  is_refused("null", "expected an object, found null");
}

TEST_CASE("a number past the range of a double and a second key of the same name are refused") {
  is_refused(with("\"global\": 16", "\"global\": 1e400"),
             "at /jobs/0/batch/global: expected a number within the range");
  is_refused(with("\"tensor\": 2", "\"tensor\": 2, \"tensor\": 4"), "at /jobs/0/plan/tensor: expected each key once");
}

TEST_CASE("ten megabytes of nesting are refused, open and closed") {
  const std::string open(5'000'000, '['), closed(5'000'000, ']');
  is_refused(open + open, "at most 64 levels of nesting");
  is_refused(open + closed, "at most 64 levels of nesting");
}

TEST_CASE("what is no readable file is refused") {
  const Folder folder;
  is_refused(folder, folder.path(), "expected a JSON file, found a directory");
  is_refused(folder, folder.path("missing.json"), "No such file or directory");
  is_refused(folder, "/proc/self/mem", "a read error");  // not even root can read its start
}

TEST_CASE("a name that is neither a file nor shipped is refused with the nearest scenario") {
  const Outcome outcome = run_orrery({"run", "tny"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("did you mean \"tiny\"?"));
}

TEST_CASE("an unknown key is refused with the nearest known one") {
  is_refused(with("\"tensor\"", "\"tensr\""),
             R"(at /jobs/0/plan/tensr: expected a known key, found "tensr" (did you mean "tensor"?))");
}

TEST_CASE("a key of an accelerator's memory beside it is refused with its place") {
  is_refused(
      with("\"dgx-a100-80gb\"",
           R"({"base": "dgx-a100-80gb", "device": {"base": "nvidia-a100-sxm4-80gb", "memory_bandwith": "3 TB/s"}})"),
      R"(device/memory_bandwith: expected a known key, found "memory_bandwith" (did you mean "memory/bandwidth"?))");
}

TEST_CASE("an unknown name of a part is refused with the nearest known one") {
  is_refused(with("dgx-a100-80gb", "dgx-a10-80gb"), R"(at /cluster/pools/0/node)");
  is_refused(with("\"dgx-a100-80gb\"", R"({"base": "dgx-a100-80gb", "device": "nvidia-a100-sxm4-80g"})"),
             R"(found "nvidia-a100-sxm4-80g" (did you mean "nvidia-a100-sxm4-80gb"?))");
  is_refused(with("tiny-gpt", "tiny-gtp"), R"(did you mean "tiny-gpt"?)");
}

TEST_CASE("a quantity without a unit, with the unit of something else, or negative is refused") {
  const auto memory = [](const std::string& value) {
    return with("\"dgx-a100-80gb\"", R"({"base": "dgx-a100-80gb", "device": {"memory": {"capacity": )" + value + "}}}");
  };
  const std::string place = "at /cluster/pools/0/node/device/memory/capacity: expected a size such as \"80 GB\"";
  is_refused(memory("80"), place + ", found 80 (a number without a unit)");
  is_refused(memory("\"80 GB/s\""), place + ", found \"80 GB/s\" (a bandwidth)");
  is_refused(memory("\"-80 GB\""), place + ", greater than");
  is_refused(memory("\"NaN GB\""), place);
  is_refused(memory("\"1e400 GB\""), place);
}

TEST_CASE("numbers of the wrong sign or size are refused") {
  is_refused(with("\"global\": 16", "\"global\": -16"), "at /jobs/0/batch/global");
  is_refused(with("\"global\": 16", "\"global\": 1.5"), "at /jobs/0/batch/global");
  is_refused(with("\"global\": 16", "\"global\": 900000000000"), "micro-batches per data-parallel rank");
  is_refused(with("\"tiny-gpt\"", R"({"base": "tiny-gpt", "hidden": 2000000000})"), "at /jobs/0/model/hidden");
  is_refused(with("{\"node\": \"dgx-a100-80gb\"}", R"({"node": "dgx-a100-80gb", "count": 2000000000})"),
             "at /cluster/pools/0/count: expected at most");
}

TEST_CASE("a fault is one line without its consequences, however long the words and whatever the characters") {
  is_refused(with("\"dgx-a100-80gb\"", R"({"base": "dgx-a100-80gb", "device": {"power": {"tdp": "400 kWh"}}})"),
             "device/power/tdp: expected a power");
  for (const char* limit : {"500 W", "60 W", "0 W"})  // of 400: more, less than boards allow, nothing
    is_refused(with("\"dgx-a100-80gb\"",
                    R"({"base": "dgx-a100-80gb", "device": {"base": "nvidia-a100-sxm4-80gb", "power": {"limit": ")" +
                        std::string(limit) + R"("}}})"),
               "device/power/limit: expected");
  const std::string word(1'000'000, 'k');
  is_refused(with("scenario/1", word), "at /orrery: expected \"scenario/1\", found \"kkk");
  is_refused(with("\"global\": 16", "\"global\": 16, \"" + word + "\": 1"), "at /jobs/0/batch/kkk");
  is_refused(with("\"precision\"", R"("name": "\u001b[31mred\n", "precision")"),
             R"(at /jobs/0/name: expected a text without control characters, found "\u001b[31mred\u000a")");
  is_refused(with("\"global\": 16", "\"global\": 99999999999999999999"), "found 99999999999999999999");
}

TEST_CASE("a plan that does not fit devices, model or batch is refused") {
  is_refused(with("\"data\": 2", "\"data\": 3"),
             "at /jobs/0/plan: expected data x tensor x pipeline x context = 8 devices");
  is_refused(with("\"tiny-gpt\"", R"({"base": "tiny-gpt", "gated_ffn": false, "activation": "swiglu"})"),
             "at /jobs/0/model/activation: expected \"swiglu\" only beside \"gated_ffn\": true");
  is_refused(with("\"tiny-gpt\"", R"({"base": "tiny-gpt", "layers": 5})"),
             "at /jobs/0/plan/pipeline: expected pipeline x virtual_pipeline to divide layers (5)");
  is_refused(with("\"global\": 16", "\"global\": 17"), "at /jobs/0/batch/global: expected a multiple of micro x data");
  const Folder folder;
  const std::string degrees = "\"data\": 16777216, \"tensor\": 16777216, \"pipeline\": 16777216, \"context\": 16777216";
  const Outcome huge = run_orrery(
      {"check", folder.write("huge.json", with("\"data\": 2, \"tensor\": 2, \"pipeline\": 2", degrees))});
  CHECK(huge.exit_code == 2);
  const std::string experts = R"({"base": "tiny-gpt", "experts": {"count": 8, "active": 2, "ffn_hidden": 256})";
  const auto of_experts = [&] {
    std::string text = with("\"tiny-gpt\"", experts + "}");
    const std::size_t at = text.find("\"tensor\": 2");
    REQUIRE(at != std::string::npos);
    return text.replace(at, 11, "\"tensor\": 2, \"expert\": 65536, \"expert_tensor\": 65536");
  };
  const Outcome overflowing = run_orrery({"check", folder.write("experts.json", of_experts())});
  CHECK(overflowing.exit_code == 2);
  CHECK_THAT(overflowing.err, Contains("at /jobs/0/plan/expert: expected a divisor of experts (8)"));
  is_refused(with("\"tiny-gpt\"", R"({"base": "tiny-gpt", "experts": {"count": 8, "active": 2, "ffn_hidden": 256,
      "capacity_factor": 1e30}})"),
             "at /jobs/0/model/experts/capacity_factor: expected");
  CHECK_THAT(huge.err, Contains("found 16777216 x 16777216 x 16777216 x 16777216 = 79228162514264337593543950336") &&
                           Contains("at /jobs/0/plan/tensor: expected a divisor of heads") &&
                           Contains("at /jobs/0/plan/context: expected a divisor of sequence"));
  is_refused(with("fp16", "mxfp4"), "at /jobs/0/precision: expected a precision that nvidia-a100-sxm4-80gb trains in");
  is_refused(with("fp16", "int8"), "at /jobs/0/precision: expected a precision that nvidia-a100-sxm4-80gb trains in");
  // fp8 products, but no unit for the bf16 between them.
  const Outcome narrow = run_orrery(
      {"check", folder.write("narrow.json", with("fp16", "fp8")), "--set", "/cluster/pools/0/node=wormhole-8"});
  CHECK(narrow.exit_code == 2);
  CHECK_THAT(narrow.err, Contains("at /jobs/0/precision: expected a precision that tenstorrent-wormhole") &&
                             Contains("trains in (fp16)"));
}

TEST_CASE("faults of wiring, of every job and of every plan are told at once") {
  const Folder folder;
  const std::string two = R"({"model": "tiny-gpt", "precision": "int8", "batch": {"global": 16},
    "plan": {"tensor": 3, "virtual_pipeline": 2, "schedule": "1f1b"}, "software": "megatron-lm-2021",
    "placement": {"first": 6, "count": 4}, "name": "second"})";
  std::string text = with("\"software\": \"megatron-lm-2021\"\n  }",
                          "\"software\": \"megatron-lm-2021\", \"placement\": {\"count\": 7}\n  }, " + two);
  const std::string node = "\"node\": \"dgx-a100-80gb\"";
  text.replace(text.find(node), node.size(), R"("node": {"base": "dgx-a100-80gb", "scale_up": {"kind": "swtch"}})");
  const Outcome outcome = run_orrery({"check", folder.write("bad.json", text)});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 2);
  for (const char* place :
       {"/cluster/pools/0/node/scale_up/kind: expected a topology family", "/jobs/0/plan: expected data x tensor",
        "/jobs/1/placement: expected devices within", "/jobs/1/plan: expected tensor x pipeline x context to divide 4",
        "/jobs/1/plan/tensor: expected a divisor of heads", "/jobs/1/plan/virtual_pipeline: expected 1 unless",
        "/jobs/1/precision: expected a precision", "/jobs/1/placement: expected devices that no other job uses"})
    CHECK_THAT(outcome.err, Contains(place));
}

TEST_CASE("a fault that a --set causes names it, however far its pointer is from the value") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  for (const char* command : {"run", "check"}) {
    const Outcome outcome = run_orrery({command, file, "--set", "/jobs/0/plan/tensor=3", "--set", "/jobs/0/name=x"});
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, StartsWith("error: " + file + " with --set /jobs/0/plan/tensor=3: at /jobs/0/plan: "));
    CHECK_THAT(outcome.err, !Contains("name=x"));
  }
  const Outcome both = run_orrery(
      {"check", file, "--set", "/jobs/0/batch/global=24", "--set", "/jobs/0/batch/micro=5"});
  CHECK_THAT(both.err, Contains("--set /jobs/0/batch/micro=5: at /jobs/0/batch/global"));
  const std::string bad = folder.write("bad.json", with("\"data\": 2", "\"data\": 3"));
  const Outcome other = run_orrery({"check", bad, "--set", "/jobs/0/name=x"});
  CHECK_THAT(other.err, StartsWith("error: " + bad + ": at /jobs/0/plan: "));
}

TEST_CASE("a --set makes the objects above its value, and a key that cannot be there is refused with the nearest one") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  CHECK(run_orrery({"check", file, "--set", "/jobs/0/placement/count=8"}).exit_code == 0);
  const Outcome outcome = run_orrery({"check", file, "--set", "/jobs/0/paln/tensor=4"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, StartsWith("error: " + file + " with --set /jobs/0/paln/tensor=4: at /jobs/0/paln: ") &&
                              Contains("did you mean \"plan\"?"));
  const Outcome item = run_orrery({"check", file, "--set", "/cluster/pools/0/slow_devices/0=3"});
  CHECK_THAT(item.err, Contains("set all of it, as in /cluster/pools/0/slow_devices=[...]"));
}

TEST_CASE("all faults of all files are reported together, and good files besides") {
  const Folder folder;
  const std::string good = folder.write("good.json", small_scenario);
  const std::string bad = folder.write("bad.json", with("\"tensor\": 2", "\"tensor\": -2, \"zero_stage\": 9"));
  const std::string worse = folder.write("worse.json", "{");
  const Outcome outcome = run_orrery({"check", bad, good, worse});
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.out == good + ": OK: 8 devices, 1 job, 8 ranks\n");
  CHECK(lines(outcome.err) == 3);
  CHECK_THAT(outcome.err, Contains(bad + ": at /jobs/0/plan/tensor: ") &&
                              Contains(bad + ": at /jobs/0/plan/zero_stage: ") &&
                              Contains(worse + ": expected valid JSON"));
}

TEST_CASE("plans and wiring are judged although something else of the file cannot be read") {
  const Folder folder;
  const auto faults_of = [&](const std::string& content) {
    const Outcome outcome = run_orrery({"check", folder.write("bad.json", content)});
    CHECK(outcome.exit_code == 2);
    return outcome.err;
  };
  std::string two = with("\"data\": 2", "\"data\": 3");
  two.replace(two.find("fp16"), 4, "pf16");
  const std::string both = faults_of(two);
  INFO(both);
  CHECK(lines(both) == 2);
  CHECK_THAT(both, Contains("/jobs/0/plan: expected data x tensor x pipeline x context = 8 devices") &&
                       Contains("/jobs/0/precision: expected one of"));
  // What may be misspelt, or could not be read, is not guessed at: one fault, not its consequences.
  CHECK(lines(faults_of(with("\"tensor\": 2", "\"tensro\": 16"))) == 1);
  CHECK(lines(faults_of(with("\"tensor\": 2", "\"tensor\": \"16\""))) == 1);
}

TEST_CASE("a batch that no number of replicas divides and every device that cannot be slow are named at once") {
  const Folder folder;
  const auto faults_of = [&](const std::string& content) {
    const Outcome outcome = run_orrery({"check", folder.write("bad.json", content)});
    CHECK(outcome.exit_code == 2);
    return outcome.err;
  };
  std::string batch = with("\"data\": 2", "\"data\": 3");
  const std::string micro = "\"micro\": ";
  batch.replace(batch.find(micro) + micro.size(), 1, "5");
  const std::string both = faults_of(batch);
  INFO(both);
  CHECK_THAT(both, Contains("/jobs/0/plan: expected data x tensor x pipeline x context = 8 devices") &&
                       Contains("/jobs/0/batch/global: expected a multiple of micro (5)"));
  const std::string slow = faults_of(with("\"dgx-a100-80gb\"", "\"dgx-a100-80gb\", \"slow_devices\": [1, 1, 9, -1]"));
  INFO(slow);
  CHECK(lines(slow) == 3);
  CHECK_THAT(slow, Contains("/slow_devices/1: expected each device once") &&
                       Contains("/slow_devices/2: expected a device of the pool, 0 to 7, found 9") &&
                       Contains("/slow_devices/3: expected a device of the pool, 0 to 7, found -1"));
}

TEST_CASE("bad usage is one line with the nearest option or command") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const auto refuses = [&](const std::vector<std::string>& arguments, const std::string& expected) {
    const Outcome outcome = run_orrery(arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out == "");
    CHECK_THAT(outcome.err, StartsWith("error: ") && Contains(expected) && EndsWith("\n"));
    CHECK(lines(outcome.err) == 1);
  };
  refuses({"run"}, "missing argument SCENARIO");
  refuses({"check"}, "missing argument SCENARIO");
  refuses({"show"}, "missing argument NAME");
  refuses({"rn", file}, "unknown command \"rn\" (did you mean \"run\"?)");
  refuses({"run", file, "--fidelty", "flow"}, "unknown option \"--fidelty\" (did you mean \"--fidelity\"?)");
  refuses({"--jsn", "run", file}, "unknown option \"--jsn\"");
  refuses({"run", file, "--fidelity", "flwo"},
          "expected \"flow\" or \"analytic\", found \"flwo\" (did you mean \"flow\"?)");
  refuses({"run", file, file}, "unexpected argument");
  refuses({"run", file, "--out"}, "--out");
  refuses({"run", file, "--set", "--json"}, "--set: expected a value, found the option --json");
  refuses({"run", file, "--out", "--fidelity=flow"}, "--out: expected a value, found the option --fidelity");
  refuses({"run", file, "--trace-devices", "4"}, "--trace-devices has no effect without --trace or --out");
  refuses({"run", file, "--library", folder.path("nowhere")}, "--library: expected a folder");
  std::filesystem::create_directories(folder.path("deeper/calibration"));
  folder.write("deeper/calibration/mine.json", "{}");  // of a library that is one level further up
  refuses({"run", file, "--library", folder.path("deeper")}, "kernels/calibration");
  refuses({"list", "accelerator"}, "did you mean \"accelerators\"?");
  refuses({"show", "nvidia-h100-sxm5-80g"}, "nvidia-h100-sxm5-80gb");
}

TEST_CASE("a --set that cannot be applied is refused, all of them together") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const Outcome several = run_orrery({"run", file, "--set", "/jobs/7/name=x", "--set", "tensor=4"});
  CHECK(several.exit_code == 2);
  CHECK(lines(several.err) == 2);
  CHECK_THAT(several.err,
             Contains("/jobs/7/name") && Contains("expected an assignment such as /simulate/iterations=3"));
  const Outcome twice = run_orrery({"run", file, "--set", R"(/jobs/0/plan={"tensor":1,"tensor":2})"});
  CHECK_THAT(twice.err, Contains("at /jobs/0/plan/tensor: expected each key once"));
  const Outcome value = run_orrery({"run", file, "--set", "/jobs/0/precision=fp17"});
  CHECK(value.exit_code == 2);
  CHECK_THAT(value.err, StartsWith("error: " + file + " with --set /jobs/0/precision=fp17: at /jobs/0/precision: "));
}

TEST_CASE("files of others are never overwritten") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const auto refuses = [&](const std::vector<std::string>& arguments, int code) {
    const Outcome outcome = run_orrery(arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == code);
    CHECK(outcome.out == "");
    CHECK(read_text(file) == small_scenario);
    CHECK(folder.names() == std::vector<std::string>{"small.json"});
  };
  refuses({"run", file, "--out", folder.path()}, 2);            // not empty, and no result of ours
  refuses({"run", file, "--out", file}, 2);                     // a file
  refuses({"run", file, "--out", file + "/below"}, 1);          // below a file
  refuses({"run", file, "--trace", file}, 2);                   // the scenario itself
  refuses({"run", file, "--trace", folder.path()}, 2);          // a folder
  refuses({"run", file, "--trace", "/proc/nowhere/trace"}, 2);  // in a folder that is not there
  refuses({"run", file, "--trace", folder.path("new/trace.json")}, 2);
  refuses({"report", file, "-o", folder.path("new/r.html")}, 2);
  const std::string notes = folder.write("notes.txt", "mine"), picture = folder.write("notes.svg", "mine");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", file, "--trace", notes},
        {"report", file, "-o", notes},
        {"scale", file, "--devices", "8", "--csv", notes},
        {"scale", file, "--devices", "8", "--plot", picture},
        {"topology", "dgx-h100", "--plot", picture},
        {"kernel", "nvidia-a100-sxm4-80gb", "gemm", "--m", "64", "--n", "64", "--k", "64", "--plot", picture},
        {"collective", "all_reduce", "--topology", "dgx-h100", "--bytes", "1M", "--csv", notes}}) {
    const Outcome outcome = run_orrery(arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains("exists and is not an earlier output of this kind"));
    CHECK(read_text(notes) == "mine");
    CHECK(read_text(picture) == "mine");
  }
  const std::string page = folder.path("page.html");
  REQUIRE(run_orrery({"report", file, "-o", page}).exit_code == 0);
  const std::string before = read_text(page);
  CHECK(run_orrery({"run", file, "--trace", page}).exit_code == 2);  // ours, but no trace
  CHECK(read_text(page) == before);
}

TEST_CASE("a folder with a result keeps what others put beside it, and a trace is not written over the result") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario), out = folder.path("out");
  REQUIRE(run_orrery({"run", file, "--out", out}).exit_code == 0);
  const std::string result = read_text(out + "/result.json");
  for (const char* name : {"result.json", "report.txt", "trace.json"}) {
    const Outcome outcome = run_orrery({"run", file, "--out", out, "--trace", out + "/../out/" + name});
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains("is written by --out already"));
  }
  for (const char* name : {"out/report.txt", "out/trace.json"}) {
    const std::string before = read_text(folder.path(name));
    folder.write(name, "my notes");
    const Outcome outcome = run_orrery({"run", file, "--out", out});
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains(name) && Contains("was not written by orrery"));
    CHECK(read_text(folder.path(name)) == "my notes");
    folder.write(name, before);
  }
  CHECK(read_text(out + "/result.json") == result);
  CHECK(run_orrery({"run", file, "--out", out}).exit_code == 0);
}

TEST_CASE("a result whose title takes several lines is known again") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  std::string title = "/name=\"a";
  for (int word = 0; word < 30; ++word) title += " long name";
  for (int time = 0; time < 2; ++time)
    CHECK(run_orrery({"run", file, "--set", title + "\"", "--out", folder.path("out")}).exit_code == 0);
}

TEST_CASE("what does not go with a value written over a base is the fault of that value") {
  is_refused(with("\"tiny-gpt\"", R"({"base": "tiny-gpt", "hidden": 255})"),
             "at /jobs/0/model/heads: expected a divisor of hidden (255)");
}

TEST_CASE("offload to a pool that is not there is refused before the run, at the plan") {
  is_refused(with("\"pipeline\": 2", R"("pipeline": 2, "offload": {"optimizer": true, "to": "pool"})"),
             "at /jobs/0/plan/offload/to: expected a memory pool behind every node of the job");
}

TEST_CASE("files that orrery wrote are replaced") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", file, "--trace", folder.path("a.json")},
        {"report", file, "-o", folder.path("a.html")},
        {"scale", file, "--devices", "8", "--csv", folder.path("s.csv"), "--plot", folder.path("s.svg")},
        {"topology", "dgx-h100", "--plot", folder.path("t.svg")},
        {"topology", "dgx-h100", "--plot", folder.path("t.dot")},
        {"kernel", "nvidia-a100-sxm4-80gb", "gemm", "--m", "64", "--n", "64", "--k", "64", "--plot",
         folder.path("k.svg")},
        {"collective", "all_reduce", "--topology", "dgx-h100", "--bytes", "1M", "--csv", folder.path("c.csv"), "--plot",
         folder.path("c.svg")}})
    for (int time = 0; time < 2; ++time) {
      const Outcome outcome = run_orrery(arguments);
      INFO(arguments.front() << ": " << outcome.err);
      CHECK(outcome.exit_code == 0);
    }
}
