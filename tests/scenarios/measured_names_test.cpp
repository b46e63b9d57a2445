// Measured runs whose framework, accelerator, link or node is unknown, unsaid or spelt otherwise: what is taken instead.
#include "scenarios/measured_names.hpp"

#include <catch2/catch.hpp>

#include "scenarios/scenario.hpp"
#include "tests/support/measured_rows.hpp"

using namespace orrery;
using namespace orrery::test;

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
  CHECK(row.text("cluster/scale_out/link") == "slingshot-11");
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

namespace {

// The board that the library has for this name; "" where it has none.
std::string board_for(const char* name, const char* wiring, RulesUsed& used) {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  const Json cluster = {{"accelerator", name},
                        {"devices_per_node", 8},
                        {"scale_up", {{"kind", wiring}}},
                        {"scale_out", {{"link", "infiniband-hdr-200"}, {"ports_per_node", 8}}}};
  try {
    const std::string found = *with_known_names(row_of(gpt_run(), cluster), library, used).text("cluster/accelerator");
    return library.find("hardware/accelerators", found).empty() ? "" : found;
  } catch (const CannotSimulate&) {
    return "";
  }
}

}  // namespace

TEST_CASE("a board of a named form is taken for one of that form only") {
  const std::pair<const char*, const char*> boards[] = {{"nvidia-h100-pcie", "nvidia-h100-pcie-80gb"},
                                                        {"NVIDIA H100 80GB HBM3", "nvidia-h100-sxm5-80gb"},
                                                        {"nvidia-v100-pcie-16gb", "nvidia-v100-pcie-32gb"},
                                                        {"Tesla V100-SXM2-16GB", "nvidia-v100-sxm2-32gb"},
                                                        {"NVIDIA A100-SXM4-40GB", "nvidia-a100-sxm4-40gb"},
                                                        {"H100 SXM", "nvidia-h100-sxm5-80gb"},
                                                        {"nvidia-h100-sxm", "nvidia-h100-sxm5-80gb"},
                                                        {"H100SXM5", "nvidia-h100-sxm5-80gb"},
                                                        {"H100 SXM 96 GB HBM2e", "nvidia-h100-sxm-hbm2e-96gb"},
                                                        {"A100 SXM 40 GB", "nvidia-a100-sxm4-40gb"},
                                                        {"V100-SXM3", "nvidia-v100-sxm3-32gb"},
                                                        {"AMD Instinct MI300X OAM", "amd-mi300x"},
                                                        {"Gaudi 3", "intel-gaudi3"},
                                                        {"nvidia-h100-nvl-94gb", ""},
                                                        {"nvidia-h20", ""},
                                                        {"google-tpu-v6p", ""},
                                                        {"TPU v5p", "google-tpu-v5p"}};
  for (const auto& [name, known] : boards) {
    INFO(name);
    RulesUsed used;
    CHECK(board_for(name, "nvswitch", used) == known);
  }
}

TEST_CASE("a product without a form is taken for the form of its wiring, else for the common one, and that is listed") {
  const auto board = [](const char* name, const char* wiring) {
    RulesUsed used;
    const std::string found = board_for(name, wiring, used);
    INFO(name);
    CHECK(used.count(Rule::common_form) == 1);
    CHECK(used.count(Rule::nearest_name) == 0);
    return found;
  };
  CHECK(board("H100", "nvswitch") == "nvidia-h100-sxm5-80gb");
  CHECK(board("A100", "nvswitch") == "nvidia-a100-sxm4");
  CHECK(board("NVIDIA A100 40GB", "nvswitch") == "nvidia-a100-sxm4-40gb");
  CHECK(board("nvidia-a100", "pcie") == "nvidia-a100-pcie-40gb");
  CHECK(board("GB200", "nvswitch") == "nvidia-gb200-nvl72");
}

namespace {

// What the row of a cluster with this port, or with boards in these slots, has instead.
Json link_for(const std::string& accelerator, const char* place, const Json& scale_up, const Json& scale_out) {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  RulesUsed used;
  const Json cluster = {
      {"accelerator", accelerator}, {"devices_per_node", 8}, {"scale_up", scale_up}, {"scale_out", scale_out}};
  const MeasuredRow row = with_known_names(row_of(gpt_run(), cluster), library, used);
  read_scenario({training_scenario(row, used), "row.json"}, library);
  return *row.at(place);
}

Json port_for(const char* name, const std::string& accelerator = "nvidia-a100-sxm4-80gb") {
  return link_for(accelerator, "cluster/scale_out/link", {{"kind", "nvswitch"}},
                  {{"link", name}, {"ports_per_node", 8}});
}

Json slot_for(const char* name) {
  return link_for("nvidia-a100-pcie-80gb", "cluster/scale_up/link", {{"kind", "pcie"}, {"link", name}},
                  {{"link", "ethernet-100"}, {"ports_per_node", 8}});
}

Json at_rate(const char* base, const char* rate) { return {{"base", base}, {"bandwidth_per_direction", rate}}; }

}  // namespace

TEST_CASE("a port has the rate that its name states, at the nearest port of the technology where none has it") {
  CHECK(port_for("25GbE") == "ethernet-25");
  CHECK(port_for("40GbE") == at_rate("ethernet-25", "5 GB/s"));
  CHECK(port_for("1GbE") == "ethernet-1");
  CHECK(port_for("10GBASE-T") == "ethernet-10");
  CHECK(port_for("2x100GbE") == "ethernet-100");
  CHECK(port_for("12.5 GB/s") == "ethernet-100");
  CHECK(port_for("1.6T Ethernet") == at_rate("ethernet-800", "200 GB/s"));
  CHECK(port_for("roce-50") == at_rate("roce-100", "6.25 GB/s"));
  CHECK(port_for("RoCEv2 200G") == "roce-200");
  CHECK(port_for("InfiniBand FDR") == at_rate("infiniband-edr-100", "7 GB/s"));
  CHECK(port_for("InfiniBand QDR 40Gb/s") == at_rate("infiniband-edr-100", "5 GB/s"));
  CHECK(port_for("HDR100") == "infiniband-hdr-100");
  CHECK(port_for("NDR200") == "infiniband-ndr-200");
  CHECK(port_for("Slingshot 11") == "slingshot-11");
  CHECK(port_for("EFAv3") == "efa-200");
}

TEST_CASE("a port without a rate is the common one of the accelerator's generation, not the fastest") {
  CHECK(port_for("InfiniBand") == "infiniband-hdr-200");
  CHECK(port_for("InfiniBand", "nvidia-v100-sxm2-32gb") == "infiniband-edr-100");
  CHECK(port_for("InfiniBand", "nvidia-h100-sxm5-80gb") == "infiniband-ndr-400");
  CHECK(port_for("Ethernet") == "ethernet-100");
  CHECK(port_for("RoCE") == "roce-200");
  CHECK(port_for("EFA") == "efa-100");
}

TEST_CASE("a slot has the generation and the lanes that its name states") {
  for (const char* third : {"PCIe Gen3", "PCIe Gen3 x16", "PCIe 3.0", "pcie3", "PCIe3x16", "PCI Express 3.0 x16"}) {
    INFO(third);
    CHECK(slot_for(third) == "pcie3-x16");
  }
  CHECK(slot_for("PCIe Gen5 x16") == "pcie5-x16");
  CHECK(slot_for("PCIe 4.0 x8") == "pcie4-x8");
  CHECK(slot_for("pcie3-x8") == at_rate("pcie3-x16", "7.875 GB/s"));
  CHECK(slot_for("PCIe Gen2 x16") == at_rate("pcie3-x16", "7.875 GB/s"));
  CHECK(slot_for("PCIe x16") == "pcie4-x16");  // the board's own
}

TEST_CASE("boards with bridges between pairs are no mesh of eight") {
  const Json reached = link_for("nvidia-a100-pcie-80gb", "cluster/scale_up/domain",
                                {{"kind", "nvlink-mesh"}, {"link", "nvlink3"}, {"domain", 8}},
                                {{"link", "ethernet-100"}, {"ports_per_node", 8}});
  CHECK(reached == 2);
}

TEST_CASE("what was taken for a name is said beside the rule") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  Json cluster = a100_cluster();
  cluster["accelerator"] = "A100, 80 GB";
  cluster["scale_out"]["link"] = "40GbE";
  RulesUsed used;
  with_known_names(row_of(gpt_run(), cluster), library, used);
  const std::string line = rules_line(used);
  CHECK(line == "nearest-name (40GbE = ethernet-25 at 5 GB/s), common-form (A100  80 GB = nvidia-a100-sxm4-80gb)");
  std::map<std::string, RuleCount, std::less<>> counts;
  count_rules(line, counts);
  count_rules("nearest-name, zero-stage", counts);
  CHECK(counts.size() == 3);
  CHECK(counts["nearest-name"].rows == 2);
  CHECK(counts["nearest-name"].what == std::map<std::string, int>{{"40GbE = ethernet-25 at 5 GB/s", 1}});
}
