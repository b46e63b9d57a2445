#include "scenarios/measured_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "kernels/shapes.hpp"
#include "scenarios/kernel_forms.hpp"
#include "scenarios/lower_case.hpp"
#include "scenarios/measured_attention.hpp"
#include "scenarios/measured_names.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

void gemm_case(KernelCase& work, const MeasuredRow& row, RulesUsed& used) {
  const std::string groups = row.has("shape/groups") ? "groups" : "batch",
                    m = row.has("shape/m_per_group") ? "m_per_group" : "m";
  Kernel kernel = gemm(size_of(row, m), size_of(row, "n"), size_of(row, "k"), type_of(row, DataType::fp32, used),
                       size_or(row, groups, 1));
  const double flops = kernel.flops;
  if (work.accelerator == "google-tpu7x") {
    used.insert(Rule::half_chip);
    kernel = gemm(kernel.m, kernel.n, kernel.k, kernel.type, 2 * kernel.batch);
  }
  add(work, kernel);
  work.counted_flops = flops;
}

// Every operator of one decoder layer (and the embedding) for a number of tokens, as an inference engine runs it.
void layer_case(KernelCase& work, const MeasuredRow& row) {
  const DataType type = DataType::fp16;
  const double e = bytes_per_element(type);
  const std::int64_t tokens = size_of(row, "tokens"), h = size_of(row, "hidden"), f = size_of(row, "ffn"),
                     heads = size_of(row, "heads"), kv = size_of(row, "kv_heads"), t = size_of(row, "tensor_parallel"),
                     d = h / heads;
  if (t > std::min(heads, f))
    throw CannotSimulate(fmt::format("faulty row: tensor_parallel {} of {} heads, width {}", t, heads, f));
  const std::int64_t query = heads / t * d, keys = std::max<std::int64_t>(1, kv / t) * d;
  // Two matrices before the activation, except in the phi family.
  const std::string model = row.need_text("model");
  const std::int64_t branches = model.find("phi") != std::string::npos ? 1 : 2;
  const auto pass = [&](std::int64_t width, double tensors) {
    const double elements = static_cast<double>(tokens) * static_cast<double>(width);
    add(work, elementwise(tokens * width, tensors * e * elements, elements, type));
  };
  add(work, embedding(tokens, h, type));
  add(work, normalization(tokens, h, 2 * e, type));
  add(work, gemm(tokens, query + 2 * keys, h, type));
  pass(query + keys, 2);  // rotary embedding
  add(work, gemm(tokens, h, query, type));
  add(work, normalization(tokens, h, 2 * e, type));
  add(work, gemm(tokens, branches * f / t, h, type));
  pass(f / t, static_cast<double>(branches) + 1);
  add(work, gemm(tokens, h, f / t, type));
  pass(h, 3);  // residual
}

bool streams(const std::string& kernel) { return kernel == "stream" || kernel.starts_with("stream-"); }

// Vectors that are read and written: STREAM's own four, and the other loops of BabelStream.
struct StreamLoop {
  std::string_view kernel;
  int vectors, flops;  // per element
};
constexpr StreamLoop stream_loops[] = {{"stream-copy", 2, 0}, {"stream-scale", 2, 1}, {"stream-mul", 2, 1},
                                       {"stream-add", 3, 1},  {"stream-dot", 2, 2},   {"stream-read", 1, 0},
                                       {"stream-write", 1, 0}};
constexpr StreamLoop triad = {"stream-triad", 3, 2};

// A rate alone is of vectors long enough not to matter how long; a time is of the vectors whose length the row states.
void stream_case(KernelCase& work, const MeasuredRow& row, const std::string& kernel, RulesUsed& used) {
  constexpr double long_enough = 1024.0 * 1024 * 1024;
  if (row.has("shape/bytes") || row.has("bytes")) {  // moved in all
    const auto bytes = static_cast<double>(size_of(row, "bytes"));
    add(work, elementwise(std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / 8)), bytes, 0, DataType::fp32));
    return;
  }
  if (!row.has("shape/elements") && !row.has("elements")) {
    used.insert(Rule::streamed_size);
    add(work, elementwise(static_cast<std::int64_t>(long_enough / 8), long_enough, 0, DataType::fp32));
    return;
  }
  const auto* known = std::find_if(std::begin(stream_loops), std::end(stream_loops),
                                   [&](const StreamLoop& loop) { return loop.kernel == kernel; });
  const StreamLoop& loop = known == std::end(stream_loops) ? triad : *known;
  const DataType type = type_of(row, DataType::fp64, used);
  const std::int64_t n = size_of(row, "elements");
  const double elements = static_cast<double>(n);
  add(work, elementwise(n, loop.vectors * bytes_per_element(type) * elements, loop.flops * elements, type));
}

// As `orrery kernel` names kernels and their sizes, with underscores.
bool named_case(KernelCase& work, const MeasuredRow& row, const std::string& kernel, RulesUsed& used) {
  const auto* form = find(kernel_forms(), kernel);
  if (!form) return false;
  KernelSizes sizes;
  for (const KernelSize& size : form->value.sizes) {
    std::string key(size.name);
    std::replace(key.begin(), key.end(), '-', '_');
    auto value = row.number("shape/" + key);
    if (!value) value = row.number(key);
    if (value) sizes.emplace(size.name, *value);
    if (!value && !size.otherwise) throw CannotSimulate(key + " is not stated");
  }
  const KernelKind kind = form->value.kind;
  const bool typed = kind != KernelKind::copy && kind != KernelKind::optimizer &&
                     kernel != "router";  // others have one
  const DataType usual = form->value.usual == DataType::bf16 ? DataType::fp16 : form->value.usual;
  try {
    add(work, build_kernel(*form, sizes, typed ? type_of(row, usual, used) : form->value.usual).kernel);
  } catch (const std::invalid_argument& fault) {
    std::string text = fault.what();
    throw CannotSimulate("faulty row: " + text.substr(text.find_first_not_of('-')));
  }
  return true;
}

struct OtherName {
  std::string_view stated, ours;    // letters and digits alone, as in the table of kernels
  std::string_view precision = "";  // that the name says
};
constexpr OtherName other_names[] = {{"matmul", "gemm"},
                                     {"mm", "gemm"},
                                     {"bmm", "gemm"},
                                     {"batchedgemm", "gemm"},
                                     {"batchedmatmul", "gemm"},
                                     {"linear", "gemm"},
                                     {"matrixmultiply", "gemm"},
                                     {"hgemm", "gemm", "fp16"},
                                     {"sgemm", "gemm", "fp32"},
                                     {"dgemm", "gemm", "fp64"},
                                     {"normalization", "layernorm"},
                                     {"swish", "silu"},
                                     {"memcpy", "copy"},
                                     {"memorycopy", "copy"},
                                     {"spmv", "sparse-matrix-vector"},
                                     {"sdpa", "attention-forward"},
                                     {"flashattention", "attention-forward"},
                                     {"flashattentionforward", "attention-forward"},
                                     {"flashattentionfwd", "attention-forward"},
                                     {"flashattentionbackward", "attention-backward"},
                                     {"flashattentionbwd", "attention-backward"},
                                     {"flashattentionforwardbackward", "attention-forward-backward"},
                                     {"flashattentionfwdbwd", "attention-forward-backward"},
                                     {"layernorm", "layernorm"},
                                     {"rmsnorm", "rmsnorm"},
                                     {"groupedgemm", "grouped-gemm"},
                                     {"conv2d", "convolution"},
                                     {"adam", "optimizer"},
                                     {"adamw", "optimizer"},
                                     {"triad", "stream-triad"}};

const OtherName* other_name(const MeasuredRow& row) {
  const std::string name = bare_name(row.text("kernel").value_or(""));
  const auto* found = std::find_if(std::begin(other_names), std::end(other_names),
                                   [&](const OtherName& other) { return name == other.stated; });
  return found == std::end(other_names) ? nullptr : found;
}

std::string kernel_name(const MeasuredRow& row) {
  if (const OtherName* other = other_name(row)) return std::string(other->ours);
  std::string name = lower_case(row.text("kernel").value_or(""));
  for (char& c : name) c = c == '_' || c == ' ' ? '-' : c;
  return name;
}

// A chain of unfused attention begins with a product: it has said already what it is.
std::string class_of(KernelKind kind) {
  if (kind == KernelKind::gemm || kind == KernelKind::convolution) return "gemm";
  const bool attends = kind == KernelKind::attention || kind == KernelKind::attention_backward;
  return attends ? "attention" : "memory-bound";
}

// Under the format's name or one of frameworks.
std::optional<std::int64_t> stated_size(const MeasuredRow& row, const std::string& name) {
  struct SizeName {
    std::string_view ours, stated;
  };
  constexpr SizeName other[] = {{"sequence", "seq_len"}, {"sequence", "seqlen"},   {"sequence", "sequence_length"},
                                {"batch", "batch_size"}, {"heads", "num_heads"},   {"kv_heads", "num_kv_heads"},
                                {"head_dim", "headdim"}, {"hidden", "hidden_size"}};
  const auto value_of = [&](const std::string& key) {
    const auto shaped = row.integer("shape/" + key);
    return shaped ? shaped : row.integer(key);
  };
  auto value = value_of(name);
  for (const SizeName& also : other)
    if (!value && name == also.ours) value = value_of(std::string(also.stated));
  return value;
}

// Rows and columns of a matrix, under any name of them: tokens are those of all sequences.
std::pair<std::int64_t, std::int64_t> matrix_of(const MeasuredRow& row) {
  const auto has = [&](const char* name) { return stated_size(row, name).has_value(); };
  const std::int64_t columns = size_of(row, has("columns") ? "columns" : has("hidden") ? "hidden" : "n");
  if (has("rows") || has("tokens") || !has("hidden"))
    return {size_of(row, has("rows") ? "rows" : has("tokens") ? "tokens" : "m"), columns};
  return {size_of(row, "batch") * (has("sequence") ? size_of(row, "sequence") : 1), columns};
}

}  // namespace

std::optional<std::string> precision_text(const MeasuredRow& row) {
  const Json* stated = row.at("precision");
  return stated && stated->is_number_integer() ? stated->dump() : row.text("precision");
}

DataType type_of(const MeasuredRow& row, DataType otherwise, RulesUsed& used) {
  const auto text = precision_text(row);
  if (!text) {
    used.insert(Rule::kernel_type);
    return otherwise;
  }
  const auto type = data_type_of(*text);
  if (!type) throw CannotSimulate("unknown precision " + quote(*text));
  return *type;
}

std::int64_t size_of(const MeasuredRow& row, const std::string& name) {
  const auto stated = stated_size(row, name);
  const std::int64_t value = stated ? *stated : row.need_integer(name);
  if (value < 1) throw CannotSimulate(fmt::format("faulty row: {} is {}", name, value));
  return value;
}

std::int64_t size_or(const MeasuredRow& row, const std::string& name, std::int64_t otherwise) {
  return stated_size(row, name) ? size_of(row, name) : otherwise;
}

void add(KernelCase& work, Kernel kernel) {
  work.counted_flops += kernel.flops;
  work.counted_bytes += kernel.bytes;
  work.kernels.push_back(kernel);
}

std::string kernel_accelerator(const MeasuredRow& row) {
  for (const char* path : {"accelerator", "device", "gpu", "cluster/accelerator"}) {
    const auto name = row.text(path);
    if (!name) continue;
    // The short names that one table's columns use, as its file says.
    if (*name == "a100") return "nvidia-a100-sxm4-80gb";
    if (*name == "a40") return "nvidia-a40";
    if (*name == "v100") return "nvidia-v100";
    return *name;
  }
  throw CannotSimulate("the accelerator is not named");
}

KernelCase kernel_case(const MeasuredRow& stated, RulesUsed& used) {
  MeasuredRow row = stated;
  if (const OtherName* other = other_name(row); other && !other->precision.empty() && !row.has("precision"))
    row.run["precision"] = other->precision;
  KernelCase work;
  work.accelerator = kernel_accelerator(row);
  if (row.has("mlp_up_proj_ms_median")) {
    layer_case(work, row);
    work.kernel_class = "layer";
    return work;
  }
  if (const Json* shape = row.at("shape"); shape && shape->contains("model"))
    throw CannotSimulate("its sizes are stated in words");
  const std::string kernel = kernel_name(row);
  const bool product = row.has("m") && row.has("n") &&
                       row.has("k");  // a table of matrix products; its "kernel" is a library's name
  const bool grouped_by_name = kernel == "grouped-gemm" && (row.has("shape/experts") || row.has("experts"));
  if ((kernel == "gemm" || kernel == "grouped-gemm" || product) && !grouped_by_name) {
    gemm_case(work, row, used);
  } else if (kernel.starts_with("attention")) {
    attention_case(work, row, kernel, used);
  } else if (kernel == "softmax" || kernel == "layernorm" || kernel == "rmsnorm") {
    const DataType type = type_of(row, DataType::fp16, used);
    const double moved = 2 * bytes_per_element(type);
    const auto [rows, columns] = matrix_of(row);
    add(work, kernel == "softmax" ? softmax(rows, columns, moved, type) : normalization(rows, columns, moved, type));
  } else if (kernel == "gelu" || kernel == "silu" || kernel == "relu") {
    const DataType type = type_of(row, DataType::fp16, used);
    const std::int64_t n = size_of(row, "elements");
    add(work, elementwise(n, 2 * bytes_per_element(type) * static_cast<double>(n), 8 * static_cast<double>(n), type));
  } else if (streams(kernel)) {
    stream_case(work, row, kernel, used);
  } else if (!named_case(work, row, kernel, used)) {
    throw CannotSimulate("kernel " + quote(row.text("kernel").value_or("")) + " is not modelled");
  }
  if (work.kernel_class.empty()) work.kernel_class = class_of(work.kernels.front().kind);
  return work;
}

std::optional<double> measured_kernel_time(const MeasuredRow& row, const KernelCase& work) {
  for (const char* path : {"measured/time_s", "derived/time_s", "time_s"})
    if (const auto time = row.number(path)) return time;
  for (const char* key : {"time_ms", "latency_ms"})
    if (const auto time = row.figure(key)) return *time * 1e-3;
  for (const char* key : {"time_us", "latency_us"})
    if (const auto time = row.figure(key)) return *time * 1e-6;
  double layer_ms = 0;
  for (const char* name : {"emb", "input_layernorm", "attn_pre_proj", "attn_rope", "attn_post_proj",
                           "post_attention_layernorm", "mlp_up_proj", "mlp_act", "mlp_down_proj", "add"})
    layer_ms += row.number(std::string(name) + "_ms_median").value_or(0);
  if (layer_ms > 0) return layer_ms * 1e-3;
  if (const auto rate = row.figure("tflops"); rate && *rate > 0) return work.counted_flops / (*rate * 1e12);
  const Json* table = row.at("measured/GBs");
  const bool by_pattern = table && table->is_object();  // of several access patterns, STREAM's headline
  const auto rate = by_pattern ? (row.has("measured/GBs/triad") ? row.number("measured/GBs/triad")
                                                                : row.number("measured/GBs/scale"))
                               : row.figure("GBs");
  if (rate && *rate > 0) return work.counted_bytes / (*rate * 1e9);
  return std::nullopt;
}

}  // namespace orrery
