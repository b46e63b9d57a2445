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

TEST_CASE("a plan that does not fit devices, model or batch is refused") {
  is_refused(with("\"data\": 2", "\"data\": 3"),
             "at /jobs/0/plan: expected data x tensor x pipeline x context = 8 devices");
  is_refused(with("\"tiny-gpt\"", R"({"base": "tiny-gpt", "layers": 5})"),
             "at /jobs/0/plan/pipeline: expected pipeline x virtual_pipeline to divide layers (5)");
  is_refused(with("\"global\": 16", "\"global\": 17"), "at /jobs/0/batch/global: expected a multiple of micro x data");
  is_refused(with("\"data\": 2, \"tensor\": 2, \"pipeline\": 2",
                  "\"data\": 16777216, \"tensor\": 16777216, \"pipeline\": 16777216, \"context\": 16777216"),
             "found 16777216 x 16777216 x 16777216 x 16777216 = 79228162514264337593543950336");
  is_refused(with("fp16", "mxfp4"), "at /jobs/0/precision: expected a precision of");
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
  refuses({"run", file, "--library", folder.path("nowhere")}, "--library: expected a folder");
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
  refuses({"run", file, "--trace", "/proc/nowhere/trace"}, 1);  // cannot be made
}
