// Predicted beside measured: predictions depend on what a row says and on nothing else, bad rows cost only themselves.
#include "scenarios/validate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include <catch2/catch.hpp>

#include "scenarios/run_scenario.hpp"
#include "scenarios/workers.hpp"

using namespace orrery;

namespace {

const Library& shipped() {
  static const Library library({ORRERY_SOURCE_DATA_DIR});
  return library;
}

MeasuredRow row(const std::string& id, const std::string& kind, const std::string& run,
                const std::string& grade = "A") {
  MeasuredRow r;
  r.id = id;
  r.kind = kind;
  r.source = kind + "/hand-made";
  r.grade = grade;
  r.run = Json::parse(run);
  return r;
}

const std::string a100 = R"("cluster": {"accelerator": "nvidia-a100-sxm4-80gb", "devices_per_node": 8,
  "scale_up": {"kind": "nvswitch", "link": "nvlink3", "domain": 8}, "scale_out": {"link": "infiniband-hdr-200", "ports_per_node": 8}})";

std::string gpt(const std::string& layers, const std::string& devices, const std::string& data) {
  return R"({"devices": )" + devices + R"(, "precision": "fp16", "framework": "Megatron-LM", "recompute": "full",
    "model": {"family": "gpt", "layers": )" +
         layers + R"(, "hidden": 1024, "heads": 16, "vocabulary": 51200, "sequence": 1024},
    "batch": {"global": 16, "micro": 2}, "measured": {"iteration_s": 0.5},
    "parallelism": {"data": )" +
         data +
         R"(, "tensor": 2, "pipeline": 2, "virtual_pipeline": 1, "zero_stage": 0, "sequence_parallel": false}, )" +
         a100 + "}";
}

std::vector<MeasuredRow> some_rows() {
  return {
      row("step", "training", gpt("8", "8", "2")),
      row("half a node", "training", gpt("4", "4", "1")),
      row("wrong type", "training", gpt("\"8\"", "8", "2")),
      row("gemm", "kernel",
          R"({"kernel": "gemm", "shape": {"m": 4096, "n": 4096, "k": 4096}, "precision": "fp16", "measured": {"tflops": 250}, )" +
              a100 + "}",
          ""),
      row("attention", "kernel",
          R"({"kernel": "attention_forward_backward", "implementation": "FlashAttention-2", "precision": "fp16",
              "shape": {"sequence": 2048, "batch": 8, "heads": 16, "head_dim": 128, "causal": true}, "measured": {"tflops": 180}, )" +
              a100 + "}"),
      row("all-reduce", "collective",
          R"({"collective": "all_reduce", "devices": 8, "nodes": 1, "bytes": 268435456, "measured": {"busbw_GBs": 220}, )" +
              a100 + "}"),
      row("two nodes", "collective",
          R"({"collective": "all_reduce", "devices": 16, "nodes": 2, "bytes": 268435456, "measured": {"algbw_GBs": 90}, )" +
              a100 + "}",
          "B"),
      row("power", "power", R"({"workload": "ssd", "measured": {"node_avg_power_W": 6859}})"),
      row("capped", "power", R"({"network": "bert_base_uncased", "dataset": "squad", "batch_size": 24, "gpu": "v100",
          "power_limit_W": 150, "average_power_W": 146.65,
          "cluster": {"accelerator": "column gpu: v100 = nvidia-v100, a40 = nvidia-a40"}})",
          "")};
}

Validation run(std::vector<MeasuredRow> rows, int jobs) {
  return validate(std::move(rows), Fidelity::flow, shipped(), jobs, {});
}

const Prediction& of(const Validation& v, const std::string& id) {
  const auto it = std::find_if(v.rows.begin(), v.rows.end(), [&](const ValidatedRow& r) { return r.row.id == id; });
  REQUIRE(it != v.rows.end());
  return it->prediction;
}

}  // namespace

TEST_CASE("one and several worker processes give the same document to the byte") {
  const std::string one = validation_json(run(some_rows(), 1)).dump();
  CHECK(one == validation_json(run(some_rows(), 3)).dump());
  CHECK(validation_csv(run(some_rows(), 1)) == validation_csv(run(some_rows(), 2)));
}

TEST_CASE("shuffling rows and renaming them changes no prediction") {
  const Validation before = run(some_rows(), 2);
  std::vector<MeasuredRow> rows = some_rows();
  std::reverse(rows.begin(), rows.end());
  for (MeasuredRow& r : rows) r.id = "../" + r.id + " renamed {}";
  const Validation after = run(rows, 2);
  for (const ValidatedRow& r : before.rows) {
    INFO(r.row.id);
    const Prediction& renamed = of(after, "../" + r.row.id + " renamed {}");
    CHECK(renamed.predicted == r.prediction.predicted);
    CHECK(renamed.skipped == r.prediction.skipped);
  }
}

TEST_CASE("the scenario that is shown for a row, run by itself, gives the predicted number bit for bit") {
  for (const Fidelity fidelity : {Fidelity::flow, Fidelity::analytic}) {
    const MeasuredRow r = row("step", "training", gpt("8", "8", "2"));
    const Json shown = Json::parse(shown_scenario(r, fidelity, shipped()).dump(2));
    const ScenarioRun result = run_scenario(read_scenario({shown, "step.json"}, shipped()), "step.json", shipped());
    CHECK(predict(r, fidelity, shipped()).predicted == result.metrics.jobs.at(0).iteration_s);
  }
}

TEST_CASE("a bad row is listed with its reason and the others are predicted") {
  const Validation v = run(some_rows(), 2);
  CHECK(of(v, "wrong type").skipped.find("model/layers") != std::string::npos);
  CHECK_FALSE(of(v, "wrong type").predicted);
  CHECK(of(v, "power").skipped.find("ssd") != std::string::npos);
  CHECK(of(v, "power").measured == 6859);
  for (const char* id : {"step", "half a node", "gemm", "attention", "all-reduce", "two nodes", "capped"}) {
    INFO(id);
    CHECK(of(v, id).skipped.empty());
    CHECK(*of(v, id).predicted > 0);
  }
}

TEST_CASE("rates become times with what the source counts") {
  const Validation v = run(some_rows(), 1);
  CHECK(*of(v, "gemm").measured == Approx(2 * 4096.0 * 4096 * 4096 / 250e12));
  const double pairs = 2048.0 * 2048 / 2;
  CHECK(*of(v, "attention").measured == Approx(14 * pairs * 128 * 16 * 8 / 180e12));
  CHECK(*of(v, "all-reduce").measured == Approx(2 * 7.0 / 8 * 268435456 / 220e9));
  CHECK(*of(v, "two nodes").measured == Approx(268435456 / 90e9));
}

TEST_CASE("statistics cover rows graded A, A- or not at all, and others are predicted and listed only") {
  const Validation v = run(some_rows(), 2);
  CHECK(v.overall.statistics.runs == 8);
  CHECK(v.overall.statistics.simulated == 6);
  const auto collectives = std::find_if(v.by_source.begin(), v.by_source.end(),
                                        [](const auto& s) { return s.source == "collective/hand-made"; });
  REQUIRE(collectives != v.by_source.end());
  CHECK(collectives->statistics.runs == 1);
  CHECK(of(v, "two nodes").predicted);
}

TEST_CASE("an excluded row says so and is not predicted") {
  MeasuredRow r = row("step", "training", gpt("8", "8", "2"));
  r.exclude = "contradicts itself";
  const Validation v = run({r}, 1);
  CHECK(v.rows[0].prediction.skipped == "excluded: contradicts itself");
  CHECK(v.overall.statistics.runs == 1);
  CHECK(v.overall.statistics.simulated == 0);
}

TEST_CASE("the document has the keys that its readers rely on") {
  const Json document = validation_json(run(some_rows(), 2));
  for (const char* key : {"runs", "simulated", "median_abs_error", "mean_abs_error", "p90_abs_error", "worst_abs_error",
                          "bias", "geomean_error", "share_in_band", "median_band_width", "median_of_source_medians"})
    CHECK(document["overall"].contains(key));
  for (const char* key : {"source", "median_abs_error", "rank_correlation"})
    CHECK(document["by_source"][0].contains(key));
  for (const char* key :
       {"id", "source", "grade", "metric", "predicted", "measured", "error", "low", "high", "skipped"})
    CHECK(document["runs"][0].contains(key));
  const Json& first = document["runs"][0];
  CHECK(first["error"].get<double>() == Approx(first["predicted"].get<double>() / first["measured"].get<double>() - 1));
}

TEST_CASE("the two simple models are exact where every row obeys them") {
  std::vector<Prediction> rows(4);
  for (int i = 0; i < 4; ++i) {
    rows[static_cast<std::size_t>(i)].group = "device, fp16";
    rows[static_cast<std::size_t>(i)].metric = "time_s";
    rows[static_cast<std::size_t>(i)].predicted = 1;
    rows[static_cast<std::size_t>(i)].model_flops_s = rows[static_cast<std::size_t>(i)].hardware_flops_s = 1.0 + i;
    rows[static_cast<std::size_t>(i)].measured = 2 * (1.0 + i);  // half of the peak
  }
  const auto fitted = fit_baselines(rows, {true, true, true, true});
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(*fitted[i].constant_mfu == Approx(*rows[i].measured));
    CHECK(*fitted[i].roofline == Approx(*rows[i].measured).epsilon(0.05));
  }
}

TEST_CASE("simple models are not shown for rows that they cannot be wrong on") {
  std::vector<Prediction> rows(3);
  for (Prediction& p : rows) {
    p.group = "device, fp16";
    p.metric = "time_s";
    p.predicted = p.model_flops_s = p.hardware_flops_s = 1;
    p.measured = 2;
  }
  const auto shown = [&](std::size_t n) {
    const auto fitted = fit_baselines({rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n)},
                                      std::vector<bool>(n, true));
    return std::pair(fitted[0].constant_mfu.has_value(), fitted[0].roofline.has_value());
  };
  CHECK(shown(1) == std::pair(false, false));
  CHECK(shown(2) == std::pair(true, false));
  CHECK(shown(3) == std::pair(true, true));
}

TEST_CASE("a worker that dies costs its item only") {
  const auto results = run_in_workers(9, 2,
                                      [](std::size_t i) {
                                        if (i % 3 == 1) std::_Exit(7);
                                        return std::string(i, 'x');
                                      },
                                      {});
  REQUIRE(results.size() == 9);
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(results[i].has_value() == (i % 3 != 1));
    if (results[i]) CHECK(*results[i] == std::string(i, 'x'));
  }
}

TEST_CASE("answers longer than a pipe holds arrive whole") {
  const auto results = run_in_workers(3, 2, [](std::size_t i) { return std::string(300000 + i, 'y'); }, {});
  for (std::size_t i = 0; i < 3; ++i) CHECK(results[i]->size() == 300000 + i);
}

TEST_CASE("a power row that states its model is a training step under its limit") {
  const auto power_at = [](const char* limit) {
    const MeasuredRow r = row("own", "power",
                              std::string(R"({"accelerator": "nvidia-a100-sxm4-80gb", "devices": 1, "precision": "bf16",
        "model": {"layers": 12, "hidden": 2048, "heads": 16, "vocabulary": 50304, "sequence": 2048},
        "batch": {"global": 8, "micro": 8}, "parallelism": {"data": 1, "tensor": 1, "pipeline": 1},
        "framework": "Megatron-LM", "measured": {"power_W": 300}, "power_limit_W": )") +
                                  limit + "}");
    const Prediction p = predict(r, Fidelity::analytic, Library::installed());
    INFO(p.skipped);
    REQUIRE(p.predicted);
    return *p.predicted;
  };
  CHECK(power_at("200") <= 200);
  CHECK(power_at("200") > 150);
  CHECK(power_at("null") > 1.1 * power_at("200"));
}

TEST_CASE("average power stays below the limit that a row states") {
  double last = 1e9;
  for (const char* limit : {"250", "200", "150", "100"}) {
    const MeasuredRow r = row("capped", "power",
                              R"({"network": "bert_base_uncased", "dataset": "squad", "batch_size": 24,
                                  "accelerator": "nvidia-v100", "measured": {"average_power_W": 100}, "power_limit_W": )" +
                                  std::string(limit) + "}");
    const Prediction p = predict(r, Fidelity::flow, shipped());
    INFO(p.skipped);
    REQUIRE(p.predicted);
    CHECK(p.metric == "average_power_W");
    CHECK(*p.predicted <= std::atof(limit) * (1 + 1e-9));
    CHECK(*p.predicted <= last);
    last = *p.predicted;
    // What is shown of the row carries the limit, so that a run of it draws the same.
    const Scenario shown = read_scenario({shown_scenario(r, Fidelity::flow, shipped()), "shown"}, shipped());
    CHECK(run_scenario(shown, "shown", shipped()).metrics.jobs.at(0).average_power_W == *p.predicted);
  }
}

TEST_CASE("power of a whole node holds its host, power of devices does not") {
  const std::string head = R"({"workload": "bert", "devices": 8, "nodes": 1, "batch": {"global": 768},
      "accelerator": "nvidia-h100-sxm5-80gb", "measured": )";
  const MeasuredRow node = row("node", "power", head + R"({"node_avg_power_W": 6859}})");
  const MeasuredRow one = row("one", "power", head + R"({"average_power_W": 600}})");
  const auto whole = predict(node, Fidelity::flow, shipped()), device = predict(one, Fidelity::flow, shipped());
  INFO(whole.skipped << device.skipped);
  REQUIRE(whole.predicted);
  REQUIRE(device.predicted);
  CHECK(*whole.predicted > 8 * *device.predicted + 1000);
  CHECK(*device.predicted < 700 * (1 + 1e-9));
}

TEST_CASE("rows are summed up by kind and by class of kernel as well") {
  const Validation v = run(some_rows(), 2);
  const Json document = validation_json(v);
  std::map<std::string, Json> kinds, classes;
  for (const Json& entry : document["by_kind"]) kinds[entry["kind"]] = entry;
  for (const Json& entry : document["by_kernel_class"])
    if (entry["source"].is_null()) classes[entry["class"]] = entry;
  CHECK(kinds.size() == 4);
  CHECK(kinds["training"]["runs"] == 3);
  CHECK(kinds["kernel"]["simulated"] == 2);
  CHECK(kinds["collective"]["runs"] == 1);  // the other is graded B
  REQUIRE(classes.size() == 2);
  for (const auto& [name, id] : {std::pair("gemm", "gemm"), std::pair("attention", "attention")}) {
    const Prediction& p = of(v, id);
    CHECK(p.kernel_class == name);
    CHECK(classes[name]["median_abs_error"].get<double>() == Approx(std::abs(*p.predicted / *p.measured - 1)));
  }
  const std::string text = validation_text(v);
  for (const char* line : {"all training rows", "all kernel rows", "all, gemm", "kernel/hand-made, attention"})
    CHECK(text.find(line) != std::string::npos);
  CHECK(validation_markdown(v).find("| **attention** | **all** | 1 | 1 |") != std::string::npos);
}

TEST_CASE("reasons that differ in the place of the row only are one line") {
  Validation v;
  for (const char* reason : {"faulty row: at /runs/3/model/layers: expected a number, found \"x\"",
                             "faulty row: at /runs/14/model/layers: expected a number, found \"x\"", "other"}) {
    v.rows.emplace_back();
    v.rows.back().prediction.skipped = reason;
  }
  const auto reasons = skip_reasons(v);
  REQUIRE(reasons.size() == 2);
  CHECK(reasons[0] ==
        std::pair<std::string, int>("faulty row: at /runs/*/model/layers: expected a number, found \"x\"", 2));
}

TEST_CASE("a sign between cells that a reason repeats does not end its cell") {
  Validation v;
  v.rows.emplace_back();
  v.rows.back().row.kind = "kernel";
  v.rows.back().prediction.skipped = "kernel \"a|b\" is not modelled";
  CHECK(validation_markdown(v).find("kernel \"a\\|b\" is") != std::string::npos);
}

TEST_CASE("a device whose family was compared with no measurement carries no band") {
  const auto band_on = [](const std::string& accelerator) {
    const MeasuredRow r = row("k", "kernel",
                              R"({"kernel": "stream_copy", "precision": "fp32", "shape": {"elements": 1000000},
                                  "measured": {"time_s": 1}, "cluster": {"accelerator": ")" +
                                  accelerator + "\"}}");
    const Prediction p = predict(r, Fidelity::flow, shipped());
    INFO(p.skipped);
    CHECK(p.predicted);
    return p.low.has_value();
  };
  CHECK(band_on("nvidia-a100-sxm4-80gb"));
  CHECK_FALSE(band_on("cerebras-wse2"));
}

TEST_CASE("send_recv among the devices of a node is predicted") {
  const Prediction p = predict(row("ring", "collective",
                                   R"({"collective": "SendRecv", "devices": 8, "nodes": 1,
      "bytes": 268435456, "measured": {"busbw_GBs": 200}, )" +
                                       a100 + "}"),
                               Fidelity::flow, shipped());
  CHECK(p.skipped.empty());
  CHECK(p.predicted);
}

TEST_CASE("rates become times by one bus factor, nested or flat, and a barrier moves nothing") {
  const auto measured_of = [](const std::string& figures) {
    const Prediction p = predict(
        row("c", "collective", "{" + figures + ", \"devices\": 8, \"nodes\": 1, " + a100 + "}"), Fidelity::flow,
        shipped());
    INFO(p.skipped);
    return p.skipped.empty() ? p.measured : std::nullopt;
  };
  const double gigabyte = 1e9;
  for (const char* kind : {"gather", "scatter", "all_gather", "reduce_scatter", "alltoall"}) {
    const std::string head = "\"collective\": \"" + std::string(kind) + "\", \"bytes\": 1000000000, ";
    CHECK(*measured_of(head + R"("measured": {"busbw_GBs": 400})") == Approx(7.0 / 8 * gigabyte / 400e9));
    CHECK(*measured_of(head + R"("busbw_GBs": 400)") == Approx(7.0 / 8 * gigabyte / 400e9));
    CHECK(*measured_of(head + R"("algbw_GBs": 100)") == Approx(gigabyte / 100e9));
    CHECK(*measured_of(head + R"("time_s": 0.01)") == Approx(0.01));
  }
  CHECK(*measured_of(R"("collective": "all_reduce", "bytes": 1e9, "busbw_GBs": 350)") ==
        Approx(7.0 / 4 * gigabyte / 350e9));
  CHECK(measured_of(R"("collective": "barrier", "measured": {"time_s": 1e-5})"));
  CHECK_FALSE(measured_of(R"("collective": "barrier", "bytes": 1e9, "measured": {"time_s": 1e-5})"));
}

TEST_CASE("rows with a power limit stand beside that limit, and those below it are summed up alone") {
  const auto capped = [](const char* id, const char* limit) {
    return row(id, "power",
               R"({"network": "bert_base_uncased", "dataset": "squad", "batch_size": 24,
                   "accelerator": "nvidia-v100", "measured": {"average_power_W": 80}, "power_limit_W": )" +
                   std::string(limit) + "}");
  };
  const Validation v = validate({capped("bound", "100"), capped("free", "2000")}, Fidelity::flow, shipped(), 1, {});
  const SourceStatistics& s = v.by_source.at(0);
  CHECK(s.power_limit.simulated == 2);
  CHECK(of(v, "free").assumed.find("own-power-limit") != std::string::npos);  // no V100 draws 2 kW
  CHECK(of(v, "bound").assumed.find("own-power-limit") == std::string::npos);
  CHECK(*s.power_limit.worst_abs_error == Approx(2000.0 / 80 - 1));
  REQUIRE(s.below_limit.simulated == 1);
  CHECK(*s.below_limit.median_abs_error == Approx(std::abs(*of(v, "free").predicted / 80 - 1)));
  CHECK(validation_json(v)["by_source"][0]["below_power_limit"]["simulated"] == 1);
  CHECK(validation_text(v).find("1 of 2 rows are predicted more than 5 % below their limit") != std::string::npos);
  CHECK(validation_markdown(v).find("| hand-made | 2 |") != std::string::npos);
}

TEST_CASE("the text lists every row where they are few or asked for, skipped ones with their reason") {
  Validation v;
  for (int i = 0; i < 41; ++i) {
    v.rows.emplace_back();
    v.rows.back().row.id = "row-" + std::to_string(i) + ".";
    v.rows.back().row.kind = "collective";
    v.rows.back().row.source = "collective/x";
    v.rows.back().row.grade = "B";
    if (i == 0)
      v.rows.back().prediction.skipped = "because";
    else
      v.rows.back().prediction.predicted = v.rows.back().prediction.measured = 0.5;
  }
  const auto lists = [](const std::string& text, const char* what) { return text.find(what) != std::string::npos; };
  CHECK_FALSE(lists(validation_text(v), "row-40."));
  CHECK(lists(validation_text(v, true), "row-40."));
  CHECK(lists(validation_text(v, true), "not simulated: because"));
  v.rows.pop_back();
  CHECK(lists(validation_text(v), "row-39."));
  CHECK(lists(validation_text(v), "row-0."));
}
