#include "scenarios/calibration_samples.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "kernels/shapes.hpp"
#include "scenarios/measured_kernels.hpp"
#include "sim/json.hpp"

namespace orrery::measured {

namespace {

using CsvRow = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      cells.emplace_back();
    else if (c != '\r')
      cells.back() += c;
  }
  return cells;
}

std::vector<CsvRow> read_csv(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  const auto columns = split(line);
  std::vector<CsvRow> rows;
  while (std::getline(in, line)) {
    const auto cells = split(line);
    CsvRow row;
    for (std::size_t i = 0; i < columns.size() && i < cells.size(); ++i) row[columns[i]] = cells[i];
    rows.push_back(row);
  }
  return rows;
}

double number(const CsvRow& row, const std::string& key) { return std::stod(row.at(key)); }
std::int64_t whole(const CsvRow& row, const std::string& key) { return std::stoll(row.at(key)); }

DataType type_of(const std::string& text) {
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (text == data_type_names[i]) return static_cast<DataType>(i);
  return DataType::fp16;
}

class Reader {
 public:
  explicit Reader(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::vector<Row> read(const std::string& file) {
    constexpr std::string_view known[] = {"azure_nd_a100",        "azure_nd_h100",        "deepgemm_h800_fp8",
                                          "flash_attention_a100", "flash_attention_h100", "llmcompass_a100",
                                          "tpu7x_kernels",        "tpu_v6e_kernels"};
    if (file == "vidur_mlp_ops")
      vidur();
    else if (file == "deepbench_v100_gemm")
      deepbench();
    else if (file == "neusight_linear_fp32")
      neusight();
    else if (std::find(std::begin(known), std::end(known), file) != std::end(known))
      json(file);
    else
      rows_of_any(file);
    return std::move(rows_);
  }

 private:
  void add(const std::string& accelerator, Group group, std::vector<Kernel> kernels, double seconds,
           const std::string& file, double harness = 0) {
    rows_.push_back({accelerator, group, {std::move(kernels), seconds, harness, file}, true});
  }

  // Linear layers of one transformer layer in an inference stack; times rounded to microseconds, so short ones are left out.
  void vidur() {
    constexpr double shortest_s = 10e-6;
    for (const CsvRow& row : read_csv(folder_ / "vidur_mlp_ops.csv")) {
      const std::string device = row.at("gpu") == "a100" ? "nvidia-a100-sxm4-80gb" : "nvidia-a40";
      const auto degree = whole(row, "tensor_parallel"), tokens = whole(row, "tokens"), hidden = whole(row, "hidden");
      const auto head = hidden / whole(row, "heads"), ffn = whole(row, "ffn") / degree;
      const auto qkv = (whole(row, "heads") + 2 * whole(row, "kv_heads")) * head / degree;
      const auto gemm_of = [&](const char* column, std::int64_t n, std::int64_t k) {
        const double seconds = number(row, std::string(column) + "_ms_median") * 1e-3;
        if (seconds >= shortest_s)
          add(device, Group::gemm, {gemm(tokens, n, k, DataType::fp16)}, seconds, "vidur_mlp_ops");
      };
      gemm_of("attn_pre_proj", qkv, hidden);
      gemm_of("attn_post_proj", hidden, hidden / degree);
      gemm_of("mlp_up_proj", 2 * ffn, hidden);
      gemm_of("mlp_down_proj", hidden, ffn);
      const double seconds = number(row, "add_ms_median") * 1e-3;
      const double elements = static_cast<double>(tokens * hidden);
      if (seconds >= 4 * shortest_s)  // shorter ones find part of their operands in the last-level cache
        add(device, Group::memory, {elementwise(tokens * hidden, 6 * elements, elements, DataType::fp16)}, seconds,
            "vidur_mlp_ops");
    }
  }

  void deepbench() {
    for (const CsvRow& row : read_csv(folder_ / "deepbench_v100_gemm.csv")) {
      const DataType type = row.at("precision") == "fp32" ? DataType::fp32 : DataType::fp16;
      // Column-major: rows of the row-major product are n, columns m.
      add("nvidia-v100", Group::gemm, {gemm(whole(row, "n"), whole(row, "m"), whole(row, "k"), type)},
          number(row, "time_ms") * 1e-3, "deepbench_v100_gemm");
    }
  }

  void neusight() {
    for (const CsvRow& row : read_csv(folder_ / "neusight_linear_fp32.csv"))
      add(row.at("device"), Group::gemm,
          {gemm(whole(row, "m"), whole(row, "n"), whole(row, "k"), DataType::fp32, whole(row, "batch"))},
          number(row, "latency_ms") * 1e-3, "neusight_linear_fp32");
  }

  void json(const std::string& file) {
    const Json document = read_json(folder_ / (file + ".json"));
    const std::string accelerator = document["cluster"]["accelerator"];
    for (const Json& run : document["runs"]) {
      const std::string kind = run["kernel"];
      if (kind == "gemm" || kind == "grouped_gemm")
        json_gemm(accelerator, file, run);
      else if (kind.starts_with("attention_forward") && run.contains("implementation"))
        json_attention(accelerator, file, run);
      else if (kind.starts_with("stream_") && kind != "stream_dot")
        stream(accelerator, file, run);
      else if (kind == "softmax" || kind == "layernorm" || kind == "gelu")
        pytorch_operator(accelerator, file, run);
      else if (kind == "copy")
        copied(accelerator, file, run);
    }
  }

  void json_gemm(const std::string& accelerator, const std::string& file, const Json& run) {
    const Json& shape = run["shape"];
    const auto get = [&](const char* key, std::int64_t otherwise) { return shape.value(key, otherwise); };
    const Kernel kernel = gemm(get("m", get("m_per_group", 0)), get("n", 0), get("k", 0),
                               type_of(run["precision"].get<std::string>()), get("groups", 1));
    const double seconds = run["measured"].contains("time_s")
                               ? run["measured"]["time_s"].get<double>()
                               : kernel.flops / (run["measured"]["tflops"].get<double>() * 1e12);
    // This source times eager PyTorch calls from a synchronized host: about 24 us beside the 4.6 us of the same GPU elsewhere.
    add(accelerator, Group::gemm, {kernel}, seconds, file, file == "llmcompass_a100" ? 24e-6 : 0);
    // Its products run 8 to 10 % faster at equal shapes than elsewhere: inputs of little entropy, no training data.
    rows_.back().fit = file != "llmcompass_a100";
  }

  void json_attention(const std::string& accelerator, const std::string& file, const Json& run) {
    const std::string implementation = run["implementation"];
    if (implementation == "PyTorch") return;  // unfused: a chain of other kernels
    const int generation = implementation == "cuDNN" ? 3 : 2;
    const Json& shape = run["shape"];
    const std::int64_t s = shape["sequence"], b = shape["batch"], h = shape["heads"], d = shape["head_dim"];
    const bool causal = shape["causal"];
    std::vector<Kernel> kernels = {attention(s, s, d, b, h, h, causal, DataType::fp16, generation)};
    if (run["kernel"] == "attention_forward_backward")
      kernels.push_back(attention_backward(s, s, d, b, h, h, causal, DataType::fp16, generation));
    double flops = 0;
    for (const Kernel& k : kernels) flops += k.flops;
    add(accelerator, Group::attention, kernels, flops / (run["measured"]["tflops"].get<double>() * 1e12), file);
  }

  // Long vectors: the rate alone counts.
  void stream(const std::string& accelerator, const std::string& file, const Json& run) {
    constexpr double bytes = 4e9;
    add(accelerator, Group::memory, {elementwise(1, bytes, 0, DataType::fp32)},
        bytes / (run["measured"]["GBs"].get<double>() * 1e9), file);
  }

  void copied(const std::string& accelerator, const std::string& file, const Json& run) {
    // The rate counts bytes read and written; `bytes` of the shape is one of the two.
    const Kernel kernel = memory_copy(run["shape"]["bytes"].get<double>());
    add(accelerator, Group::memory, {kernel}, kernel.bytes / (run["measured"]["GBs"].get<double>() * 1e9), file);
  }

  // Eager PyTorch operators timed from a synchronized host: constant shares of 10 us (softmax) and 35 us (layernorm, gelu),
  // the intercepts of time over bytes; shorter rows sit on the floor.
  void pytorch_operator(const std::string& accelerator, const std::string& file, const Json& run) {
    const std::string kind = run["kernel"];
    const double seconds = run["measured"]["time_s"];
    const bool is_softmax = kind == "softmax";
    if (seconds < (is_softmax ? 27e-6 : 75e-6)) return;
    const Json& shape = run["shape"];
    Kernel kernel;
    if (kind == "gelu") {
      const std::int64_t elements = shape["elements"];
      kernel = elementwise(elements, 4.0 * static_cast<double>(elements), 8.0 * static_cast<double>(elements),
                           DataType::fp16);
    } else {
      const std::int64_t m = shape["m"], n = shape["n"];
      kernel = is_softmax ? softmax(m, n, 4, DataType::fp16) : normalization(m, n, 4, DataType::fp16);
    }
    add(accelerator, Group::memory, {kernel}, seconds, file, is_softmax ? 10e-6 : 35e-6);
  }

  // A file of no known name: what the general reader makes of each row.
  void rows_of_any(const std::string& file) {
    for (const MeasuredRow& row : read_measured(folder_ / (file + ".json")).rows) {
      if (!row.exclude.empty()) continue;
      try {
        RulesUsed used;
        const KernelCase work = kernel_case(row, used);
        const auto seconds = measured_kernel_time(row, work);
        const auto group = group_of(work.kernels);
        // A type or an algorithm that is a guess would make a fit of the guess.
        const bool guessed = used.count(Rule::kernel_type) > 0 || used.count(Rule::attention_by_device) > 0;
        if (seconds && *seconds > 0 && group && !guessed) add(work.accelerator, *group, work.kernels, *seconds, file);
      } catch (const CannotSimulate&) {  // a row that says too little is no sample
      }
    }
  }

  static std::optional<Group> group_of(const std::vector<Kernel>& kernels) {
    const auto all = [&](auto condition) { return std::all_of(kernels.begin(), kernels.end(), condition); };
    const auto is_attention = [](const Kernel& k) {
      return k.kind == KernelKind::attention || k.kind == KernelKind::attention_backward;
    };
    const auto is_product = [](const Kernel& k) {
      return k.kind == KernelKind::gemm || k.kind == KernelKind::convolution;
    };
    if (kernels.empty()) return std::nullopt;
    if (kernels.size() == 1 && is_product(kernels.front())) return Group::gemm;
    if (all(is_attention)) return Group::attention;
    if (kernels.size() == 1 && all([&](const Kernel& k) { return !is_attention(k) && !is_product(k); }))
      return Group::memory;
    return std::nullopt;
  }

  std::filesystem::path folder_;
  std::vector<Row> rows_;
};

}  // namespace

std::vector<Row> read_kernels(std::span<const std::filesystem::path> files) {
  std::vector<Row> rows;
  for (const auto& file : files) {
    const Json document = read_json(file);
    const bool of_ours = document.is_object() && document.contains("format") &&
                         document["format"] == "orrery/measured/1";
    if (!of_ours)
      throw SpecError(file.string(), "/format", "a file of measured runs: \"orrery/measured/1\"", "something else");
    if (!document.contains("kind") || document["kind"] != "kernel") continue;
    for (Row& row : Reader(file.parent_path()).read(file.stem().string())) rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> read_kernels(const std::filesystem::path& folder) {
  return read_kernels(measured_files({folder.string()}));
}

std::vector<KernelSample> select(const std::vector<Row>& rows, const std::string& accelerator, Group group) {
  std::vector<KernelSample> samples;
  for (const Row& row : rows)
    if (row.accelerator == accelerator && row.group == group) samples.push_back(row.sample);
  return samples;
}

std::vector<KernelSample> of_type(const std::vector<KernelSample>& all, DataType type) {
  std::vector<KernelSample> samples;
  for (const KernelSample& sample : all)
    if (sample.kernels.front().type == type) samples.push_back(sample);
  return samples;
}

std::vector<KernelSample> of_generation(const std::vector<KernelSample>& all, int generation) {
  std::vector<KernelSample> samples;
  for (const KernelSample& sample : all)
    if (sample.kernels.front().generation == generation) samples.push_back(sample);
  return samples;
}

}  // namespace orrery::measured
