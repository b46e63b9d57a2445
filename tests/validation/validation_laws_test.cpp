// What must hold for any corpus: predictions know nothing of names, order, neighbours or worker processes; the scenario
// that is shown is the one that is run; and a figure of a data sheet moves what depends on it, by as much as it should.
#include <algorithm>
#include <random>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "kernels/cost_models.hpp"
#include "kernels/shapes.hpp"
#include "scenarios/run_scenario.hpp"
#include "scenarios/validate.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using test::Folder;
using test::run_orrery;

namespace {

const std::string measured = std::string(ORRERY_SOURCE_DATA_DIR) + "/tests/validation/measured";

const Library& shipped() {
  static const Library library({ORRERY_SOURCE_DATA_DIR});
  return library;
}

// Some rows of every file, of at most 256 devices, `count` in all.
std::vector<MeasuredRow> sample(std::size_t count) {
  std::vector<MeasuredRow> rows;
  for (std::size_t nth = 0; rows.size() < count; ++nth)
    for (const auto& file : measured_files({measured})) {
      const MeasuredFile all = read_measured(file);
      const std::size_t i = nth * 7;
      if (i >= all.rows.size() || rows.size() >= count) continue;
      const Json* devices = all.rows[i].at("devices");
      if (!devices || (devices->is_number() && devices->get<double>() <= 256)) rows.push_back(all.rows[i]);
    }
  return rows;
}

}  // namespace

TEST_CASE("renaming every id, source and file and shuffling the rows changes no prediction") {
  const std::vector<MeasuredRow> rows = sample(150);
  std::vector<std::size_t> order(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937 random(5);
  std::shuffle(order.begin(), order.end(), random);
  std::vector<MeasuredRow> renamed;
  for (std::size_t i : order) {
    MeasuredRow row = rows[i];
    row.id = fmt::format("run {}", i);
    row.source = row.kind + "/elsewhere";
    row.file = "/nowhere.json";
    row.run["id"] = row.id;
    renamed.push_back(std::move(row));
  }
  const Validation before = validate(rows, Fidelity::analytic, shipped(), 2, {});
  const Validation after = validate(renamed, Fidelity::analytic, shipped(), 2, {});
  std::size_t predicted = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const Prediction &p = before.rows[order[k]].prediction, &q = after.rows[k].prediction;
    INFO(before.rows[order[k]].row.id);
    CHECK(p.predicted == q.predicted);
    CHECK(p.low == q.low);
    CHECK(p.high == q.high);
    CHECK(p.skipped == q.skipped);
    predicted += p.predicted ? 1 : 0;
  }
  CHECK(predicted > rows.size() / 2);
}

TEST_CASE("the same run first and last of two hundred is predicted the same, by one worker and by two") {
  std::vector<MeasuredRow> rows = sample(198);
  const auto run = std::find_if(rows.begin(), rows.end(),
                                [](const MeasuredRow& r) { return r.kind == "training" && r.grade == "A"; });
  REQUIRE(run != rows.end());
  const MeasuredRow chosen = *run;
  rows.insert(rows.begin(), chosen);
  rows.push_back(chosen);
  REQUIRE(rows.size() == 200);
  const Validation one = validate(rows, Fidelity::analytic, shipped(), 1, {});
  CHECK(prediction_json(one.rows.front().prediction).dump() == prediction_json(one.rows.back().prediction).dump());
  REQUIRE(one.rows.front().prediction.predicted);
  CHECK(validation_json(one).dump() == validation_json(validate(rows, Fidelity::analytic, shipped(), 2, {})).dump());
}

TEST_CASE("what --show prints for a row, given to run, is predicted the same number") {
  const Folder folder;
  for (const auto& [file, id] : {std::pair<std::string, std::string>{"training/korthikanti_2022_a100.json",
                                                                     "korthikanti-t5-megatron-22B-selective"},
                                 {"training/maxtext_tpu_v5e.json", "maxtext-v5e-16B-256"}}) {
    INFO(id);
    const auto shown = run_orrery({"validate", measured + "/" + file, "--show", id});
    INFO(shown.err);
    REQUIRE(shown.exit_code == 0);
    const auto run = run_orrery({"run", folder.write("shown.json", shown.out), "--json"});
    INFO(run.err);
    REQUIRE((run.exit_code == 0 || run.exit_code == 3));
    const Json all = Json::parse(run_orrery({"validate", measured + "/" + file, "--json"}).out);
    double predicted = 0;
    for (const Json& row : all["runs"])
      if (row["id"] == id) predicted = row["predicted"];
    CHECK(Json::parse(run.out)["metrics"]["iteration_s"] == predicted);
  }
}

TEST_CASE("a fifth less memory bandwidth moves memory-bound kernels by its share and large products hardly") {
  const auto device = load_part<DeviceModel>("hardware/accelerators", "nvidia-a100-sxm4-80gb", shipped());
  DeviceModel slow = device;
  slow.memory.bandwidth = *slow.memory.bandwidth * 0.8;
  const auto costs = make_cost_model({&device, 1}, shipped()), slow_costs = make_cost_model({&slow, 1}, shipped());
  const auto ratio = [&](const Kernel& kernel) {
    const auto time = [&](const CostModel& model) {
      return model.sequence(DeviceTypeId(std::size_t{0}), {&kernel, 1}, {}).time.value;
    };
    return time(*slow_costs) / time(*costs);
  };
  CHECK(ratio(elementwise(1'000'000'000, 4e9, 1e9, DataType::bf16)) == Approx(1.25).epsilon(0.01));
  CHECK(ratio(normalization(65536, 12288, 8, DataType::bf16)) == Approx(1.25).epsilon(0.01));
  CHECK(ratio(optimizer_step(1e9, 28, 1)) == Approx(1.25).epsilon(0.01));
  CHECK(ratio(gemm(8192, 8192, 8192, DataType::bf16)) < 1.01);
}

TEST_CASE("a fifth less memory bandwidth slows an iteration by the share of its memory-bound kernels") {
  const auto run = [](const std::string& bandwidth) {
    const Json document = Json::parse(R"({ "orrery": "scenario/1", "name": "bandwidth",
      "cluster": { "pools": [{ "count": 1, "node": { "base": "dgx-a100-80gb",
        "device": { "base": "nvidia-a100-sxm4-80gb", "memory": { "bandwidth": ")" +
                                      bandwidth + R"(" } } } }], "fabric": { "kind": "none" } },
      "jobs": [{ "model": "gpt3-1.3b", "precision": "bf16", "batch": { "global": 64, "micro": 4 },
                 "plan": { "tensor": 2 }, "software": "megatron-core" }] })");
    return run_scenario(read_scenario({document, "bandwidth.json"}, shipped()), "bandwidth.json", shipped())
        .metrics.jobs.at(0);
  };
  const JobMetrics full = run("2039 GB/s"), slow = run("1631.2 GB/s");
  double memory_bound = 0;
  for (const auto& [kernel, seconds] : full.mean.compute_by_kernel_s)
    if (kernel != "gemm" && !kernel.starts_with("attention") && kernel != "host launch") memory_bound += seconds;
  const double expected = full.iteration_s + memory_bound * 0.25;
  CHECK(memory_bound > 0.05 * full.iteration_s);
  CHECK(std::abs(slow.iteration_s - expected) < 0.02 * full.iteration_s);
}
