// Measured runs that leave out sizes of the model, degrees of the plan or settings: the rule that fills each in.
#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>

#include "scenarios/measured_names.hpp"
#include "tests/support/measured_rows.hpp"

using namespace orrery;
using namespace orrery::test;

TEST_CASE("unstated settings follow the written rules and are listed") {
  Json run = gpt_run();
  run["recompute"] = nullptr;
  run["batch"]["micro"] = nullptr;
  run["parallelism"]["virtual_pipeline"] = nullptr;
  run["framework"] = "NVIDIA NeMo Framework";
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
  CHECK(training_scenario(row_of(run), used)["jobs"][0]["plan"]["virtual_pipeline"] == 6);
  CHECK(used.count(Rule::other_schedule) == 0);
  CHECK(used.count(Rule::interleaving) == 1);
}

TEST_CASE("only frameworks whose recipes interleave do so without being told") {
  const auto stages_of = [](const char* framework) {
    Json run = gpt_run();
    run["parallelism"]["virtual_pipeline"] = nullptr;
    run["framework"] = framework;
    return scenario_of(row_of(run))["jobs"][0]["plan"]["virtual_pipeline"].get<int>();
  };
  for (const char* framework : {"NVIDIA NeMo Framework Release 23.09", "PyTorch NVIDIA Release 23.09"})
    CHECK(stages_of(framework) == 6);
  for (const char* framework : {"Megatron-LM", "DeepSpeed", "PyTorch", "Megatron-Bridge, nemo 26.02", "own"})
    CHECK(stages_of(framework) == 1);
}

TEST_CASE("launches block where a row states the variable that makes them, and nowhere else") {
  Json run = gpt_run();
  run["framework"] = "Megatron-DeepSpeed";
  run["precision"] = "bf16";
  CHECK(scenario_of(row_of(run))["jobs"][0]["software"] == "megatron-deepspeed-bf16");
  run["environment"] = {{"CUDA_LAUNCH_BLOCKING", "0"}};
  CHECK(scenario_of(row_of(run))["jobs"][0]["software"] == "megatron-deepspeed-bf16");
  for (const Json& on : {Json("1"), Json(1), Json(true)}) {
    run["environment"] = {{"CUDA_LAUNCH_BLOCKING", on}};
    CHECK(scenario_of(row_of(run))["jobs"][0]["software"] ==
          Json({{"base", "megatron-deepspeed-bf16"}, {"blocking_launches", true}}));
  }
}

TEST_CASE("binned batches are as long as passages are on average, at any length and for no other framework") {
  Json run = gpt_run();
  run["framework"] = "NVIDIA DeepLearningExamples (PyTorch)";
  run["model"]["family"] = "bert";
  std::int64_t last = 0;
  for (std::int64_t longest = 16; longest <= 4096; ++longest) {
    const std::int64_t mean = usual_sequence(row_of(run), longest);
    CHECK(mean >= last);
    CHECK(mean <= longest);
    last = mean;
  }
  CHECK(usual_sequence(row_of(run), 128) == 128);  // shorter than a passage and its padding
  CHECK(usual_sequence(row_of(run), 512) == 288);  // half of 512, as Krell et al. count, and half a bin
  CHECK(last <= 321 + 32 + 4);
  run["framework"] = "Megatron-LM";
  CHECK(usual_sequence(row_of(run), 512) == 512);
}

TEST_CASE("experts are spread inside one scale-up domain where the row does not say, unless parameters are sharded") {
  CHECK(usual_expert_degree(128, 8, 8, 1) == 8);
  CHECK(usual_expert_degree(128, 64, 8, 1) == 8);
  CHECK(usual_expert_degree(128, 64, 64, 1) == 64);
  CHECK(usual_expert_degree(6, 8, 8, 0) == 2);
  CHECK(usual_expert_degree(128, 8, 8, 3) == 1);
  Json run = gpt_run();
  run["model"]["experts"] = {{"count", 64}, {"active", 4}, {"ffn_hidden", 1024}};
  run["parallelism"] = {{"data", 16}, {"tensor", 1}, {"pipeline", 1}, {"zero_stage", 1}};
  RulesUsed used;
  CHECK(training_scenario(row_of(run), used)["jobs"][0]["plan"]["expert"] == 8);
  CHECK(used.count(Rule::expert_parallel) == 1);
  used.clear();
  run["parallelism"]["expert"] = 2;
  CHECK(training_scenario(row_of(run), used)["jobs"][0]["plan"]["expert"] == 2);
  CHECK(used.count(Rule::expert_parallel) == 0);
}

TEST_CASE("every field that is left out and would change a prediction is listed by its rule") {
  const std::vector<std::tuple<const char*, const char*, Json, Rule>> fields = {
      {"model", "causal", false, Rule::causal_by_family},
      {"model", "head_dim", 64, Rule::head_width},
      {"model", "activation", "relu", Rule::activation_by_gate},
      {"parallelism", "zero_group", 2, Rule::all_shards}};
  for (const auto& [level, key, value, rule] : fields) {
    INFO(key);
    Json run = gpt_run();
    RulesUsed used;
    training_scenario(row_of(run), used);
    CHECK(used.count(rule) == 1);
    run[level][key] = value;
    used.clear();
    training_scenario(row_of(run), used);
    CHECK(used.count(rule) == 0);
  }
  Json run = gpt_run();
  run["model"]["tied_embeddings"] = true;
  run["model"]["learned_positions"] = true;
  run["offload"] = "none";
  RulesUsed used;
  training_scenario(row_of(run), used);
  CHECK(used.count(Rule::embeddings) == 0);
  CHECK(used.count(Rule::no_offload) == 0);
}

TEST_CASE("encoders see all tokens where the mask is not stated, however their family is written") {
  Json run = gpt_run();
  for (const char* family : {"bert", "BERT", "RoBERTa"}) {
    INFO(family);
    run["model"]["family"] = family;
    RulesUsed used;
    const Json model = training_scenario(row_of(run), used)["jobs"][0]["model"];
    CHECK(model["causal"] == false);
    CHECK(model["predicted_positions"] == 80);
    CHECK(used.count(Rule::masked_positions) == 1);
  }
  run["model"]["family"] = "GPT";
  CHECK(scenario_of(row_of(run))["jobs"][0]["model"]["causal"] == true);
  run["model"]["family"] = "MoE";
  CHECK(reason_of(row_of(run)) == "model/experts is not stated");
}

TEST_CASE("context parallelism that is not stated is what the other degrees leave, and that is listed") {
  Json run = gpt_run();
  run["devices"] = 32;
  RulesUsed used;
  CHECK(training_scenario(row_of(run), used)["jobs"][0]["plan"]["context"] == 2);
  CHECK(used.count(Rule::unstated_degrees) == 1);
  run["devices"] = 16;
  used.clear();
  CHECK(training_scenario(row_of(run), used)["jobs"][0]["plan"]["context"] == 1);
  CHECK(used.count(Rule::unstated_degrees) == 0);
  run["parallelism"]["data"] = nullptr;
  training_scenario(row_of(run), used);
  CHECK(used.count(Rule::unstated_degrees) == 1);
}

TEST_CASE("a misspelt key is told with the nearest one of the format") {
  Json run = gpt_run();
  run["parallelism"]["expret"] = 8;
  RulesUsed used;
  training_scenario(row_of(run), used);
  CHECK(used.what(Rule::unknown_keys) == std::set<std::string>{"parallelism/expret: did you mean expert?"});
}

TEST_CASE("grades count in either case, and a grade that is none is the row's fault") {
  Json run = gpt_run();
  run["grade"] = "a-";
  CHECK(row_of(run).grade == "A-");
  for (const Json& wrong : {Json("A+"), Json("D"), Json(1)}) {
    run["grade"] = wrong;
    CHECK(row_of(run).exclude == "faulty row: at /runs/0/grade: expected A, A-, B or C, found " + wrong.dump());
  }
}
