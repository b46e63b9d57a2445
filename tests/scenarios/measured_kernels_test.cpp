// Measured kernels: what a row's name and sizes become, and what is assumed where it does not say.
#include "scenarios/measured_kernels.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"
#include "scenarios/kernel_forms.hpp"
#include "scenarios/measured_names.hpp"
#include "scenarios/validate_predict.hpp"
#include "sim/catalog.hpp"

using namespace orrery;

namespace {

const Library& shipped() {
  static const Library library({ORRERY_SOURCE_DATA_DIR});
  return library;
}

MeasuredRow row(const std::string& run, const std::string& accelerator = "nvidia-a100-sxm4-80gb") {
  MeasuredRow r;
  r.id = "a";
  r.kind = "kernel";
  r.source = "kernel/hand-made";
  r.run = Json::parse(run);
  r.run["cluster"] = {{"accelerator", accelerator}};
  return r;
}

KernelCase case_of(const std::string& run, RulesUsed& used) { return kernel_case(row(run), used); }
KernelCase case_of(const std::string& run) {
  RulesUsed used;
  return case_of(run, used);
}

std::string reason_of(const std::string& run) {
  try {
    case_of(run);
  } catch (const CannotSimulate& reason) {
    return reason.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a stream moves the vectors of its loop, or the bytes that the row states, and only else a gibibyte") {
  RulesUsed used;
  const auto bytes = [&](const std::string& kernel, const std::string& more) {
    used.clear();
    return case_of(R"({"kernel": ")" + kernel + R"(", )" + more + "}", used).counted_bytes;
  };
  const std::string doubles = R"("precision": "fp64", "shape": {"elements": 1000})";
  CHECK(bytes("stream_copy", doubles) == 16'000);
  CHECK(bytes("stream_scale", doubles) == 16'000);
  CHECK(bytes("stream_add", doubles) == 24'000);
  CHECK(bytes("stream_triad", doubles) == 24'000);
  CHECK(bytes("stream_dot", doubles) == 16'000);
  CHECK(bytes("stream_triad", R"("precision": "fp32", "elements": 1000)") == 12'000);
  CHECK(used.empty());
  CHECK(bytes("stream", R"("shape": {"bytes": 5000})") == 5000);
  CHECK(used.empty());
  CHECK(bytes("stream_triad", R"("shape": {"elements": 1000})") == 24'000);
  CHECK(used == RulesUsed{Rule::kernel_type});
  CHECK(bytes("stream_triad", R"("shape": {})") == 1024.0 * 1024 * 1024);
  CHECK(used == RulesUsed{Rule::streamed_size});
}

TEST_CASE("kernels go by the names and sizes that orrery kernel takes") {
  for (const auto& form : kernel_forms()) {
    INFO(form.name);
    if (form.name == "gemm" || form.name.starts_with("attention")) continue;  // have fields of their own
    const auto underscored = [](std::string_view name) {
      std::string text(name);
      std::replace(text.begin(), text.end(), '-', '_');
      return text;
    };
    Json shape = Json::object();
    KernelSizes sizes;
    for (const KernelSize& size : form.value.sizes)
      if (!size.otherwise) {
        shape[underscored(size.name)] = 4096;
        sizes[std::string(size.name)] = 4096;
      }
    const DataType type = DataType::fp32;
    const Json run = {{"kernel", underscored(form.name)}, {"precision", "fp32"}, {"shape", shape}};
    const KernelCase work = case_of(run.dump());
    REQUIRE(work.kernels.size() == 1);
    CHECK(work.kernels[0].bytes == build_kernel(form, sizes, type).kernel.bytes);
  }
  CHECK(case_of(R"({"kernel": "fft", "precision": "fp64", "shape": {"length": 1024, "transforms": 8}})").kernels[0] ==
        fft(1024, 8, 0, DataType::fp64));
  CHECK(reason_of(R"({"kernel": "fft", "shape": {"transforms": 8}})") == "length is not stated");
  CHECK(reason_of(R"({"kernel": "nvme", "shape": {"block": 1}})") == "kernel \"nvme\" is not modelled");
}

TEST_CASE("kernels and data types are known by their usual spellings") {
  const std::string shape = R"(, "shape": {"m": 64, "n": 64, "k": 64}})";
  const Kernel product = gemm(64, 64, 64, DataType::fp16);
  for (const char* kernel : {"gemm", "GEMM", "matmul", "MatMul", "linear"})
    CHECK(case_of(R"({"precision": "FP16", "kernel": ")" + std::string(kernel) + "\"" + shape).kernels[0] == product);
  CHECK(data_type_of("bfloat16") == DataType::bf16);
  CHECK(data_type_of("float16") == DataType::fp16);
  CHECK(data_type_of("half") == DataType::fp16);
  CHECK(data_type_of("BF16-mixed") == DataType::bf16);
  CHECK(data_type_of("fp16 inputs, fp32 accumulate") == DataType::fp16);
  CHECK(data_type_of("float8_e4m3fn") == DataType::fp8);
  CHECK(data_type_of("MXFP8") == DataType::mxfp8);
  CHECK(data_type_of("tensorfloat32") == DataType::tf32);
  CHECK_FALSE(data_type_of("posit"));
}

TEST_CASE("a product whose data type is not stated is taken for fp32, and that is listed") {
  RulesUsed used;
  CHECK(
      case_of(R"({"kernel": "gemm", "precision": null, "shape": {"m": 64, "n": 64, "k": 64}})", used).kernels[0].type ==
      DataType::fp32);
  CHECK(used == RulesUsed{Rule::kernel_type});
}

TEST_CASE("fused attention without an implementation is the one that its device runs, and that is listed") {
  const std::string run = R"({"kernel": "attention_forward", "precision": "fp16", "measured": {"tflops": 100},
    "shape": {"sequence": 2048, "batch": 8, "heads": 16, "head_dim": 128, "causal": true}})";
  const auto generation = [&](const char* accelerator) {
    RulesUsed used;
    const MeasuredRow known = with_known_accelerator(row(run), accelerator, shipped(), used);
    CHECK(used.empty());
    const KernelCase work = kernel_case(known, used);
    CHECK(used == RulesUsed{Rule::attention_by_device});
    CHECK(work.kernel_class == "attention");
    return work.kernels.at(0).generation;
  };
  CHECK(generation("nvidia-h100-sxm5-80gb") == 3);
  CHECK(generation("nvidia-a100-sxm4-80gb") == 2);
  CHECK(generation("amd-mi300x") == 2);
  CHECK(generation("nvidia-v100-sxm2-32gb") == 1);
  RulesUsed used;
  const MeasuredRow unfused = row(R"({"kernel": "attention_forward", "precision": "fp16", "implementation": "PyTorch",
    "measured": {"tflops": 100}, "shape": {"sequence": 2048, "batch": 8, "heads": 16, "head_dim": 128, "causal": true}})");
  CHECK(kernel_case(unfused, used).kernel_class == "attention, unfused");
  const Prediction p = predict(row(run), Fidelity::flow, shipped());
  CHECK(p.skipped.empty());
  CHECK(p.predicted);
  CHECK(p.assumed == "attention-by-device");
}

TEST_CASE("key-value heads and lengths of keys that a row of attention states are used") {
  const std::string head =
      R"({"kernel": "attention", "implementation": "FlashAttention-2", "precision": "fp16", "shape":
    {"sequence": 512, "batch": 2, "heads": 16, "head_dim": 128)";
  CHECK(case_of(head + R"(, "kv_heads": 4, "key_length": 4096}})").kernels[0] ==
        attention(512, 4096, 128, 2, 16, 4, false, DataType::fp16, 2));
  CHECK(reason_of(head + R"(, "kv_heads": 5}})").starts_with("faulty row"));
}

TEST_CASE("a board that the library does not have is its nearest relative in kernel rows too") {
  const Prediction p = predict(
      row(R"({"kernel": "gemm", "precision": "fp16", "shape": {"m": 4096, "n": 4096, "k": 4096}, "measured": {"tflops": 200}})",
          "nvidia-a100-sxm4-64gb"),
      Fidelity::flow, shipped());
  CHECK(p.predicted);
  CHECK(p.assumed == "nearest-name (nvidia-a100-sxm4-64gb = nvidia-a100-sxm4)");
}
