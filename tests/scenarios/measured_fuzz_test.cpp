// Rows that nobody has seen: every device of the library under random frameworks, precisions, degrees and odd spellings,
// with fields left out. Each is predicted with a number that physics allows, or listed with a reason of its own.
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "scenarios/validate_predict.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;

namespace {

const Library& shipped() {
  static const Library library({ORRERY_SOURCE_DATA_DIR});
  return library;
}

struct Random {
  explicit Random(unsigned seed) : engine(seed) {}
  std::size_t below(std::size_t n) { return engine() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T, std::size_t n> const T& of(const T (&all)[n]) { return all[below(n)]; }
  std::mt19937 engine;
};

constexpr const char* frameworks[] = {"Megatron-LM",
                                      "Megatron-Core r0.12",
                                      "NVIDIA NeMo 25.09",
                                      "Megatron-Bridge",
                                      "Megatron-DeepSpeed",
                                      "DeepSpeed ZeRO-3",
                                      "torchtitan",
                                      "torchtitan, torch.compile",
                                      "llm-foundry v0.9",
                                      "HF Accelerate",
                                      "Composer FSDP",
                                      "JAX / MaxText",
                                      "AXLearn",
                                      "Optimum Habana",
                                      "neuronx-distributed",
                                      "Primus",
                                      "ColossalAI",
                                      "PyTorch DDP",
                                      "LLM Foundry",
                                      "something of our own"};
constexpr const char* precisions[] = {"fp16",  "bf16",  "BF16", "bfloat16", "fp8",   "FP8 (E4M3)",
                                      "mxfp8", "nvfp4", "tf32", "fp32",     "mixed", "int8"};
constexpr const char* recomputes[] = {"none", "selective", "full", "minimal", "fraction", "block", "custom policy"};
constexpr const char* optimizers[] = {"adam", "AdamW (fused)", "lamb", "Lion", "adafactor", "8-bit AdamW", "shampoo"};
constexpr const char* scale_outs[] = {"infiniband-hdr-200", "infiniband-ndr-400", "roce-400", "ethernet-100", "efa-400",
                                      "slingshot-200",      "HDR InfiniBand",     "25 GbE"};
constexpr int powers[] = {1, 1, 1, 2, 4, 8};

Json model_of(Random& random) {
  const int heads = 8 << random.below(3);
  Json model = {{"family", random.one_in(2) ? "llama" : "gpt"},
                {"layers", 4 + static_cast<int>(random.below(3)) * 4},
                {"hidden", heads * 128},
                {"heads", heads},
                {"kv_heads", random.one_in(2) ? Json(heads / 4) : Json()},
                {"head_dim", random.one_in(3) ? Json() : Json(128)},
                {"ffn_hidden", random.one_in(4) ? Json() : Json(heads * 384)},
                {"gated_ffn", random.one_in(3) ? Json() : Json(random.one_in(2))},
                {"vocabulary", 32000},
                {"sequence", 1024 << random.below(4)},
                {"causal", true}};
  if (random.one_in(5)) {
    model["family"] = "moe";
    model["experts"] = {{"count", 8}, {"active", 2}, {"ffn_hidden", heads * 128}};
  }
  return model;
}

Json run_of(Random& random, const std::string& accelerator) {
  const int tensor = random.of(powers), pipeline = random.one_in(2) ? 1 : random.of(powers) % 5 + 1,
            context = random.one_in(5) ? 2 : 1, data = random.of(powers);
  const int devices = random.one_in(40) ? 7 : tensor * pipeline * context * data;
  const int micro = 1 << random.below(3);
  Json run = {
      {"accelerator", accelerator},
      {"devices", devices},
      {"model", model_of(random)},
      {"batch", {{"global", data * micro * pipeline * (1 + static_cast<int>(random.below(4)))}, {"micro", micro}}},
      {"parallelism",
       {{"data", data},
        {"tensor", tensor},
        {"pipeline", pipeline},
        {"context", context},
        {"virtual_pipeline", random.one_in(3) ? Json(2) : Json()},
        {"zero_stage", static_cast<int>(random.below(4))},
        {"sequence_parallel", random.one_in(2)}}},
      {"precision", random.of(precisions)},
      {"framework", random.of(frameworks)},
      {"optimizer", random.of(optimizers)},
      {"recompute", random.of(recomputes)},
      {"measured", {{"iteration_s", 1.0}}},
      {"cluster",
       {{"accelerator", accelerator},
        {"devices_per_node", random.one_in(4) ? Json() : Json(8)},
        {"scale_out", {{"link", random.of(scale_outs)}, {"ports_per_node", 4}, {"stated", true}}}}}};
  if (random.one_in(3)) run["cluster"].erase("scale_out");
  if (random.one_in(6)) run["batch"]["micro"] = Json();
  for (const char* key : {"precision", "framework", "optimizer", "recompute"})
    if (random.one_in(12)) run[key] = Json();
  for (const char* key : {"data", "tensor", "pipeline", "context", "zero_stage", "sequence_parallel"})
    if (random.one_in(12)) run["parallelism"][key] = Json();
  if (random.one_in(40)) run["model"]["layers"] = "many";
  if (random.one_in(40)) run["devices"] = -4;
  if (random.one_in(40)) run["batch"]["global"] = 0;
  return run;
}

MeasuredRow row_of(unsigned seed, const std::string& accelerator) {
  Random random(seed);
  MeasuredRow row;
  row.id = "row " + std::to_string(seed);
  row.kind = "training";
  row.source = "training/unseen";
  row.run = run_of(random, accelerator);
  return row;
}

}  // namespace

TEST_CASE("rows of every device that nobody has seen are predicted within physics or listed with a reason") {
  unsigned seed = 0;
  std::size_t predicted = 0, rows = 0;
  std::string reasons;
  for (const std::string& accelerator : shipped().names("hardware/accelerators"))
    for (int i = 0; i < 3; ++i) {
      const MeasuredRow row = row_of(seed++, accelerator);
      INFO(row.run.dump());
      const Prediction p = predict(row, Fidelity::analytic, shipped());
      ++rows;
      INFO(p.skipped << "; assumed " << p.assumed);
      CHECK(p.predicted.has_value() == p.skipped.empty());
      CHECK(p.skipped.find("failed:") == std::string::npos);
      CHECK(p.skipped.find("internal") == std::string::npos);
      if (!p.predicted) {
        reasons += p.skipped + "\n";
        continue;
      }
      ++predicted;
      CHECK(std::isfinite(*p.predicted));
      // Not faster than the matrix rate of the data sheet (half of the attention is masked), nor a thousand times slower.
      CHECK(*p.predicted > 0.5 * p.model_flops_s);
      CHECK(*p.predicted < 1000 * (p.hardware_flops_s + p.memory_s) + 1);
      CHECK(p.low.has_value() == p.high.has_value());  // none of a family that was compared with no measurement
      CHECK(p.low.value_or(0) <= *p.predicted);
      CHECK(p.high.value_or(*p.predicted) >= *p.predicted);
    }
  INFO(reasons);
  CHECK(predicted > rows / 5);  // most others ask of a device what it does not compute in
}
