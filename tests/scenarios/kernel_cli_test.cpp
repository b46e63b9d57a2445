// `orrery kernel`: one question at a time to the kernel models.
#include <algorithm>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "scenarios/kernel_answer.hpp"
#include "sim/json.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

Json ask(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "kernel");
  arguments.push_back("--json");
  const Outcome outcome = run_orrery(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return parse_json(outcome.out, "output");
}

// Small but meaningful sizes for any kernel: what must be given.
std::vector<std::string> sizes_of(const KernelForm& form) {
  std::vector<std::string> arguments;
  for (const KernelSize& size : form.sizes)
    if (!size.otherwise) {
      arguments.push_back("--" + std::string(size.name));
      arguments.emplace_back("1024");
    }
  return arguments;
}

}  // namespace

TEST_CASE("kernel asks for a board that an operator holds to less than its own limit") {
  const auto held_to = [](std::vector<std::string> how) {
    std::vector<std::string> all = {"nvidia-h100-sxm5-80gb", "gemm", "--m", "8192", "--n", "8192", "--k", "8192"};
    all.insert(all.end(), how.begin(), how.end());
    return Json(ask(all)["rows"][0]);
  };
  const Json free = held_to({"--sustained"}), held = held_to({"--power-limit", "350 W"});
  CHECK(held["bound"] == "power limit");
  CHECK(held["time_s"].get<double>() > free["time_s"].get<double>());
  CHECK(held["calibrated"] == false);
  const Outcome more = run_orrery(
      {"kernel", "nvidia-h100-sxm5-80gb", "copy", "--bytes", "1e9", "--power-limit", "900 W"});
  CHECK(more.exit_code == 2);
  CHECK_THAT(more.err, Contains("--power-limit") && Contains("at most the tdp"));
}

TEST_CASE("what vector units compute in fp32 is answered where the matrix units know no fp32") {
  for (const std::vector<std::string>& question :
       std::vector<std::vector<std::string>>{{"optimizer", "--parameters", "1e9"},
                                             {"router", "--tokens", "4096", "--experts", "64"},
                                             {"elementwise", "--elements", "1e6", "--precision", "fp32"}}) {
    std::vector<std::string> all = {"google-tpu-v4"};
    all.insert(all.end(), question.begin(), question.end());
    CHECK(ask(all)["rows"][0]["time_s"].get<double>() > 0);
  }
  const Outcome product = run_orrery(
      {"kernel", "google-tpu-v4", "gemm", "--m", "64", "--n", "64", "--k", "64", "--precision", "fp32"});
  CHECK(product.exit_code == 2);
}

TEST_CASE("spiking steps name the constants that they are costed by") {
  const Outcome answer = run_orrery(
      {"kernel", "intel-loihi-2", "spiking-step", "--neurons", "1e6", "--synaptic-events", "1e6"});
  CHECK(answer.exit_code == 0);
  CHECK_THAT(answer.out, Contains("family default") && !Contains("default of all families"));
}

TEST_CASE("a vector rate that no source states is said to be unknown, and carries no band") {
  const auto answer = [](const char* device, const char* type) {
    return Json(ask(
        {device, "elementwise", "--elements", "1e7", "--flops-per-element", "1e5", "--precision", type})["rows"][0]);
  };
  const Json unknown = answer("tenstorrent-wormhole-n150", "fp16");
  CHECK_THAT(unknown["calibration_gap"].get<std::string>(), Contains("vector rate of this device is unknown"));
  CHECK(unknown["time_s_low"].is_null());
  CHECK(answer("google-tpu7x", "bf16")["achieved_tflops"].get<double>() < 18.1);
}

TEST_CASE("spiking chips step neurons in the type they compute with, and a chip that does not spike as processors do") {
  const auto bound = [](const char* device) {
    return Json(ask({device, "spiking-step", "--neurons", "1e6", "--synaptic-events", "1e10"})["rows"][0]["bound"]);
  };
  for (const char* device : {"intel-hala-point", "intel-loihi-2", "spinncloud-spinnaker2"}) {
    INFO(device);
    CHECK(bound(device) == "synaptic events");
  }
  for (const char* device : {"ibm-northpole", "nvidia-a100-sxm4-80gb"}) {
    INFO(device);
    CHECK(bound(device) == "memory");
  }
}

TEST_CASE("a transform costs and counts the same whether its passes are stated or found") {
  const std::vector<std::string> transform = {"nvidia-h100-sxm5-80gb", "fft", "--length", "1e9"};
  std::vector<std::string> in_three = transform;
  in_three.insert(in_three.end(), {"--passes", "3"});
  const Json found = ask(transform)["rows"][0], stated = ask(in_three)["rows"][0];
  for (const char* figure : {"time_s", "achieved_GBs", "intensity_flop_per_byte"})
    CHECK(stated[figure].get<double>() == Approx(found[figure].get<double>()));
}

TEST_CASE("every kind of kernel has a form, and every form an answer") {
  for (const std::string_view kind : kernel_kind_names) {
    INFO(kind);
    CHECK(std::any_of(kernel_forms().begin(), kernel_forms().end(),
                      [kind](const auto& form) { return form.name == kind; }));
  }
  for (const auto& form : kernel_forms()) {
    INFO(form.name);
    std::vector<std::string> arguments = {"nvidia-h100-sxm5-80gb", std::string(form.name)};
    const auto sizes = sizes_of(form.value);
    arguments.insert(arguments.end(), sizes.begin(), sizes.end());
    const Json row = ask(arguments)["rows"][0];
    CHECK(row["time_s"].get<double>() > 0);
    CHECK(row["bytes"].get<double>() > 0);
    CHECK(row["energy_J"].get<double>() >= row["dynamic_energy_J"].get<double>());
  }
}

TEST_CASE("a heading says the sizes that were given or are usual, and a 0 that stands for something else is no size") {
  const Outcome outcome = run_orrery({"kernel", "nvidia-h100-sxm5-80gb", "attention", "--sequence", "128", "--causal"});
  CHECK_THAT(outcome.out, Contains("batch 1, causal, generation 2, head-dim 128, heads 1, sequence 128\n"));
  const Outcome stencil = run_orrery({"kernel", "nvidia-h100-sxm5-80gb", "stencil", "--cells", "1000", "--order", "8"});
  CHECK_THAT(stencil.out, Contains("order 8, points 25, variables 1\n"));
}

TEST_CASE("energy is absent, and said to be, where nothing of it is known") {
  const auto on = [](const std::string& device) {
    return Json(ask({device, "gemm", "--m", "4096", "--n", "4096", "--k", "4096"})["rows"][0]);
  };
  for (const char* device : {"google-tpu-v5e", "aws-trainium1", "sambanova-sn40l"}) {
    INFO(device);
    const Json row = on(device);
    CHECK(row["dynamic_energy_J"].is_null());
    CHECK(row["energy_J"].is_null());
    CHECK(row["energy_source"].is_null());
  }
  CHECK(on("google-tpu-v4")["energy_source"] == "power limit");
  CHECK(on("google-tpu-v4")["energy_J"].is_number());
  CHECK(on("intel-gaudi2")["dynamic_energy_J"].is_number());  // a limit, but no idle power
  CHECK(on("intel-gaudi2")["energy_J"].is_null());
  CHECK(on("nvidia-h100-sxm5-80gb")["energy_source"] == "constants");
  CHECK_THAT(run_orrery({"kernel", "google-tpu-v5e", "copy", "--bytes", "1e9"}).out, Contains("energy       unknown"));
}

TEST_CASE("operands that the memory cannot hold are told") {
  const std::vector<std::string> arguments = {
      "nvidia-h100-sxm5-80gb", "gemm", "--m", "1000000", "--n", "1000000", "--k", "1000000"};
  CHECK(ask(arguments)["rows"][0]["fits_in_memory"] == false);
  std::vector<std::string> command = {"kernel"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  CHECK_THAT(run_orrery(command).out, Contains("does not fit"));
  CHECK(ask({"nvidia-h100-sxm5-80gb", "gemm", "--m", "8", "--n", "8", "--k", "8"})["rows"][0]["fits_in_memory"] ==
        true);
}

TEST_CASE("operands that are distinct must fit together: keys and values of a long cache, all inputs of a sum") {
  const std::string h100 = "nvidia-h100-sxm5-80gb";
  const auto fits = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), h100);
    return Json(ask(arguments)["rows"][0])["fits_in_memory"].get<bool>();
  };
  CHECK_FALSE(fits({"attention", "--sequence", "1", "--key-length", "1e6", "--heads", "64", "--kv-heads", "8",
                    "--batch", "32"}));  // 131 GB of keys and values
  CHECK_FALSE(fits({"reduction", "--elements", "1e10", "--inputs", "8"}));
  CHECK_FALSE(fits({"quantize", "--elements", "4e10"}));  // 80 GB of bf16
  CHECK(fits({"elementwise", "--elements", "3e10"}));     // in place
}

TEST_CASE("a kernel streams into an IPU only when its operands do not fit there") {
  const auto row = [](const char* elements) {
    return Json(ask({"graphcore-bow-ipu", "elementwise", "--precision", "fp16", "--elements", elements})["rows"][0]);
  };
  const Json resident = row("4.4e8"), larger = row("4.6e8");  // 880 and 920 of 900 MB, moved twice
  CHECK(resident["fits_in_memory"] == true);
  CHECK(resident["bound"] == "memory");
  CHECK(larger["fits_in_memory"] == false);
  CHECK(larger["bound"] == "streaming");
}

TEST_CASE("why a time is not calibrated is said: too few samples, another generation, another size") {
  const auto gap = [](std::vector<std::string> arguments) {
    return ask(std::move(arguments))["rows"][0]["calibration_gap"];
  };
  CHECK(gap({"nvidia-h100-sxm5-80gb", "elementwise", "--elements", "1e9"}) == "too few samples (4)");
  CHECK(gap({"nvidia-h100-sxm5-80gb", "gemm", "--m", "4096", "--n", "4096", "--k", "4096"}) ==
        "set by hand, not fitted");
  const std::string a100 = "nvidia-a100-sxm4-80gb";
  const std::vector<std::string> third = {a100, "attention", "--sequence", "4096", "--generation", "3"};
  CHECK(gap(third) == "no parameters of generation 3: those of 2");
  std::vector<std::string> command = {"kernel"};
  command.insert(command.end(), third.begin(), third.end());
  CHECK_THAT(run_orrery(command).out, Contains("of this device: no parameters of generation 3: those of 2"));
  CHECK(gap({a100, "attention", "--sequence", "1000000"}) == "outside the kinds and sizes measured there");
  CHECK(gap({a100, "attention", "--sequence", "4096"}) == "outside the kinds and sizes measured there");  // one head
  CHECK(gap({a100, "attention", "--sequence", "4096", "--heads", "16"}) ==
        "forward and backward were timed together only");
  CHECK(gap({"nvidia-h100-sxm5-80gb", "attention", "--sequence", "4096", "--heads", "16"}).is_null());
}

TEST_CASE("power above the limit is told where idle power is unknown, too") {
  const std::string text = run_orrery({"kernel", "cerebras-wse3", "gemm", "--m", "8192", "--n", "8192", "--k", "8192",
                                       "--precision", "fp16"})
                               .out;
  CHECK_THAT(text, Contains("more than the 23.0 kW") && Contains("idle power is unknown"));
}

TEST_CASE("no unit of a Jetson's GPU is faster than the GPU, whose rate leaves the DLAs out") {
  const Json row = ask({"nvidia-jetson-agx-orin-64gb", "gemm", "--m", "8192", "--n", "8192", "--k", "8192",
                        "--precision", "int8"})["rows"][0];
  CHECK(row["peak_tflops"] == Approx(85));
  CHECK(row["achieved_tflops"].get<double>() <= 85);
}

TEST_CASE("the list shows every kernel that can be asked for, with its sizes") {
  const std::string list = run_orrery({"list", "kernels"}).out;
  for (const auto& form : kernel_forms()) {
    CHECK_THAT(list, Contains("\n" + std::string(form.name) + " ") || Contains("  " + std::string(form.name) + " "));
    CHECK(run_orrery({"show", std::string(form.name)}).exit_code == 0);
  }
}

TEST_CASE("a stencil is asked for by its order, its variables and its halo, too") {
  const auto row = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"nvidia-a100-sxm4-80gb", "stencil", "--cells", "1000000"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Json(ask(arguments)["rows"][0]);
  };
  CHECK(row({"--order", "8"})["flops"] == row({"--points", "25"})["flops"]);
  CHECK(row({"--variables", "5"})["bytes"].get<double>() == Approx(5 * row({})["bytes"].get<double>()));
  CHECK(row({"--halo", "2"})["bytes"].get<double>() > row({})["bytes"].get<double>());
  const Outcome odd = run_orrery({"kernel", "nvidia-a100-sxm4-80gb", "stencil", "--cells", "8", "--order", "3"});
  CHECK(odd.exit_code == 2);
  CHECK_THAT(odd.err, Contains("--order: expected an even number"));
}

TEST_CASE("a conversion and its inverse move the same bytes, and a device without products says so") {
  const auto bytes = [](const char* form) {
    return ask({"nvidia-b200-sxm-180gb", form, "--elements", "1000", "--precision", "mxfp4"})["rows"][0]["bytes"]
        .get<double>();
  };
  CHECK(bytes("quantize") == Approx(1000 * (2 + 0.5 + 1.0 / 32)));
  CHECK(bytes("dequantize") == bytes("quantize"));
  const Outcome outcome = run_orrery({"kernel", "intel-loihi-2", "gemm", "--m", "4", "--n", "4", "--k", "4"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("no peak of any data type"));
}

TEST_CASE("no kernel beats the roof of its data sheet") {
  const Json result = ask({"nvidia-a100-sxm4-80gb", "gemm", "--n", "4096", "--k", "4096", "--sweep", "m=1..65536"});
  CHECK(result["rows"].size() == 17);
  for (const Json& row : result["rows"]) {
    CHECK(row["roof_share"].get<double>() < 1);
    CHECK(row["achieved_tflops"].get<double>() ==
          Approx(row["flops"].get<double>() / row["time_s"].get<double>() * 1e-12));
  }
}

TEST_CASE("a sweep doubles from its first value and ends at its last") {
  const Json rows = ask({"nvidia-a100-sxm4-80gb", "copy", "--sweep", "bytes=1e6..3e6,5e6"})["rows"];
  std::vector<double> bytes;
  for (const Json& row : rows) bytes.push_back(row["sizes"]["bytes"]);
  CHECK(bytes == std::vector<double>{1e6, 2e6, 3e6, 5e6});
}

TEST_CASE("a sweep in steps adds the step and ends at its last value") {
  const Json rows = ask(
      {"nvidia-a100-sxm4-80gb", "gemm", "--n", "512", "--k", "512", "--sweep", "m=1..8:3,64"})["rows"];
  std::vector<double> m;
  for (const Json& row : rows) m.push_back(row["sizes"]["m"]);
  CHECK(m == std::vector<double>{1, 4, 7, 8, 64});
}

TEST_CASE("a type that the device lacks is an error that names those it has") {
  const Outcome outcome = run_orrery(
      {"kernel", "nvidia-a100-sxm4-80gb", "gemm", "--m", "8", "--n", "8", "--k", "8", "--precision", "fp8"});
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.out == "");
  CHECK_THAT(outcome.err, Contains("--precision fp8") && Contains("bf16, fp16"));
}

TEST_CASE("bad questions are refused with one line that says what is wrong") {
  const std::string device = "nvidia-a100-sxm4-80gb";
  const std::pair<std::vector<std::string>, std::string> questions[] = {
      {{device, "gemm", "--m", "8", "--n", "8"}, "--k is missing"},
      {{device, "gemm", "--m", "8", "--n", "8", "--k", "0"}, "--k: expected more than 0"},
      {{device, "gemm", "--m", "8", "--n", "8", "--k", "2.5"}, "--k: expected a whole number"},
      {{device, "gemm", "--m", "8", "--n", "8", "--k", "x"}, "--k: expected a number"},
      {{device, "gemm", "--m", "8", "--n", "8", "--k", "8", "--heads", "2"}, "gemm takes --m, --n, --k, --batch"},
      {{device, "gemm", "--n", "8", "--k", "8", "--sweep", "m=8..1"}, "0 < LOW <= HIGH"},
      {{device, "gemm", "--n", "8", "--k", "8", "--sweep", "m=1..8:0"}, "0 < STEP"},
      {{device, "gemm", "--n", "8", "--k", "8", "--sweep", "m=1..99999:1"}, "more than 4096 values"},
      {{device, "gemm", "--n", "8", "--k", "8", "--sweep", "m=1..8", "--measured", "x.json"},
       "needs gemm, --sweep, --plot"},
      {{device, "gemm", "--n", "8", "--k", "8", "--sweep", "mm=1..8"}, "did you mean \"m\""},
      {{device, "gemm", "--m", "8", "--n", "8", "--k", "8", "--sweep", "m=1..8"}, "exclude each other"},
      {{device, "gem", "--m", "8"}, "did you mean \"gemm\""},
      {{device, "gemm", "--m", "8", "--n", "8", "--k", "8", "--precision", "bf61"}, "expected one of fp64, fp32"},
      {{device, "attention", "--sequence", "8", "--heads", "8", "--kv-heads", "3"}, "a divisor of --heads"},
      {{device, "attention", "--sequence", "8", "--batch", "9e15", "--heads", "9e15"},
       "--batch x --heads x --sequence: expected at most"},
      {{device, "routing", "--tokens", "9e15", "--hidden", "8", "--copies", "9e15"}, "--tokens x --copies"},
      {{device, "stencil", "--cells", "8", "--order", "8", "--points", "7"},
       "--points: expected none beside --order 8"},
      {{device, "router", "--tokens", "8", "--experts", "4", "--copies", "8"}, "--copies: expected at most --experts"},
      {{device, "optimizer", "--parameters", "8", "--precision", "bf16"}, "--precision: optimizer is in fp32"},
      {{"nvidia-h100-sxm5-80gb", "gemm", "--m", "8", "--n", "8", "--k", "8", "--precision", "mxfp8"},
       "nvidia-h100-sxm5-80gb computes with"},
      {{device, "quantize", "--elements", "8", "--precision", "fp32"}, "between bf16 and one of"},
      {{device, "dequantize", "--elements", "8", "--precision", "bf16"}, "found bf16"},
      {{"nvidia-a100-sxm4-81gb", "copy", "--bytes", "8"}, "expected an accelerator"},
      {{"intel-loihi-2", "gemm", "--m", "8", "--n", "8", "--k", "8"}, "no peak of any data type"},
  };
  for (auto [arguments, what] : questions) {
    arguments.insert(arguments.begin(), "kernel");
    const Outcome outcome = run_orrery(arguments);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out == "");
    CHECK_THAT(outcome.err, Contains(what));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
}

TEST_CASE("sizes that are multiplied stay within what integers hold together") {
  const Outcome huge = run_orrery(
      {"kernel", "nvidia-a100-sxm4-80gb", "attention", "--sequence", "1125899906842624", "--heads", "2097152"});
  CHECK(huge.exit_code == 2);
  CHECK_THAT(huge.err, Contains("--heads x --sequence: expected at most 2^53"));
}

TEST_CASE("a kernel can be drawn: a sweep, or its place in the roofline") {
  const Folder folder;
  const std::string sweep = folder.path("sweep.svg"), place = folder.path("place.svg");
  const std::vector<std::string> base = {"kernel", "nvidia-a100-sxm4-80gb", "gemm", "--n", "4096", "--k", "4096"};
  std::vector<std::string> first = base, second = base;
  for (const std::string& word : {std::string("--sweep"), std::string("m=1..64"), std::string("--plot"), sweep})
    first.push_back(word);
  for (const std::string& word : {std::string("--m"), std::string("64"), std::string("--plot"), place})
    second.push_back(word);
  CHECK(run_orrery(first).exit_code == 0);
  CHECK(run_orrery(second).exit_code == 0);
  CHECK_THAT(read_text(sweep), Contains("<svg") && Contains("roof of the data sheet"));
  CHECK_THAT(read_text(place), Contains("arithmetic intensity"));
}

TEST_CASE("measured products are drawn beside a sweep, those of other sizes and types are not") {
  const Folder folder;
  const std::string plot = folder.path("measured.svg");
  const auto run_of = [](int m, int n, const char* type) {
    return Json{{"id", fmt::format("{}-{}-{}", m, n, type)},
                {"kernel", "gemm"},
                {"precision", type},
                {"shape", {{"m", m}, {"n", n}, {"k", 4096}}},
                {"measured", {{"time_s", 1e-3}}}};
  };
  const Json document = {
      {"format", "orrery/measured/1"},
      {"kind", "kernel"},
      {"source", {{"title", "mine"}}},
      {"cluster", {{"accelerator", "nvidia-a100-sxm4-80gb"}}},
      {"runs",
       {run_of(100, 4096, "fp16"), run_of(200, 4096, "fp16"), run_of(300, 512, "fp16"), run_of(300, 4096, "fp32")}}};
  const std::string file = folder.write("mine.json", document.dump());
  const std::vector<std::string> question = {"kernel",     "nvidia-a100-sxm4-80gb",
                                             "gemm",       "--k",
                                             "4096",       "--precision",
                                             "fp16",       "--sweep",
                                             "m=1..400:1", "--measured",
                                             file,         "--plot",
                                             plot};
  auto known = question, unknown = question;
  known.insert(known.end(), {"--n", "4096"});
  unknown.insert(unknown.end(), {"--n", "64"});
  REQUIRE(run_orrery(known).exit_code == 0);
  const std::string drawn = read_text(plot);
  CHECK(std::count(drawn.begin(), drawn.end(), '\n') > 0);
  std::size_t points = 0;
  for (std::size_t at = drawn.find("mine"); at != drawn.npos; at = drawn.find("mine", at + 1)) ++points;
  CHECK(points == 2);  // the title of each point names its file
  CHECK_THAT(run_orrery(unknown).err, Contains("no product of this accelerator, type and these sizes"));
}

TEST_CASE("a band stands only where errors of such devices and kernels are known, and follows what was measured") {
  const auto row = [](std::vector<std::string> arguments) { return ask(std::move(arguments))["rows"][0]; };
  const std::string a100 = "nvidia-a100-sxm4-80gb";
  CHECK(row({"intel-loihi-2", "spiking-step", "--neurons", "100000", "--synaptic-events", "1e6"})["time_s_low"]
            .is_null());
  CHECK(row({a100, "fft", "--length", "1048576"})["time_s_low"].is_null());
  const auto width = [&](const std::string& sequence) {
    const Json r = row(
        {"nvidia-h100-sxm5-80gb", "attention", "--sequence", sequence, "--heads", "16", "--head-dim", "128"});
    CHECK(r["calibrated"] == (sequence == "4096"));
    return r["time_s_high"].get<double>() / r["time_s_low"].get<double>();
  };
  CHECK(width("4096") < 1.2);
  CHECK(width("1000000") > 2);
}
