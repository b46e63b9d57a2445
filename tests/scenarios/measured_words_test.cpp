// Measured runs in the words of publications and other tools: what is recomputed, sharded, wired and counted, whatever its
// spelling.
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "scenarios/measured_kernels.hpp"
#include "scenarios/measured_names.hpp"
#include "scenarios/validate_predict.hpp"
#include "tests/support/measured_rows.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;

namespace {

const Library& shipped() {
  static const Library library({ORRERY_SOURCE_DATA_DIR});
  return library;
}

Json job_of(const Json& run, const Json& cluster = a100_cluster()) {
  RulesUsed used;
  return training_scenario(with_known_names(row_of(run, cluster), shipped(), used), used)["jobs"][0];
}

// What one GPU of eight runs by itself in a plain framework: no degree but data parallelism.
Json plain_run(const char* framework) {
  Json run = gpt_run();
  run["devices"] = 8;
  run["framework"] = framework;
  run["parallelism"] = Json::object();
  run["parallelism"]["data"] = 8;
  run["parallelism"]["tensor"] = run["parallelism"]["pipeline"] = 1;
  return run;
}

Json pool_of(const Json& run, const Json& cluster) {
  RulesUsed used;
  const MeasuredRow row = with_known_names(row_of(run, cluster), shipped(), used);
  return training_scenario(row, used)["cluster"]["pools"][0];
}

// Of data-parallel runs on so many devices.
Json pool_of(std::int64_t devices, const Json& cluster) {
  Json run = plain_run("PyTorch DDP");
  run["devices"] = run["parallelism"]["data"] = devices;
  run["batch"] = {{"global", 2 * devices}, {"micro", 1}};
  return pool_of(run, cluster);
}

}  // namespace

TEST_CASE("recomputation is understood in any case and with what is said beside it") {
  const std::vector<std::pair<Json, const char*>> spellings = {{"None", "none"},
                                                               {"off", "none"},
                                                               {"no recomputation", "none"},
                                                               {false, "none"},
                                                               {"FULL", "full"},
                                                               {"full (uniform)", "full"},
                                                               {"activation checkpointing", "full"},
                                                               {"activation checkpointing off", "none"},
                                                               {true, "full"},
                                                               {"Selective", "selective"},
                                                               {"selective (core attention)", "selective"},
                                                               {"Minimal", "minimal"},
                                                               {"every other layer", "fraction"}};
  for (const auto& [stated, kind] : spellings) {
    Json run = gpt_run();
    run["recompute"] = stated;
    INFO(stated);
    CHECK(job_of(run)["plan"]["recompute"] == kind);
  }
}

TEST_CASE("offload is understood in any case, and follows the row's own accelerator") {
  Json run = gpt_run();
  run["offload"] = "CPU: Optimizer";
  CHECK(job_of(run)["plan"]["offload"]["optimizer"] == true);
  run["offload"] = nullptr;
  run["framework"] = "megatron-bridge";
  run["accelerator"] = "nvidia-gb200-nvl72";
  run["parallelism"]["zero_stage"] = 3;
  CHECK(job_of(run)["plan"]["offload"]["activations"] == 0.5);
}

TEST_CASE("a ZeRO stage that is not stated is that of the framework") {
  const std::pair<const char*, int> stages[] = {{"torchtitan", 3},
                                                {"PyTorch FSDP2", 3},
                                                {"fms-fsdp", 3},
                                                {"MaxText", 3},
                                                {"Hugging Face Accelerate FSDP", 3},
                                                {"DeepSpeed ZeRO-3", 3},
                                                {"DeepSpeed ZeRO Stage 2", 2},
                                                {"DeepSpeed", 0},
                                                {"PyTorch DDP", 0}};
  for (const auto& [framework, stage] : stages) {
    INFO(framework);
    CHECK(job_of(plain_run(framework))["plan"]["zero_stage"] == stage);
  }
  Json run = plain_run("PyTorch");
  run["parallelism"]["zero_group"] = 4;
  CHECK(job_of(run)["plan"]["zero_stage"] == 1);
  CHECK(job_of(run)["plan"]["zero_group"] == 4);
}

TEST_CASE("a micro-batch that is not stated is a rank's share where the framework accumulates only when told to") {
  Json run = plain_run("PyTorch DDP");
  run["batch"] = {{"global", 256}};
  CHECK(job_of(run)["batch"]["micro"] == 32);
  run["framework"] = "Megatron-LM";
  CHECK(job_of(run)["batch"]["micro"] == 2);
}

TEST_CASE("a micro-batch that is not stated fits in memory") {
  Json run = plain_run("PyTorch DDP");
  run["batch"] = {{"global", 8 * 96}};
  run["recompute"] = "none";
  const Json shown = shown_scenario(row_of(run), Fidelity::analytic, shipped());
  const auto micro = shown["jobs"][0]["batch"]["micro"].get<int>();
  CHECK(micro > 2);
  CHECK(micro < 96);
  CHECK(96 % micro == 0);
  const Prediction p = predict(row_of(run), Fidelity::analytic, shipped());
  INFO(p.skipped);
  CHECK(p.fits);
}

TEST_CASE("degrees that need not be said are known") {
  Json run = plain_run("PyTorch FSDP");
  run.erase("parallelism");
  CHECK(job_of(run)["plan"]["data"] == 8);
  run["framework"] = "Megatron-LM";
  run["devices"] = 1;
  CHECK(job_of(run)["plan"]["data"] == 1);
  run = gpt_run();
  run.erase("devices");
  run["parallelism"]["context"] = 0;
  CHECK(job_of(run)["plan"]["data"] == 2);
  Json large = plain_run("Megatron-LM"), said = large;  // more than one host
  large["parallelism"]["data"] = said["parallelism"]["data"] = said["devices"] = 64;
  large["batch"] = said["batch"] = {{"global", 128}, {"micro", 1}};
  large.erase("devices");
  const Json unhosted = {{"accelerator", "H100"}};
  CHECK(pool_of(large, unhosted) == pool_of(said, unhosted));
}

TEST_CASE("frameworks are known however their names are joined, and by what they say of themselves") {
  const auto profile = [](const char* framework, const char* accelerator, const char* family) {
    Json run = gpt_run();
    run["framework"] = framework;
    run["accelerator"] = accelerator;
    run["model"]["family"] = family;
    RulesUsed used;
    return software_profile_of(with_known_names(row_of(run), shipped(), used), used);
  };
  const auto on_h100 = [&](const char* framework) { return profile(framework, "nvidia-h100-sxm5-80gb", "gpt"); };
  CHECK(on_h100("torchtitan (torch.compile)") == "torchtitan-compile");
  CHECK(on_h100("torchtitan + compile") == "torchtitan-compile");
  CHECK(on_h100("torchtitan (no compile)") == "torchtitan");
  CHECK(on_h100("torchtitan without torch.compile") == "torchtitan");
  CHECK(on_h100("Megatron LM") == "megatron-core");
  CHECK(on_h100("LLM Foundry") == "llm-foundry");
  CHECK(on_h100("MosaicML Composer") == "llm-foundry");
  CHECK(on_h100("Megatron-Core 0.8.0") == "megatron-core-0.8");
  CHECK(on_h100("MLPerf reference (PyTorch)") == "pytorch-ddp");
  CHECK(on_h100("NVIDIA NeMo 2.0 (24.09)") == "megatron-bridge");
  CHECK(on_h100("NeMo Framework 24.12") == "megatron-bridge");
  CHECK(on_h100("NVIDIA NeMo Framework Release 24.09") == "nemo-mlperf");
  CHECK(on_h100("MaxText") == "jax");
  CHECK(on_h100("DeepSpeed ZeRO-3") == "deepspeed-zero");
  CHECK(profile("DeepSpeed ZeRO-3", "nvidia-a100-sxm4-80gb", "gpt") == "deepspeed-zero-2022");
  CHECK(profile("Megatron-LM", "nvidia-a100-sxm4-80gb", "llama") == "megatron-core");  // gated, as it is simulated
}

TEST_CASE("families are known by the words in them, and what is not modelled is refused by them") {
  const auto family = [](const char* name) {
    Json run = gpt_run();
    run["model"]["family"] = name;
    return run;
  };
  for (const char* name :
       {"Meta Llama 3", "CodeLlama", "Vicuna", "phi-3", "granite", "command-r", "smollm", "gpt-oss"}) {
    INFO(name);
    CHECK(job_of(family(name))["model"]["gated_ffn"] == true);
  }
  for (const char* name : {"xlm-roberta", "distilbert", "bert-large"}) {
    INFO(name);
    CHECK(job_of(family(name))["model"]["causal"] == false);
    CHECK(job_of(family(name))["model"]["predicted_positions"] == 80);
  }
  CHECK(job_of(family("gpt-5"))["model"]["causal"] == true);  // no T5
  CHECK(reason_of(row_of(family("mamba2"))).find("state-space") != std::string::npos);
  CHECK(reason_of(row_of(family("t5-large"))).find("encoder-decoder") != std::string::npos);
  for (const char* name : {"mixtral", "dbrx", "DeepSeek-V3"})
    CHECK(reason_of(row_of(family(name))) == "model/experts is not stated");
}

TEST_CASE("sizes of a model are those of its name or its public twin, and no window is none") {
  Json run = gpt_run();
  run["model"] = {{"name", "Llama 3 8B"}, {"sequence", 4096}};
  run["precision"] = nullptr;
  const Json named = job_of(run);
  CHECK(named["model"]["layers"] == 32);
  CHECK(named["model"]["kv_heads"] == 8);
  CHECK(named["model"]["sequence"] == 4096);
  CHECK(named["precision"] == "bf16");
  run["precision"] = 16;
  CHECK(job_of(run)["precision"] == "fp16");
  run["precision"] = "16-mixed";
  CHECK(job_of(run)["precision"] == "fp16");
  run["precision"] = "mixed";
  CHECK(job_of(run)["precision"] == "bf16");
  run["model"] = {{"family", "llama"}, {"layers", 32},        {"hidden", 4096},   {"heads", 32},
                  {"kv_heads", 8},     {"ffn_hidden", 14336}, {"sequence", 8192}, {"sliding_window", 0}};
  CHECK(job_of(run)["model"]["vocabulary"] == 128256);
  CHECK_FALSE(job_of(run)["model"].contains("sliding_window"));
  run["model"] = "GPT-3 13B";
  CHECK(job_of(run)["model"]["hidden"] == 5120);
  run["model"] = "gpt3-1.3b";
  CHECK(job_of(run)["model"]["hidden"] == 2048);
  run["model"] = "BERT-Large";  // its head sees the masked positions alone
  CHECK(job_of(run)["model"].contains("predicted_positions"));
}

TEST_CASE("racks of switches hold their whole domain where the row does not say it") {
  const Json node = pool_of(64, {{"accelerator", "GB200"}, {"devices_per_node", 4}})["node"];
  CHECK(node["devices"] == 72);
  CHECK(node["scale_up"]["kind"] == "switch");
}

TEST_CASE("wiring is known by what its name says and by what the boards' links reach") {
  const auto wired = [](const char* accelerator, const Json& kind) {
    return pool_of(8, {{"accelerator", accelerator},
                       {"devices_per_node", 8},
                       {"scale_up", {{"kind", kind}}},
                       {"scale_out", {{"link", "ethernet-100"}, {"ports_per_node", 8}}}});
  };
  for (const char* kind : {"nvlink-bridge", "NVLink", "NVLink bridge (PCIe boards)"}) {
    INFO(kind);
    CHECK(wired("nvidia-a100-pcie-80gb", kind)["node"]["devices"] == 2);
  }
  for (const Json& kind : {Json("hybrid cube mesh"), Json("NVLink mesh"), Json("nvlink"), Json()}) {
    INFO(kind);
    CHECK(wired("nvidia-v100-sxm2-32gb", kind)["node"]["scale_up"]["kind"] == "hybrid-cube-mesh");
  }
  CHECK(wired("nvidia-a100-sxm4-80gb", "NVLink")["node"]["scale_up"]["kind"] == "switch");
}

TEST_CASE("ports that are not stated are those of the library's nodes, and stated ones stay") {
  const auto ports = [](const char* accelerator, const Json& scale_out) {
    return pool_of(16,
                   {{"accelerator", accelerator}, {"devices_per_node", 8}, {"scale_out", scale_out}})["node"]["nics"];
  };
  const auto are = [](const char* link, int count) { return Json({{"link", link}, {"count", count}}); };
  CHECK(ports("nvidia-h100-sxm5-80gb", {{"link", "efa-100"}}) == are("efa-100", 32));
  CHECK(ports("nvidia-a100-sxm4-80gb", {{"link", "efa-100"}}) == are("efa-100", 4));
  CHECK(ports("nvidia-a100-sxm4-80gb", {{"link", "omni-path-100"}}) == are("omni-path-100", 4));
  CHECK(ports("nvidia-a100-pcie-80gb", nullptr) == are("infiniband-hdr-200", 2));
  CHECK(ports("intel-gaudi3", {{"link", "RoCE"}}) == are("roce-200", 24));
  CHECK(ports("amd-mi250x", nullptr) == are("slingshot-11", 4));
  CHECK(ports("nvidia-b300-sxm", nullptr) == are("infiniband-xdr-800", 8));
  CHECK(ports("nvidia-h100-sxm5-80gb", nullptr) == are("infiniband-ndr-400", 8));
  CHECK(ports("nvidia-h100-sxm5-80gb", {{"ports_per_node", 2}}) == are("infiniband-ndr-400", 2));
  CHECK(ports("nvidia-h100-sxm5-80gb", {{"link", "none"}}) == are("infiniband-ndr-400", 8));
  CHECK(ports("nvidia-h100-sxm5-80gb", {{"link", "something new"}, {"ports_per_node", 4}}) ==
        are("infiniband-ndr-400", 4));
}

TEST_CASE("adapters and switches are ports, and the rate of a whole node is divided among its ports") {
  const auto port = [](const char* name) {
    return pool_of(16, {{"accelerator", "nvidia-h100-sxm5-80gb"},
                        {"devices_per_node", 8},
                        {"scale_out", {{"link", name}, {"ports_per_node", 8}}}})["node"]["nics"]["link"];
  };
  CHECK(port("ConnectX-7") == "infiniband-ndr-400");
  CHECK(port("Quantum-2") == "infiniband-ndr-400");
  CHECK(port("Spectrum-X") == "roce-400");
  CHECK(port("GPUDirect-TCPXO") == "ethernet-200");
  CHECK(port("3.2Tbps InfiniBand") == "infiniband-ndr-400");
  CHECK(port("EFA 3200 Gb/s") == "efa-400");
  CHECK(port("OPA 100") == "omni-path-100");
}

TEST_CASE("accelerators are known by their products' other names, and others are said not to be in the library") {
  const auto board = [](const char* name) {
    RulesUsed used;
    return with_known_accelerator(row_of(gpt_run()), name, shipped(), used).text("accelerator").value_or("");
  };
  CHECK(board("Grace Hopper") == "nvidia-gh200-144gb");
  CHECK(board("NVIDIA Grace Hopper GH200") == "nvidia-gh200-144gb");
  CHECK(board("NVIDIA Grace") == "nvidia-grace");
  CHECK(board("TPU Trillium") == "google-tpu-v6e");
  CHECK(board("8x H100") == "nvidia-h100-sxm5-80gb");
  CHECK(board("trn1") == "aws-trainium1");
  CHECK(board("TPU v5 lite") == "google-tpu-v5e");
  CHECK(board("v5p-128") == "google-tpu-v5p");
  CHECK(board("Trillium") == "google-tpu-v6e");
  CHECK(board("Ironwood") == "google-tpu7x");
  CHECK(board("TPU 7x") == "google-tpu7x");
  CHECK(board("MI250 (GCD)") == "amd-mi250x");
  CHECK_THROWS_WITH(board("RTX 4090"), "accelerator \"RTX 4090\" is not in the library");
}

TEST_CASE("keys of other formats are told where they stand") {
  Json run = gpt_run(), cluster = a100_cluster();
  run["activation_checkpointing"] = "full";
  cluster["gpus_per_node"] = 4;
  cluster["scale_out"]["links"] = 8;
  RulesUsed used;
  training_scenario(row_of(run, cluster), used);
  CHECK(used.what(Rule::unknown_keys) == std::set<std::string>{"activation_checkpointing: did you mean recompute?",
                                                               "cluster/gpus_per_node: did you mean devices_per_node?",
                                                               "cluster/scale_out/links: did you mean link?"});
}

namespace {

MeasuredRow row_of_kind(const char* kind, const Json& run) {
  MeasuredRow row;
  row.id = "a";
  row.kind = kind;
  row.source = std::string(kind) + "/hand-made";
  row.run = run;
  return row;
}

Prediction prediction_of(const char* kind, const Json& run) {
  return predict(row_of_kind(kind, run), Fidelity::analytic, shipped());
}

KernelCase case_of(const Json& run) {
  RulesUsed used;
  return kernel_case(with_known_accelerator(row_of_kind("kernel", run), "nvidia-a100-sxm4-80gb", shipped(), used),
                     used);
}

}  // namespace

TEST_CASE("the generation of an attention kernel is the number after its name, not one of a version") {
  const std::pair<const char*, int> generations[] = {{"FlashAttention-2 (v2.3.3)", 2},
                                                     {"FlashAttention-2, CUDA 12.3", 2},
                                                     {"FlashAttention 1.0.3", 1},
                                                     {"flash-attn v3", 3},
                                                     {"cuDNN 9.2", 3},
                                                     {"xformers 0.0.23", 1},
                                                     {"torch sdpa", 2},
                                                     {"PyTorch 2.3 standard", 0},
                                                     {"PyTorch 1.13 standard attention", 0},
                                                     {"PyTorch 2.1 (naive)", 0},
                                                     {"torch sdpa (math)", 0},
                                                     {"PyTorch 2.1 eager (unfused)", 0}};
  for (const auto& [implementation, generation] : generations) {
    const KernelCase work = case_of({{"kernel", "sdpa"},
                                     {"implementation", implementation},
                                     {"precision", "fp16"},
                                     {"shape", {{"seq_len", 1024}, {"batch", 2}, {"heads", 8}, {"head_dim", 64}}}});
    INFO(implementation);
    CHECK((work.kernels.size() > 1) == (generation == 0));
    if (generation > 0) CHECK(work.kernels.at(0).generation == generation);
  }
}

TEST_CASE("kernels go by other libraries' names, which may say their type, and a router needs none") {
  RulesUsed used;
  const Json product = {{"kernel", "hgemm"}, {"m", 64}, {"n", 64}, {"k", 64}};
  CHECK(kernel_case(with_known_accelerator(row_of_kind("kernel", product), "nvidia-a100-sxm4-80gb", shipped(), used),
                    used)
            .kernels.at(0)
            .type == DataType::fp16);
  CHECK(used.count(Rule::kernel_type) == 0);
  CHECK(case_of({{"kernel", "LayerNorm"}, {"precision", "fp16"}, {"batch", 8}, {"hidden", 512}}).kernels.size() == 1);
  const Kernel norm =
      case_of({{"kernel", "layernorm"}, {"precision", 16}, {"batch", 8}, {"seq_len", 2048}, {"hidden", 512}})
          .kernels.at(0);
  CHECK(norm.m == 8 * 2048);
  CHECK(norm.type == DataType::fp16);
  used.clear();
  kernel_case(row_of_kind("kernel", {{"kernel", "router"}, {"accelerator", "x"}, {"tokens", 64}, {"experts", 8}}),
              used);
  CHECK(used.count(Rule::kernel_type) == 0);
  CHECK_THROWS_WITH(case_of({{"kernel", "router"}, {"experts", 8}}), "tokens is not stated");
}

TEST_CASE("collectives go by other libraries' names, on all devices of the nodes") {
  for (const char* name : {"ncclAllReduce", "bcast", "all2all", "p2p"}) {
    const Prediction p = prediction_of(
        "collective",
        {{"collective", name}, {"nodes", 1}, {"bytes", 1 << 26}, {"time_s", 0.001}, {"cluster", a100_cluster()}});
    INFO(name << ": " << p.skipped);
    CHECK(p.predicted);
  }
}

TEST_CASE("what was measured may stand beside the sizes, as in a CSV") {
  Json run = gpt_run();
  run["cluster"] = a100_cluster();
  run.erase("measured");
  run["time_ms"] = 1500;
  CHECK(prediction_of("training", run).measured == 1.5);
  run.erase("time_ms");
  run["iteration_s"] = 2;
  CHECK(prediction_of("training", run).measured == 2.0);
  const Json product = {{"kernel", "gemm"}, {"m", 1000},     {"n", 1000},
                        {"k", 1000},        {"tflops", 100}, {"accelerator", "A100"}};
  CHECK(*prediction_of("kernel", product).measured == Approx(2e9 / 100e12));
  Json timed = product;
  timed["time_us"] = 250;
  CHECK(*prediction_of("kernel", timed).measured == Approx(250e-6));
}

TEST_CASE("power is compared with the part of the machine that the row states") {
  const auto measured = [](const Json& boundary) {
    Json run = {{"workload", "BERT-large"},
                {"devices", 8},
                {"batch", {{"global", 768}}},
                {"precision", "FP16"},
                {"accelerator", "NVIDIA H100 80GB HBM3"},
                {"measured", {{"power_W", 6000}}},
                {"boundary", boundary}};
    return prediction_of("power", run);
  };
  const Prediction device = measured(nullptr), all = measured("all GPUs"), node = measured("node, AC");
  INFO(device.skipped << all.skipped << node.skipped);
  REQUIRE(device.predicted);
  REQUIRE(node.predicted);
  CHECK(*all.predicted == Approx(8 * *device.predicted));
  CHECK(*node.predicted > *all.predicted + 500);
  CHECK(measured("rack").skipped == "boundary \"rack\" of the measured power is not known");
  Json run = plain_run("PyTorch DDP");
  run["cluster"] = {{"accelerator", "H100"}, {"devices_per_node", 8}};
  run["measured"] = {{"node_avg_power_W", 6000}};
  const Prediction trained = prediction_of("power", run);
  INFO(trained.skipped);
  CHECK(trained.predicted);
}

TEST_CASE("reliability is read in the units and shares that it is printed in") {
  const auto of = [](const Json& measured) {
    return prediction_of("reliability", {{"accelerator", "H100"},
                                         {"devices", 1024},
                                         {"checkpoint_time_s", 60},
                                         {"restart_time_s", 300},
                                         {"measured", measured}});
  };
  CHECK(of({{"goodput", 90}}).measured == 0.9);
  CHECK(of({{"goodput_pct", 90}}).measured == 0.9);
  CHECK(of({{"goodput", 900}}).skipped.find("faulty row") == 0);
  CHECK(of({{"goodput_pct", 150}}).skipped.find("faulty row") == 0);
  CHECK(*of({{"mtbf_s", 7200}}).measured == Approx(2));
  CHECK(of({{"mttf_days", 1}}).measured == 24.0);
  CHECK(of({{"interruptions", 3}, {"period_days", 2}}).predicted ==
        of({{"interruptions", 3}, {"period_h", 48}}).predicted);
  CHECK(of({{"interruptions", 3}, {"period_days", 2}}).predicted);
}

TEST_CASE("a row of a JSON file keeps what the file says of its cluster and it does not") {
  Json run = gpt_run();
  run["cluster"] = {{"scale_out", {{"ports_per_node", 2}}}};
  CHECK(row_of(run).text("cluster/scale_out/link") == "infiniband-hdr-200");
  CHECK(row_of(run).integer("cluster/scale_out/ports_per_node") == 2);
  const Json named = {{"accelerator", "H100"}, {"scale_out", "infiniband-ndr-400"}};
  CHECK(row_of(run, named).text("cluster/scale_out/link") == "infiniband-ndr-400");
  CHECK(row_of(run, named).integer("cluster/scale_out/ports_per_node") == 2);
}

TEST_CASE("cells of a CSV may say unknown, yes, no and +, have blanks around them and span lines") {
  const Folder folder;
  folder.write("table.csv",
               "id; devices ;model/causal;recompute;exclude;grade;model/layers;time_s;notes\n"
               "1; 64 ;yes;None;no;n/a;+24;0,5;\"two\nlines; here\"\n"
               ";;;;;;;;\n\n"
               "2;NA;1;null;null;A;-;nan;x\n");
  const auto file = folder.write(
      "table.json", R"({"format": "orrery/measured/1", "kind": "training", "data_file": "table.csv", "rows": 2})");
  const std::vector<MeasuredRow> rows = read_measured(file).rows;
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].integer("devices") == 64);
  CHECK(rows[0].flag("model/causal") == true);
  CHECK(rows[0].text("recompute") == "None");
  CHECK(rows[0].exclude.empty());
  CHECK(rows[0].grade.empty());
  CHECK(rows[0].integer("model/layers") == 24);
  CHECK(rows[0].number("time_s") == 0.5);
  CHECK(rows[0].text("notes") == "two\nlines; here");
  CHECK(rows[1].flag("model/causal") == true);
  CHECK(rows[1].exclude.empty());
  for (const char* unknown : {"devices", "recompute", "model/layers", "time_s"}) CHECK_FALSE(rows[1].has(unknown));
  folder.write("table.csv", "id,notes\n1,\"never closed\n2,x\n");
  CHECK_THROWS_WITH(read_measured(file), Catch::Contains("closing quote"));
}

TEST_CASE("a rate needs no size that the name of a model says, and power knows models by name too") {
  Json run = plain_run("PyTorch FSDP");
  run["cluster"] = a100_cluster();
  run["model"] = "llama3-8b";
  run["measured"] = {{"tokens_per_s", 1e5}};
  CHECK(*prediction_of("training", run).measured == Approx(run["batch"]["global"].get<double>() * 8192 / 1e5));
  run["measured"] = {{"power_W", 300}};
  const Prediction free = prediction_of("power", run);
  INFO(free.skipped);
  REQUIRE(free.predicted);
  run["power_limit_W"] = 250;
  CHECK(*prediction_of("power", run).predicted <= 250);
}
