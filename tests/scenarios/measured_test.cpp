// The reader of measured runs: what it takes, what it refuses, and how what a row states becomes a scenario.
#include <filesystem>

#include <catch2/catch.hpp>

#include "scenarios/scenario.hpp"
#include "sim/error.hpp"
#include "tests/support/measured_rows.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;

namespace {

Fault fault_of(const std::string& text) {
  const Folder folder;
  try {
    read_measured(folder.write("source.json", text));
  } catch (const SpecError& error) {
    REQUIRE(error.faults().size() == 1);
    return error.faults()[0];
  }
  return {};
}

}  // namespace

TEST_CASE("a file of measured runs is read with its cluster beside every row and unknown keys ignored") {
  const MeasuredRow row = row_of(gpt_run());
  CHECK(row.source == "training/source");
  CHECK(row.grade == "A");
  CHECK(row.exclude.empty());
  CHECK(row.need_text("cluster/accelerator") == "nvidia-a100-sxm4-80gb");
  CHECK(row.need_integer("model/layers") == 24);
  CHECK_FALSE(row.has("model/head_dim"));
  CHECK_FALSE(row.number("measured/mfu"));
}

TEST_CASE("a truncated file, another format, another kind and a file without runs are one clear fault each") {
  const std::string whole = file_of(gpt_run());
  CHECK_FALSE(fault_of(whole.substr(0, whole.size() / 2)).expected.empty());
  CHECK(fault_of(R"({"format": "orrery/measured/2", "kind": "training", "runs": []})").pointer == "/format");
  CHECK(fault_of(R"({"orrery": "scenario/1"})").pointer == "/format");
  CHECK(fault_of(R"([1, 2])").pointer == "/format");
  CHECK(fault_of(R"({"format": "orrery/measured/1", "kind": "cooking", "runs": []})").pointer == "/kind");
  CHECK(fault_of(R"({"format": "orrery/measured/1", "kind": "training"})").pointer == "/runs");
  CHECK(fault_of(R"({"format": "orrery/measured/1", "kind": "training", "runs": [3]})").pointer == "/runs/0");
  CHECK(fault_of(R"({"format": "orrery/measured/1", "kind": "training", "runs": [{"id": 7}]})").pointer ==
        "/runs/0/id");
  CHECK(fault_of(R"({"format": "orrery/measured/1", "kind": "kernel", "data_file": "../other.csv"})").pointer ==
        "/data_file");
  CHECK(fault_of(R"({"format": "orrery/measured/1", "kind": "kernel", "data_file": "absent.csv"})").pointer ==
        "/data_file");
}

TEST_CASE("a CSV beside the file gives one row per line, numbers as numbers and empty cells as unknown") {
  const Folder folder;
  folder.write("table.csv", "m,n,k,precision,time_ms\r\n1,2,3,\"fp16, \"\"fast\"\"\",0.5\r\n4,5,6,,\r\n");
  const auto file = folder.write(
      "table.json", R"({"format": "orrery/measured/1", "kind": "kernel", "data_file": "table.csv", "rows": 2,
                                                   "cluster": {"accelerator": "x"}, "runs": []})");
  const MeasuredFile read = read_measured(file);
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rows[0].need_integer("k") == 3);
  CHECK(read.rows[0].need_text("precision") == "fp16, \"fast\"");
  CHECK(read.rows[0].need_number("time_ms") == 0.5);
  CHECK_FALSE(read.rows[1].has("time_ms"));
  CHECK(read.rows[0].id != read.rows[1].id);
  folder.write("table.csv", "m,n,k\n1,2\n");
  CHECK_THROWS_AS(read_measured(file), SpecError);
}

TEST_CASE("a CSV has truths, numbers for names and a byte order mark, and its empty cells hide nothing") {
  const Folder folder;
  folder.write("table.csv",
               "\xEF\xBB\xBFid,model/causal,exclude,cluster/accelerator,cluster/scale_out/link\n"
               "1,TRUE,false,,b\n2,false,true,y,\n");
  const auto file = folder.write("table.json",
                                 R"({"format": "orrery/measured/1", "kind": "training", "data_file": "table.csv",
      "cluster": {"accelerator": "x", "scale_out": {"link": "a", "ports_per_node": 8}}})");
  const std::vector<MeasuredRow> rows = read_measured(file).rows;
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].id == "1");
  CHECK(rows[0].flag("model/causal") == true);
  CHECK(rows[1].flag("model/causal") == false);
  CHECK(rows[0].exclude.empty());
  CHECK_FALSE(rows[1].exclude.empty());
  CHECK(rows[0].need_text("cluster/accelerator") == "x");
  CHECK(rows[1].need_text("cluster/accelerator") == "y");
  CHECK(rows[0].need_text("cluster/scale_out/link") == "b");
  CHECK(rows[1].need_text("cluster/scale_out/link") == "a");
  CHECK(rows[0].need_integer("cluster/scale_out/ports_per_node") == 8);
  folder.write("table.csv", "id,precision\n1,bf16\xE9\n");
  CHECK_THROWS_WITH(read_measured(file), Catch::Contains("line 2") && Catch::Contains("UTF-8"));
}

TEST_CASE("a heading with slashes is a field inside others, as in a JSON file") {
  const Folder folder;
  folder.write("table.csv",
               "id,devices,model/layers,model/hidden,measured/iteration_s,cluster/accelerator\n"
               "first,8,24,2048,1.5,y\n");
  const auto file = folder.write(
      "table.json",
      R"({"format": "orrery/measured/1", "kind": "training", "data_file": "table.csv", "cluster": {"accelerator": "x"}})");
  const MeasuredRow row = read_measured(file).rows.at(0);
  CHECK(row.need_integer("model/layers") == 24);
  CHECK(row.need_integer("model/hidden") == 2048);
  CHECK(row.need_number("measured/iteration_s") == 1.5);
  CHECK(row.need_text("cluster/accelerator") == "y");
  for (const char* header : {"model,model/layers", "model/layers,model", "a,a", "/a,b", "a/,b", "a//b,c"}) {
    folder.write("table.csv", std::string(header) + "\n1,2\n");
    INFO(header);
    CHECK_THROWS_AS(read_measured(file), SpecError);
  }
}

TEST_CASE("a folder stands for all its JSON files, each once") {
  const Folder folder;
  std::filesystem::create_directories(folder.path("inner"));
  const auto first = folder.write("b.json", file_of(gpt_run()));
  folder.write("inner/a.json", file_of(gpt_run()));
  folder.write("notes.txt", "not ours");
  CHECK(measured_files({folder.path(), first}).size() == 2);
  std::filesystem::create_directories(folder.path("empty"));
  CHECK_THROWS_AS(measured_files({folder.path("empty")}), SpecError);
}

TEST_CASE("a value of the wrong type is the row's fault and names its place") {
  Json run = gpt_run();
  run["model"]["layers"] = "24";
  CHECK(reason_of(row_of(run)) == "faulty row: at /runs/0/model/layers: expected a number, found \"24\"");
  run["model"]["layers"] = 24.5;
  CHECK(reason_of(row_of(run)).find("expected an integer") != std::string::npos);
}

TEST_CASE("a row becomes the scenario that it states") {
  const Json document = scenario_of(row_of(gpt_run()));
  const Library library({ORRERY_SOURCE_DATA_DIR});
  const Scenario s = read_scenario({document, "row"}, library);
  REQUIRE(s.cluster.pools.size() == 1);
  CHECK(s.cluster.pools[0].count == 2);
  CHECK(s.cluster.pools[0].node.devices == 8);
  CHECK(s.cluster.pools[0].node.nics->count == 8);
  CHECK(s.cluster.pools[0].node.nics->link.name == "infiniband-hdr-200");
  const JobSpec& job = s.jobs.at(0);
  CHECK(job.model.layers == 24);
  CHECK(job.batch.global == 32);
  CHECK(job.plan.tensor == 4);
  CHECK(job.plan.data == 2);
  CHECK(job.plan.zero_stage == 1);
  CHECK(job.plan.recompute == Recompute::full);
  CHECK(job.precision == DataType::fp16);
  CHECK(job.software.name == "megatron-lm-2021");
  CHECK_FALSE(job.placement);
}

TEST_CASE("a run smaller than a node uses part of the node") {
  Json run = gpt_run();
  run["devices"] = 2;
  run["parallelism"] = {{"data", 2}, {"tensor", 1}, {"pipeline", 1}};
  const Json document = scenario_of(row_of(run));
  CHECK(document["cluster"]["pools"][0]["count"] == 1);
  CHECK(document["cluster"]["pools"][0]["node"]["devices"] == 8);
  CHECK(document["jobs"][0]["placement"]["count"] == 2);
}

TEST_CASE("an NVL72 system holds 64 devices in one domain and splits 128 evenly over two") {
  Json cluster = Json::parse(R"({"accelerator": "nvidia-gb200-nvl72", "devices_per_node": 4,
    "scale_up": {"kind": "nvswitch", "link": "nvlink5", "domain": 72}, "scale_out": {"link": "infiniband-ndr-400", "ports_per_node": 4}})");
  Json run = gpt_run();
  run["devices"] = 64;
  run["parallelism"] = {{"data", 64}, {"tensor", 1}, {"pipeline", 1}};
  const Json one = scenario_of(row_of(run, cluster));
  CHECK(one["cluster"]["pools"][0]["node"]["devices"] == 72);
  CHECK(one["cluster"]["pools"][0]["count"] == 1);
  run["devices"] = 128;
  run["parallelism"]["data"] = 128;
  const Json two = scenario_of(row_of(run, cluster));
  CHECK(two["cluster"]["pools"][0]["node"]["devices"] == 64);
  CHECK(two["cluster"]["pools"][0]["count"] == 2);
  CHECK(two["cluster"]["pools"][0]["node"]["nics"]["count"] == 64);
}

TEST_CASE("a TPU slice is the most cubic torus of whole cubes, a square in two dimensions") {
  CHECK(torus_shape(256, 2) == std::vector<std::int64_t>{16, 16});
  CHECK(torus_shape(64, 3) == std::vector<std::int64_t>{4, 4, 4});
  CHECK(torus_shape(128, 3) == std::vector<std::int64_t>{4, 4, 8});
  CHECK(torus_shape(192, 3) == std::vector<std::int64_t>{4, 4, 12});
  CHECK(torus_shape(8, 2) == std::vector<std::int64_t>{2, 4});
  CHECK(torus_shape(7, 3) == std::vector<std::int64_t>{1, 1, 7});
}

TEST_CASE("slices of a TPU run are nodes joined by the data-centre network") {
  const Json cluster = Json::parse(R"({"accelerator": "google-tpu-v5p", "devices_per_node": 4,
    "scale_up": {"kind": "ici-torus-3d", "link": "ici-v5p", "domain": null}, "scale_out": {"link": "dcn", "ports_per_node": null}})");
  Json run = gpt_run();
  run["devices"] = 128;
  run["framework"] = "MaxText";
  run["precision"] = "bf16";
  run["recompute"] = "minimal";
  run["parallelism"] = {{"data", 32}, {"tensor", 4}, {"pipeline", 1}, {"data_across_slices", 2}};
  const Json document = scenario_of(row_of(run, cluster));
  const Json& pool = document["cluster"]["pools"][0];
  CHECK(pool["count"] == 2);
  CHECK(pool["node"]["scale_up"]["kind"] == "torus");
  CHECK(pool["node"]["scale_up"]["dimensions"] == Json::parse("[4, 4, 4]"));
  CHECK(pool["node"]["nics"] == Json::parse(R"({"link": "dcn", "count": 32})"));
  CHECK(document["jobs"][0]["plan"]["recompute"] == "minimal");
}

TEST_CASE("what is not modelled is said, not guessed") {
  Json run = gpt_run();
  run["model"]["family"] = "moe";
  CHECK(reason_of(row_of(run)) == "model/experts is not stated");
  run = gpt_run();
  run["model"]["family"] = "hybrid";
  CHECK(reason_of(row_of(run)) == "hybrid state-space models are not modelled yet");
  run = gpt_run();
  run["offload"] = "nvme: optimizer";
  CHECK(reason_of(row_of(run)) == "offload to disks is not modelled");
  run = gpt_run();
  run["parallelism"]["data"] = 3;
  CHECK(reason_of(row_of(run)).find("are not 16 devices") != std::string::npos);
  for (const char* degrees : {R"({"data": 32})", R"({"tensor": 32})", R"({"pipeline": 9007199254740992})",
                              R"({"data": 2, "tensor": 2, "pipeline": 8})"}) {
    run = gpt_run();
    run["parallelism"] = Json::parse(degrees);
    INFO(degrees);
    CHECK(reason_of(row_of(run)).find("are not 16 devices") != std::string::npos);
  }
  run = gpt_run();
  run["parallelism"]["virtual_pipeline"] = 1000;
  CHECK(reason_of(row_of(run)) == "faulty row: virtual_pipeline 1000 of 24 layers");
  run["parallelism"]["virtual_pipeline"] = 0;  // none
  CHECK(scenario_of(row_of(run))["jobs"][0]["plan"]["virtual_pipeline"] == 1);
  run = gpt_run();
  run["model"].erase("layers");
  CHECK(reason_of(row_of(run)) == "model/layers is not stated");
}

TEST_CASE("mixtures of experts, latent attention, windows and offload are read from a row") {
  Json run = gpt_run();
  run["model"]["head_dim"] = 192;
  run["model"]["experts"] = {{"count", 64}, {"active", 6}, {"shared", 2}, {"ffn_hidden", 1408}, {"dense_layers", 1}};
  run["model"]["mla"] = {{"q_lora_rank", 1536}, {"kv_lora_rank", 512}, {"v_head_dim", 128}};
  run["model"]["sliding_window"] = {{"tokens", 128}, {"every_other_layer", true}};
  run["parallelism"]["expert"] = 2;
  run["offload"] = "cpu: activations and optimizer states";
  RulesUsed used;
  const Json job = training_scenario(row_of(run), used)["jobs"][0];
  CHECK(job["model"]["experts"] ==
        Json::parse(R"({"count": 64, "active": 6, "ffn_hidden": 1408, "dense_layers": 1, "shared_ffn_hidden": 2816})"));
  CHECK(job["model"]["latent_attention"] ==
        Json::parse(R"({"key_value_rank": 512, "rotary_width": 64, "value_width": 128, "query_rank": 1536})"));
  CHECK(job["model"]["sliding_window"] == Json::parse(R"({"tokens": 128, "full_every": 2})"));
  CHECK(job["plan"]["expert"] == 2);
  CHECK(job["plan"]["offload"] == Json::parse(R"({"optimizer": true, "activations": 1})"));
}

TEST_CASE("models of two stacks are refused, positions may be a yes or a no") {
  Json run = gpt_run();
  run["model"]["family"] = "T5";
  CHECK(reason_of(row_of(run)) == "encoder-decoder transformers are not modelled");
  run = gpt_run();
  run["model"]["learned_positions"] = true;
  CHECK(scenario_of(row_of(run))["jobs"][0]["model"]["learned_positions"] == 2048);
  run["model"]["learned_positions"] = false;
  CHECK(scenario_of(row_of(run))["jobs"][0]["model"]["learned_positions"] == 0);
}
