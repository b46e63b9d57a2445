// `orrery calibrate`: the shipped calibrations are its output, and user files work like shipped ones.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <catch2/catch.hpp>

#include "kernels/calibration.hpp"
#include "kernels/collectives/costs.hpp"
#include "kernels/shapes.hpp"
#include "scenarios/band_fit.hpp"
#include "scenarios/error_bands.hpp"
#include "sim/json.hpp"
#include "sim/routes.hpp"
#include "tests/support/run_orrery.hpp"
#include "topologies/cluster_spec.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

const std::string corpus = std::string(ORRERY_SOURCE_DATA_DIR) + "/tests/validation/measured/kernels";

std::vector<std::string> stems_in(const std::string& folder) {
  std::vector<std::string> stems;
  for (const auto& file : std::filesystem::directory_iterator(folder)) stems.push_back(file.path().stem().string());
  std::sort(stems.begin(), stems.end());
  return stems;
}

// One side of the box of samples, where both files state it.
void check_box(const std::optional<Span>& fitted, const std::optional<Span>& shipped) {
  if (!fitted || !shipped) return;
  CHECK(fitted->low == shipped->low);
  CHECK(fitted->high == shipped->high);
}

void check_close(double fitted, double shipped) { CHECK(fitted == Approx(shipped).epsilon(0.02)); }

}  // namespace

namespace {

// Every entry of a shipped file that states residuals is a fit, and the same entry of `again` is what the command makes of it.
void compare_fits(const Calibration& shipped, const Calibration& again) {
  for (const GemmParameters& old : shipped.gemm) {
    if (!(old.fit.median_error > 0)) continue;
    const auto it = std::find_if(again.gemm.begin(), again.gemm.end(), [&](const GemmParameters& g) {
      return g.type == old.type && g.fit.files == old.fit.files;
    });
    if (it == again.gemm.end()) continue;  // a copy of another board's, compared there
    INFO("gemm " << name(old.type));
    check_close(it->efficiency, old.efficiency);
    check_close(it->memory_efficiency, old.memory_efficiency);
    check_close(it->launch.value, old.launch.value);
    check_close(it->k_overhead, old.k_overhead);
    check_close(it->tile_cost, old.tile_cost);
    CHECK(it->fit.samples == old.fit.samples);
    CHECK(it->fit.median_error == Approx(old.fit.median_error).margin(0.001));
    CHECK(it->fit.largest == old.fit.largest);
    for (const auto side : {&Fit::short_side, &Fit::long_side, &Fit::depth, &Fit::batch, &Fit::flops})
      check_box(it->fit.*side, old.fit.*side);
  }
  for (const AttentionParameters& old : shipped.attention) {
    if (!(old.fit.median_error > 0)) continue;
    const auto it = std::find_if(again.attention.begin(), again.attention.end(), [&](const AttentionParameters& a) {
      return a.generation == old.generation && a.fit.files == old.fit.files;
    });
    REQUIRE(it != again.attention.end());
    for (const auto bound : {&Fit::smallest, &Fit::largest, &Fit::narrowest, &Fit::widest})
      CHECK(it->fit.*bound == old.fit.*bound);
    INFO("attention " << old.generation);
    CHECK(it->fit.kernels == old.fit.kernels);
    for (const auto side : {&Fit::flops, &Fit::sharing}) check_box(it->fit.*side, old.fit.*side);
    CHECK(it->fit.together == old.fit.together);
    check_close(it->efficiency, old.efficiency);
    check_close(it->backward_ratio, old.backward_ratio);
    check_close(it->half_length, old.half_length);
    check_close(it->causal_half_length, old.causal_half_length);
    CHECK(it->fit.median_error == Approx(old.fit.median_error).margin(0.001));
  }
  if (!shipped.memory || !(shipped.memory->fit.median_error > 0)) return;
  REQUIRE(again.memory);
  check_close(again.memory->elementwise, shipped.memory->elementwise);
  check_close(again.memory->normalization, shipped.memory->normalization);
  check_close(again.memory->softmax, shipped.memory->softmax);
  check_close(again.memory->launch.value, shipped.memory->launch.value);
  CHECK(again.memory->fit.kernels == shipped.memory->fit.kernels);
  CHECK(again.memory->fit.smallest == shipped.memory->fit.smallest);
}

}  // namespace

TEST_CASE("every shipped calibration that states residuals comes out of the documented command again") {
  const Folder folder;
  const Outcome outcome = run_orrery(
      {"calibrate", corpus, "--pool", "nvidia-h100-sxm5-80gb,nvidia-h800-sxm5-80gb", "--out", folder.path()});
  CHECK(outcome.err == "");
  REQUIRE(outcome.exit_code == 0);
  const Library shipped = Library::installed(), here({folder.path()});
  // Generations take the entries of the device they are named after.
  const std::pair<const char*, const char*> copies[] = {
      {"generation-ampere", "nvidia-a100-sxm4-80gb"},    {"generation-ampere", "nvidia-a100-pcie-80gb"},
      {"generation-hopper", "nvidia-h100-sxm5-80gb"},    {"generation-volta", "nvidia-v100"},
      {"nvidia-v100-pcie-32gb", "nvidia-v100"},          {"nvidia-a100-pcie-40gb", "nvidia-a100-sxm4-80gb"},
      {"nvidia-a100-pcie-80gb", "nvidia-a100-sxm4-80gb"}};
  std::size_t files = 0;
  for (const std::string& file : stems_in(folder.path())) {
    INFO(file);
    const auto again = read_spec<Calibration>(read_json(folder.path(file + ".json")), file, here,
                                              "kernels/calibration");
    compare_fits(load_part<Calibration>("kernels/calibration", file, shipped), again);
    for (const auto& [copy, of] : copies)
      if (of == file) {
        INFO(copy);
        Calibration entries = load_part<Calibration>("kernels/calibration", copy, shipped);
        if (!again.memory || std::string(copy).starts_with("nvidia")) entries.memory.reset();
        if (again.attention.empty() || std::string(copy).starts_with("nvidia")) entries.attention.clear();
        compare_fits(entries, again);
      }
    ++files;
  }
  CHECK(files >= 12);
}

TEST_CASE("devices are left out of the fit by command, and what the others say of them stands beside their own fit") {
  const Outcome outcome = run_orrery({"calibrate", corpus, "--leave-out", "--json"});
  REQUIRE(outcome.exit_code == 0);
  const Json rows = parse_json(outcome.out, "output")["left_out"];
  REQUIRE(rows.size() > 12);
  int judged = 0;
  for (const Json& row : rows) {
    if (row["left_out_median_error"].is_null()) continue;
    ++judged;
    CHECK(row["left_out_p90_error"].get<double>() >= row["left_out_median_error"].get<double>());
  }
  CHECK(judged > 8);
  CHECK_THAT(run_orrery({"calibrate", corpus, "--leave-out", "--accelerator", "nvidia-a40"}).out, Contains("left out"));
}

TEST_CASE("the shipped costs of collectives come out of the documented command again, and carry to systems left out") {
  const Folder folder;
  const std::string measured = corpus.substr(0, corpus.rfind("/")), collectives = measured + "/collectives",
                    shared = measured + "/cc-by-sa-4.0/collectives";
  const Outcome outcome = run_orrery(
      {"calibrate", collectives, shared, "--collectives", folder.path("collectives.json"), "--leave-out", "--json"});
  CHECK(outcome.err == "");
  REQUIRE(outcome.exit_code == 0);
  const auto shipped = load_part<CollectiveCalibration>("kernels/calibration", "collectives", Library::installed());
  const auto again = read_spec<CollectiveCalibration>(read_json(folder.path("collectives.json")), "again",
                                                      Library::installed());
  REQUIRE(again.links.size() == shipped.links.size());
  for (std::size_t i = 0; i < shipped.links.size(); ++i) {
    INFO(shipped.links[i].link);
    CHECK(write_spec(again.links[i]) == write_spec(shipped.links[i]));
  }
  for (std::size_t i = 0; i < shipped.steps.size(); ++i)
    CHECK(write_spec(again.steps.at(i)) == write_spec(shipped.steps[i]));
  // Each system from the others: the bounds are a little above what the study in docs/accuracy.md shows.
  const Json left_out = parse_json(outcome.out, "output")["collectives"]["left_out"];
  REQUIRE(left_out.size() >= 12);
  for (const Json& source : left_out) {
    INFO(source.dump());
    const bool only_one_of_its_kind = source["source"] == "stas00_b200";
    CHECK(source["geomean_error_fitted"].get<double>() < 0.21);
    CHECK(source["geomean_error_left_out"].get<double>() < (only_one_of_its_kind ? 0.46 : 0.22));
  }
}

TEST_CASE("a user's own measured kernels calibrate like the shipped ones") {
  const Folder folder;
  Json runs = Json::array();
  for (const int size : {1024, 2048, 4096, 8192, 16384})  // all fill the board
    for (const int k : {1024, 4096}) {
      const double seconds = 2.0 * size * size * k / 150e12 + 5e-6;
      runs.push_back({{"id", "mine-" + std::to_string(size) + "-" + std::to_string(k)},
                      {"kernel", "gemm"},
                      {"precision", "fp16"},
                      {"shape", {{"m", size}, {"n", size}, {"k", k}}},
                      {"measured", {{"time_s", seconds}}}});
    }
  const Json document = {{"format", "orrery/measured/1"},
                         {"kind", "kernel"},
                         {"source", {{"title", "mine"}}},
                         {"cluster", {{"accelerator", "nvidia-a100-sxm4-80gb"}}},
                         {"runs", runs}};
  const std::string file = folder.write("mine.json", document.dump());
  const Outcome outcome = run_orrery({"calibrate", file, "--json"});
  CHECK(outcome.err == "");
  REQUIRE(outcome.exit_code == 0);
  const Json fitted = parse_json(outcome.out, "output")["calibrations"][0];
  CHECK(fitted["name"] == "nvidia-a100-sxm4-80gb");
  CHECK(fitted["gemm"][0]["fit"]["samples"] == 10);
  CHECK(fitted["gemm"][0]["fit"]["files"] == Json({"mine"}));
  CHECK(fitted["gemm"][0]["efficiency"].get<double>() == Approx(150e12 / 312e12).epsilon(0.25));
}

namespace {

// Times of an ideal A100 at 150 TFLOP/s: ten products, and after them whatever rows `more` has.
std::string products(const Folder& folder, const std::string& name, const std::vector<Json>& more, Json top = {}) {
  Json runs = Json::array();
  for (const int size : {1024, 2048, 4096, 8192, 16384})
    for (const int k : {1024, 4096})
      runs.push_back({{"id", "k" + std::to_string(runs.size())},
                      {"kernel", "gemm"},
                      {"precision", "fp16"},
                      {"shape", {{"m", size}, {"n", size}, {"k", k}}},
                      {"measured", {{"time_s", 2.0 * size * size * k / 150e12 + 5e-6}}}});
  for (const Json& row : more) runs.push_back(row);
  Json document = {{"format", "orrery/measured/1"},
                   {"kind", "kernel"},
                   {"cluster", {{"accelerator", "nvidia-a100-sxm4-80gb"}}},
                   {"runs", runs}};
  if (top.is_object()) document.update(top);
  return folder.write(name, document.dump());
}

Json fit_of(const std::string& file) {
  const Outcome outcome = run_orrery({"calibrate", file, "--json"});
  CHECK(outcome.err == "");
  REQUIRE(outcome.exit_code == 0);
  return parse_json(outcome.out, "output");
}

}  // namespace

TEST_CASE("a file is read by what it says, not by its name") {
  const Folder folder;
  const Json plain = fit_of(products(folder, "mine.json", {}))["calibrations"][0]["gemm"][0];
  for (const char* name :
       {"llmcompass_a100", "tpu7x_kernels", "azure_nd_h100", "vidur_mlp_ops", "deepbench_v100_gemm"}) {
    INFO(name);
    Json again = fit_of(products(folder, std::string(name) + ".json", {}))["calibrations"][0]["gemm"][0];
    CHECK(again["fit"]["files"] == Json({name}));
    again["fit"]["files"] = plain["fit"]["files"];
    CHECK(again == plain);
  }
}

TEST_CASE("a file states what a fit must know of it: host time, the shortest time that counts, what is only compared") {
  const Folder folder;
  const auto with = [&](const Json& use) {
    return products(folder, "mine.json", {}, {{"calibration", {{"kernels", Json::array({use})}}}});
  };
  const Json kernels = Json::array({"gemm"});
  const auto launch = [](const Json& fitted) { return fitted["calibrations"][0]["gemm"][0]["launch"]; };
  const Json plain = fit_of(products(folder, "mine.json", {}));
  CHECK(launch(fit_of(with({{"kernels", kernels}, {"host", "4 us"}}))) != launch(plain));
  const Json cut = fit_of(with({{"kernels", kernels}, {"shortest", "1 ms"}}));
  CHECK(cut["samples"]["fitted"] == 3);
  CHECK(cut["samples"]["left_out"][0]["rows"] == 7);
  const Json compared = fit_of(with({{"kernels", kernels}, {"use", "compare"}}));
  CHECK(compared["samples"]["compared"] == 10);
  CHECK(compared["samples"]["fitted"] == 0);
  const Outcome typo = run_orrery({"calibrate", with({{"kernels", kernels}, {"hots", "4 us"}})});
  CHECK(typo.exit_code == 2);
  CHECK_THAT(typo.err, Contains("/calibration/kernels/0/hots") && Contains("did you mean \"host\"?"));
}

TEST_CASE("calibrate says how many rows it used and why it left out the others, and stops for none of them") {
  const Folder folder;
  const auto row = [](const char* id, Json with) {
    Json run = {{"id", id},
                {"kernel", "gemm"},
                {"precision", "fp16"},
                {"shape", {{"m", 1024}, {"n", 1024}, {"k", 1024}}},
                {"measured", {{"time_s", 1e-3}}}};
    run.update(with);
    return run;
  };
  const std::string file = products(
      folder, "mine.json",
      {row("flat", {{"shape", {{"m", 0}, {"n", 1024}, {"k", 1024}}}}),
       row("negative", {{"measured", {{"time_s", -1}}}}), row("silent", {{"measured", Json::object()}}),
       row("unheard", {{"kernel", "quicksort"}, {"shape", Json::object()}}), row("untyped", {{"precision", nullptr}}),
       row("narrow", {{"precision", "fp8"}}), row("fast", {{"measured", {{"time_s", 1e-6}}}}),
       row("misspelt", {{"accelerator", "nvidia-l40z"}}), row("worded", {{"exclude", "a cold board"}})});
  const Outcome outcome = run_orrery({"calibrate", file});
  CHECK(outcome.err == "");
  REQUIRE(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("10 of 19 rows fitted, 9 left out"));
  for (const char* why : {"m is 0 (first: mine: flat)", "0 or less (first: mine: negative)", "(first: mine: silent)",
                          "\"quicksort\" is not modelled", "data type is not stated (first: mine: untyped)",
                          "does not compute products in fp8 (first: mine: narrow)",
                          "does not compute products that fast (first: mine: fast)",
                          "no accelerator \"nvidia-l40z\" (did you mean \"nvidia-l40\"?) (first: mine: misspelt)",
                          "a cold board (first: mine: worded)"}) {
    INFO(why);
    CHECK_THAT(outcome.out, Contains(why));
  }
}

TEST_CASE("calibrate replaces its own files only") {
  const Folder folder;
  const std::string records = products(folder, "nvidia-a100-sxm4-80gb.json", {});
  const std::string before = read_text(records);
  const Outcome over = run_orrery({"calibrate", records, "--out", folder.path(".")});
  CHECK(over.exit_code == 2);
  CHECK_THAT(over.err, Contains("no earlier output of this kind"));
  CHECK(run_orrery({"calibrate", records, "--bands", records}).exit_code == 2);
  CHECK(run_orrery({"calibrate", records, "--collectives", records}).exit_code == 2);
  CHECK(read_text(records) == before);
  const std::string fitted = folder.path("clash/nvidia-a100-sxm4-80gb.json");
  const Outcome clash = run_orrery({"calibrate", records, "--out", folder.path("clash"), "--bands", fitted});
  CHECK(clash.exit_code == 2);
  CHECK_THAT(clash.err, Contains("expected different files to write"));
  for (int time = 0; time < 2; ++time)
    CHECK(run_orrery({"calibrate", records, "--out", folder.path("out")}).exit_code == 0);
}

TEST_CASE("measured collectives are left out of a fit as validate leaves them out") {
  const Folder folder;
  const auto row = [](const char* id, Json with) {
    Json run = {{"id", id},   {"collective", "all_reduce"}, {"devices", 8},
                {"nodes", 1}, {"bytes", 1 << 30},           {"measured", {{"time_s", 8e-3}}}};
    run.update(with);
    return run;
  };
  const Json document = {{"format", "orrery/measured/1"},
                         {"kind", "collective"},
                         {"cluster", {{"accelerator", "A100 SXM"}, {"devices_per_node", 8}}},
                         {"runs",
                          {row("good", Json::object()), row("wrong", {{"exclude", "another machine"}}),
                           row("at once", {{"measured", {{"time_s", 0}}}}),
                           row("no such", {{"collective", "all_gather"}, {"algorithm", "tree"}})}}};
  const std::string file = folder.write("mine.json", document.dump());
  const Outcome outcome = run_orrery({"calibrate", file, "--collectives", folder.path("collectives.json")});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("another machine") && Contains("0 or less") && Contains("no such algorithm"));
}

TEST_CASE("a fit of one's own carries no remark of what it started from") {
  const Folder folder;
  const std::string file = products(folder, "mine.json", {}, {{"cluster", {{"accelerator", "nvidia-l40s"}}}});
  CHECK(fit_of(file)["calibrations"][0]["gemm"][0]["fit"].value("note", "") == "");
  REQUIRE(run_orrery({"calibrate", file, "--out", folder.path("out")}).exit_code == 0);
  const Json written = read_json(folder.path("out/nvidia-l40s.json"));
  for (const Json& entry : written["gemm"])
    if (entry["fit"].value("median_error", 0.0) > 0) CHECK(entry["fit"].value("note", "") == "");
}

TEST_CASE("calibrate refuses what it cannot use") {
  const Folder folder;
  const Outcome unknown = run_orrery({"calibrate", corpus, "--accelerator", "nvidia-a41"});
  CHECK(unknown.exit_code == 2);
  CHECK_THAT(unknown.err, Contains("did you mean \"nvidia-a40\""));
  const Outcome broken = run_orrery({"calibrate", folder.write("broken.json", "{")});
  CHECK(broken.exit_code == 2);
  CHECK_THAT(broken.err, Contains("broken.json"));
  const std::string empty = folder.write(
      "empty.json", R"({"format": "orrery/measured/1", "kind": "training", "source": {}, "cluster": {}, "runs": []})");
  CHECK(run_orrery({"calibrate", empty}).exit_code == 2);
}

namespace {

ValidatedRow step(const std::string& source, double predicted, double measured) {
  ValidatedRow row;
  row.row.kind = "training";
  row.row.source = source;
  row.prediction.predicted = predicted;
  row.prediction.measured = measured;
  row.counts = true;
  return row;
}

}  // namespace

TEST_CASE("the unexplained term holds nine in ten rows of a source that is left out") {
  std::vector<ValidatedRow> rows;
  for (int source = 0; source < 20; ++source)
    for (int i = 0; i < 41; ++i)  // errors spread evenly over +-20 %
      rows.push_back(step("source-" + std::string(1, static_cast<char>('a' + source)), 1.0,
                          std::exp(-0.2 + 0.01 * ((i * 7 + source) % 41))));
  ErrorBands start;
  const BandFit fit = fit_bands(start, {}, {}, rows);
  REQUIRE(fit.coverage.size() == 1);
  CHECK(fit.coverage[0].sources == 20);
  CHECK(fit.coverage[0].share == Approx(0.9).margin(0.03));
  CHECK(fit.bands.unexplained.band.low == Approx(-0.18).margin(0.01));
  CHECK(fit.bands.unexplained.band.high == Approx(0.18).margin(0.01));
}

TEST_CASE("a band is wide enough for the machine that errs most when that one is left out") {
  std::vector<ValidatedRow> rows;
  for (int source = 0; source < 5; ++source)
    for (int i = 0; i < 21; ++i) {
      const double off = source == 4 ? 0.04 : 0;  // four machines within 5 %, one 4 % slower
      ValidatedRow row = step("machine-" + std::to_string(source), 1.0, std::exp(off - 0.05 + 0.005 * i));
      row.row.kind = "collective";
      row.prediction.shares = link_shares("scale-up", false);
      rows.push_back(row);
    }
  ErrorBands start;
  start.links = {BandClass{"scale-up", {}, {}, {}, 0, 0, ""}};
  const BandFit fit = fit_bands(start, {}, {}, rows);
  REQUIRE(fit.coverage.size() == 1);
  CHECK(fit.coverage[0].share >= 0.9);
  CHECK(fit.bands.links[0].band.high > 0.06);
  CHECK(fit.bands.links[0].groups == 5);
}

TEST_CASE("a step takes its band from the classes its time is spent in") {
  const ErrorBands bands = load_error_bands(Library::installed());
  JobMetrics job;
  job.mean.compute_by_kernel_s = {{"gemm", 4}, {"attention", 2}, {"host launch", 1}};
  job.mean.calibrated_by_kernel_s = {{"gemm", 1}};
  job.mean.exposed_communication_s = 5;
  job.mean.exposed_between_nodes_s = 3;
  const ClassShares shares = step_shares(bands, job);
  CHECK(shares.at("gemm") == 3);
  CHECK(shares.at(measured_share("gemm")) == 1);
  CHECK(shares.at("attention") == 2);
  CHECK(shares.at(measured_share("attention")) == 0);
  CHECK(shares.at("scale-up") == 2);
  CHECK(shares.at("scale-out") == 3);
  CHECK(shares.at("host-bus") == 0);
  job.mean.exposed_by_collective_s = {{"transfer (copy)", 1.5}};
  CHECK(step_shares(bands, job).at("host-bus") == 1.5);
  CHECK(step_shares(bands, job).at("scale-up") == 0.5);
  job.mean.exposed_by_collective_s = {{"transfer (copy)", 0.5}, {"transfer (copy-back)", 0.5}, {"work (host)", 0.25}};
  CHECK(step_shares(bands, job).at("host-bus") == 1.25);
}

TEST_CASE("a pattern has the class of the links that it crosses, however few devices a node has") {
  const Json spec = {{"pools", {{{"node", "grace-2s"}, {"count", 4}}}}, {"fabric", {{"kind", "single-switch"}}}};
  const Cluster cluster = build_cluster(read_spec<ClusterSpec>(spec, "test", Library::installed()));
  const auto class_to = [&](std::size_t device) {
    Flow flow;
    flow.from = cluster.fabric.vertex_of(DeviceId(0));
    flow.to = cluster.fabric.vertex_of(DeviceId(device));
    return link_class_of(cluster, route_pattern(cluster.fabric, *cluster.router, {&flow, 1}));
  };
  CHECK(class_to(1) == "bridged-pair");
  CHECK(class_to(2) == "scale-out");
}

TEST_CASE("results carry a band around their iteration time") {
  const Outcome outcome = run_orrery({"run", "tiny", "--json"});
  REQUIRE(outcome.exit_code == 0);
  const Json metrics = parse_json(outcome.out, "output")["metrics"];
  const double low = metrics["iteration_s_low"], time = metrics["iteration_s"], high = metrics["iteration_s_high"];
  CHECK(0 < low);
  CHECK(low < time);
  CHECK(time < high);
}

TEST_CASE(
    "a job has its band whatever stands idle beside it, and none on devices that no measurement was compared with") {
  const auto band_of = [](const char* beside, int first, const char* precision) {
    const Folder folder;
    const Json document = {
        {"orrery", "scenario/1"},
        {"name", "two-pools"},
        {"cluster",
         {{"pools", {{{"node", "dgx-a100-80gb"}, {"count", 1}}, {{"node", beside}, {"count", 1}}}},
          {"fabric", {{"kind", "fat-tree"}, {"levels", 2}, {"radix", 64}, {"link", "infiniband-ndr-400"}}}}},
        {"jobs",
         {{{"model", "gpt3-1.3b"},
           {"precision", precision},
           {"batch", {{"global", 8}, {"micro", 1}}},
           {"software", "pytorch-ddp"},
           {"placement", {{"first", first}, {"count", 8}}}}}}};
    const Outcome outcome = run_orrery({"run", folder.write("two.json", document.dump()), "--json"});
    REQUIRE(outcome.exit_code == 0);
    return parse_json(outcome.out, "output")["metrics"]["iteration_s_low"];
  };
  CHECK(band_of("dgx-h100", 0, "bf16").is_number());
  CHECK(band_of("trn2-48xlarge", 0, "bf16") == band_of("dgx-h100", 0, "bf16"));
  CHECK(band_of("trn2-48xlarge", 8, "bf16").is_null());
}

TEST_CASE("samples that the model cannot meet are warned of, and a type that is a guess is no sample") {
  const Folder folder;
  const auto outcome = [&](bool typed) {
    Json runs = Json::array();
    for (int i = 0; i < 12; ++i)
      runs.push_back({{"id", "k" + std::to_string(i)},
                      {"kernel", "gemm"},
                      {"precision", typed ? Json("fp16") : Json(nullptr)},
                      {"shape", {{"m", 4096}, {"n", 4096}, {"k", 4096}}},
                      {"measured", {{"time_s", i % 2 ? 1e-6 : 1.0}}}});
    const Json document = {{"format", "orrery/measured/1"},
                           {"kind", "kernel"},
                           {"cluster", {{"accelerator", "nvidia-a100-sxm4-80gb"}}},
                           {"runs", runs}};
    return run_orrery({"calibrate", folder.write("mine.json", document.dump())});
  };
  CHECK_THAT(outcome(true).err, Contains("warning: nvidia-a100-sxm4-80gb, gemm fp16: median residual"));
  CHECK(outcome(false).exit_code == 2);
}
