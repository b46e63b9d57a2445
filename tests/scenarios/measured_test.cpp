// The reader of measured runs: what it takes, what it refuses, and how a row becomes a scenario.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "scenarios/measured_names.hpp"
#include "scenarios/measured_scenario.hpp"
#include "scenarios/scenario.hpp"
#include "sim/error.hpp"
#include "sim/spec.hpp"

using namespace orrery;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("orrery-measured-{}", ::getpid())) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Json gpt_run() {
  return Json::parse(R"j({
    "id": "a", "grade": "A", "devices": 16, "precision": "fp16", "framework": "Megatron-LM (SC21)", "recompute": "full",
    "model": {"family": "gpt", "layers": 24, "hidden": 2048, "heads": 16, "vocabulary": 51200, "sequence": 2048},
    "batch": {"global": 32, "micro": 2},
    "parallelism": {"data": 2, "tensor": 4, "pipeline": 2, "virtual_pipeline": 1, "zero_stage": 1, "sequence_parallel": false},
    "measured": {"iteration_s": 1.0}, "something_new": {"of": "a later year"}})j");
}

Json a100_cluster() {
  return Json::parse(R"({"accelerator": "nvidia-a100-sxm4-80gb", "devices_per_node": 8,
    "scale_up": {"kind": "nvswitch", "link": "nvlink3", "domain": 8},
    "scale_out": {"link": "infiniband-hdr-200", "ports_per_node": 8}})");
}

std::string file_of(const Json& run, const Json& cluster = a100_cluster()) {
  return Json({{"format", "orrery/measured/1"},
               {"kind", "training"},
               {"cluster", cluster},
               {"runs", Json::array({run})}})
      .dump();
}

MeasuredRow row_of(const Json& run, const Json& cluster = a100_cluster()) {
  const Folder folder;
  return read_measured(folder.write("source.json", file_of(run, cluster))).rows.at(0);
}

Json scenario_of(const MeasuredRow& row) {
  RulesUsed used;
  return training_scenario(row, used);
}

std::string reason_of(const MeasuredRow& row) {
  try {
    scenario_of(row);
  } catch (const CannotSimulate& reason) {
    return reason.what();
  }
  return "";
}

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

TEST_CASE("a folder stands for all its JSON files, each once") {
  const Folder folder;
  fs::create_directories(folder.path() / "inner");
  const auto first = folder.write("b.json", file_of(gpt_run()));
  folder.write("inner/a.json", file_of(gpt_run()));
  folder.write("notes.txt", "not ours");
  CHECK(measured_files({folder.path().string(), first.string()}).size() == 2);
  fs::create_directories(folder.path() / "empty");
  CHECK_THROWS_AS(measured_files({(folder.path() / "empty").string()}), SpecError);
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
  run = gpt_run();
  run["model"].erase("layers");
  CHECK(reason_of(row_of(run)) == "model/layers is not stated");
}

TEST_CASE("unstated settings follow the written rules and are listed") {
  Json run = gpt_run();
  run["recompute"] = nullptr;
  run["batch"]["micro"] = nullptr;
  run["parallelism"]["virtual_pipeline"] = nullptr;
  RulesUsed used;
  const Json document = training_scenario(row_of(run), used);
  const Json& plan = document["jobs"][0]["plan"];
  CHECK(plan["recompute"] == "none");
  CHECK(plan["virtual_pipeline"] == 6);
  CHECK(document["jobs"][0]["batch"]["micro"] == 2);
  CHECK(used.count(Rule::recompute_none) == 1);
  CHECK(used.count(Rule::micro_batch) == 1);
  CHECK(used.count(Rule::interleaving) == 1);
  CHECK(rules_line({Rule::recompute_none, Rule::micro_batch}) == "recompute-none, micro-batch");
}

TEST_CASE("every framework of the table has its software profile in the library") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  for (const char* framework :
       {"Megatron-DeepSpeed", "Megatron-LM (2020)", "Megatron-LM (SC21)", "Megatron-LM", "Megatron-Core r0.8.0",
        "Megatron-Bridge, nemo 26.04", "NVIDIA NeMo Framework", "llm-foundry / Composer FSDP",
        "fms-fsdp, torch.compile", "fms-fsdp (no compile)", "InternLM", "torchtitan",
        "torchtitan, torch.compile+Float8", "MaxText", "NVIDIA DeepLearningExamples (PyTorch)", "PyTorch eager",
        "DeepSpeed ZeRO-3", "DeepSpeed, Liger kernels"}) {
    Json run = gpt_run();
    run["framework"] = framework;
    INFO(framework);
    RulesUsed used;
    CHECK_FALSE(library.find("software", software_profile_of(row_of(run), used)).empty());
    CHECK(used.empty());
  }
}

TEST_CASE("an unknown framework is taken for the usual one of its parallelism, and that is listed") {
  Json run = gpt_run();
  run["framework"] = "somebody's own";
  RulesUsed used;
  CHECK(software_profile_of(row_of(run), used) == "megatron-core");
  CHECK(used == RulesUsed{Rule::unknown_framework});
  run["parallelism"]["tensor"] = run["parallelism"]["pipeline"] = 1;
  run["parallelism"]["zero_stage"] = 3;
  CHECK(software_profile_of(row_of(run), used) == "pytorch-fsdp");
}

TEST_CASE("a framework without a release is taken for one that its accelerator and model can have") {
  Json run = gpt_run();
  run["framework"] = "Megatron-LM";
  RulesUsed used;
  CHECK(software_profile_of(row_of(run), used) == "megatron-lm-2022");
  run["model"]["gated_ffn"] = true;
  CHECK(software_profile_of(row_of(run), used) == "megatron-core");
  run = gpt_run();
  run["framework"] = "Megatron-LM";
  run["accelerator"] = "amd-mi300x";
  const Library library({ORRERY_SOURCE_DATA_DIR});
  CHECK(software_profile_of(with_known_names(row_of(run), library, used), used) == "megatron-core");
  CHECK(used.empty());
}

TEST_CASE("names that the library does not have give way to their nearest relatives, and that is listed") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  const auto named = [&](const char* accelerator, const Json& scale_up, const char* port, const char* precision) {
    Json run = gpt_run();
    run["precision"] = precision;
    RulesUsed used;
    const MeasuredRow row = with_known_names(row_of(run, {{"accelerator", accelerator},
                                                          {"devices_per_node", 4},
                                                          {"scale_up", scale_up},
                                                          {"scale_out", {{"link", port}, {"ports_per_node", 4}}}}),
                                             library, used);
    CHECK(used == RulesUsed{Rule::nearest_name});
    return row;
  };
  MeasuredRow row = named("nvidia-a100-sxm4-64gb", {{"kind", "nvlink-mesh"}, {"link", "nvlink3"}}, "infiniband-hdr-100",
                          "bf16");
  CHECK(row.text("cluster/accelerator")->starts_with("nvidia-a100"));
  row = named("intel-gaudi2", {{"kind", "roce-mesh"}, {"link", "gaudi2-roce"}}, "roce-100", "bf16");
  CHECK(row.text("cluster/scale_up/kind") == "xgmi");
  row = named("google-tpu-v4", {{"kind", "ici-torus-3d"}, {"link", "ici"}}, "dcn", "bf16");
  CHECK(row.text("cluster/scale_up/link") == "ici-v4");
  row = named("nvidia-l40s", {{"kind", "pcie"}, {"link", "pcie-gen4"}}, "ethernet-100", "bf16");
  CHECK(row.text("cluster/scale_up/link") == "pcie4-x16");
  row = named("nvidia-h100-sxm5-80gb", {{"kind", "nvswitch"}, {"link", "nvlink4"}}, "infiniband-ndr", "bf16");
  CHECK(row.text("cluster/scale_out/link") == "infiniband-ndr-400");
  row = named("nvidia-h100-sxm5-80gb", {{"kind", "nvswitch"}, {"link", "nvlink4"}}, "slingshot-200", "bf16");
  CHECK(row.text("cluster/scale_out/link") == "ethernet-200");
  row = named("nvidia-h100-sxm5-80gb", {{"kind", "nvswitch"}, {"link", "nvlink4"}}, "roce-400", "FP8-hybrid");
  CHECK(row.text("precision") == "fp8");
  const std::pair<const char*, const char*> spellings[] = {{"HDR InfiniBand", "infiniband-hdr-200"},
                                                           {"4x EDR", "infiniband-edr-100"},
                                                           {"NDR400", "infiniband-ndr-400"},
                                                           {"25 GbE", "ethernet-25"}};
  for (const auto& [spelt, known] : spellings) {
    row = named("nvidia-h100-sxm5-80gb", {{"kind", "nvswitch"}, {"link", "nvlink4"}}, spelt, "float8_e4m3fn");
    CHECK(row.text("cluster/scale_out/link") == known);
    CHECK(row.text("precision") == "fp8");
  }
}

TEST_CASE("a node that is not described is the usual one of its accelerator") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  const auto described = [&](const char* accelerator) {
    RulesUsed used;
    MeasuredRow row = with_known_names(row_of(gpt_run(), {{"accelerator", accelerator}, {"scale_up", nullptr}}),
                                       library, used);
    CHECK(used == RulesUsed{Rule::usual_node});
    return row;
  };
  MeasuredRow row = described("nvidia-h100-sxm5-80gb");
  CHECK(row.text("cluster/scale_up/kind") == "nvswitch");
  CHECK(row.integer("cluster/devices_per_node") == 8);
  row = described("nvidia-gb200-nvl72");
  CHECK(row.integer("cluster/devices_per_node") == 4);
  row = described("amd-mi325x");
  CHECK(row.text("cluster/scale_up/kind") == "xgmi");
  row = described("google-tpu-v6e");
  CHECK(row.text("cluster/scale_up/kind") == "ici-torus-2d");
  row = described("nvidia-l40s");
  CHECK(row.text("cluster/scale_up/kind") == "pcie");
}

TEST_CASE("what the stated degrees leave over is the one that is not stated") {
  Json run = gpt_run();
  run["parallelism"]["tensor"] = nullptr;
  CHECK(scenario_of(row_of(run))["jobs"][0]["plan"]["tensor"] == 4);
  run = gpt_run();
  run["parallelism"]["pipeline"] = nullptr;
  CHECK(scenario_of(row_of(run))["jobs"][0]["plan"]["pipeline"] == 2);
}

TEST_CASE("recomputation of an unknown extent covers half of the layers, and that is listed") {
  for (const char* stated : {"fraction", "block", "custom"}) {
    Json run = gpt_run();
    run["recompute"] = stated;
    RulesUsed used;
    const Json plan = training_scenario(row_of(run), used)["jobs"][0]["plan"];
    CHECK(plan["recompute"] == "fraction");
    CHECK(plan["recompute_fraction"] == 0.5);
    CHECK(used.count(Rule::recompute_half) == 1);
  }
}

TEST_CASE("a mixture with the sizes of a public one has the biases of its experts, whatever its name") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  Json run = gpt_run();
  run["model"]["layers"] = 24;
  run["model"]["hidden"] = 2880;
  run["model"]["heads"] = 64;
  run["model"]["experts"] = {{"count", 32}, {"active", 4}, {"ffn_hidden", 2880}};
  RulesUsed used;
  CHECK(training_scenario(with_known_names(row_of(run), library, used),
                          used)["jobs"][0]["model"]["experts"]["biases"] == true);
  CHECK(used.count(Rule::public_model) == 1);
  run["model"]["experts"]["count"] = 33;
  CHECK_FALSE(with_known_names(row_of(run), library, used).flag("model/experts/biases"));
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

TEST_CASE("a gate, widths and key-value heads that are not stated follow the family, and that is listed") {
  Json run = gpt_run();
  RulesUsed used;
  const auto model = [&](const char* family) {
    run["model"]["family"] = family;
    used.clear();
    return training_scenario(row_of(run), used)["jobs"][0]["model"];
  };
  const RulesUsed widths = {Rule::gated_by_family, Rule::key_value_heads, Rule::ffn_width,
                            Rule::normalization_by_family};
  const auto listed = [&] {
    return std::all_of(widths.begin(), widths.end(), [&](Rule rule) { return used.count(rule) == 1; });
  };
  for (const char* family : {"llama", "Mistral", "qwen2", "deepseek"}) {
    INFO(family);
    const Json gated = model(family);
    CHECK(gated["gated_ffn"] == true);
    CHECK(gated["activation"] == "swiglu");
    CHECK(gated["normalization"] == "rmsnorm");
    CHECK(gated["ffn_hidden"] == 5632);  // 8/3 x 2048 = 5461, in whole multiples of 256
    CHECK(listed());
  }
  for (const char* family : {"gpt", "mpt", "somebody's"}) {
    INFO(family);
    const Json plain = model(family);
    CHECK(plain["gated_ffn"] == false);
    CHECK(plain["normalization"] == "layernorm");
    CHECK(plain["ffn_hidden"] == 8192);
    CHECK(listed());
  }
  run["model"]["gated_ffn"] = false;
  run["model"]["kv_heads"] = 4;
  run["model"]["ffn_hidden"] = 6000;
  run["model"]["normalization"] = "RMSNorm";
  const Json stated = model("llama");
  CHECK(stated["gated_ffn"] == false);
  CHECK(stated["ffn_hidden"] == 6000);
  CHECK(stated["normalization"] == "rmsnorm");
  for (const Rule rule : widths) CHECK(used.count(rule) == 0);
}

TEST_CASE("what a row leaves out of a published model's sizes is as published, whatever its name") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  Json run = gpt_run();
  run["model"] = {{"family", "llama"}, {"layers", 32},         {"hidden", 4096},
                  {"heads", 32},       {"vocabulary", 128256}, {"sequence", 8192}};
  RulesUsed used;
  const auto model = [&] {
    used.clear();
    return training_scenario(with_known_names(row_of(run), library, used), used)["jobs"][0]["model"];
  };
  const Json found = model();
  CHECK(found["kv_heads"] == 8);
  CHECK(found["ffn_hidden"] == 14336);
  CHECK(found["gated_ffn"] == true);
  CHECK(used.count(Rule::public_model) == 1);
  CHECK(used.count(Rule::ffn_width) == 0);
  run["model"]["kv_heads"] = 4;  // another model then
  CHECK(model()["ffn_hidden"] == 11008);
  CHECK(used.count(Rule::public_model) == 0);
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

TEST_CASE("selective recomputation without detail is what its framework means by it, and that is listed") {
  Json run = gpt_run();
  run["recompute"] = "selective";
  RulesUsed used;
  CHECK(training_scenario(row_of(run), used)["jobs"][0]["plan"]["recompute"] == "selective");
  CHECK(used.count(Rule::selective_core) == 1);
  run["framework"] = "torchtitan";
  used.clear();
  CHECK(training_scenario(row_of(run), used)["jobs"][0]["plan"]["recompute"] == "fraction");
  CHECK(used.count(Rule::recompute_operator) == 1);
  CHECK(used.count(Rule::selective_core) == 0);
}

TEST_CASE("a schedule that is not modelled runs as 1f1b, and that is listed") {
  Json run = gpt_run();
  run["parallelism"]["virtual_pipeline"] = nullptr;
  run["parallelism"]["schedule"] = "zero-bubble";
  RulesUsed used;
  CHECK(training_scenario(row_of(run), used)["jobs"][0]["plan"]["virtual_pipeline"] == 1);
  CHECK(used.count(Rule::other_schedule) == 1);
  CHECK(used.count(Rule::interleaving) == 0);
  used.clear();
  run["parallelism"]["schedule"] = "interleaved 1F1B";
  training_scenario(row_of(run), used);
  CHECK(used.count(Rule::other_schedule) == 0);
  CHECK(used.count(Rule::interleaving) == 1);
}

TEST_CASE("a wiring that is called by its link is the usual one of the accelerator") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  const auto node_of = [&](const char* accelerator, const char* kind, std::int64_t devices) {
    Json run = gpt_run();
    run["devices"] = devices;
    run["parallelism"] = {{"data", devices}, {"tensor", 1}, {"pipeline", 1}};
    run["batch"] = {{"global", 2 * devices}, {"micro", 1}};
    RulesUsed used;
    const Json cluster = {{"accelerator", accelerator},
                          {"devices_per_node", devices > 8 ? 16 : 8},
                          {"scale_up", {{"kind", kind}}},
                          {"scale_out", {{"link", "roce-100"}, {"ports_per_node", 8}}}};
    const Json scenario = training_scenario(with_known_names(row_of(run, cluster), library, used), used);
    CHECK(used.count(Rule::usual_node) == 1);
    read_scenario({scenario, "row.json"}, library);
    return scenario["cluster"]["pools"][0]["node"];
  };
  CHECK(node_of("intel-gaudi2", "ethernet", 8)["scale_up"]["kind"] == "full-mesh");
  CHECK(node_of("intel-gaudi2", "something new", 8)["scale_up"]["kind"] == "full-mesh");
  const Json trainium = node_of("aws-trainium2", "neuronlink", 32);
  CHECK(trainium["devices"] == 16);
  CHECK(trainium["scale_up"]["kind"] == "torus");
  CHECK(trainium["scale_up"]["dimensions"] == Json({4, 4}));
}
